# SPDX-License-Identifier: Apache-2.0
"""Where encrypted training ends, by scikit-learn and statsmodels; predictions too.

Columns are near to orthogonal, so that plain descent comes within rounding of its end in a few iterations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import spearmanr
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from pyfate_gpu.glm.plaintext import fit_plaintext
from pyfate_gpu.learning.optimizers import OPTIMIZERS
from tests.glm.exact_models import exact_model, in_order
from tests.glm.oracles.end_points import (
    end_of_batches,
    least,
    least_poisson,
    least_poisson_by_statsmodels,
)
from tests.glm.oracles.losses import LOSSES

ROWS, OWNERS = 48, (3, 3, 2)
QUADRATIC = [name for name, loss in LOSSES.items() if loss.curvature]


@dataclass
class Table:
    """Prepared features of all parties, labels of every family, weights of rows, exposures, other rows."""

    x: np.ndarray
    labels: dict[str, np.ndarray]
    kinds: np.ndarray
    weight: np.ndarray
    exposure: np.ndarray
    new: np.ndarray

    def parts(self, hosts: int, x: np.ndarray | None = None) -> list[np.ndarray]:
        """The columns of a guest and one or two hosts."""
        x = self.x if x is None else x
        return np.split(x, [3, 6] if hosts == 2 else [3], axis=1)


@pytest.fixture
def table(rng) -> Table:
    basis = np.linalg.qr(rng.normal(size=(ROWS, 8)) - 0.05)[0] * ROWS**0.5
    x = np.rint((basis + 0.1 * rng.normal(size=basis.shape)) * 1024) / 1024
    score = x @ [0.6, 0.0, -0.3, 0.5, 0.04, 0.0, -0.2, 0.1]
    noisy = score + rng.normal(size=ROWS)
    exposure = rng.uniform(0.6, 1.4, ROWS)
    classes = (noisy > 0).astype(float)
    return Table(
        x=x,
        labels={
            "linear": noisy + 4321,
            "taylor": classes,
            "minimax": classes,
            "poisson": rng.poisson(exposure * np.exp(0.2 * score)).astype(float),
        },
        kinds=np.array(["bus", "car", "van"])[np.digitize(noisy, [-0.5, 0.5])],
        weight=rng.uniform(0.4, 1.6, ROWS),
        exposure=exposure,
        new=rng.normal(size=(9, 8)),
    )


#: Plain descent with steps of .8 over the curvature, which has no limit for counts.
END = {
    loss: {
        "optimizer": "sgd",
        "learning_rate": 0.8 / rule.curvature if rule.curvature else 0.65,
        "max_iter": 40,
    }
    for loss, rule in LOSSES.items()
}


def model_of(loss: str, **params: Any) -> Any:
    return exact_model(loss, **END[loss] | params)


def objective(table: Table, loss: str, w: np.ndarray, alpha: float, penalty: str | None) -> float:
    """The mean loss with its penalty at some weights, the intercept last."""
    value = LOSSES[loss].value(table.x @ w[:-1] + w[-1], table.labels[loss]).mean()
    norms = {"l2": (w[:-1] ** 2).sum() / 2, "l1": np.abs(w[:-1]).sum(), None: 0.0}
    return float(value + alpha * norms[penalty])


@pytest.mark.parametrize("hosts", [1, 2])
@pytest.mark.parametrize(("penalty", "share"), [("l2", 0.3), ("l1", 0.1), (None, 0.3)], ids=str)
@pytest.mark.parametrize("loss", QUADRATIC)
def test_quadratic_losses_end_at_ridge_lasso_and_least_squares(
    federate, table, loss, penalty, share, hosts
):
    """Penalties are a share of the curvature."""
    guest, *others = table.parts(hosts)
    alpha, y = share * LOSSES[loss].curvature, table.labels[loss]
    outcome = federate(
        model_of(loss, penalty=penalty, alpha=alpha),
        guest,
        y,
        others,
        predict="decision_function",
        new=table.parts(hosts, table.new),
    )
    expected, found = least(table.x, y, loss, penalty=penalty, alpha=alpha), in_order(outcome)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)
    assert penalty != "l1" or 0 < (expected == 0).sum() == (found == 0).sum()
    scores = table.new @ expected[:-1] + expected[-1]
    np.testing.assert_allclose(outcome.predicted, scores, rtol=1e-7, atol=1e-7)
    least_loss = objective(table, loss, expected, alpha, penalty)
    assert outcome.guest.loss_history_[-1] == pytest.approx(least_loss, rel=1e-6)


@pytest.mark.parametrize("loss", QUADRATIC)
def test_weighted_rows_without_an_intercept(federate, table, loss):
    guest, *others = table.parts(2)
    alpha, y = 0.2 * LOSSES[loss].curvature, table.labels[loss] - 4321 * (loss == "linear")
    model = model_of(loss, alpha=alpha, fit_intercept=False)
    outcome = federate(model, guest, y, others, sample_weight=table.weight)
    expected = least(table.x, y, loss, alpha=alpha, weight=table.weight, intercept=False)
    np.testing.assert_allclose(in_order(outcome), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("mode", ["masked", "arbiter_optimizer"])
@pytest.mark.parametrize("loss", QUADRATIC)
def test_batches_end_at_the_fixed_point_of_their_maps(federate, table, loss, mode):
    """Batches of 20, 20 and 8 rows, and weights of rows: no full gradient is 0 there."""
    guest, *others = table.parts(2)
    alpha, y = 0.2 * LOSSES[loss].curvature, table.labels[loss]
    rule = {"alpha": alpha, "learning_rate": 0.25 / LOSSES[loss].curvature}
    model = model_of(loss, batch_size=20, mode=mode, **rule)
    outcome = federate(model, guest, y, others, sample_weight=table.weight)
    batches = np.split(np.arange(ROWS), [20, 40])
    expected = end_of_batches(table.x, y, loss, batches, weight=table.weight, **rule)
    np.testing.assert_allclose(in_order(outcome), expected, rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_an_arbiter_that_takes_the_steps_ends_there_too(federate, table, loss):
    guest, *others = table.parts(1)
    alpha, y = 0.1 * (LOSSES[loss].curvature or 1.0), table.labels[loss]
    model = model_of(loss, alpha=alpha, mode="arbiter_optimizer")
    outcome = federate(model, guest, y, others)
    expected = (
        least_poisson(table.x, y, alpha=alpha)
        if loss == "poisson"
        else least(table.x, y, loss, alpha=alpha)
    )
    np.testing.assert_allclose(in_order(outcome), expected, rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize(
    ("alpha", "weighted", "exposed"), [(0.0, False, False), (0.0, True, True), (0.2, True, True)]
)
def test_counts_end_at_poisson_regression(federate, table, alpha, weighted, exposed):
    guest, host = table.parts(1)
    weight, exposure = table.weight if weighted else None, table.exposure if exposed else None
    y = table.labels["poisson"]
    outcome = federate(
        model_of("poisson", alpha=alpha),
        guest,
        y,
        [host],
        predict="predict",
        new=table.parts(1, table.new),
        sample_weight=weight,
        exposure=exposure,
    )
    expected = least_poisson(table.x, y, alpha=alpha, weight=weight, exposure=exposure)
    np.testing.assert_allclose(in_order(outcome), expected, rtol=0, atol=1e-6)
    mean = np.exp(table.new @ expected[:-1] + expected[-1])
    np.testing.assert_allclose(outcome.predicted, mean, rtol=1e-5)
    if alpha == 0:
        other = least_poisson_by_statsmodels(table.x, y, weight=weight, exposure=exposure)
        np.testing.assert_allclose(in_order(outcome), other, rtol=0, atol=1e-6)


def test_counts_with_an_l1_penalty(federate, table):
    guest, host = table.parts(1)
    y, exposure = table.labels["poisson"], table.exposure
    model = model_of("poisson", penalty="l1", alpha=0.1)
    outcome = federate(model, guest, y, [host], exposure=exposure)
    expected = least_poisson_by_statsmodels(table.x, y, exposure=exposure, penalty="l1", alpha=0.1)
    np.testing.assert_allclose(in_order(outcome), expected, rtol=0, atol=1e-5)
    assert 0 < (np.abs(expected) < 1e-5).sum() == (in_order(outcome) == 0).sum()


@pytest.mark.parametrize("loss", ["taylor", "minimax"])
@pytest.mark.parametrize("classes", [2, 3])
def test_classes_are_those_of_ridge_classification(federate, table, loss, classes):
    """Its targets are -1 and 1, a line's of slope a are that over 2a, its scores in proportion."""
    guest, *others = table.parts(2)
    y = table.kinds if classes == 3 else np.where(table.labels[loss] > 0, "yes", "no")
    a = LOSSES[loss].curvature
    model = model_of(loss, alpha=0.1 * a)
    new = table.parts(2, table.new)
    outcome = federate(model, guest, y, others, predict="predict_proba", new=new)
    ridge = RidgeClassifier(alpha=0.1 * ROWS).fit(table.x, y)
    expected = np.column_stack([np.atleast_2d(ridge.coef_), ridge.intercept_]) / (2 * a)
    np.testing.assert_allclose(np.atleast_2d(in_order(outcome)), expected, rtol=0, atol=1e-7)
    scores = ridge.decision_function(table.new) / (2 * a)
    probability = expit(np.column_stack([-scores, scores]) if classes == 2 else scores)
    probability /= probability.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(outcome.predicted, probability, rtol=0, atol=1e-7)
    named = outcome.guest.interpret(scores)["prediction"]
    assert named.tolist() == ridge.predict(table.new).tolist()


@pytest.mark.parametrize("loss", ["taylor", "minimax"])
def test_patients_are_ranked_as_by_logistic_regression(federate, loss):
    """Breast cancer, every fourth row and fifth column; the exact loss has no line in it."""
    data = load_breast_cancer()
    x, y = StandardScaler().fit_transform(data.data[::4, ::5]), data.target[::4]
    x = np.clip(x, -2, 2)
    model = model_of(loss, alpha=0.01, learning_rate=0.3, optimizer="adam", max_iter=40)
    outcome = federate(model, x[:, :3], y, [x[:, 3:]], predict="decision_function")
    exact = LogisticRegression(C=1 / (0.01 * len(y))).fit(x, y).decision_function(x)
    assert spearmanr(outcome.predicted, exact).statistic > 0.98
    assert roc_auc_score(y, outcome.predicted) > roc_auc_score(y, exact) - 0.003


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_optimizer_ends_there(table, loss, optimizer, penalty):
    """By the rule without encryption, thousands of steps of it."""
    curvature = LOSSES[loss].curvature or 1.6
    alpha, y = 0.1 * curvature, table.labels[loss] - 4321 * (loss == "linear")
    adaptive = optimizer in ("rmsprop", "adam")
    rates = {"sgd": 0.8 / curvature, "momentum": 0.08 / curvature, "nesterov": 0.08 / curvature}
    model = model_of(
        loss,
        optimizer=optimizer,
        penalty=penalty,
        alpha=alpha,
        learning_rate=rates.get(optimizer, 0.03 if adaptive else 0.3),
        decay=0.01 if adaptive else 0.0,  # their steps have the size of the learning rate
        decay_sqrt=False,
        max_iter=4000,
        convergence="weight_diff",
    )
    plain = fit_plaintext(table.parts(1), y, model.settings())
    guest, host = plain.weights
    found = np.concatenate([guest[:3], host, guest[3:]])
    if loss != "poisson":
        expected = least(table.x, y, loss, penalty=penalty, alpha=alpha)
    elif penalty == "l2":
        expected = least_poisson(table.x, y, alpha=alpha)
    else:
        expected = least_poisson_by_statsmodels(table.x, y, penalty="l1", alpha=alpha)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3 if adaptive else 1e-5)
