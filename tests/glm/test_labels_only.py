# SPDX-License-Identifier: Apache-2.0
"""A guest that has labels and nothing else: with or without an intercept, the hosts' columns do the work."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu import (
    HeteroLinearRegression,
    HeteroLogisticRegression,
    HeteroPoissonRegression,
    simulate,
)
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.glm.plaintext import fit_plaintext
from pyfate_gpu.protocol.cost import JobShape
from pyfate_gpu.protocol.report import JobReport
from tests.glm.conftest import SMALL_KEY

MODELS = {
    "linear": HeteroLinearRegression(**SMALL_KEY),
    "linear, first order": HeteroLinearRegression(**SMALL_KEY, max_iter=3, optimizer="adam"),
    "logistic": HeteroLogisticRegression(**SMALL_KEY),
    "logistic, batches": HeteroLogisticRegression(
        **SMALL_KEY, max_iter=2, batch_size=20, masked_rate=0.5
    ),
    "first-order arbiter": HeteroLogisticRegression(
        **SMALL_KEY, max_iter=3, mode="arbiter_optimizer"
    ),
    "poisson": HeteroPoissonRegression(**SMALL_KEY, max_iter=3),
}


def labels_of(model, toy):
    if isinstance(model, HeteroLogisticRegression):
        return toy.labels
    return toy.y if isinstance(model, HeteroLinearRegression) else np.abs(toy.y).round()


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_hosts_columns_are_trained(federate, toy, model, intercept):
    model = type(model)(**model.get_params()).set_params(fit_intercept=intercept)
    y, hosts = labels_of(model, toy), toy.hosts[: 1 if "Poisson" in type(model).__name__ else 2]
    outcome = federate(model, None, y, hosts, predict="decision_function")
    parts = [np.empty((60, 0)), *hosts]
    plain = fit_plaintext(parts, y.astype(float), model.settings())
    assert outcome.guest.coef_.shape == (0,)
    assert outcome.guest.n_features_in_ == 0
    for host, weights in zip(outcome.hosts, plain.weights[1:], strict=True):
        np.testing.assert_allclose(host.coef_, weights, atol=1e-6)
        assert (host.coef_ != 0).any()
    np.testing.assert_allclose(outcome.predicted, plain.scores, atol=1e-6)
    np.testing.assert_allclose(outcome.guest.loss_history_, plain.losses, atol=1e-6)
    assert outcome.guest.intercept_ == (
        pytest.approx(plain.weights[0][0], abs=1e-6) if intercept else 0.0
    )


@pytest.mark.parametrize(
    "nothing",
    [np.empty((60, 0)), [[]] * 60, pd.DataFrame(index=range(60)), None],
    ids=["array", "list", "frame", "none"],
)
def test_tables_without_columns(federate, logistic, toy, nothing, tmp_path):
    """Several classes, validation, a file, predictions of other rows than trained on."""
    labels = np.digitize(toy.y, [-1.0, 1.0])
    validation = [(nothing, labels), toy.hosts[0]]
    outcome = federate(logistic(), nothing, pd.Series(labels), toy.hosts[:1], validation=validation)
    assert outcome.guest.coef_.shape == (3, 0)
    assert len(outcome.guest.validation_history_) == outcome.guest.n_iter_
    assert set(JobReport.of([outcome.guest]).weights["guest"]) == {"intercept"}
    assert outcome.guest.result()["coef"] == [[], [], []]
    outcome.guest.save(tmp_path / "half")
    loaded = HeteroLogisticRegression.load(tmp_path / "half")

    def ask(rows):
        return simulate(
            guest=lambda session: loaded.predict_proba(rows, session=session),
            hosts=[lambda s: outcome.hosts[0].predict_proba(toy.hosts[0][:7], session=s)],
            arbiter=lambda session: logistic().predict_proba(session=session),
        )["guest"]

    found = ask(None)
    assert found.shape == (7, 3)
    np.testing.assert_allclose(ask(np.empty((7, 0))), found, atol=1e-12)
    with pytest.raises(ConfigurationError, match="guest has 6 rows, host-0 has 7"):
        ask(np.empty((6, 0)))
    with pytest.raises(DataError, match="X has 1 columns, the model was fitted on 0"):
        ask(np.zeros((7, 1)))


def test_exposures_say_how_many_rows_there_are(federate, toy):
    model, counts = MODELS["poisson"], np.abs(toy.y).round()
    exposure = np.linspace(1.0, 2.0, 60)
    outcome = federate(model, None, counts, toy.hosts[:1], exposure=exposure)

    def ask(exposure):
        return simulate(
            guest=lambda session: outcome.guest.predict(session=session, exposure=exposure),
            hosts=[lambda session: outcome.hosts[0].predict(toy.hosts[0], session=session)],
            arbiter=lambda session: model.predict(session=session),
        )["guest"]

    np.testing.assert_allclose(ask(exposure), ask(None) * exposure, rtol=1e-9)
    with pytest.raises(ConfigurationError, match="guest has 59 rows, host-0 has 60"):
        ask(exposure[1:])


def test_such_batches_are_safe_if_they_are_for_the_hosts(federate, logistic, toy):
    """The loss of one row would give a guest without columns that row's residual."""
    with pytest.raises(ConfigurationError, match="each batch has 4 rows, host-0 has 4 columns"):
        federate(logistic(batch_size=4), None, toy.labels, toy.hosts[:1])
    with pytest.raises(ConfigurationError, match="each batch has 1 rows, guest has 1 columns"):
        federate(logistic(batch_size=1, masked_rate=9.0), None, toy.labels, toy.hosts[:1])
    model = logistic(batch_size=1, masked_rate=9.0, fit_intercept=False, max_iter=1)
    with pytest.raises(
        ConfigurationError, match="each batch has 1 rows, guest has 0 columns and sees"
    ):
        federate(model, None, toy.labels, toy.hosts[:1])
    federate(model.set_params(batch_size=2), None, toy.labels, toy.hosts[:1])


def test_a_host_has_columns(federate, logistic, toy):
    for nothing in (np.empty((60, 0)), None):
        with pytest.raises(DataError, match="X has (60 rows and 0 columns|0 dimensions)"):
            federate(logistic(), toy.guest, toy.labels, [nothing])


def test_a_guest_has_columns_or_labels(federate, logistic, toy):
    with pytest.raises(DataError, match="the guest has the labels: pass y"):
        federate(logistic(), None, None, toy.hosts[:1])
    with pytest.raises(DataError, match="y has no values"):
        federate(logistic(), None, [], toy.hosts[:1])
    with pytest.raises(DataError, match="the guest has the labels: pass y to fit, of one value"):
        federate(logistic(), None, 3, toy.hosts[:1])


def test_predicting_wants_the_columns_of_fit(federate, logistic, toy):
    outcome = federate(logistic(max_iter=1), toy.guest, toy.labels, toy.hosts[:1])
    with pytest.raises(DataError, match="X is None, the model was fitted on 3 columns"):
        simulate(
            guest=lambda session: outcome.guest.predict(session=session),
            hosts=[lambda session: None],
            arbiter=lambda session: None,
        )


@pytest.mark.parametrize("intercept", [True, False])
def test_the_work_is_that_of_the_hosts(federate, toy, intercept):
    model = HeteroLogisticRegression(
        **SMALL_KEY, max_iter=1, optimizer="sgd", fit_intercept=intercept
    )
    outcome = federate(model, None, toy.labels, toy.hosts[:1])
    shape = JobShape(60, {"guest": 0, "host-0": 4})
    work = model.workload(shape).steps
    parties = {"guest": outcome.guest, "host-0": outcome.hosts[0], "arbiter": outcome.arbiter}
    for name, fitted in parties.items():
        done = fitted.report_.usage.operations
        expected = Counter(work[name])
        assert {step: done.get(step, 0) for step in expected} == dict(expected), name
