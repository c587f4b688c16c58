# SPDX-License-Identifier: Apache-2.0
"""Whole jobs: guest, host and arbiter train for one epoch in this process, over real ciphertexts.

Counted in cells of the joined table, so that jobs of different sizes compare.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu import (
    HeteroLinearRegression,
    HeteroLogisticRegression,
    HeteroPoissonRegression,
    Session,
    simulate,
)
from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.routines.base import Routine, Size
from pyfate_gpu.bench.world import World
from pyfate_gpu.glm.plaintext import fit_plaintext

Floats = npt.NDArray[np.float64]
MODELS: dict[str, type[Any]] = {
    "linear": HeteroLinearRegression,
    "logistic": HeteroLogisticRegression,
    "poisson": HeteroPoissonRegression,
}
TOLERANCE = 1e-6


def table(family: str, size: Size) -> tuple[Floats, Floats, Floats]:
    """The guest's half of the features, the host's half, and labels for the family."""
    rng = np.random.default_rng(9)
    x = rng.standard_normal((size.rows, size.features))
    score = x @ rng.normal(scale=0.3, size=size.features)
    labels = {
        "linear": score,
        "logistic": (score + rng.logistic(size=size.rows) > 0).astype(np.float64),
        "poisson": rng.poisson(np.exp(0.3 * score)).astype(np.float64),
    }
    guest, host = np.array_split(x, 2, axis=1)
    return guest, host, labels[family]


def epoch(world: World, size: Size, *, family: str, mode: str, **options: Any) -> Job:
    """One pass over all rows as one batch; the arbiter's key is made before."""
    parameters: dict[str, Any] = {
        "mode": mode, "max_iter": 1, "optimizer": "rmsprop", "key_bits": world.public_key.key_bits,
        "allow_insecure_key_size": True, **options,
    }  # fmt: skip
    model = MODELS[family]
    arbiter = model(**parameters)
    arbiter._keys = (world.public_key, world.private_key)
    guest, host, labels = table(family, size)

    def fit(X: Floats, y: Floats | None = None) -> Any:
        return lambda session: model(**parameters).fit(X, y, session=session)

    def serve(session: Session) -> None:
        arbiter.fit(session=session)

    def run() -> dict[str, Any]:
        return simulate(guest=fit(guest, labels), hosts=[fit(host)], arbiter=serve)

    def check(fitted: dict[str, Any]) -> bool:
        plain = fit_plaintext([guest, host], labels, model(**parameters).settings())
        own = np.append(fitted["guest"].coef_, fitted["guest"].intercept_)
        weights = np.concatenate([own, fitted["host-0"].coef_])
        return bool(np.abs(weights - np.concatenate(plain.weights)).max() < TOLERANCE)

    return Job(run, size.rows * size.features, check)


def of(family: str, mode: str = "masked", note: str = "", **options: Any) -> Routine:
    """One epoch of a family in a mode."""
    how = "".join(f", {word}" for word in (mode if mode != "masked" else "", note) if word)
    return Routine(
        f"{family} regression{how}, an epoch of {{rows}} x {{features}}", "cells",
        partial(epoch, family=family, mode=mode, **options), 400, features=(20,),
    )  # fmt: skip


LINEAR, LOGISTIC, POISSON = of("linear"), of("logistic"), of("poisson")
LINEAR_ALONE = of("linear", note="a number a ciphertext", packing="none")
LOGISTIC_ALONE = of("logistic", note="a number a ciphertext", packing="none")
LINEAR_PARITY = of("linear", "arbiter_optimizer")
LOGISTIC_PARITY = of("logistic", "arbiter_optimizer")
POISSON_PARITY = of("poisson", "arbiter_optimizer")
