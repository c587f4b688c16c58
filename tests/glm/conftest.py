# SPDX-License-Identifier: Apache-2.0
"""Running all parties of a model, and data to run them on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from pyfate_gpu import HeteroLinearRegression, HeteroLogisticRegression, simulate
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.glm.plaintext import PlaintextResult, fit_plaintext

#: Every model of these tests; a key of 512 bits is fast and protects nothing.
SMALL_KEY = {"key_bits": 512, "allow_insecure_key_size": True}
TOLERANCE = 1e-6


@dataclass
class Outcome:
    """The fitted models, and what predict gave the guest."""

    guest: Any
    hosts: list[Any]
    arbiter: Any
    predicted: Any = None

    def weights(self) -> np.ndarray:
        """All weights, the guest's first, its intercept where the plaintext rule has it."""
        own = (
            [self.guest.coef_.T, np.atleast_1d(self.guest.intercept_)[np.newaxis]]
            if self.guest.fit_intercept
            else [self.guest.coef_.T]
        )
        single = self.guest.coef_.ndim == 1
        own = [np.ravel(part) for part in own] if single else own
        return np.concatenate([*own, *(host.coef_.T for host in self.hosts)])


Federate = Callable[..., Outcome]


def run_parties(
    model: Any,
    guest: Any,
    y: Any,
    hosts: Sequence[Any],
    *,
    predict: str | None = None,
    new: Sequence[Any] | None = None,
    validation: Sequence[Any] | None = None,
    timeout: float = 120.0,
    **labels_of_guest: Any,
) -> Outcome:
    """Fit a copy of `model` at each party; then call the method `predict` on the rows in `new`.

    `validation` has the guest's features and labels, then each host's features.
    """
    tested = [None] * (1 + len(hosts)) if validation is None else list(validation)

    def party(
        X: Any = None, labels: Any = None, rows: Any = None, **data: Any
    ) -> Callable[[Any], Any]:
        def run(session: Any) -> Any:
            own = type(model)(**model.get_params()).fit(X, labels, session=session, **data)
            rows_ = X if new is None else rows
            return own, getattr(own, predict)(rows_, session=session) if predict else None

        return run

    rows = [None] * (1 + len(hosts)) if new is None else list(new)
    results = simulate(
        guest=party(guest, y, rows[0], validation=tested[0], **labels_of_guest),
        hosts=[
            party(X, None, row, validation=other)
            for X, row, other in zip(hosts, rows[1:], tested[1:], strict=True)
        ],
        arbiter=party(),
        timeout=timeout,
    )
    return Outcome(
        guest=results["guest"][0],
        hosts=[results[f"host-{index}"][0] for index in range(len(hosts))],
        arbiter=results["arbiter"][0],
        predicted=results["guest"][1],
    )


@pytest.fixture
def federate() -> Federate:
    """Return `run_parties`."""
    return run_parties


@pytest.fixture
def logistic() -> Callable[..., HeteroLogisticRegression]:
    """Return a maker of logistic models with a short key."""
    return lambda **params: HeteroLogisticRegression(**SMALL_KEY | {"max_iter": 3} | params)


@pytest.fixture
def linear() -> Callable[..., HeteroLinearRegression]:
    """Return a maker of linear models with a short key."""
    return lambda **params: HeteroLinearRegression(**SMALL_KEY | {"max_iter": 3} | params)


def check_against_plaintext(
    outcome: Outcome, parts: Sequence[Any], y: Any, **data: Any
) -> PlaintextResult:
    """Compare weights and losses of all parties with those of the plaintext rule."""
    settings = outcome.guest.settings()
    plain = fit_plaintext(parts, np.asarray(y, dtype=np.float64), settings, **data)
    difference = np.abs(outcome.weights() - np.concatenate(plain.weights)).max()
    assert difference < TOLERANCE
    np.testing.assert_allclose(outcome.guest.loss_history_, plain.losses, atol=TOLERANCE)
    iterations = {model.n_iter_ for model in (outcome.guest, *outcome.hosts, outcome.arbiter)}
    assert iterations == {len(plain.losses)}
    return plain


@pytest.fixture
def agrees() -> Callable[..., PlaintextResult]:
    """Return `check_against_plaintext`."""
    return check_against_plaintext


@dataclass
class Toy:
    """Sixty rows at a guest and two hosts."""

    guest: np.ndarray
    hosts: list[np.ndarray]
    y: np.ndarray
    labels: np.ndarray


@pytest.fixture
def toy(rng) -> Toy:
    parts = [rng.normal(size=(60, columns)) for columns in (3, 4, 2)]
    score = sum(part.sum(axis=1) for part in parts) + rng.normal(size=60)
    return Toy(parts[0] * 5 + 2, parts[1:], score, (score > 0).astype(np.int64))


@dataclass
class Message:
    """A frame that travelled."""

    sender: Party
    to: Party
    name: str
    iteration: int
    batch: int
    payload: dict[str, Any]


@pytest.fixture
def transcript(monkeypatch) -> list[Message]:
    """Return a list that fills with every message sent in this test."""
    messages: list[Message] = []
    original = MemoryChannel.send

    def send(self, to, frame):
        payload = dict(frame.payload)
        messages.append(Message(self.party, to, frame.name, frame.iteration, frame.batch, payload))
        return original(self, to, frame)

    monkeypatch.setattr(MemoryChannel, "send", send)
    return messages


def near_zero(residue: int, n: int) -> bool:
    """Whether it could be a gradient: those are below 2**140 of 2**512, masked ones rarely below 2**-60 n."""
    return min(residue, n - residue) < n >> 60
