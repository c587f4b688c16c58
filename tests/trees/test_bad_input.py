# SPDX-License-Identifier: Apache-2.0
"""Tables, labels and parameters that boosting cannot take, and odd ones that it can."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu import HeteroBoostedTreesClassifier, HeteroBoostedTreesRegressor
from pyfate_gpu.errors import ConfigurationError, DataError
from tests.trees.conftest import SMALL, check_bits, run_parties


def fit(model, toy, y, parts=None, **options):
    parts = toy.parts if parts is None else parts
    return run_parties(model, parts[0], y, parts[1:], timeout=20.0, **options)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (lambda toy: np.where(toy.y, 1.0, np.nan), "missing, NaN or infinite"),
        (lambda toy: np.ones(80, dtype=int), "1 distinct values"),
        (lambda toy: toy.target, "no whole ones"),
        (lambda toy: toy.y[:-1], "X has 80 rows"),
        (lambda toy: None, "guest has the labels"),
    ],
    ids=["NaN", "one class", "numbers", "too few", "none"],
)
def test_labels_of_no_classes(classifier, toy, transcript, y, words):
    with pytest.raises(DataError, match=words):
        fit(classifier(), toy, y(toy))
    assert not any(m.name.endswith("gradients") for m in transcript)


@pytest.mark.parametrize(
    ("objective", "least"), [("poisson", -1.0), ("gamma", 0.0), ("tweedie", -0.5)]
)
def test_labels_out_of_range(regressor, toy, objective, least):
    y = np.abs(toy.target)
    y[3] = least
    with pytest.raises(DataError, match=f"'{objective}' takes labels"):
        fit(regressor(objective=objective), toy, y)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_gradients_that_are_not_finite(regressor, toy, transcript, value):
    def explode(y, scores):
        return np.full_like(scores, value), np.ones_like(scores)

    with pytest.raises(DataError, match="gradients of 80 rows are infinite or NaN"):
        fit(regressor(objective=explode), toy, toy.target)
    assert not any(m.name.endswith("gradients") for m in transcript)


def test_hessians_below_0(regressor, toy):
    with pytest.raises(DataError, match="must be convex"):
        fit(regressor(objective=lambda y, s: (s - y, -np.ones_like(s))), toy, toy.target)


def test_gradients_of_another_shape(regressor, toy):
    with pytest.raises(ConfigurationError, match="no gradient and hessian of 80 rows"):
        fit(regressor(objective=lambda y, s: (s[:5], s[:5])), toy, toy.target)


@pytest.mark.parametrize("scale", [1e-200, 1e100])
def test_targets_of_any_size(toy, scale):
    """Bounds of integers follow the gradients of each round."""
    model = HeteroBoostedTreesRegressor(**SMALL | {"reg_lambda": 0.0, "gamma": 0.0})
    y = toy.target * scale
    if scale < 1:  # gains below the least one: no splits, and no errors
        found = fit(model, toy, y)
        assert all("value" in tree for tree in found.trees())
    else:
        check_bits(model, toy.parts, y)


def test_targets_whose_squares_are_infinite(regressor, toy):
    with pytest.raises(DataError, match="rescale y"):
        fit(regressor(), toy, toy.target * 1e200)


def test_perfectly_fitted_labels(regressor, toy):
    """Gradients that are all 0 have no size to scale by."""
    check_bits(regressor(), toy.parts, np.full(80, 2.5))


def odd_columns():
    """Twelve rows: a constant, nothing but missing values, one missing where y is 1, infinite ones."""
    y = np.array([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    told = np.where(y == 1, np.nan, np.arange(12) % 2)
    infinite = np.array([np.inf, -np.inf] * 6)
    constant, absent = np.full(12, 3.0), np.full(12, np.nan)
    return y, np.column_stack([constant, absent, told, infinite])


@pytest.mark.parametrize("owner", ["guest", "host"])
def test_special_columns(owner):
    y, columns = odd_columns()
    nothing = np.zeros((12, 1))
    parts = [columns, nothing] if owner == "guest" else [nothing, columns]
    model = HeteroBoostedTreesClassifier(
        **SMALL | {"n_estimators": 1, "base_score": 0.5, "min_child_weight": 0.0}
    )
    found = check_bits(model, parts, y)
    root = found.trees()[0]
    # G = 6 / 2 and H = 6 / 4 on either side: missing values go right, as values come first.
    assert (root["party"], root["column"], root["missing_left"]) == (int(owner == "host"), 2, False)
    assert root["left"]["value"] == [-0.3 * 3 / (1.5 + 1)]
    assert root["right"]["value"] == [0.3 * 3 / (1.5 + 1)]
    tree = found.guest._half.forest.trees[0]
    assert tree.gain[0] == pytest.approx(2 * 9 / 2.5, rel=1e-6)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_column_without_values_offers_nothing(toy, transcript, share):
    absent = np.full((80, 2), np.nan)
    parts = [toy.parts[0], np.hstack([absent, toy.parts[1]])]
    options = SMALL | {"n_estimators": 4, "colsample_bytree": share}
    check_bits(HeteroBoostedTreesClassifier(**options), parts, toy.y)
    check_bits(HeteroBoostedTreesClassifier(**options), toy.parts[:2], toy.y)
    offered = {m.payload["candidates"] for m in transcript if m.name.endswith("shape")}
    assert (
        len(offered - {0}) == 1
    )  # the same with such columns and without; 0 where all are the guest's


def test_missing_values_where_there_were_none_go_right(classifier, toy):
    whole = [np.nan_to_num(part) for part in toy.parts]
    absent = [np.full((3, part.shape[1]), np.nan) for part in whole]
    most = [np.full((3, part.shape[1]), np.inf) for part in whole]
    results = [
        fit(classifier(), toy, toy.y, whole, new=new, predict="decision_function").predicted
        for new in (absent, most)
    ]
    assert results[0].tolist() == results[1].tolist()


def test_more_bins_than_eight_bits_hold(regressor, rng):
    x = rng.normal(size=(400, 2))
    y = np.sin(9 * x[:, 1])
    model = regressor(max_bin=300, n_estimators=1, min_samples_leaf=1)
    found = check_bits(model, [x[:, :1], x[:, 1:]], y)
    cuts = [split.cut for split in found.hosts[0]._half.table.splits]
    assert max(cuts) > 127


def test_tables_of_one_row(regressor):
    check_bits(regressor(min_samples_leaf=1), [np.ones((1, 1)), np.ones((1, 1))], np.array([2.0]))


def test_columns_in_another_order(classifier, toy):
    frames = [
        pd.DataFrame(part, columns=[f"p{index}c{column}" for column in range(part.shape[1])])
        for index, part in enumerate(toy.parts)
    ]
    swapped = [frames[0], frames[1][frames[1].columns[::-1]], frames[2]]
    with pytest.raises(DataError, match="the order differs"):
        fit(classifier(), toy, toy.y, frames, new=swapped, predict="predict")


def test_rows_missing_at_a_prediction(classifier, toy):
    fewer = [toy.parts[0], toy.parts[1][:-1], toy.parts[2]]
    with pytest.raises(ConfigurationError, match="guest has 80 rows, host-0 has 79"):
        fit(classifier(), toy, toy.y, new=fewer, predict="predict")


def test_halves_of_different_models(classifier, toy):
    one = fit(classifier(), toy, toy.y)
    other = fit(classifier(n_estimators=1), toy, toy.y)
    one.hosts[0] = other.hosts[0]
    with pytest.raises(ConfigurationError, match="halves of different trainings"):
        fit(classifier(warm_start=True, n_estimators=4), toy, toy.y, start=one)


def test_labels_at_a_host(classifier, toy):
    from pyfate_gpu import simulate

    with pytest.raises(DataError, match="a host has no labels"):
        simulate(
            guest=lambda session: classifier().fit(toy.parts[0], toy.y, session=session),
            hosts=[lambda session: classifier().fit(toy.parts[1], toy.y, session=session)],
        )


def test_more_classes_than_a_key_holds(classifier, rng):
    y = np.arange(80) % 8
    with pytest.raises(ConfigurationError, match="8 outputs of 64 bits do not fit a key of 512"):
        run_parties(classifier(), rng.normal(size=(80, 1)), y, [rng.normal(size=(80, 1))])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_estimators", 0), ("max_depth", 2.5), ("max_depth", 61), ("learning_rate", 0), ("max_bin", 40_000),
        ("reg_lambda", -1.0), ("gamma", float("nan")), ("subsample", 1.5), ("subsample", 0), ("top_rate", 0.95),
        ("sampling_method", "some"), ("multi_strategy", 1), ("gradient_bits", 60), ("guest_only_trees", -1),
        ("packing", "some"), ("gradient_bits", 2),
        ("base_score", 1.0), ("base_score", "a"), ("early_stopping_rounds", 0), ("random_state", -1),
        ("warm_start", 1), ("scheme", "rsa"), ("num_parallel_tree", True), ("min_samples_leaf", 0),
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense(classifier, name, value):
    with pytest.raises(ConfigurationError, match=name.partition("_rate")[0]):
        classifier(**{name: value}).check()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("objective", "l7"),
        ("huber_slope", 0),
        ("quantile_alpha", 1),
        ("tweedie_variance_power", 2.0),
    ],
)
def test_objectives_that_there_are_not(regressor, name, value):
    with pytest.raises(ConfigurationError, match=name):
        regressor(**{name: value}).check()


def test_goss_and_subsample(classifier):
    with pytest.raises(ConfigurationError, match="leave subsample at 1"):
        classifier(sampling_method="goss", subsample=0.5).check()


def test_numbers_of_numpy_are_numbers(classifier):
    model = classifier(max_depth=np.int64(2), learning_rate=np.float32(0.5), warm_start=np.True_)
    settings = model.settings()
    assert (settings.max_depth, settings.learning_rate, settings.warm_start) == (2, 0.5, True)


@pytest.mark.slow
def test_more_nodes_than_sixteen_bits_hold(regressor):
    """Sixteen columns of two values: a leaf for each row."""
    codes = (np.arange(1 << 16)[:, np.newaxis] >> np.arange(16) & 1).astype(float)
    y = np.random.default_rng(0).normal(size=1 << 16)
    model = regressor(
        n_estimators=1, max_depth=16, max_bin=2, min_samples_leaf=1, learning_rate=1.0, reg_lambda=0.0
    )  # fmt: skip
    found = run_parties(model, codes, y, [np.zeros((1 << 16, 0))], predict="predict")
    assert len(found.guest._half.forest.trees[0]) > 1 << 15
    assert np.mean(np.abs(found.predicted - y) < 1e-9) > 0.9
