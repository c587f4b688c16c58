# SPDX-License-Identifier: Apache-2.0
"""Encrypted training, step by step, against plain gradient descent that shares no code with ours.

Prepared features are multiples of 2**-10 where nothing is standardised, so that fixed point rounds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss, mean_poisson_deviance, root_mean_squared_error
from sklearn.preprocessing import StandardScaler

from pyfate_gpu.learning.optimizers import OPTIMIZERS
from tests.glm.exact_models import exact_model, in_order
from tests.glm.oracles.losses import LOSSES
from tests.glm.oracles.training import Descent

ROWS, OWNERS = 48, (3, 4, 2)


@dataclass
class Parties:
    """Features of a guest and hosts, and labels of every family; scores have size 1 or so."""

    parts: list[np.ndarray]
    labels: dict[str, np.ndarray]
    weight: np.ndarray
    exposure: np.ndarray

    @property
    def joined(self) -> np.ndarray:
        return np.hstack(self.parts)

    def of(self, loss: str) -> Parties:
        """The same with one host where a loss takes no more."""
        parts = self.parts[:2] if loss == "poisson" else self.parts
        return Parties(parts, self.labels, self.weight, self.exposure)


@pytest.fixture
def parties(rng) -> Parties:
    parts = [np.rint(rng.normal(size=(ROWS, columns)) * 1024) / 1024 for columns in OWNERS]
    score = sum(part @ rng.normal(scale=0.5, size=part.shape[1]) for part in parts)
    noisy = score + rng.normal(size=ROWS)
    exposure = rng.uniform(0.5, 2, ROWS)
    labels = {
        "linear": 3.0 * noisy + 7.0,
        "taylor": (noisy > 0).astype(float),
        "minimax": (noisy > 0).astype(float),
        "poisson": rng.poisson(exposure * np.exp(0.4 * score)).astype(float),
    }
    return Parties(parts, labels, rng.uniform(0.1, 3, ROWS), exposure)


def cut(rows: int, size: int) -> list[np.ndarray]:
    return [np.arange(rows)[start : start + size] for start in range(0, rows, size)]


def compare(outcome: Any, oracle: Descent, tolerance: float = 1e-8) -> np.ndarray:
    """Assert that weights and losses are those of `oracle`, and return its weights."""
    expected = oracle.train()
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(in_order(outcome), expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(outcome.guest.loss_history_, oracle.losses, rtol=1e-6, atol=1e-6)
    done = {model.n_iter_ for model in (outcome.guest, *outcome.hosts, outcome.arbiter)}
    assert done == {len(oracle.losses)}
    return expected


def check(
    federate: Any,
    parties: Parties,
    loss: str,
    params: dict[str, Any],
    batches: Sequence[np.ndarray] | None = None,
    *,
    weighted: bool = False,
    exposed: bool = False,
    **rules: Any,
) -> Any:
    """Train `loss` between parties and by the oracle; `rules` are the oracle's own words for `params`."""
    own = parties.of(loss)
    y = own.labels[loss]
    data = {"sample_weight": own.weight} if weighted else {}
    data |= {"exposure": own.exposure} if exposed else {}
    outcome = federate(
        exact_model(loss, **{"max_iter": 4} | params), own.parts[0], y, own.parts[1:], **data
    )
    oracle = Descent(
        x=own.joined,
        y=y,
        loss=loss,
        owners=[part.shape[1] for part in own.parts],
        batches=batches,
        weight=own.weight if weighted else None,
        offset=np.log(own.exposure) if exposed else None,
        **{"max_iter": 4, "tol": 0.0} | rules,
    )
    # Means of 0 make first gradients of an intercept 0, which adaptive rules divide by their own size.
    compare(outcome, oracle, 1e-6 if loss == "linear" else 1e-8)
    return outcome


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_optimizer_and_penalty(federate, parties, loss, optimizer, penalty):
    params = {"optimizer": optimizer, "penalty": penalty, "alpha": 0.15, "learning_rate": 0.03}
    check(federate, parties, loss, params, **params)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_an_arbiter_that_takes_the_steps(federate, parties, loss, optimizer):
    rule = {"optimizer": optimizer, "penalty": "l1", "alpha": 0.1, "decay": 0.5}
    params = rule | {"mode": "arbiter_optimizer", "batch_size": 16}
    check(federate, parties, loss, params, cut(ROWS, 16), weighted=True, **rule)


@pytest.mark.parametrize(
    "rule",
    [
        {"decay": 0.7},
        {"decay": 0.7, "decay_sqrt": False, "optimizer": "momentum"},
        {"alpha": 0.0},
        {"penalty": None, "alpha": 0.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("loss", LOSSES)
def test_rates_and_no_penalty(federate, parties, loss, rule):
    check(federate, parties, loss, rule, **rule)


@pytest.mark.parametrize("loss", LOSSES)
def test_no_intercept(federate, parties, loss):
    outcome = check(federate, parties, loss, {"fit_intercept": False}, intercept=False)
    assert outcome.guest.intercept_ == 0.0


@pytest.mark.parametrize("extra", [{}, {"masked_rate": 1.0}], ids=str)
@pytest.mark.parametrize("loss", LOSSES)
def test_weighted_rows_in_batches_of_two_sizes(federate, parties, loss, extra):
    rule = {"optimizer": "adam", "alpha": 0.2}
    exposed = loss == "poisson"
    params = rule | extra | {"batch_size": 18}
    check(federate, parties, loss, params, cut(ROWS, 18), weighted=True, exposed=exposed, **rule)


@pytest.mark.parametrize("params", [{"shuffle": True}, {"batch_strategy": "random"}], ids=str)
def test_batches_drawn_by_the_guest(federate, parties, transcript, params):
    """Whichever rows the hosts were told, each row is in one batch, and the steps are theirs."""
    params |= {"batch_size": 16, "random_state": 3, "max_iter": 1, "optimizer": "momentum"}
    own, y = parties, parties.labels["taylor"]
    outcome = federate(exact_model("taylor", **params), own.parts[0], y, own.parts[1:])
    told = [message.payload for message in transcript if message.name.endswith("batches")]
    batches = np.split(told[0]["rows"], np.cumsum(told[0]["sizes"])[:-1])
    assert sorted(told[0]["rows"]) == list(range(ROWS))
    assert told[0]["rows"].tolist() != list(range(ROWS))
    oracle = Descent(
        x=own.joined,
        y=y,
        loss="taylor",
        owners=OWNERS,
        batches=batches,
        optimizer="momentum",
        max_iter=1,
    )
    compare(outcome, oracle)


def test_standardised_and_clipped_features(federate, parties):
    """Each party scales its own columns, by scikit-learn as by us; fixed point rounds by 2**-25."""
    own, y = parties, parties.labels["taylor"]
    raw = [part * [10.0 ** (i - 1) for i in range(part.shape[1])] + 7 for part in own.parts]
    prepared = [np.clip(StandardScaler().fit_transform(part), -1.2, 1.2) for part in raw]
    model = exact_model("taylor", max_iter=4, standardize=True, clip=1.2, optimizer="momentum")
    outcome = federate(model, raw[0], y, raw[1:], predict="decision_function")
    oracle = Descent(
        x=np.hstack(prepared),
        y=y,
        loss="taylor",
        owners=OWNERS,
        optimizer="momentum",
        max_iter=4,
        tol=0.0,
    )
    weights = compare(outcome, oracle, 1e-6)
    scores = np.hstack([*prepared, np.ones((ROWS, 1))]) @ weights
    np.testing.assert_allclose(outcome.predicted, scores, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("convergence", "tol"), [("diff", 0.01), ("abs", 0.68), ("weight_diff", 0.12)]
)
def test_when_training_ends(federate, parties, loss, convergence, tol):
    tol = {("linear", "abs"): 0.22, ("poisson", "abs"): 0.95}.get((loss, convergence), tol)
    rule = {"convergence": convergence, "tol": tol, "optimizer": "sgd", "learning_rate": 0.3}
    outcome = check(federate, parties, loss, rule | {"max_iter": 30}, **rule, max_iter=30)
    assert 1 < outcome.guest.n_iter_ < 30


JUDGES = {
    "linear": lambda y, score: root_mean_squared_error(y, score),
    "taylor": lambda y, score: log_loss(y, expit(score)),
    "minimax": lambda y, score: log_loss(y, expit(score)),
    "poisson": lambda y, score: mean_poisson_deviance(y, np.exp(score)),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_stopping_early(federate, parties, loss, rng):
    """Validation rows whose labels are only half like the others': they become worse before the end."""
    own = parties.of(loss)
    y = own.labels[loss]
    tested, kept = np.arange(20), np.arange(20, ROWS)
    labels = y[rng.permutation(tested)]
    params = {"optimizer": "momentum", "learning_rate": 0.05, "max_iter": 40}
    x = np.hstack([own.joined, np.ones((ROWS, 1))])
    oracle = Descent(
        x=own.joined[kept],
        y=y[kept],
        loss=loss,
        owners=[part.shape[1] for part in own.parts],
        judge=lambda w: JUDGES[loss](labels, x[tested] @ w),
        patience=3,
        tol=0.0,
        **params,
    )
    model = exact_model(loss, early_stopping_rounds=3, **params)
    validation = [(own.parts[0][tested], labels), *(part[tested] for part in own.parts[1:])]
    outcome = federate(
        model,
        own.parts[0][kept],
        y[kept],
        [part[kept] for part in own.parts[1:]],
        validation=validation,
    )
    compare(outcome, oracle)
    history = [next(iter(found.values())) for found in outcome.guest.validation_history_]
    np.testing.assert_allclose(history, oracle.judged, rtol=1e-6)
    assert int(np.argmin(oracle.judged)) + 4 == len(oracle.judged) < 40


def test_what_stays_as_good_is_not_better(federate, parties):
    """Validation rows of zeros have score 0 whatever the weights: the first iteration stays the best."""
    own, y = parties, parties.labels["taylor"]
    params = {"fit_intercept": False, "convergence": "abs", "max_iter": 9}
    zeros = [np.zeros((5, columns)) for columns in OWNERS]
    outcome = federate(
        exact_model("taylor", early_stopping_rounds=3, **params),
        own.parts[0],
        y,
        own.parts[1:],
        validation=[(zeros[0], y[:5]), *zeros[1:]],
    )
    assert outcome.guest.n_iter_ == 4
    first = Descent(x=own.joined, y=y, loss="taylor", owners=OWNERS, intercept=False, max_iter=1)
    np.testing.assert_allclose(in_order(outcome), first.train(), atol=1e-8)
