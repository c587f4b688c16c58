# SPDX-License-Identifier: Apache-2.0
"""Steps that are too long: an error that names them, whichever party meets the numbers they lead to."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pyfate_gpu import (
    HeteroLinearRegression,
    HeteroLogisticRegression,
    HeteroPoissonRegression,
    simulate,
)
from pyfate_gpu.errors import ConfigurationError, DataError, DivergenceError, PartyFailedError
from tests.glm.conftest import SMALL_KEY

SGD = SMALL_KEY | {"optimizer": "sgd", "max_iter": 200, "tol": 0.0, "clip": None}
MODELS = {
    "linear": HeteroLinearRegression(**SGD, learning_rate=30.0),
    "taylor": HeteroLogisticRegression(**SGD, learning_rate=100.0),
    "minimax": HeteroLogisticRegression(**SGD, learning_rate=200.0, link="minimax"),
    "poisson": HeteroPoissonRegression(**SGD, learning_rate=500.0),
    "batches": HeteroLogisticRegression(**SGD, learning_rate=100.0, batch_size=20),
    "decay": HeteroLogisticRegression(**SGD, learning_rate=400.0, decay=0.1),
    "penalty": HeteroLogisticRegression(**SGD, learning_rate=1.0, alpha=50.0),
    "first-order arbiter": HeteroLogisticRegression(
        **SGD, learning_rate=100.0, mode="arbiter_optimizer"
    ),
}
MESSAGE = (
    r"training diverges at iteration \d+ with learning rate [\d.]+: .*, the limit is 8.38861e\+06; "
    r".* lower the learning rate$"
)


def labels_of(model, toy):
    if isinstance(model, HeteroLogisticRegression):
        return toy.labels
    return toy.y if isinstance(model, HeteroLinearRegression) else np.abs(toy.y).round()


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_learning_rate_is_named(federate, toy, model):
    with pytest.raises(DivergenceError, match=MESSAGE) as caught:
        federate(model, toy.guest, labels_of(model, toy), toy.hosts[:1])
    assert isinstance(caught.value, ConfigurationError)
    assert isinstance(caught.value, DataError)
    assert f"{model.learning_rate:g}" in str(caught.value) or model.decay


@pytest.mark.parametrize("rate", [1e4, 1e30, 1e200, 1e308])
@pytest.mark.parametrize("mode", ["masked", "arbiter_optimizer"])
def test_however_far_a_single_step_goes(federate, toy, rate, mode):
    model = HeteroLogisticRegression(**SGD, learning_rate=rate, mode=mode)
    with pytest.raises(
        DivergenceError, match=rf"at iteration [1-4] with learning rate {re.escape(f'{rate:g}')}:"
    ):
        federate(model, toy.guest, toy.labels, toy.hosts[:1])


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "adagrad", "rmsprop", "adam"])
def test_by_any_rule(federate, toy, optimizer):
    model = HeteroLinearRegression(**SGD | {"optimizer": optimizer}, learning_rate=1e9)
    with pytest.raises(DivergenceError, match=MESSAGE.replace(r"[\d.]+", r"1e\+09")):
        federate(model, toy.guest, toy.y, toy.hosts[:1])


def test_validation_rows_show_it_too(federate, toy):
    """Training rows are zeros but for few: only the other rows' scores explode."""
    model = HeteroLogisticRegression(**SGD | {"max_iter": 1}, learning_rate=1.0)
    tested = [(toy.guest * 1e9, toy.labels), toy.hosts[0]]
    with pytest.raises(DivergenceError, match="training diverges at iteration 1 with"):
        federate(model, toy.guest, toy.labels, toy.hosts[:1], validation=tested)


def test_all_parties_hear_it_without_a_value(toy):
    """Weights of the host alone explode: its columns are large, and none is standardised."""
    model = HeteroLinearRegression(**SGD, learning_rate=0.5, standardize=False)
    heard = {}

    def party(X=None, y=None):
        def run(session):
            try:
                type(model)(**model.get_params()).fit(X, y, session=session)
            except Exception as error:
                heard[session.party.name] = error
                raise

        return run

    with pytest.raises(DivergenceError):
        simulate(
            guest=party(toy.guest * 1e-6, toy.y),
            hosts=[party(toy.hosts[0] * 50)],
            arbiter=party(),
        )
    assert isinstance(heard["host-0"], DivergenceError)
    text = str(heard["host-0"])
    for other in ("guest", "arbiter"):
        assert isinstance(heard[other], PartyFailedError)
        assert str(heard[other]).endswith(text)


def test_data_of_the_first_batch_are_no_divergence(federate, toy):
    """No step was taken: it is the counts that are too large."""
    model = HeteroPoissonRegression(**SMALL_KEY)
    with pytest.raises(DataError, match=r"a score or residual reached 1e\+09") as caught:
        federate(model, toy.guest, np.full(60, 1e9), toy.hosts[:1])
    assert not isinstance(caught.value, DivergenceError)


def test_searches_have_no_learning_rate_to_name(federate, toy):
    model = HeteroLinearRegression(**SMALL_KEY, optimizer="newton", standardize=False)
    outcome = federate(model, toy.guest * 1e5, toy.y, toy.hosts[:1])
    assert outcome.guest.n_iter_ > 1
    with pytest.raises(DataError) as caught:
        federate(model, toy.guest * 1e11, toy.y, toy.hosts[:1])
    assert not isinstance(caught.value, DivergenceError)
