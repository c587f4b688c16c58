# SPDX-License-Identifier: Apache-2.0
"""The party that has the private key, and sees masked residues only."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.glm.handshake import read_columns
from pyfate_gpu.glm.masking import serve
from pyfate_gpu.glm.progress import Progress

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey


def serve_training(session: Session, private_key: PrivateKey, progress: Progress) -> int:
    """Decrypt masked gradients until the guest says stop; return the number of iterations.

    Each party gets one decryption for each of its columns, batch and iteration, the guest one more
    for the loss. The arbiter relays nothing and learns the shapes, no value.
    """
    batches, text = session.receive(GUEST, "decryptions", batches=int, columns=str)
    columns = read_columns(text, session)
    parties = (GUEST, *session.hosts)
    share = {party: columns[party.name] + (party == GUEST) for party in parties}
    for iteration in count(1):
        for batch in range(batches):
            for party in parties:
                serve(
                    session,
                    private_key,
                    party,
                    "gradient",
                    share[party],
                    iteration=iteration,
                    batch=batch,
                )
        proceed = session.receive(GUEST, "proceed", iteration=iteration, proceed=bool)
        progress.end_iteration(iteration)
        if not proceed:
            break
    return iteration


def serve_scores(session: Session, private_key: PrivateKey) -> None:
    """Decrypt the guest's masked scores, one for each row; the arbiter's side of predict."""
    rows = session.receive(GUEST, "decryptions", count=int)
    serve(session, private_key, GUEST, "scores", rows)
