# SPDX-License-Identifier: Apache-2.0
"""Scores of rows, known to the guest alone: hosts' shares are added under encryption.

Predict does this once, validation after each iteration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.protocol.checks import check_scores
from pyfate_gpu.protocol.masking import reveal, serve

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey


def collect_scores(
    session: Session, share: NDArray[np.float64], name: str = "scores", iteration: int = 0
) -> NDArray[np.float64]:
    """Return the score of each row, [rows, outputs], given the guest's share."""
    total = add_up(session, name, "scores", share.shape, iteration=iteration)
    with session.statistics.step(Step.ADD, operations=share.size):
        total = total + check_scores(share)
    return reveal(session, total.ravel(), name, iteration=iteration).reshape(share.shape)


def send_scores(
    session: Session, share: NDArray[np.float64], name: str = "scores", iteration: int = 0
) -> None:
    """Send the guest this host's share of each score, encrypted."""
    with session.statistics.step(Step.ENCRYPT, operations=share.size):
        scores = session.public_key.encrypt(check_scores(share))
    session.send(GUEST, name, iteration=iteration, scores=scores)


def serve_scores(
    session: Session, private_key: PrivateKey, count: int, name: str = "scores", iteration: int = 0
) -> None:
    """Decrypt the guest's `count` masked scores."""
    serve(session, private_key, GUEST, name, count, iteration=iteration)


def add_up(
    session: Session, name: str, key: str, shape: tuple[int, ...], **at: int
) -> CiphertextArray:
    """Receive one encrypted array from each host and add them."""
    total = session.receive_encrypted(session.hosts[0], name, key, shape, **at)
    for host in session.hosts[1:]:
        term = session.receive_encrypted(host, name, key, shape, **at)
        with session.statistics.step(Step.ADD, operations=total.size):
            total = total + term
    return total
