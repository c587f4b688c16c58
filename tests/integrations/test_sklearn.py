# SPDX-License-Identifier: Apache-2.0
"""The simulated estimators under scikit-learn's own checks, in its pipelines and searches."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from pyfate_gpu import (
    HeteroLinearRegression,
    HeteroLogisticRegression,
    HeteroPoissonRegression,
    PyFateError,
)
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.integrations.sklearn import SimulatedClassifier, SimulatedRegressor

KEY = {"key_bits": 256, "allow_insecure_key_size": True}


def classifier(**params):
    return SimulatedClassifier(
        HeteroLogisticRegression(**{"max_iter": 10, "learning_rate": 0.3} | KEY | params)
    )


def regressor(**params):
    model = {"max_iter": 20, "optimizer": "sgd", "learning_rate": 0.3, "alpha": 0.0}
    return SimulatedRegressor(HeteroLinearRegression(**model | KEY | params))


def does_not_apply(estimator):
    """Checks that cannot pass, and why."""
    return {
        "check_sample_weight_equivalence_on_dense_data": (
            "trains 15 rows on 16 columns of one party, which gives residuals away: refused"
        )
    }


def every_check():
    """Scikit-learn's checks, as a list: in some releases they come as a generator, which pytest will not take."""
    checks = parametrize_with_checks(
        [classifier(), regressor()], expected_failed_checks=does_not_apply
    )
    names, cases = checks.args
    return pytest.mark.parametrize(names, list(cases), **checks.kwargs)


@every_check()
def test_checks(estimator, check):
    check(estimator)


def test_search_over_a_pipeline():
    x, y = load_breast_cancer(return_X_y=True)
    # A first-order optimizer: who has a column changes nothing, not even on the way.
    pipeline = make_pipeline(StandardScaler(), classifier(max_iter=3, optimizer="rmsprop"))
    search = GridSearchCV(
        pipeline,
        {
            "simulatedclassifier__estimator__link": ["taylor", "minimax"],
            "simulatedclassifier__hosts": [1, 2],
        },
        cv=2,
    ).fit(x[:200], y[:200])
    scores = search.cv_results_["mean_test_score"].reshape(2, 2)
    np.testing.assert_allclose(scores[:, 0], scores[:, 1])  # who has a column changes nothing
    assert search.score(x[200:], y[200:]) > 0.85
    assert search.best_estimator_[-1].coef_.shape == (30,)


def test_scores_are_those_of_least_squares(rng):
    x = rng.normal(size=(60, 5))
    y = x @ [1.0, -2.0, 0.5, 0.0, 3.0] + 1
    model = SimulatedRegressor(
        regressor(max_iter=60, tol=0.0).estimator, hosts=2, guest_columns=1
    ).fit(x, y)
    plain = LinearRegression().fit(StandardScaler().fit_transform(x), y)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-3)
    np.testing.assert_allclose(model.intercept_, plain.intercept_, atol=1e-3)
    assert set(model.parties_) == {"guest", "host-0", "host-1", "arbiter"}
    assert cross_val_score(regressor(), x, y, cv=2).min() > 0.9


def test_several_classes():
    x, y = load_iris(return_X_y=True, as_frame=True)
    model = classifier(max_iter=15).fit(x, y.map({0: "a", 1: "b", 2: "c"}))
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.coef_.shape == (3, 4)
    assert model.predict_proba(x).shape == (150, 3)
    assert list(model.feature_names_in_) == list(x.columns)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(x[x.columns[::-1]])


def test_counts(rng):
    x = rng.normal(size=(80, 3))
    y = rng.poisson(np.exp(x @ [0.5, -0.3, 0.2]))
    estimator = HeteroPoissonRegression(max_iter=10, learning_rate=0.1, **KEY)
    assert (SimulatedRegressor(estimator).fit(x, y).predict(x) > 0).all()


def test_pickles_hold_no_private_key(rng):
    x = rng.normal(size=(40, 4))
    model = classifier().fit(x, x[:, 0] > 0)
    again = pickle.loads(pickle.dumps(model))
    assert not hasattr(again.parties_["arbiter"], "_keys")
    np.testing.assert_allclose(again.decision_function(x), model.decision_function(x))
    assert clone(model).get_params()["estimator__max_iter"] == 10


@pytest.mark.parametrize(
    "wrong", [{"hosts": 0}, {"hosts": 4}, {"guest_columns": 4}, {"guest_columns": 0}]
)
def test_columns_that_cannot_be_split(rng, wrong):
    x = rng.normal(size=(40, 4))
    with pytest.raises(PyFateError):
        classifier().set_params(**wrong).fit(x, x[:, 0] > 0)


@pytest.mark.parametrize("kind", [int, np.int64, np.uint8])
def test_integers_of_any_library_are_parameters(rng, kind):
    x = rng.normal(size=(40, 5))
    model = classifier(max_iter=1).set_params(hosts=kind(2), guest_columns=kind(2))
    assert set(model.fit(x, x[:, 0] > 0).parties_) == {"guest", "host-0", "host-1", "arbiter"}
    assert model.parties_["guest"].coef_.shape == (2,)


@pytest.mark.parametrize("name", ["hosts", "guest_columns"])
@pytest.mark.parametrize("wrong", [True, np.bool_(True), 1.0, np.float64(1), "1", [1]])
def test_what_is_no_integer_is_no_parameter(rng, name, wrong):
    x = rng.normal(size=(40, 5))
    with pytest.raises(ConfigurationError, match=name):
        classifier().set_params(**{name: wrong}).fit(x, x[:, 0] > 0)


def test_logarithms_of_probabilities(rng):
    x = rng.normal(size=(40, 4))
    model = classifier().fit(x, x[:, 0] > 0)
    np.testing.assert_allclose(model.predict_log_proba(x), np.log(model.predict_proba(x)))


@pytest.mark.parametrize(
    ("simulated", "estimator"),
    [
        (SimulatedClassifier, HeteroLinearRegression(**KEY)),
        (SimulatedRegressor, HeteroLogisticRegression(**KEY)),
        (SimulatedClassifier, 5),
    ],
)
def test_models_of_another_task(rng, simulated, estimator):
    x = rng.normal(size=(40, 4))
    with pytest.raises(ConfigurationError, match="takes a Hetero"):
        simulated(estimator).fit(x, x[:, 0] > 0)
