# SPDX-License-Identifier: Apache-2.0
"""How hosts learn the unit in which a regression is computed (`pyfate_gpu.learning.targets`)."""

from __future__ import annotations

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.learning.targets import EXPONENT_LIMIT as EXPONENT_LIMIT
from pyfate_gpu.learning.targets import UNSCALED as UNSCALED
from pyfate_gpu.learning.targets import TargetScale as TargetScale


def announce_scale(session: Session, scale: TargetScale) -> None:
    """Tell the hosts the power of two, and nobody the mean."""
    session.send(session.hosts, "target_scale", exponent=scale.exponent)


def receive_scale(session: Session) -> TargetScale:
    """Return a host's part of the guest's scale.

    Raises
    ------
    ProtocolError
        When the exponent is none that `TargetScale.fit` finds.
    """
    exponent = session.receive(GUEST, "target_scale", exponent=int)
    if abs(exponent) > EXPONENT_LIMIT:
        raise ProtocolError(
            f"the guest announced targets of size 2^{exponent}, the limit is 2^{EXPONENT_LIMIT}"
        )
    return TargetScale(exponent=exponent)
