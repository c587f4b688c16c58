# SPDX-License-Identifier: Apache-2.0
"""Models have the manners of scikit-learn."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from pyfate_gpu import (
    HeteroLinearRegression,
    HeteroLogisticRegression,
    HeteroPoissonRegression,
    simulate,
)
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.errors import ConfigurationError, DataError, UnsupportedOperationError
from pyfate_gpu.glm.families import TaylorLogistic
from pyfate_gpu.protocol.report import JobReport

MODELS = [HeteroLinearRegression, HeteroLogisticRegression]


@pytest.mark.parametrize("model", MODELS)
def test_parameters_go_in_and_come_out(model):
    made = model(alpha=0.5, optimizer="adam")
    assert made.get_params()["alpha"] == 0.5
    assert model(**made.get_params()).get_params() == made.get_params()
    assert made.set_params(alpha=0.25, tol=1.0) is made
    assert (made.alpha, made.tol) == (0.25, 1.0)


@pytest.mark.parametrize("model", MODELS)
def test_scikit_learn_clones_them(model):
    made = model(max_iter=7, batch_size=100, callbacks=[])
    copied = clone(made)
    assert copied is not made
    assert copied.get_params() == made.get_params()


def test_unknown_parameters_change_nothing():
    model = HeteroLinearRegression()
    with pytest.raises(ConfigurationError, match="has no parameter beta; it has allow_insecure"):
        model.set_params(alpha=9.0, beta=1)
    assert model.alpha == 0.01


def test_positional_parameters_are_refused():
    with pytest.raises(TypeError):
        HeteroLinearRegression(10)


def test_repr_shows_what_was_changed():
    assert repr(HeteroLogisticRegression()) == "HeteroLogisticRegression()"
    assert repr(HeteroLogisticRegression(alpha=0.1)) == "HeteroLogisticRegression(alpha=0.1)"


@pytest.mark.parametrize("callbacks", [None, 5, [print]])
def test_callbacks_are_checked_before_training(callbacks):
    with pytest.raises(ConfigurationError, match="callbacks is .* method on_iteration"):
        HeteroLinearRegression(callbacks=callbacks).settings()


def test_a_session_is_asked_for(toy):
    with pytest.raises(ConfigurationError, match="session is None"):
        HeteroLogisticRegression().fit(toy.guest, toy.labels, session=None)


def test_nothing_is_checked_before_fit():
    model = HeteroLinearRegression(max_iter=-3, optimizer="magic")
    with pytest.raises(
        ConfigurationError, match="optimizer is 'magic'; choose one of auto, newton, sgd"
    ):
        model.settings()


def test_fitted_attributes(federate, logistic, toy):
    outcome = federate(logistic(), toy.guest, toy.labels, toy.hosts)
    guest, host, arbiter = outcome.guest, outcome.hosts[1], outcome.arbiter
    assert guest.coef_.shape == (3,)
    assert isinstance(guest.intercept_, float)
    assert guest.classes_.tolist() == [0, 1]
    assert guest.n_features_in_ == 3
    assert len(guest.loss_history_) == guest.n_iter_ == 3
    assert host.coef_.shape == (2,)
    for party in (host, arbiter):  # nothing of the guest's
        assert not {"intercept_", "loss_history_", "classes_"} & vars(party).keys()
    assert not {"coef_", "n_features_in_"} & vars(arbiter).keys()
    assert not hasattr(guest, "feature_names_in_")


def test_pandas_in_names_out(federate, logistic, toy):
    guest = pd.DataFrame(toy.guest, columns=["age", "income", "debt"])
    host = pd.DataFrame(toy.hosts[0]).rename(columns=str)
    labels = pd.Series(np.where(toy.labels, "late", "paid"))
    outcome = federate(logistic(), guest, labels, [host], predict="predict")
    assert outcome.guest.feature_names_in_.tolist() == ["age", "income", "debt"]
    assert outcome.guest.classes_.tolist() == ["late", "paid"]
    assert set(outcome.predicted) <= {"late", "paid"}
    assert (outcome.predicted == labels.to_numpy()).mean() > 0.6


def _rerun(outcome, method, guest, host):
    """Use fitted models in a new session."""

    def call(model, *args):
        return lambda session: getattr(model, method)(*args, session=session)

    return simulate(
        guest=call(outcome.guest, guest),
        hosts=[call(outcome.hosts[0], host)],
        arbiter=call(outcome.arbiter),
    )


def test_predict_prepares_features_as_fit_did(federate, logistic, toy, rng):
    outcome = federate(logistic(), toy.guest, toy.labels, toy.hosts[:1])
    new = [rng.normal(size=(9, 3)) * 50, rng.normal(size=(9, 4)) * 50]  # beyond the clip
    result = _rerun(outcome, "decision_function", *new)
    expected = np.full(9, outcome.guest.intercept_)
    for old, rows, model in zip(
        [toy.guest, toy.hosts[0]], new, [outcome.guest, outcome.hosts[0]], strict=True
    ):
        prepared = FeaturePipeline.fit(old, standardize=True, clip=2.0).transform(rows).values
        assert np.abs(prepared).max() == 2.0
        expected += prepared @ model.coef_
    np.testing.assert_allclose(result["guest"], expected, atol=1e-9)
    assert result["host-0"] is result["arbiter"] is None

    proba = _rerun(outcome, "predict_proba", *new)["guest"]
    np.testing.assert_allclose(proba[:, 1], TaylorLogistic().response(expected), atol=1e-9)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    classes = _rerun(outcome, "predict", *new)["guest"]
    assert classes.tolist() == (expected > 0).astype(int).tolist()


def test_one_row_can_be_predicted(federate, linear, toy):
    outcome = federate(
        linear(),
        toy.guest,
        toy.y,
        toy.hosts,
        predict="predict",
        new=[toy.guest[:1], *(host[:1] for host in toy.hosts)],
    )
    assert outcome.predicted.shape == (1,)


def test_predict_wants_the_columns_of_fit(federate, logistic, toy):
    outcome = federate(
        logistic(), pd.DataFrame(toy.guest, columns=list("abc")), toy.labels, toy.hosts[:1]
    )
    with pytest.raises(DataError, match="X has 2 columns, the model was fitted on 3"):
        _rerun(outcome, "predict", toy.guest[:, :2], toy.hosts[0])
    with pytest.raises(DataError, match="missing: c"):
        _rerun(outcome, "predict", pd.DataFrame(toy.guest, columns=list("abx")), toy.hosts[0])
    with pytest.raises(DataError, match="the order differs"):
        _rerun(outcome, "predict", pd.DataFrame(toy.guest, columns=list("acb")), toy.hosts[0])


def test_scores_that_are_none(federate, logistic, toy):
    guest = federate(logistic(), toy.guest, toy.labels, toy.hosts[:1]).guest
    zeros = [0.0] * len(toy.labels)
    assert guest.evaluate(toy.labels, zeros)["auc"] == 0.5
    for wrong in (None, 0.5, "abc", [zeros, zeros], [[0.0]], [np.nan] * len(zeros)):
        with pytest.raises(DataError, match="decision_function returns"):
            guest.evaluate(toy.labels, wrong)
        with pytest.raises(DataError, match="decision_function returns"):
            guest.interpret(wrong)


@pytest.mark.parametrize(
    "missing",
    [
        lambda y: pd.Series(y, dtype="Int64").where(y != 7),
        lambda y: [None if label == 7 else label for label in y.tolist()],
        lambda y: np.where(y == 7, np.nan, y),
        lambda y: pd.Series([pd.NA if label == 7 else label for label in y.tolist()]),
    ],
    ids=["pandas' Int64", "None", "NaN", "objects"],
)
def test_rows_without_labels_are_not_judged(federate, logistic, toy, missing):
    outcome = federate(
        logistic(), toy.guest, toy.labels, toy.hosts[:1], predict="decision_function"
    )
    guest, scores = outcome.guest, outcome.predicted
    labels = toy.labels.copy()
    labels[::3] = 7
    there = labels != 7
    expected = guest.evaluate(labels[there], scores[there])
    assert guest.evaluate(missing(labels), scores) == expected
    assert guest.evaluate(missing(np.full(60, 7)), scores) == {}
    report = JobReport.of([guest], missing(labels), scores)
    assert report == JobReport.of([guest], labels[there], scores[there])
    assert report.roc


@pytest.mark.parametrize("kind", ["linear", "poisson"])
def test_targets_that_are_missing_are_not_judged(federate, linear, toy, kind):
    model = linear() if kind == "linear" else HeteroPoissonRegression(**linear().get_params())
    y = np.abs(toy.y).round()
    outcome = federate(model, toy.guest, y, toy.hosts[:1], predict="decision_function")
    expected = outcome.guest.evaluate(y[7:], outcome.predicted[7:])
    y[:7] = np.nan
    assert outcome.guest.evaluate(y, outcome.predicted) == expected


def test_predict_before_fit(toy, logistic):
    with pytest.raises(ConfigurationError, match="is not fitted: call fit first"):
        simulate(
            guest=lambda session: logistic().predict(toy.guest, session=session),
            hosts=[lambda session: None],
            arbiter=lambda session: None,
        )


def test_a_failed_fit_leaves_the_former_model(federate, logistic, toy):
    outcome = federate(logistic(), toy.guest, toy.labels, toy.hosts[:1])
    before = copy.copy(vars(outcome.guest))
    bad = toy.guest.copy()
    bad[0, 0] = np.inf
    with pytest.raises(DataError):
        simulate(
            guest=lambda session: outcome.guest.fit(bad, toy.labels, session=session),
            hosts=[lambda session: None],
            arbiter=lambda session: None,
        )
    assert vars(outcome.guest) == before


def test_the_arbiters_model_cannot_be_copied(federate, logistic, toy):
    outcome = federate(logistic(), toy.guest, toy.labels, toy.hosts[:1])
    with pytest.raises(UnsupportedOperationError, match="never pickled, copied or sent"):
        copy.deepcopy(outcome.arbiter)


def test_a_classifier_takes_two_classes(federate, logistic, toy):
    with pytest.raises(DataError, match="y has 1 distinct values, a classifier takes 2 or more"):
        federate(logistic(), toy.guest, np.zeros(60), toy.hosts[:1])


@pytest.mark.parametrize(
    ("who", "text"), [("host", "a host has no labels"), ("arbiter", "the arbiter has .* no data")]
)
def test_data_in_the_wrong_hands_is_refused(toy, logistic, who, text):
    def fit(X=None, y=None):
        return lambda session: logistic().fit(X, y, session=session)

    with pytest.raises(DataError, match=text):
        simulate(
            guest=fit(toy.guest, toy.labels),
            hosts=[fit(toy.hosts[0], toy.labels if who == "host" else None)],
            arbiter=fit(toy.guest if who == "arbiter" else None),
        )


def test_the_guest_needs_labels(federate, logistic, toy):
    with pytest.raises(DataError, match="the guest has the labels: pass y"):
        federate(logistic(), toy.guest, None, toy.hosts[:1])


def test_a_loss_that_explodes_is_an_error(federate, linear, toy):
    model = linear(optimizer="sgd", learning_rate=1e4, max_iter=50)
    with pytest.raises(DataError, match=r"the limit is .* or lower the learning rate"):
        federate(model, toy.guest, toy.y, toy.hosts[:1])


class _Recorder:
    def __init__(self):
        self.reports = []

    def __deepcopy__(self, memo):
        return self

    def on_iteration(self, report):
        self.reports.append(report)


def test_callbacks_hear_of_every_iteration(federate, logistic, toy):
    recorder = _Recorder()
    outcome = federate(
        logistic(callbacks=[recorder], batch_size=20), toy.guest, toy.labels, toy.hosts[:1]
    )
    by_party = {}
    for report in recorder.reports:
        by_party.setdefault(report.party, []).append(report)
    assert set(by_party) == {"guest", "host-0", "arbiter"}
    for reports in by_party.values():
        assert [report.iteration for report in reports] == [1, 2, 3]
        assert all(report.seconds > 0 for report in reports)
    guest, host, arbiter = (by_party[name][1] for name in ("guest", "host-0", "arbiter"))
    assert guest.loss == outcome.guest.loss_history_[1]
    assert host.loss is arbiter.loss is None
    assert guest.usage.operations == {
        "add": 60 + 3,
        "check": 60 + 3,
        "multiply": 60 * (3 + 1 + 1),
        "blind": 60,
        "mask": 3 * (3 + 1 + 1),
    }
    assert host.usage.operations == {
        "encrypt": 60 + 3,
        "check": 60,
        "multiply": 60 * 4,
        "mask": 12,
    }
    assert arbiter.usage.operations == {"check": 3 * (5 + 4), "decrypt": 3 * (5 + 4)}
    # What one sends the others receive, this iteration: nothing is counted twice or lost.
    sent = sum(report.usage.bytes_sent for report in (guest, host, arbiter))
    assert sent > 60 * 2 * 128


def test_the_report_says_what_ran(federate, logistic, toy, engine):
    outcome = federate(logistic(), toy.guest, toy.labels, toy.hosts[:1])
    key = outcome.arbiter._keys[0]
    for model in (outcome.guest, outcome.hosts[0], outcome.arbiter):
        report = model.report_
        assert report.backend == engine
        assert report.key_bits == 512
        assert report.key_fingerprint == key.fingerprint
        assert report.iterations == 3
        assert report.seconds > 0
    assert outcome.guest.report_.usage.bytes_sent > 3 * 60 * 128
