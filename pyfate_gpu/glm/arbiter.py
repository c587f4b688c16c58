# SPDX-License-Identifier: Apache-2.0
"""The party that has the private key, and sees masked residues only."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.glm.handshake import receive_plan
from pyfate_gpu.glm.masking import serve
from pyfate_gpu.glm.progress import Progress
from pyfate_gpu.glm.scoring import serve_scores

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey


def serve_training(session: Session, private_key: PrivateKey, progress: Progress) -> int:
    """Decrypt masked gradients until the guest says stop; return the number of iterations.

    Each party gets one decryption for each of its columns, output, batch and iteration; the guest one
    more for the loss, and one for each validation row and output. The arbiter relays nothing and
    learns the shapes, no value.
    """
    plan = receive_plan(session)
    parties = (GUEST, *session.hosts)
    share = {party: plan.columns[party.name] * plan.outputs for party in parties}
    share[GUEST] += 1
    recovery = session.recovery
    for iteration in count(1 if recovery is None else recovery.iteration + 1):
        for batch in range(plan.batches):
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
        if plan.validation:
            rows = plan.validation * plan.outputs
            serve_scores(session, private_key, rows, "validation", iteration)
        proceed = session.receive(GUEST, "proceed", iteration=iteration, proceed=bool)
        progress.end_iteration(iteration)
        if not proceed:
            break
        if recovery is not None and recovery.is_due(iteration):
            recovery.save(iteration, {})  # which iteration it was is all there is to keep
    return iteration
