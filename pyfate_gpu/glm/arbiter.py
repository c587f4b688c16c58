# SPDX-License-Identifier: Apache-2.0
"""The party that has the private key, and by default sees masked residues only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.glm.conjugate import is_cold, is_labelled
from pyfate_gpu.glm.descent import DescentService
from pyfate_gpu.glm.plan import receive_plan
from pyfate_gpu.glm.search import SearchService
from pyfate_gpu.glm.settings import NEWTON, Settings
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.resuming import keep, resume
from pyfate_gpu.protocol.scoring import serve_scores

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey


@dataclass
class Services:
    """What the arbiter does for each party, with one state.

    Parameters
    ----------
    session : Session
    of_parties : sequence of DescentService
    """

    session: Session
    of_parties: Sequence[DescentService]

    def state(self) -> dict[str, Any]:
        """Return what the next iterations depend on."""
        return dict(chain.from_iterable(each.state().items() for each in self.of_parties))

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        for each in self.of_parties:
            each.restore(state)


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
    of_parties = [
        service_of(session, private_key, settings, packing, party, plan.columns[party.name])
        for party in (GUEST, *session.hosts)
    ]
    services = Services(session, of_parties)
    for iteration in count(resume(services) + 1):
        for batch in range(plan.batches):
            at = {"iteration": iteration, "batch": batch}
            cold = searching and is_cold(iteration, warm=plan.warm)
            for service in of_parties[1:] if cold else of_parties:  # the guest knows its own part
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
        keep(services, iteration)
    return iteration
