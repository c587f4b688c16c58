# SPDX-License-Identifier: Apache-2.0
"""The masked protocol gives the weights of the plaintext rule, whatever the setting."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu.data.examples import load_breast_cancer_split
from pyfate_gpu.learning.metrics import classification_metrics
from pyfate_gpu.learning.optimizers import OPTIMIZERS
from tests.glm.real_data import load_breast_cancer, load_sample


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer(federate, agrees, toy, linear, optimizer):
    outcome = federate(linear(optimizer=optimizer), toy.guest, toy.y, toy.hosts[:1])
    agrees(outcome, [toy.guest, toy.hosts[0]], toy.y)


@pytest.mark.parametrize("link", ["taylor", "minimax"])
def test_every_link(federate, agrees, toy, logistic, link):
    outcome = federate(logistic(link=link), toy.guest, toy.labels, toy.hosts[:1])
    agrees(outcome, [toy.guest, toy.hosts[0]], toy.labels)


@pytest.mark.parametrize(
    "params",
    [
        {"batch_size": 20},
        {"batch_size": 25, "shuffle": True, "random_state": 7},
        {"fit_intercept": False},
        {"standardize": False, "learning_rate": 0.01},
        {"clip": 0.7},
        {"alpha": 0.0},
        {"alpha": 0.5, "batch_size": 30},
    ],
    ids=str,
)
def test_every_option(federate, agrees, toy, linear, params):
    outcome = federate(linear(**params), toy.guest, toy.y, toy.hosts[:1])
    agrees(outcome, [toy.guest, toy.hosts[0]], toy.y)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_several_hosts_and_the_cross_terms_of_their_loss(request, federate, agrees, toy, family):
    model = request.getfixturevalue(family)(batch_size=20)
    y = toy.y if family == "linear" else toy.labels
    outcome = federate(model, toy.guest, y, toy.hosts)
    agrees(outcome, [toy.guest, *toy.hosts], y)


@pytest.mark.parametrize(
    ("convergence", "tol"), [("diff", 0.05), ("abs", 0.6), ("weight_diff", 0.05)]
)
def test_training_ends_when_the_guest_says_so(federate, agrees, toy, logistic, convergence, tol):
    params = {"optimizer": "sgd", "learning_rate": 1.0, "max_iter": 30}
    model = logistic(convergence=convergence, tol=tol, **params)
    plain = agrees(
        federate(model, toy.guest, toy.labels, toy.hosts[:1]),
        [toy.guest, toy.hosts[0]],
        toy.labels,
    )
    assert 1 < len(plain.losses) < 30


@pytest.mark.parametrize(
    "params",
    [
        {"batch_size": 20},
        {"optimizer": "adam", "penalty": "l1", "alpha": 0.3, "decay": 0.5},
        {"optimizer": "nesterov", "masked_rate": 0.5, "batch_size": 30},
    ],
    ids=str,
)
def test_an_arbiter_that_takes_the_steps(federate, agrees, toy, linear, params):
    model = linear(mode="arbiter_optimizer", **params)
    outcome = federate(model, toy.guest, toy.y, toy.hosts)
    agrees(outcome, [toy.guest, *toy.hosts], toy.y)


def test_every_engine(federate, agrees, toy, logistic, engine):
    outcome = federate(logistic(), toy.guest, toy.labels, toy.hosts[:1])
    agrees(outcome, [toy.guest, toy.hosts[0]], toy.labels)
    assert outcome.guest.report_.backend == engine


@pytest.mark.slow
def test_breast_cancer_of_scikit_learn(federate, agrees, logistic):
    split = load_breast_cancer_split()
    model = logistic(learning_rate=0.15, max_iter=15)
    outcome = federate(model, split.guest, split.y, [split.host], predict="decision_function")
    plain = agrees(outcome, [split.guest, split.host], split.y)
    np.testing.assert_allclose(outcome.predicted, plain.scores, atol=1e-6)
    assert classification_metrics(split.y, outcome.predicted)["auc"] >= 0.9923


@pytest.mark.slow
def test_breast_cancer_as_fate_trains_it(federate, agrees, logistic):
    guest, y, host = load_breast_cancer()
    model = logistic(learning_rate=0.15, max_iter=30, clip=None, standardize=False)
    outcome = federate(model, guest, y, [host], predict="decision_function")
    agrees(outcome, [guest, host], y)
    assert classification_metrics(y, outcome.predicted)["auc"] >= 0.99


@pytest.mark.slow
def test_default_of_credit_cards(federate, agrees, logistic):
    guest, y, host = load_sample("default_credit")
    outcome = federate(logistic(max_iter=3, batch_size=1000), guest, y, [host])
    agrees(outcome, [guest, host], y)
