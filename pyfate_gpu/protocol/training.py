# SPDX-License-Identifier: Apache-2.0
"""Whether halves of a model belong together: a half bears the fingerprint of the training that it comes from.

The fingerprint is the id that the leader drew for that training. It says nothing about data or weights.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from pyfate_gpu.errors import DisagreementError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import GUEST, Role

logger = logging.getLogger(__name__)

#: Digits of a fingerprint that people are shown.
_SHOWN = 8


def check_together(trainings: Mapping[Party, str]) -> None:
    """Refuse halves of different trainings: what they predict together is wrong, and looks like a prediction.

    Parameters
    ----------
    trainings : mapping
        The fingerprint of each party's half; empty where the half has none, as those of older releases.

    Raises
    ------
    DisagreementError
        Naming who has which.

    Examples
    --------
    >>> from pyfate_gpu import Party
    >>> from pyfate_gpu.protocol.training import check_together
    >>> guest, host = Party.parse("guest"), Party.parse("host-0")
    >>> check_together({guest: "3f" * 16, host: "3f" * 16})
    >>> check_together({guest: "3f" * 16, host: "a0" * 16})
    Traceback (most recent call last):
    ...
    pyfate_gpu.errors.DisagreementError: halves of different trainings: guest has 3f3f3f3f, host-0 has a0a0a0a0; ...
    """
    owners: dict[str, list[str]] = {}
    for party, training in trainings.items():
        owners.setdefault(training, []).append(party.name)
    if len(owners) > 1:
        each = [
            f"{' and '.join(names)} {'have' if len(names) > 1 else 'has'} {_shown(training)}"
            for training, names in owners.items()
        ]
        raise DisagreementError(
            f"halves of different trainings: {', '.join(each)}; take those of one training at every party, "
            "or train again"
        )
    if "" in owners:
        logger.warning(
            "no half says which training it comes from, they are of an older release: whether they belong "
            "together is not known; training again tells"
        )


def compare_trainings(session: Session, training: str) -> None:
    """Have the guest see to it that the halves of guest and hosts come from one training, within a task.

    Raises
    ------
    DisagreementError
        At the guest, as `check_together` does.
    """
    if session.party.role is Role.HOST:
        session.send(GUEST, "half", training=training)
    elif session.party == GUEST:
        theirs = {host: session.receive(host, "half", training=str) for host in session.hosts}
        check_together({GUEST: training} | theirs)


def _shown(training: str) -> str:
    return f"{training:.{_SHOWN}}" if training else "one without a fingerprint"
