# SPDX-License-Identifier: Apache-2.0
"""Running all parties of boosted trees, and comparing with the reference in clear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from pyfate_gpu import HeteroBoostedTreesClassifier, HeteroBoostedTreesRegressor, simulate
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.trees.plaintext import PlaintextResult, fit_plaintext, joined

#: Every model of these tests; a key of 512 bits is fast and protects nothing.
SMALL_KEY = {"key_bits": 512, "allow_insecure_key_size": True}
SMALL = SMALL_KEY | {
    "n_estimators": 2,
    "max_depth": 3,
    "max_bin": 6,
    "learning_rate": 0.3,
    "min_samples_leaf": 3,
    "random_state": 7,
}


@dataclass
class Outcome:
    """The fitted models, and what predict gave the guest."""

    guest: Any
    hosts: list[Any]
    predicted: Any = None

    def trees(self) -> list[dict[str, Any]]:
        """The joined trees."""
        halves = [self.guest._half, *(host._half for host in self.hosts)]
        return joined(halves[0].forest, [half.table for half in halves])


def run_parties(
    model: Any,
    guest: Any,
    y: Any,
    hosts: Sequence[Any],
    *,
    predict: str | None = None,
    new: Sequence[Any] | None = None,
    validation: Sequence[Any] | None = None,
    start: Outcome | None = None,
    weights: Any = None,
    timeout: float = 120.0,
) -> Outcome:
    """Fit a copy of `model` at each party, or go on with `start`; then call `predict` on the rows in `new`.

    `validation` has the guest's features and labels, then each host's features.
    """
    tested = [None] * (1 + len(hosts)) if validation is None else list(validation)
    fitted = [None] * (1 + len(hosts)) if start is None else [start.guest, *start.hosts]
    rows = [guest, *hosts] if new is None else list(new)

    def party(index: int, X: Any, labels: Any = None, **data: Any) -> Callable[[Any], Any]:
        def run(session: Any) -> Any:
            own = fitted[index] or type(model)(**model.get_params())
            own.set_params(**model.get_params())
            own.fit(X, labels, session=session, validation=tested[index], **data)
            found = getattr(own, predict)(rows[index], session=session) if predict else None
            return own, found

        return run

    results = simulate(
        guest=party(0, guest, y, sample_weight=weights),
        hosts=[party(index, X) for index, X in enumerate(hosts, 1)],
        timeout=timeout,
    )
    return Outcome(
        guest=results["guest"][0],
        hosts=[results[f"host-{index}"][0] for index in range(len(hosts))],
        predicted=results["guest"][1],
    )


def in_clear(model: Any, parts: Sequence[Any], y: Any, weights: Any = None) -> PlaintextResult:
    """What the reference makes of the same tables, labels and parameters."""
    labels, _ = model._encode_labels(y, len(y), None)
    settings = model.settings()
    loss = model._loss(settings, labels.shape[1])
    return fit_plaintext(parts, labels, loss, settings, weights=weights)


def check_bits(
    model: Any, parts: Sequence[Any], y: Any, *, weights: Any = None, **options: Any
) -> Outcome:
    """Train between parties and in clear: trees, scores and losses must be the same to the last bit."""
    found = run_parties(
        model, parts[0], y, parts[1:], weights=weights, predict="decision_function", **options
    )
    plain = in_clear(model, parts, y, weights)
    assert found.trees() == plain.trees
    scores = found.predicted.reshape(len(y), -1)
    assert scores.tobytes() == plain.scores[: len(y)].tobytes()
    assert found.guest.loss_history_ == plain.losses
    return found


@pytest.fixture
def classifier() -> Callable[..., HeteroBoostedTreesClassifier]:
    """Return a maker of small classifiers."""
    return lambda **params: HeteroBoostedTreesClassifier(**SMALL | params)


@pytest.fixture
def regressor() -> Callable[..., HeteroBoostedTreesRegressor]:
    """Return a maker of small regressions."""
    return lambda **params: HeteroBoostedTreesRegressor(**SMALL | params)


@dataclass
class Toy:
    """Eighty rows at a guest and two hosts, some values missing."""

    parts: list[np.ndarray]
    y: np.ndarray
    target: np.ndarray
    classes: np.ndarray


@pytest.fixture
def toy(rng) -> Toy:
    parts = [rng.normal(size=(80, columns)).round(1) for columns in (2, 3, 1)]
    target = parts[0][:, 0] + np.sin(3 * parts[1][:, 1]) + parts[2][:, 0] ** 2
    target += 0.2 * rng.normal(size=80)
    parts[0][rng.random(80) < 0.2, 1] = np.nan
    parts[1][rng.random(80) < 0.3, 0] = np.nan
    codes = np.digitize(target, np.quantile(target, [0.3, 0.6]))
    return Toy(parts, (target > np.median(target)).astype(int), target, codes)


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
