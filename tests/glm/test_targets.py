# SPDX-License-Identifier: Apache-2.0
"""Targets of any size: computed in a unit of their own, told in the user's."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, LinearRegression, Ridge

from pyfate_gpu import HeteroLinearRegression, simulate
from pyfate_gpu.errors import DataError, ProtocolError
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.glm.plaintext import fit_plaintext
from pyfate_gpu.glm.targets import EXPONENT_LIMIT, UNSCALED, TargetScale, receive_scale
from pyfate_gpu.learning.metrics import regression_metrics
from pyfate_gpu.learning.penalties import PENALTIES
from pyfate_gpu.protocol.checks import check_scores

#: Interest rates, a usual size, prices in a small currency: factor and shift of targets of size 1.
UNITS = [(1e-12, 0.0), (1e-12, 3e-12), (1.0, 0.0), (1e7, 1e9), (1e12, -5e12)]
MANY_STEPS = {
    "optimizer": "sgd", "learning_rate": 0.5, "max_iter": 400, "tol": 0.0, "standardize": False,
}  # fmt: skip


@pytest.fixture
def data(rng):
    parts = [rng.normal(size=(200, 2)), rng.normal(size=(200, 3))]
    y = np.hstack(parts) @ [1.0, -2.0, 0.5, 0.0, 3.0] + 0.3 * rng.normal(size=200)
    return parts, y


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
@pytest.mark.parametrize(("factor", "shift"), UNITS)
def test_the_objective_of_the_user_is_minimised(data, factor, shift, penalty, intercept):
    """In the user's unit, that is: alpha of L1 is worth as much as targets are."""
    parts, y = data
    x, y = np.hstack(parts), factor * y + shift
    alpha = 0.2 * factor if penalty == "l1" else 0.2
    model = HeteroLinearRegression(
        penalty=penalty, alpha=alpha, fit_intercept=intercept, **MANY_STEPS
    )
    plain = fit_plaintext(parts, y, model.settings())
    judge = {
        None: LinearRegression(fit_intercept=intercept),
        "l2": Ridge(alpha=0.2 * len(y), fit_intercept=intercept),
        # scikit-learn's own limits are for targets of size 1
        "l1": Lasso(alpha=0.2, tol=1e-12, fit_intercept=intercept, max_iter=10_000),
    }[penalty].fit(x, y / factor)
    guest, host = (weights / factor for weights in plain.weights)
    np.testing.assert_allclose(np.append(guest[:2], host), judge.coef_, rtol=1e-6, atol=1e-6)
    if intercept:
        assert guest[2] == pytest.approx(judge.intercept_, rel=1e-9, abs=1e-6)
    size = max(1.0, np.abs(y / factor).max())  # features are rounded to 24 bits
    np.testing.assert_allclose(plain.scores / factor, judge.predict(x), atol=1e-6 * size)
    cost = {None: 0.0, "l2": 0.1 * (judge.coef_**2).sum(), "l1": 0.2 * np.abs(judge.coef_).sum()}
    error = np.mean((y / factor - judge.predict(x)) ** 2) / 2
    assert plain.losses[-1] / factor**2 == pytest.approx(error + cost[penalty], rel=1e-6)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"penalty": "l1", "optimizer": "adam", "batch_size": 30},
        {"penalty": "l1", "mode": "arbiter_optimizer"},
        {"fit_intercept": False, "optimizer": "nesterov"},
    ],
    ids=str,
)
@pytest.mark.parametrize(("factor", "shift"), UNITS)
def test_encrypted_as_in_plaintext(federate, linear, toy, factor, shift, params):
    y = factor * toy.y + shift
    model = linear(alpha=0.1 * factor if "penalty" in params else 0.1, **params)
    outcome = federate(model, toy.guest, y, toy.hosts, predict="predict")
    plain = fit_plaintext([toy.guest, *toy.hosts], y, model.settings())
    difference = outcome.weights() - np.concatenate(plain.weights)
    assert np.abs(difference).max() < 1e-9 * max(factor, abs(shift))
    np.testing.assert_allclose(outcome.guest.loss_history_, plain.losses, rtol=1e-6)
    np.testing.assert_allclose(outcome.predicted, plain.scores, rtol=1e-9, atol=1e-9 * factor)
    found = outcome.guest.evaluate(y, outcome.predicted)
    assert found == pytest.approx(regression_metrics(y, plain.scores), rel=1e-6)
    assert (
        not model.fit_intercept or found["r2"] > -1.0
    )  # of predictions in another unit it would be far below


def test_the_unit_changes_nothing_but_the_unit(data):
    parts, y = data
    model = HeteroLinearRegression(optimizer="sgd", learning_rate=0.3, max_iter=20, tol=0.0)
    settings = model.settings()
    first = fit_plaintext(parts, y, settings)
    for factor, shift in UNITS[1:]:
        other = fit_plaintext(parts, factor * y + shift, settings)
        np.testing.assert_allclose(other.weights[1], first.weights[1] * factor, rtol=1e-6)
        expected = first.scores * factor + shift
        np.testing.assert_allclose(other.scores, expected, rtol=1e-6, atol=1e-9 * factor)
        assert len(other.losses) == len(first.losses)


@pytest.mark.parametrize("optimizer", ["auto", "rmsprop", "sgd"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e12, -1e-12])
def test_targets_that_are_all_the_same(federate, linear, toy, value, optimizer):
    y = np.full(60, value)
    model = linear(optimizer=optimizer)
    outcome = federate(model, toy.guest, y, toy.hosts, predict="predict")
    assert outcome.predicted.tolist() == y.tolist()
    assert outcome.guest.intercept_ == value
    assert set(outcome.guest.loss_history_) == {0.0}
    assert not outcome.guest.coef_.any()


def test_validation_is_judged_in_the_users_unit(federate, linear, toy):
    y = 1e9 * toy.y + 1e10
    tested = [(toy.guest[:20], y[:20]), *(host[:20] for host in toy.hosts)]
    model = linear(early_stopping_rounds=2)
    outcome = federate(model, toy.guest, y, toy.hosts, predict="predict", validation=tested)
    expected = regression_metrics(y[:20], outcome.predicted[:20])
    assert outcome.guest.validation_history_[-1] == pytest.approx(expected, rel=1e-6)
    assert expected["rmse"] > 1e8


def test_a_warm_start_keeps_the_unit(linear, toy):
    """Other targets later: their mean is another one, and the weights go on from where they were."""
    later = toy.y * 3 + 1e6
    model = linear(optimizer="sgd", learning_rate=0.5, max_iter=2)

    def party(X=None, first=None, second=None):
        def run(session):
            own = type(model)(**model.get_params()).fit(X, first, session=session)
            scale = own._half.scale if hasattr(own, "_half") else None
            own.set_params(warm_start=True).fit(X, second, session=session)
            return own, scale

        return run

    result = simulate(
        guest=party(toy.guest, toy.y, later), hosts=[party(toy.hosts[0])], arbiter=party()
    )
    parts = [toy.guest, toy.hosts[0]]
    once = fit_plaintext(parts, toy.y, model.settings())
    scale = result["guest"][1]
    twice = fit_plaintext(parts, later, model.settings(), start=once.weights, scale=scale)
    guest = result["guest"][0]
    assert guest._half.scale == scale != UNSCALED
    np.testing.assert_allclose(guest.coef_, twice.weights[0][:-1], rtol=1e-8)
    assert guest.intercept_ == pytest.approx(twice.weights[0][-1], rel=1e-8)
    np.testing.assert_allclose(result["host-0"][0].coef_, twice.weights[1], rtol=1e-8)


def _predict(guest, host, toy):
    """Predict by two halves."""
    return simulate(
        guest=lambda session: guest.predict(toy.guest, session=session),
        hosts=[lambda session: host.predict(toy.hosts[0], session=session)],
        arbiter=lambda session: type(guest)(**guest.get_params()).predict(session=session),
    )["guest"]


def test_files_keep_the_unit(federate, linear, toy, tmp_path):
    y = 1e-9 * toy.y + 1.0
    outcome = federate(linear(), toy.guest, y, toy.hosts[:1], predict="predict")
    halves = []
    for name, model in (("guest", outcome.guest), ("host", outcome.hosts[0])):
        model.save(tmp_path / name)
        halves.append(HeteroLinearRegression.load(tmp_path / name))
    assert halves[0]._half.scale == outcome.guest._half.scale
    assert halves[0].intercept_ == outcome.guest.intercept_
    np.testing.assert_array_equal(halves[1].coef_, outcome.hosts[0].coef_)
    np.testing.assert_array_equal(_predict(*halves, toy), outcome.predicted)
    with zipfile.ZipFile(tmp_path / "host") as archive:
        assert "targets" not in json.loads(archive.read("model.json"))


def test_files_that_know_no_unit_predict_as_they_did(federate, linear, toy, tmp_path):
    """Those of releases before there was one: weights are in the user's unit in all files."""
    outcome = federate(linear(), toy.guest, toy.y, toy.hosts[:1], predict="predict")
    outcome.guest.save(tmp_path / "guest")
    with zipfile.ZipFile(tmp_path / "guest") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(members["model.json"])
    del header["targets"]
    assert header["version"] == 1
    with zipfile.ZipFile(tmp_path / "guest", "w") as archive:
        for name, content in (members | {"model.json": json.dumps(header).encode()}).items():
            archive.writestr(name, content)
    old = HeteroLinearRegression.load(tmp_path / "guest")
    assert old._half.scale == UNSCALED
    np.testing.assert_allclose(_predict(old, outcome.hosts[0], toy), outcome.predicted, atol=1e-9)


def test_hosts_hear_the_size_and_nobody_the_mean(federate, linear, toy, transcript):
    y = toy.y * 1e5 + 12_345_678.9
    federate(linear(), toy.guest, y, toy.hosts, predict="predict")
    told = [message for message in transcript if message.name.endswith("/target_scale")]
    assert {str(message.to) for message in told} == {"host-0", "host-1"}
    exponent = round(np.log2(y.std()))
    assert [message.payload for message in told] == [{"exponent": exponent}] * 4  # fit, predict
    for message in transcript:
        for key, value in message.payload.items():
            assert isinstance(value, Sealed | int | bool | str) or key in {
                "rows", "sizes", "used", "residues", "alpha", "beta", "exponents", "masked",
            }  # fmt: skip
            assert "12345678" not in str(value)


def test_classes_and_counts_have_no_unit(federate, logistic, toy, transcript):
    federate(logistic(), toy.guest, toy.labels, toy.hosts[:1], predict="predict")
    assert not [message for message in transcript if message.name.endswith("/target_scale")]


@pytest.mark.parametrize("exponent", [EXPONENT_LIMIT + 1, -EXPONENT_LIMIT - 1])
def test_a_size_that_no_targets_have_is_refused(exponent):
    with pytest.raises(ProtocolError, match=r"announced targets of size 2\^-?401, the limit is"):
        simulate(
            guest=lambda session: session.send(session.hosts, "target_scale", exponent=exponent),
            hosts=[receive_scale],
            arbiter=lambda session: None,
        )


@pytest.mark.parametrize("y", [[1e150, 0.0], [0.0, 1e-150], [-1.7e308, 1.7e308]])
def test_targets_whose_squares_are_beyond_float64_are_refused(y):
    for centre in (True, False):
        with pytest.raises(DataError, match=r"its squares are beyond float64; the limits are"):
            TargetScale.fit(np.array(y)[:, np.newaxis], centre=centre)


numbers = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)


@given(st.lists(numbers, min_size=2, max_size=20), st.integers(-300, 300), st.booleans())
def test_scaled_targets_have_size_one(values, size, centre):
    y = np.ldexp(np.array(values)[:, np.newaxis], size)
    scale = TargetScale.fit(y, centre=centre)
    scaled = scale.shrink(y)
    spread = np.sqrt(np.mean(scaled**2))
    same = y.max() == y.min()
    assert (spread == 0) if (same and (centre or not y.any())) else (0.7 < spread < 1.42)
    assert abs(scaled.mean()) < 1e-6 * len(y) or not centre
    np.testing.assert_allclose(scale.grow(scaled), y, rtol=1e-9, atol=1e-9 * np.abs(y).max())
    assert TargetScale.fit(np.ldexp(y, 7), centre=centre).exponent in (scale.exponent + 7, 0)


@given(st.lists(st.tuples(numbers, st.integers(0, 3)), min_size=3, max_size=12))
def test_weights_count_targets_several_times(rows):
    y = np.array([value for value, _ in rows])[:, np.newaxis]
    weights = np.array([float(count) for _, count in rows])[:, np.newaxis]
    repeated = np.repeat(y, weights.ravel().astype(int), axis=0)
    if not len(repeated) or repeated.max() == repeated.min():
        return
    weighted = TargetScale.fit(y, weights, centre=True)
    plain = TargetScale.fit(repeated, centre=True)
    assert weighted.mean == pytest.approx(plain.mean, rel=1e-9, abs=1e-9 * np.abs(y).max())
    exponent = plain.exponent
    if np.abs(plain.shrink(y)).max() > 2**19:  # a row without weight lies far away
        exponent = np.frexp(np.abs(y - plain.mean).max())[1] - 20
    assert abs(weighted.exponent - exponent) <= 1  # a size between two powers of two


@pytest.mark.parametrize("weights", [[1, 0, 0], [1, 1e-12, 0], [3, 7, 0]])
@pytest.mark.parametrize("y", [[0.1, 0.1, 7.0], [1e9, 1e9, 1e-9], [3.0, 3.0 + 2e-16, 1e30]])
@pytest.mark.parametrize("centre", [True, False])
def test_rows_without_weight_stay_within_what_is_encrypted(y, weights, centre):
    y, weights = np.array(y)[:, np.newaxis], np.array(weights, dtype=float)[:, np.newaxis]
    scale = TargetScale.fit(y, weights, centre=centre)
    assert np.abs(scale.shrink(y)).max() < 2.0**21
    check_scores(scale.shrink(y))


@given(st.sampled_from(list(PENALTIES)), st.integers(-100, 100), st.floats(0, 1e3), st.data())
def test_the_penalty_keeps_its_share_of_the_objective(name, exponent, alpha, data):
    weights = np.array(data.draw(st.lists(numbers, min_size=1, max_size=5)))
    penalty, scale = PENALTIES[name], TargetScale(exponent=exponent)
    scaled = scale.shrink_weights(weights, intercept=False)
    factor = np.array(scale.alpha(alpha, penalty.degree))
    found = scale.grow_loss(penalty.loss(factor, scaled))
    assert found == pytest.approx(penalty.loss(np.array(alpha), weights), rel=1e-12)


def test_penalties_beyond_float64_leave_no_weight():
    huge = TargetScale(exponent=-EXPONENT_LIMIT).alpha(1e300, PENALTIES["l1"].degree)
    alpha, weights = np.array([huge]), np.array([1.0])
    assert PENALTIES["l1"].shrink(alpha, weights, np.array([1e6])).tolist() == [0.0]
    assert PENALTIES["l1"].loss(alpha, np.zeros(1)) == 0.0


def test_weights_in_the_users_unit_are_exact(rng):
    scale = TargetScale(exponent=37)
    weights = rng.normal(size=(4, 1))
    again = scale.grow_weights(scale.shrink_weights(weights, intercept=False), intercept=False)
    np.testing.assert_array_equal(again, weights)
