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
from pyfate_gpu.bench.routines.base import Routine, Size
from pyfate_gpu.bench.routines.training import Floats, table
from pyfate_gpu.bench.world import World
from pyfate_gpu.trees.plaintext import fit_plaintext

TREES, DEPTH, BINS = 3, 3, 32


def train(world: World, size: Size, *, packing: str) -> Job:
    """Trees of three levels; the guest's key is made before."""
    parameters: dict[str, Any] = {
        "n_estimators": TREES, "max_depth": DEPTH, "max_bin": BINS, "packing": packing,
        "key_bits": world.public_key.key_bits, "allow_insecure_key_size": True,
    }  # fmt: skip
    guest, host, labels = table("logistic", size)

    def fit(X: Floats, y: Floats | None = None) -> Any:
        model = HeteroBoostedTreesClassifier(**parameters)
        model._keys = (world.public_key, world.private_key)
        return lambda session: model.fit(X, y, session=session)

    def run() -> dict[str, Any]:
        return simulate(guest=fit(guest, labels), hosts=[fit(host)])

    def check(fitted: dict[str, Any]) -> bool:
        model = HeteroBoostedTreesClassifier(**parameters)
        encoded, _ = model._encode_labels(labels, len(labels), None)
        loss = model._loss(model.settings(), encoded.shape[1])
        plain = fit_plaintext([guest, host], encoded, loss, model.settings())
        return bool(np.array_equal(fitted["guest"].loss_history_, plain.losses))

    return Job(run, size.rows * size.features * TREES, check)


TITLE = f"{TREES} boosted trees, depth {DEPTH}, {BINS} bins"
BOOSTED = Routine(
    f"{TITLE}, {{rows}} x {{features}}", "cells", partial(train, packing="none"), 569, features=(30,)
)  # fmt: skip
BOOSTED_ROWS = Routine(
    f"{TITLE}, rows as slots, {{rows}} x {{features}}", "cells", partial(train, packing="rows"), 569,
    features=(30,),
)  # fmt: skip
