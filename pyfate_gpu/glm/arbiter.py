# SPDX-License-Identifier: Apache-2.0
"""The party that has the private key, and by default sees masked residues only."""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING

from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.glm.conjugate import is_cold, is_labelled
from pyfate_gpu.glm.descent import DescentService
from pyfate_gpu.glm.plan import receive_plan
from pyfate_gpu.glm.search import SearchService
from pyfate_gpu.glm.settings import NEWTON, Settings
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.scoring import serve_scores

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey


def serve_training(
    session: Session, private_key: PrivateKey, settings: Settings, progress: Progress
) -> int:
    """Decrypt gradients until the guest says stop; return the number of iterations.

    Each party gets one decryption for each of its columns, batch and iteration, and for each group of outputs that
    share ciphertexts; the guest more for the loss, and for validation rows. The arbiter relays nothing; masked,
    it learns the shapes and no value.
    """
    plan = receive_plan(session)
    packing = plan.packing(settings)
    progress.packing = packing.name
    searching = settings.optimizer == NEWTON
    service_of = SearchService if searching else DescentService
    services = [
        service_of(session, private_key, settings, packing, party, plan.columns[party.name])
        for party in (GUEST, *session.hosts)
    ]
    recovery, first = session.recovery, 1
    if recovery is not None and recovery.iteration:
        first = recovery.iteration + 1
        state = recovery.load()
        for service in services:
            service.restore(state)
    for iteration in count(first):
        for batch in range(plan.batches):
            at = {"iteration": iteration, "batch": batch}
            cold = searching and is_cold(iteration, warm=plan.warm)
            for service in services[1:] if cold else services:  # the guest knows its own part
                service.serve(at)
            if not searching or (is_labelled(iteration) and not cold):
                packing.serve_loss(session, private_key, at)
        if plan.validation:
            rows = plan.validation * plan.outputs
            serve_scores(session, private_key, rows, "validation", iteration)
        proceed = session.receive(GUEST, "proceed", iteration=iteration, proceed=bool)
        progress.end_iteration(iteration)
        if not proceed:
            break
        if recovery is not None and recovery.is_due(iteration):
            recovery.save(iteration, dict(chain.from_iterable(s.state().items() for s in services)))
    return iteration
