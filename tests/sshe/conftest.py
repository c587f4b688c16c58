# SPDX-License-Identifier: Apache-2.0
"""Running both parties of a model, and data to run them on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from pyfate_gpu import HeteroSSHELinearRegression, HeteroSSHELogisticRegression, simulate

#: Every model of these tests; keys of 512 bits are fast and protect nothing.
SMALL_KEY = {"key_bits": 512, "allow_insecure_key_size": True}


@dataclass
class Pair:
    """The fitted models, and what predict gave the guest."""

    guest: Any
    host: Any
    predicted: Any = None

    def weights(self) -> np.ndarray:
        """All weights, the guest's first, then its intercept."""
        own = [self.guest.coef_, *([[self.guest.intercept_]] if self.guest.fit_intercept else [])]
        return np.concatenate([*own, self.host.coef_])


def run_pair(
    model, X, y, other, *, predict=None, new=None, validation=(None, None), host=None, **data
):
    """Fit a copy of `model` at each party, at the host with changes; then call the method `predict`."""

    def party(rows, again, **given):
        def run(session):
            changes = host if host and "y" not in given else {}
            own = type(model)(**model.get_params() | (changes or {})).fit(
                rows, session=session, **given
            )
            return own, getattr(own, predict)(again, session=session) if predict else None

        return run

    guest_rows, host_rows = new or (X, other)
    found = simulate(
        guest=party(X, guest_rows, y=y, validation=validation[0], **data),
        hosts=[party(other, host_rows, validation=validation[1])],
        timeout=60.0,
    )
    return Pair(found["guest"][0], found["host-0"][0], found["guest"][1])


@pytest.fixture
def pair():
    """Return `run_pair`."""
    return run_pair


@pytest.fixture
def logistic():
    """Return a maker of logistic models with short keys."""
    return lambda **params: HeteroSSHELogisticRegression(
        **SMALL_KEY | {"max_iter": 3, "tol": 0.0} | params
    )


@pytest.fixture
def linear():
    """Return a maker of linear models with short keys."""
    return lambda **params: HeteroSSHELinearRegression(
        **SMALL_KEY | {"max_iter": 3, "tol": 0.0} | params
    )


@dataclass
class Toy:
    """Sixty rows: two columns at the guest, three at the host, classes and targets."""

    guest: np.ndarray
    host: np.ndarray
    classes: np.ndarray
    targets: np.ndarray


@pytest.fixture(scope="session")
def toy() -> Toy:
    """Return data that both models fit."""
    generator = np.random.default_rng(11)
    x = generator.normal(size=(60, 5))
    score = x @ [1.0, -0.7, 0.5, 2.0, 0.1] + generator.normal(size=60) / 2
    return Toy(x[:, :2], x[:, 2:], (score > 0).astype(int), 100 + 30 * score)
