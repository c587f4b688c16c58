# SPDX-License-Identifier: Apache-2.0
"""Conjugate gradients between parties: end points, few passes, resuming, and what is refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from pyfate_gpu import (
    HeteroLinearRegression,
    HeteroLogisticRegression,
    HeteroPoissonRegression,
    simulate,
)
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.errors import ConfigurationError, DataError, ProtocolError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.glm.conjugate import (
    LABELLED_EVERY,
    ConjugateSearch,
    ConjugateWeights,
    check_turn,
    is_labelled,
)
from pyfate_gpu.glm.families import FAMILIES
from pyfate_gpu.glm.plaintext import fit_plaintext

ALPHA = 0.01


def prepared(parts, clip=2.0):
    """The columns of all parties as the protocol rounds them, the guest's ones last of its own."""
    matrices = [
        FeaturePipeline.fit(part, standardize=True, clip=clip).transform(part) for part in parts
    ]
    return np.hstack([matrices[0].with_ones().values, *(m.values for m in matrices[1:])])


def solution(x, target, slope, alpha, ones, weights=None):
    """The least of slope/2 u^2 + target u + alpha/2 |w|^2 by a direct solve, no penalty on the column `ones`."""
    weights = np.ones(len(x)) if weights is None else weights / weights.mean()
    penalty = np.full(x.shape[1], alpha)
    penalty[ones] = 0.0
    hessian = slope * (x.T * weights) @ x / len(x) + np.diag(penalty)
    return np.linalg.solve(hessian, -(x.T * weights) @ target / len(x))


@pytest.mark.parametrize("hosts", [1, 2])
@pytest.mark.parametrize("link", ["taylor", "minimax"])
def test_a_logistic_search_ends_at_the_direct_solution(toy, federate, logistic, hosts, link):
    model = logistic(optimizer="newton", link=link, tol=0.0, max_iter=15, alpha=ALPHA)
    parts = [toy.guest, *toy.hosts[:hosts]]
    outcome = federate(model, toy.guest, toy.labels, toy.hosts[:hosts])
    x = prepared(parts)
    slope = FAMILIES[model.family].slope
    wanted = solution(x, 0.5 - toy.labels, slope, ALPHA, toy.guest.shape[1])
    assert np.abs(outcome.weights() - wanted).max() < 1e-8


def test_a_linear_search_ends_where_ridge_regression_does(toy, federate, linear):
    model = linear(optimizer="newton", tol=0.0, max_iter=15, alpha=ALPHA)
    outcome = federate(model, toy.guest, toy.y, toy.hosts[:1])
    x = prepared([toy.guest, toy.hosts[0]], clip=model.clip)
    ridge = Ridge(alpha=ALPHA * len(x), solver="cholesky").fit(np.delete(x, 3, axis=1), toy.y)
    scores = np.delete(x, 3, axis=1) @ ridge.coef_ + ridge.intercept_
    predicted = federate(model, toy.guest, toy.y, toy.hosts[:1], predict="predict").predicted
    assert np.abs(predicted - scores).max() < 1e-7
    assert outcome.guest.loss_history_[-1] <= min(outcome.guest.loss_history_) + 1e-12


def test_weights_of_rows_count_in_the_curvature(toy, federate, logistic, rng):
    weights = rng.uniform(0.1, 3.0, len(toy.y))
    model = logistic(optimizer="newton", tol=0.0, max_iter=20, alpha=ALPHA)
    outcome = federate(model, toy.guest, toy.labels, toy.hosts[:1], sample_weight=weights)
    x = prepared([toy.guest, toy.hosts[0]])
    wanted = solution(x, 0.5 - toy.labels, 0.25, ALPHA, 3, weights)
    assert np.abs(outcome.weights() - wanted).max() < 1e-6


def test_classes_are_searched_each_by_itself(toy, federate, logistic):
    classes = np.digitize(toy.y, [-1.0, 1.5])
    model = logistic(optimizer="newton", tol=0.0, max_iter=15, alpha=ALPHA)
    outcome = federate(model, toy.guest, classes, toy.hosts[:1])
    x = prepared([toy.guest, toy.hosts[0]])
    for index in range(3):
        wanted = solution(x, 0.5 - (classes == index), 0.25, ALPHA, 3)
        assert np.abs(outcome.weights()[:, index] - wanted).max() < 1e-7


@pytest.mark.parametrize("tol", [1e-4, 0.0])
def test_federated_and_plain_search_agree(toy, federate, agrees, logistic, tol):
    model = logistic(optimizer="newton", tol=tol, max_iter=14, early_stopping_rounds=None)
    outcome = federate(model, toy.guest, toy.labels, toy.hosts)
    agrees(outcome, [toy.guest, *toy.hosts], toy.labels)
    assert outcome.guest.loss_history_ == sorted(outcome.guest.loss_history_, reverse=True)


def test_the_default_is_a_search_where_it_can_be():
    def chosen(kind, **parameters):
        return kind(**parameters).settings().optimizer

    assert chosen(HeteroLogisticRegression) == chosen(HeteroLinearRegression) == "newton"
    for parameters in (
        {"batch_size": 100},
        {"penalty": "l1"},
        {"mode": "arbiter_optimizer"},
        {"convergence": "weight_diff"},
        {"max_iter": 1},
    ):
        assert chosen(HeteroLogisticRegression, **parameters) == "adam"
    assert chosen(HeteroPoissonRegression) == "adam"


@pytest.mark.parametrize(
    ("kind", "parameters", "text"),
    [
        (HeteroPoissonRegression, {}, "the poisson family, whose loss is not quadratic"),
        (HeteroLinearRegression, {"max_iter": 1}, "max_iter=1, whose only pass"),
        (HeteroLinearRegression, {"batch_size": 10}, "batch_size=10 .* another curvature"),
        (HeteroLinearRegression, {"penalty": "l1"}, "no curvature at 0"),
        (HeteroLinearRegression, {"mode": "arbiter_optimizer"}, "the arbiter would learn"),
        (HeteroLinearRegression, {"convergence": "abs"}, "ends by its own residual"),
    ],
)
def test_what_a_search_cannot_do_is_refused_with_the_reason(kind, parameters, text):
    with pytest.raises(ConfigurationError, match=text):
        kind(optimizer="newton", **parameters).settings()


def test_a_warm_search_goes_on_from_its_weights(toy, federate, logistic):
    model = logistic(optimizer="newton", tol=0.0, max_iter=4, alpha=ALPHA)

    def party(*data):
        def run(session):
            own = type(model)(**model.get_params()).fit(*data, session=session)
            own.set_params(warm_start=True, max_iter=12)
            return own.fit(*data, session=session)

        return run

    found = simulate(
        guest=party(toy.guest, toy.labels), hosts=[party(toy.hosts[0])], arbiter=party()
    )
    wanted = solution(prepared([toy.guest, toy.hosts[0]]), 0.5 - toy.labels, 0.25, ALPHA, 3)
    own = np.append(found["guest"].coef_, found["guest"].intercept_)
    assert np.abs(np.concatenate([own, found["host-0"].coef_]) - wanted).max() < 1e-7


def test_columns_that_repeat_others_are_searched_all_the_same(toy, federate, linear):
    twice = np.hstack([toy.hosts[0], toy.hosts[0][:, :1]])
    model = linear(optimizer="newton", tol=0.0, max_iter=12, alpha=0.0)
    single = federate(model, toy.guest, toy.y, [toy.hosts[0]], predict="predict")
    double = federate(model, toy.guest, toy.y, [twice], predict="predict")
    assert np.abs(single.predicted - double.predicted).max() < 1e-6


def test_labels_enter_in_the_first_pass_and_each_recomputation():
    assert [k for k in range(1, 40) if is_labelled(k)] == [1, 12, 23, 34]
    assert LABELLED_EVERY == 11


def test_no_label_travels_in_a_pass_without_them(toy, federate, logistic, transcript):
    model = logistic(optimizer="newton", tol=0.0, max_iter=3)
    federate(model, toy.guest, toy.labels, toy.hosts[:1])
    names = {
        iteration: {m.name.partition("/")[2] for m in transcript if m.iteration == iteration}
        for iteration in (1, 2)
    }
    assert {"forward", "residual"} <= names[2]
    assert not {"loss_share", "masked_loss"} & (names[1] | names[2])
    sums = [m for m in transcript if m.name.endswith("/curvature")]
    assert {(m.sender.name, m.to.name) for m in sums} == {("host-0", "guest")}
    turns = [m for m in transcript if m.name.endswith("/turn")]
    assert {m.sender for m in turns} == {GUEST}
    assert all(set(m.payload) == {"alpha", "beta", "exponents"} for m in turns)


def test_a_step_that_is_none_is_refused():
    good = np.zeros(2), np.zeros(2), np.zeros(2, dtype=np.int64)
    check_turn(*good, 2)
    for bad in (
        (np.array([np.nan, 0.0]), *good[1:]),
        (np.zeros(3), *good[1:]),
        (*good[:2], np.array([0, 5000])),
        (*good[:2], np.zeros(2)),
    ):
        with pytest.raises(ProtocolError, match="the guest"):
            check_turn(*bad, 2)


def test_a_search_that_stalls_is_named():
    search = ConjugateSearch(1, 0.0)
    search.begin(np.array([[1.0]]))
    with pytest.raises(DataError, match="the search stalls"):
        search.advance(np.array([[1.0], [0.0], [0.0], [0.0]]))


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_the_search_keeps_its_digits_at_any_size(rng, size):
    """The numbers of the passes alone, at losses of any size, against a direct solve."""
    x, y = rng.normal(size=(50, 4)), rng.normal(size=(50, 1)) * size
    settings = HeteroLinearRegression(alpha=0.0).settings()
    parts = [x[:, :2], x[:, 2:]]
    weights = [ConjugateWeights((2, 1), settings, part, 1.0) for part in parts]
    search = ConjugateSearch(1, 0.0)

    def sums():
        return np.sum([own.scalars() for own in weights], axis=0)

    for own, part in zip(weights, parts, strict=True):
        own.descend(part.T @ -y, len(y))
    turn = search.begin(sums())
    for _ in range(8):
        for own in weights:
            own.turn(*turn, search.exponents)
        if search.done:
            break
        scores = sum(own.direction_scores(part) for own, part in zip(weights, parts, strict=True))
        assert np.abs(scores).max() < 1e3
        for own, part in zip(weights, parts, strict=True):
            own.curve(part.T @ scores, len(y))
        turn = search.advance(sums())
    found = np.concatenate([own.values for own in weights])
    assert np.abs(found - np.linalg.lstsq(x, y, rcond=None)[0]).max() < 1e-10 * size


def test_few_passes_come_to_a_thousandth_on_breast_cancer():
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    parts = [x[:, :10], x[:, 10:]]
    settings = HeteroLogisticRegression(alpha=ALPHA).settings()
    found = fit_plaintext(parts, y.astype(float), settings)
    columns = prepared(parts)
    best = solution(columns, 0.5 - y, 0.25, ALPHA, 10)

    def loss(w):
        score = columns @ w
        penalty = ALPHA / 2 * (w @ w - w[10] ** 2)
        return np.mean(score**2 / 8 + (0.5 - y) * score) + penalty

    gap = (loss(np.concatenate(found.weights)) - loss(best)) / -loss(best)
    assert gap < 1e-3
    assert len(found.losses) <= 8


def test_the_guest_alone_knows_the_first_residuals(toy, federate, logistic, transcript):
    """At weights of 0 they are targets: hosts send nothing, and the arbiter decrypts for hosts alone."""
    outcome = federate(logistic(tol=0.0, max_iter=3), toy.guest, toy.labels, toy.hosts)
    names = {
        iteration: Counter(m.name.partition("/")[2] for m in transcript if m.iteration == iteration)
        for iteration in (1, 2)
    }
    assert names[1]["forward"] == names[1]["loss_share"] == names[1]["masked_loss"] == 0
    assert names[1]["masked_gradient"] == 2 == names[2]["masked_gradient"] - 1
    assert outcome.guest.loss_history_[0] == pytest.approx(np.log(2))


def test_a_warm_start_begins_with_residuals_of_its_weights(toy, logistic, transcript):
    def party(*data):
        def run(session):
            model = logistic(tol=0.0, max_iter=3).fit(*data, session=session)
            transcript.clear()
            return model.set_params(warm_start=True).fit(*data, session=session)

        return run

    simulate(guest=party(toy.guest, toy.labels), hosts=[party(toy.hosts[0])], arbiter=party())
    first = [m.name.partition("/")[2] for m in transcript if m.iteration == 1]
    assert "forward" in first
    assert "loss_share" in first
