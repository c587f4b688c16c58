# SPDX-License-Identifier: Apache-2.0
"""Scores of rows, known to the guest alone: hosts' shares are added under encryption.

Predict does this once, validation after each iteration. Scores of a number of rows share a ciphertext, as slots
(docs/algorithms/slots.md): all of them belong to the guest, so its masks are uniform mod n as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.encoding import FixedPointEncoder
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.errors import BoundError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.protocol.checks import check_scores
from pyfate_gpu.protocol.masking import ask, serve
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey


def score_layout(key_bits: int, parties: int) -> SlotLayout:
    """Return how many scores share a ciphertext, and where they lie: known to all, taken from no frame.

    Parameters
    ----------
    key_bits : int
        Of the key that they are encrypted under.
    parties : int
        Whose shares are added up.

    Raises
    ------
    BoundError
        When not even one score fits the key.

    Examples
    --------
    >>> from pyfate_gpu.protocol.scoring import score_layout
    >>> score_layout(2048, parties=2)
    SlotLayout(width=66, count=31)
    """
    width = (FixedPointEncoder().integer_bound * parties).bit_length() + 1
    count = (key_bits - 2) // width  # n // 2 has one bit less than n, the top slot ends below it
    if count < 1:
        raise BoundError(
            f"scores of {parties} parties take {width} bits, a key of {key_bits} bits holds {key_bits - 2}: "
            "use a longer key"
        )
    return SlotLayout(width, count)


def collect_scores(
    session: Session, share: Floats, name: str = "scores", iteration: int = 0
) -> Floats:
    """Return the score of each row, [rows, outputs], given the guest's share."""
    return ask_for_scores(session, share, name, iteration)()


def ask_for_scores(
    session: Session, share: Floats, name: str, iteration: int = 0
) -> Callable[[], Floats]:
    """Ask for what `collect_scores` returns; return a function that waits for it."""
    slots = _layout(session)
    own = slots.group(check_scores(share).ravel())
    shape = (len(own),)
    total = add_up(session, name, "scores", shape, slots, iteration=iteration)
    with session.statistics.step(Step.ADD, operations=len(own)):
        total = total + own
    answer = ask(session, total, name, iteration=iteration)

    def scores() -> Floats:
        found = slots.ungroup(answer(), share.size)
        return np.asarray(found, dtype=np.float64).reshape(share.shape)

    return scores


def send_scores(session: Session, share: Floats, name: str = "scores", iteration: int = 0) -> None:
    """Send the guest this host's share of each score, encrypted."""
    slots = _layout(session)
    own = slots.group(check_scores(share).ravel())
    with session.statistics.step(Step.ENCRYPT, operations=len(own)):
        scores = session.public_key.encrypt(own, slots=slots)
    session.send(GUEST, name, iteration=iteration, scores=scores)


def serve_scores(
    session: Session, private_key: PrivateKey, count: int, name: str = "scores", iteration: int = 0
) -> None:
    """Decrypt the ciphertexts of the guest's `count` masked scores."""
    slots = _layout(session)
    serve(session, private_key, GUEST, name, slots.groups(count), slots, iteration=iteration)


def _layout(session: Session) -> SlotLayout:
    return score_layout(session.public_key.key_bits, len(session.hosts) + 1)


def add_up(
    session: Session,
    name: str,
    key: str,
    shape: tuple[int, ...],
    slots: SlotLayout | None = None,
    /,
    **at: int,
) -> CiphertextArray:
    """Receive one encrypted array from each host and add them."""
    total = session.receive_encrypted(session.hosts[0], name, key, shape, ARBITER, slots, **at)
    for host in session.hosts[1:]:
        term = session.receive_encrypted(host, name, key, shape, ARBITER, slots, **at)
        with session.statistics.step(Step.ADD, operations=total.size):
            total = total + term
    return total
