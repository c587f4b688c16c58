# SPDX-License-Identifier: Apache-2.0
"""Boosted trees between a guest and a host in this process, over real ciphertexts.

Counted in cells of the joined table and tree, so that tables of different sizes compare.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from pyfate_gpu import HeteroBoostedTreesClassifier, simulate
from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.peers import Peer
from pyfate_gpu.bench.peers.processes import TrainingPeer
from pyfate_gpu.bench.routines.base import Routine, Size
from pyfate_gpu.bench.routines.training import Floats, table
from pyfate_gpu.bench.routines.tree_sums import first_tree
from pyfate_gpu.bench.world import World, agrees
from pyfate_gpu.learning.metrics import classification_metrics
from pyfate_gpu.trees.plaintext import PlaintextResult, fit_plaintext

TREES, DEPTH, BINS = 3, 3, 32
#: Of the area under the curve of a training by others, whose bins and penalties are not ours.
TOLERANCE = 0.05


def classifier(**parameters: Any) -> HeteroBoostedTreesClassifier:
    shape: dict[str, Any] = {"n_estimators": TREES, "max_depth": DEPTH, "max_bin": BINS}
    return HeteroBoostedTreesClassifier(**shape | parameters)


def train(world: World, size: Size, *, packing: str) -> Job:
    """Trees of three levels; the guest's key is made before."""
    parameters: dict[str, Any] = {
        "packing": packing, "key_bits": world.public_key.key_bits, "allow_insecure_key_size": True,
    }  # fmt: skip
    guest, host, labels = table("logistic", size)

    def fit(X: Floats, y: Floats | None = None) -> Any:
        model = classifier(**parameters)
        model._keys = (world.public_key, world.private_key)
        return lambda session: model.fit(X, y, session=session)

    def run() -> dict[str, Any]:
        return simulate(guest=fit(guest, labels), hosts=[fit(host)])

    def check(fitted: dict[str, Any]) -> bool:
        plain = in_clear(classifier(**parameters), [guest, host], labels)
        return bool(np.array_equal(fitted["guest"].loss_history_, plain.losses))

    return Job(run, size.rows * size.features * TREES, check)


def in_clear(
    model: HeteroBoostedTreesClassifier, tables: list[Floats], labels: Floats
) -> PlaintextResult:
    encoded, _ = model._encode_labels(labels, len(labels), None)
    settings = model.settings()
    return fit_plaintext(tables, encoded, model._loss(settings, encoded.shape[1]), settings)


def tree_by(world: World, peer: Peer, size: Size) -> Job:
    """One tree: a training of its own, or the same operations on ciphertexts and nothing else."""
    guest, host, labels = table("logistic", size)
    plain = in_clear(classifier(n_estimators=1), [guest, host], labels)
    task = first_tree(guest, host, labels, plain.trees[0], DEPTH, BINS)
    cells = size.rows * size.features
    if not isinstance(peer, TrainingPeer):
        sums = task.sums()
        return Job(
            lambda: peer.boosted_trees(task),
            cells * task.share,
            lambda found: agrees(peer, found, sums),
        )

    # Nobody else has a least number of rows on a side.
    alike = in_clear(classifier(n_estimators=1, min_samples_leaf=1), [guest, host], labels)

    def check(found: dict[str, Any]) -> bool:
        ours, theirs = (
            classification_metrics(labels, np.asarray(scores))["auc"]
            for scores in (alike.scores[:, 0], found["scores"])
        )
        return bool(abs(ours - theirs) < TOLERANCE)

    return Job(
        lambda: peer.boosted_trees(task), cells, check, seconds=lambda found: found["seconds"]
    )


TITLE = f"{TREES} boosted trees, depth {DEPTH}, {BINS} bins"
BOOSTED = Routine(
    f"{TITLE}, {{rows}} x {{features}}", "cells", partial(train, packing="none"), 569, tree_by, 569,
    "boosted_trees", features=(30,),
)  # fmt: skip
BOOSTED_ROWS = Routine(
    f"{TITLE}, rows as slots, {{rows}} x {{features}}", "cells", partial(train, packing="rows"), 569,
    features=(30,),
)  # fmt: skip
