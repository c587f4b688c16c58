# SPDX-License-Identifier: Apache-2.0
"""Missing values are imputed by each party for itself: in fit, in predict and in files, as scikit-learn would."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer

from pyfate_gpu import HeteroLinearRegression, HeteroLogisticRegression, simulate
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.glm.plaintext import fit_plaintext
from pyfate_gpu.protocol.report import JobReport
from tests.glm.conftest import SMALL_KEY, check_against_plaintext

WAYS = [("mean", True), ("median", False), (-1.5, True), (np.float32(2.0), False), (0, True)]


@pytest.fixture
def holes(toy, rng):
    """The same tables, a fifth of their values missing; the guest's last column has all of them."""
    guest, host = toy.guest.copy(), toy.hosts[0].copy()
    guest[:, :2][rng.random((60, 2)) < 0.2] = np.nan
    host[rng.random(host.shape) < 0.2] = np.nan
    return guest, host


def filled(fitted, rows, way, indicator):
    """What scikit-learn makes of `rows`, having learned from those of `fitted`."""
    constant = not isinstance(way, str)
    imputer = SimpleImputer(
        strategy="constant" if constant else way,
        fill_value=float(way) if constant else None,
        add_indicator=indicator,
    )
    return imputer.fit(fitted).transform(rows)


@pytest.mark.parametrize(("way", "indicator"), WAYS)
def test_as_if_the_tables_had_been_filled(federate, logistic, toy, holes, way, indicator):
    guest, host = holes
    model = logistic(impute=way, impute_indicator=indicator)
    new = guest[:7] * 2, np.full((7, 4), np.nan)  # of the host nothing is known
    outcome = federate(model, guest, toy.labels, [host], predict="decision_function", new=new)
    parts = [filled(part, part, way, indicator) for part in holes]
    plain = check_against_plaintext(outcome, parts, toy.labels)
    assert outcome.guest.coef_.shape == (5 if indicator else 3,)
    assert outcome.guest.n_features_in_ == 3
    scores = outcome.guest.intercept_
    for old, rows, party in zip(holes, new, (outcome.guest, outcome.hosts[0]), strict=True):
        complete = filled(old, rows, way, indicator)
        learned = filled(old, old, way, indicator)
        prepared = (complete - learned.mean(axis=0)) / learned.std(axis=0)
        scores = scores + np.clip(prepared, -2, 2) @ party.coef_
    np.testing.assert_allclose(outcome.predicted, scores, atol=1e-6)
    assert np.isfinite(plain.losses).all()


def test_the_plaintext_rule_imputes_alike(toy, holes):
    model = HeteroLinearRegression(impute="median", impute_indicator=True)
    found = fit_plaintext(holes, toy.y, model.settings())
    parts = [filled(part, part, "median", True) for part in holes]
    expected = fit_plaintext(parts, toy.y, HeteroLinearRegression().settings())
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-9)


def test_each_party_chooses_for_itself(toy, holes):
    """How one imputes is nobody else's business: terms do not have it."""

    def party(X=None, y=None, **params):
        def run(session):
            model = HeteroLogisticRegression(**SMALL_KEY, max_iter=1, **params)
            return model.fit(X, y, session=session)

        return run

    result = simulate(
        guest=party(holes[0], toy.labels, impute="mean", impute_indicator=True),
        hosts=[party(holes[1], impute=7.5), party(toy.hosts[1])],
        arbiter=party(),
    )
    assert [len(result[name].coef_) for name in ("guest", "host-0", "host-1")] == [5, 4, 2]


def test_validation_and_warm_starts_impute_as_the_fit_did(federate, logistic, toy, holes):
    guest, host = holes
    frame = pd.DataFrame(guest, columns=["age", "income", "debt"]).convert_dtypes()
    model = logistic(impute="mean", early_stopping_rounds=3)
    validation = [(frame[:20], toy.labels[:20]), host[:20]]
    outcome = federate(model, frame, toy.labels, [host], validation=validation)
    assert len(outcome.guest.validation_history_) == 3

    def again(model, *data):
        own = model.set_params(warm_start=True, impute=None, early_stopping_rounds=None)
        return lambda session: own.fit(*data, session=session)

    fill = outcome.guest._half.pipeline.imputation.fill
    simulate(
        guest=again(outcome.guest, frame * 3, toy.labels),
        hosts=[again(outcome.hosts[0], host)],
        arbiter=again(outcome.arbiter),
    )
    np.testing.assert_array_equal(outcome.guest._half.pipeline.imputation.fill, fill)


def test_names_of_indicators_follow_those_of_columns(federate, logistic, toy, holes):
    guest = pd.DataFrame(holes[0], columns=["age", "income", "debt"])
    model = logistic(impute="mean", impute_indicator=True)
    outcome = federate(model, guest, toy.labels, [holes[1]])
    names = ["age", "income", "debt", "age missing", "income missing"]
    assert outcome.guest.get_feature_names_out().tolist() == names
    assert outcome.guest.feature_names_in_.tolist() == names[:3]
    assert outcome.guest.result()["features"] == names
    weights = JobReport.of([outcome.guest]).weights["guest"]
    assert list(weights) == [*names, "intercept"]
    assert [weights[name][0] for name in names] == outcome.guest.coef_.tolist()
    host = outcome.hosts[0].get_feature_names_out().tolist()
    assert host[:5] == ["column 0", "column 1", "column 2", "column 3", "column 0 missing"]
    with pytest.raises(ConfigurationError, match="is not fitted"):
        outcome.arbiter.get_feature_names_out()


def test_files_keep_what_stands_for_missing_values(federate, logistic, toy, holes, tmp_path):
    model = logistic(impute="median", impute_indicator=True)
    outcome = federate(model, holes[0], toy.labels, [holes[1]], predict="decision_function")
    halves = []
    for fitted in (outcome.guest, outcome.hosts[0]):
        fitted.save(tmp_path / "half")
        halves.append(HeteroLogisticRegression.load(tmp_path / "half"))
        assert halves[-1].get_params() == fitted.get_params()
    result = simulate(
        guest=lambda session: halves[0].decision_function(holes[0], session=session),
        hosts=[lambda session: halves[1].decision_function(holes[1], session=session)],
        arbiter=lambda session: model.decision_function(session=session),
    )
    np.testing.assert_allclose(result["guest"], outcome.predicted, atol=1e-9)


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {"fill": [0.0, 0.0, 0.0]},
        {"fill": [0.0, 0.0], "indicators": [0, 1, 2]},
        {"fill": [0.0, float("nan"), 0.0], "indicators": [0, 1]},
        {"fill": [0.0, 0.0, 0.0, 0.0], "indicators": [0, 1]},
        {"fill": [0.0, 0.0, 0.0], "indicators": [0]},
    ],
)
def test_files_whose_imputation_is_none(federate, logistic, toy, holes, tmp_path, found):
    model = logistic(max_iter=1, impute="median", impute_indicator=True)
    federate(model, holes[0], toy.labels, [holes[1]]).guest.save(tmp_path / "half")
    with zipfile.ZipFile(tmp_path / "half") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(members["model.json"]) | {"imputation": found}
    with zipfile.ZipFile(tmp_path / "half", "w") as archive:
        for name, content in (members | {"model.json": json.dumps(header).encode()}).items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match="it is damaged or of another release"):
        HeteroLogisticRegression.load(tmp_path / "half")


def test_missing_values_are_refused_unless_something_stands_for_them(
    federate, logistic, toy, holes
):
    with pytest.raises(DataError, match=r"X holds NaN .* before training, or set impute"):
        federate(logistic(), holes[0], toy.labels, [toy.hosts[0]])
    infinite = np.where(np.isnan(holes[0]), np.inf, holes[0])
    with pytest.raises(DataError, match="X holds infinite values in column 0"):
        federate(logistic(impute="mean"), infinite, toy.labels, [toy.hosts[0]])


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"impute": "mode"}, "impute is 'mode'; it must be one of 'mean', 'median', a number, or"),
        ({"impute": True}, "impute is True"),
        ({"impute": float("nan")}, "impute is nan"),
        ({"impute": ["mean"]}, r"impute is \['mean'\]"),
        ({"impute_indicator": "yes"}, "impute_indicator is 'yes'; it must be True or False"),
        ({"impute_indicator": 1}, "impute_indicator is 1; it must be True or False"),
    ],
)
def test_ways_that_are_none(params, text):
    with pytest.raises(ConfigurationError, match=text):
        HeteroLinearRegression(**params).settings()
