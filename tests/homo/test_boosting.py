# SPDX-License-Identifier: Apache-2.0
"""Boosted trees of many clients' rows: those of one party that has all rows and the same bins, bit for bit."""

import copy
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.metrics import roc_auc_score

from pyfate_gpu import HomoBoostedTreesClassifier, HomoBoostedTreesRegressor, simulate
from pyfate_gpu.data.binning.counted import CountedBins
from pyfate_gpu.errors import ConfigurationError, DataError, DisagreementError, StorageError
from pyfate_gpu.homo.messages import MESSAGES
from pyfate_gpu.protocol.messages import SHARED, why_refuse
from tests.homo.test_jobs import Kept
from tests.protocol.test_messages import delivered  # noqa: F401

KEY = {"key_bits": 512, "allow_insecure_key_size": True}
METHODS = {
    "masks": {}, "paillier": {"method": "paillier", **KEY},
    "blind": {"method": "paillier", "blind_key_server": True, **KEY},
}  # fmt: skip
SMALL = {"n_estimators": 3, "max_depth": 3, "max_bin": 8, "min_samples_leaf": 3}


def train(kind, parts, validation=None, **parameters):
    """The models of all clients."""

    def client(X, y, *weights):
        def run(session):
            weighted = {"sample_weight": weights[0]} if weights else {}
            model = kind(**parameters)
            return model.fit(X, y, session=session, validation=validation, **weighted)

        return run

    def helper(session):
        return kind(**parameters).fit(session=session)

    further = {"arbiter": helper} if parameters.get("method") == "paillier" else {}
    clients = [client(*part) for part in parts]
    results = simulate(server=helper, clients=clients, **further)
    return [results[f"client-{number}"] for number in range(len(parts))]


def shared_out(ends, *arrays):
    return list(zip(*(np.split(array, ends) for array in arrays), strict=True))


def same_forest(one, other):
    one, other = one._forest.as_arrays(), other._forest.as_arrays()
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


@pytest.fixture(scope="module")
def table():
    """Rows with missing values, ties and a constant column."""
    random = np.random.default_rng(4)
    X = np.column_stack([
        random.normal(size=240), random.integers(0, 4, 240), np.full(240, 7.0),
        random.lognormal(3, 2, 240),
    ])  # fmt: skip
    X[random.random(240) < 0.15, 3] = np.nan
    score = X[:, 0] * (X[:, 1] - 1.5) + np.nan_to_num(np.log(X[:, 3]), nan=-2) / 3
    return X, score


class Oracle:
    """The same trees, from all rows by trying out each split, with Python's integers; only bins are ours."""

    def __init__(
        self, X, y, weights=None, *, rate=0.1, depth=3, least=3, bits=24, max_bin=8, lam=1.0
    ):
        self.X, self.y = X, y
        self.w = np.ones(len(y)) if weights is None else weights
        self.rate, self.depth, self.least, self.bits, self.lam = rate, depth, least, bits, lam
        counted = CountedBins(X.shape[1], max_bin)
        while counted.is_open:
            counted.take(counted.count(X))
        self.cuts = [each.cuts for each in counted.bins().bins]

    def exponent(self, values):
        return max(math.frexp(abs(v))[1] for v in values)

    def whole(self, values, exponent):
        return [round(math.ldexp(v, self.bits - exponent)) for v in values]

    def boost(self, rounds, derive, start):
        exponents = self.exponent(self.w * self.y), self.exponent(self.w)
        sums = [
            math.ldexp(sum(self.whole(v, e)), e - self.bits)
            for v, e in zip((self.w * self.y, self.w), exponents, strict=True)
        ]
        scores, trees = np.full(len(self.y), start(sums[0] / sums[1])), []
        for _ in range(rounds):
            g, h = (self.w * each for each in derive(self.y, scores))
            self.units = [math.ldexp(1, self.exponent(v) - self.bits) for v in (g, h)]
            self.g, self.h = (self.whole(v, self.exponent(v)) for v in (g, h))
            self.scores = scores
            trees.append(self.grow(list(range(len(self.y))), 0))
        return trees

    def sides(self, column, cut, missing_left, rows):
        left = []
        for row in rows:
            value = self.X[row, column]
            if math.isnan(value):
                goes = missing_left
            else:
                goes = True if cut is None else value < cut
            left.append(goes)
        return [r for r, g in zip(rows, left, strict=True) if g], [
            r for r, g in zip(rows, left, strict=True) if not g
        ]

    def worth(self, rows):
        g, h = (
            sum(v[r] for r in rows) * u for v, u in zip((self.g, self.h), self.units, strict=True)
        )
        return g * g / (h + self.lam), h

    def grow(self, rows, depth):
        best, chosen = 1e-6, None
        for column, cuts in enumerate(self.cuts):
            missing = bool(np.isnan(self.X[:, column]).any())
            options = [
                (cut, side) for cut in cuts for side in ((False, True) if missing else (False,))
            ]
            for cut, side in options + ([(None, False)] if missing else []):
                left, right = self.sides(column, cut, side, rows)
                if depth == self.depth or min(len(left), len(right)) < self.least:
                    continue
                (a, ha), (b, hb) = self.worth(left), self.worth(right)
                gain = (a + b) - self.worth(rows)[0]
                if gain > best and min(ha, hb) >= 1.0:
                    best, chosen = gain, (column, cut, side, left, right)
        if chosen is None:
            g, h = (
                sum(v[r] for r in rows) * u
                for v, u in zip((self.g, self.h), self.units, strict=True)
            )
            value = -g / (h + self.lam) * self.rate
            for row in rows:
                self.scores[row] += value
            return value
        column, cut, side, left, right = chosen
        return column, cut, side, self.grow(left, depth + 1), self.grow(right, depth + 1)


def written(tree, node=0):
    if tree.column[node] < 0:
        return float(tree.value[node][0])
    cut = None if math.isnan(tree.threshold[node]) else tree.threshold[node]
    below = (written(tree, child) for child in (tree.left[node], tree.right[node]))
    return tree.column[node], cut, tree.missing_left[node], *below


def logistic(y, scores):
    p = 1 / (1 + np.exp(-scores))
    return p - y, np.maximum(p * (1 - p), 1e-16)


def same_tree(found, expected):
    if isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-7, abs=1e-9)
        return
    assert found[:3] == expected[:3]
    same_tree(found[3], expected[3])
    same_tree(found[4], expected[4])


@pytest.mark.parametrize("method", METHODS)
def test_trees_are_those_of_one_party_with_all_rows(table, method):
    X, score = table
    y = (score > 0).astype(int)
    expected = Oracle(X, y).boost(3, logistic, lambda mean: math.log(mean / (1 - mean)))
    models = train(
        HomoBoostedTreesClassifier, shared_out([40, 150], X, y), **SMALL, **METHODS[method]
    )
    for tree, oracle in zip(models[1]._forest.trees, expected, strict=True):
        same_tree(written(tree), oracle)
    for other in models[1:]:
        same_forest(models[0], other)


@pytest.mark.parametrize("weighted", [False, True])
def test_trees_of_numbers_are_those_of_all_rows(table, weighted):
    X, y = table
    weights = np.random.default_rng(0).integers(1, 5, len(y)).astype(float) if weighted else None
    expected = Oracle(X, y, weights).boost(
        3, lambda y, s: (s - y, np.ones_like(y)), lambda mean: mean
    )
    further = [weights] if weighted else []
    model = train(HomoBoostedTreesRegressor, shared_out([100], X, y, *further), **SMALL)[0]
    for tree, oracle in zip(model._forest.trees, expected, strict=True):
        same_tree(written(tree), oracle)


def test_it_does_not_matter_who_has_which_rows(table):
    X, score = table
    y = np.digitize(score, [-1.0, 0.0, 1.0])
    for strategy in ("multi_output_tree", "one_output_per_tree"):
        options = SMALL | {"multi_strategy": strategy, "min_child_weight": 0.1}
        one, other = (
            train(HomoBoostedTreesClassifier, shared_out(ends, X, y), **options)[-1]
            for ends in ([120], [3, 9, 200])
        )
        same_forest(one, other)
        assert len(one._forest.trees) == (3 if strategy.startswith("multi") else 12)
        assert one.predict_proba(X).sum(axis=1) == pytest.approx(1)
        assert one.evaluate(y, one.decision_function(X))["accuracy"] > 0.4


def test_real_classes_and_numbers():
    """As good as trees of one party: breast cancer, digits, diabetes."""
    X, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(5).permutation(len(y))
    X, y = X[order], y[order]
    model = train(
        HomoBoostedTreesClassifier, shared_out([150, 200], X[:400], y[:400]), n_estimators=10,
        max_depth=3, learning_rate=0.5,
    )[0]  # fmt: skip
    assert roc_auc_score(y[400:], model.decision_function(X[400:])) > 0.98
    assert model.loss_history_[-1] < 0.08
    X, y = load_digits(return_X_y=True)
    model = train(
        HomoBoostedTreesClassifier, shared_out([900], X, y), n_estimators=4, learning_rate=0.5,
        max_depth=4, max_bin=8,
    )[0]  # fmt: skip
    assert (model.predict(X) == y).mean() > 0.85
    X, y = load_diabetes(return_X_y=True)
    model = train(
        HomoBoostedTreesRegressor, shared_out([200], X, y), n_estimators=12, max_depth=2, learning_rate=0.3,
        objective="huber", huber_slope=100.0,
    )[0]  # fmt: skip
    assert model.evaluate(y, model.decision_function(X))["r2"] > 0.4


@pytest.mark.parametrize("objective", ["poisson", "gamma", "tweedie", "reg:squarederror"])
def test_objectives(table, objective):
    X, score = table
    y = np.exp(score / 4).round(2) + 0.1
    models = train(
        HomoBoostedTreesRegressor, shared_out([100], X, y), **SMALL | {"n_estimators": 8},
        objective=objective, learning_rate=0.3, base_score=1.0,
    )  # fmt: skip
    assert models[0].loss_history_[-1] < models[0].loss_history_[0]
    assert models[0].evaluate(y, models[0].decision_function(X))["r2"] > 0.2
    with pytest.raises(DataError):
        train(HomoBoostedTreesRegressor, shared_out([100], X, -y), objective="gamma")


def test_early_stopping_keeps_the_best(table):
    X, score = table
    random = np.random.default_rng(0)
    y = (score + random.normal(0, 2, len(score)) > 0).astype(int)
    tested = (X[180:], y[180:])
    models = train(
        HomoBoostedTreesClassifier, shared_out([50], X[:180], y[:180]), tested,
        n_estimators=40, max_depth=4, learning_rate=0.5, early_stopping_rounds=3,
        min_samples_leaf=2, min_child_weight=0.0,
    )  # fmt: skip
    losses = [each["loss"] for each in models[0].validation_history_]
    assert models[0].n_iter_ == np.argmin(losses) + 1 < 40
    assert len(losses) == models[0].n_iter_ + 3
    assert len(models[0]._forest.trees) == models[0].n_iter_
    metrics = models[0].evaluate(tested[1], models[0].decision_function(tested[0]))
    assert metrics["log_loss"] == pytest.approx(min(losses), abs=1e-5)
    best = models[0].validation_history_[models[0].n_iter_ - 1]
    assert metrics["accuracy"] == pytest.approx(best["accuracy"], abs=1e-5)


def test_draws_of_columns_are_the_same_everywhere(table):
    X, score = table
    y = (score > 0).astype(int)
    models = train(
        HomoBoostedTreesClassifier, shared_out([80], X, y), **SMALL, colsample_bytree=0.5,
        subsample=0.7, random_state=2,
    )  # fmt: skip
    same_forest(*models)
    used = [{c for c in tree.column if c >= 0} for tree in models[0]._forest.trees]
    assert all(len(columns) <= 2 for columns in used)
    assert models[0]._forest.trees[0].rows[0] == round(80 * 0.7) + round(160 * 0.7)


@pytest.mark.parametrize("stopping", [None, 2])
def test_a_training_goes_on_from_checkpoints(table, stopping):
    """To the bit: nothing is rounded by chance."""
    X, score = table
    y = (score > 0).astype(int)
    options = SMALL | {"n_estimators": 6, "early_stopping_rounds": stopping}
    kept = {}

    def party(begin, X=None, y=None, rounds=6):
        def run(session):
            if begin is not None:
                session.recovery = kept.setdefault(session.party.name, Kept())
                session.recovery.iteration = begin
            model = HomoBoostedTreesClassifier(**options | {"n_estimators": rounds})
            tested = None if X is None or stopping is None else (X, y)
            return model.fit(X, y, session=session, validation=tested)

        return run

    def fit(begin, rounds=6):
        clients = [party(begin, *part, rounds) for part in shared_out([100], X, y)]
        return simulate(server=party(begin, rounds=rounds), clients=clients)["client-1"]

    whole = fit(None)
    fit(0, 4)
    before = copy.deepcopy(kept["client-1"].states[3])
    resumed = fit(3)
    same_forest(resumed, whole)
    assert resumed.loss_history_ == whole.loss_history_
    assert resumed.validation_history_ == whole.validation_history_
    assert before["losses"] == whole.loss_history_[:2]


def test_a_model_is_kept_and_predicts(table, tmp_path):
    X, score = table
    y = np.where(score > 0, "yes", "no")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    parts = [(frame[:100], y[:100]), (frame[100:], y[100:])]
    model = train(HomoBoostedTreesClassifier, parts, **SMALL)[1]
    model.save(tmp_path / "model")
    again = HomoBoostedTreesClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
    assert set(again.predict(frame)) <= {"yes", "no"}
    assert again.get_params()["max_bin"] == 8
    result = model.result()
    assert result["importances"]["weight"]["a"] > 0
    assert result["importances"]["weight"]["c"] == 0
    assert result["loss"] == model.loss_history_
    assert any("< " in row["node"] for row in model.tables()["tree 1"])
    assert list(model.bars())
    with pytest.raises(DataError, match="columns|called|names"):
        model.predict(frame[["b", "a", "c", "d"]])
    with pytest.raises(DataError):
        model.predict(X[:, :3])
    with pytest.raises(DataError, match="HomoBoostedTreesClassifier"):
        HomoBoostedTreesRegressor.load(tmp_path / "model")
    with pytest.raises(StorageError):
        HomoBoostedTreesClassifier.load(tmp_path / "none")
    (tmp_path / "model").write_bytes(b"PK")
    with pytest.raises(DataError):
        HomoBoostedTreesClassifier.load(tmp_path / "model")
    with pytest.raises(ConfigurationError, match="fit first"):
        HomoBoostedTreesClassifier().predict(X)


@pytest.mark.parametrize(
    "damage",
    [
        {"column": lambda a: a + 9}, {"left": lambda a: a * 0}, {"sizes": lambda a: a[:-1]},
        {"value": lambda a: a * np.nan}, {"outputs": lambda a: ~a}, {"base": lambda a: a[:0]},
        {"right": lambda a: a[::-1].copy()},
    ],
)  # fmt: skip
def test_damaged_trees_are_refused(table, damage):
    from pyfate_gpu.homo.boosting.tree import Forest

    X, y = table
    model = train(HomoBoostedTreesRegressor, shared_out([100], X, y), **SMALL)[0]
    arrays = model._forest.as_arrays()
    Forest.from_arrays(arrays, 4)
    for name, change in damage.items():
        with pytest.raises(ValueError, match="fit together|parent|cannot have"):
            Forest.from_arrays(arrays | {name: change(arrays[name])}, 4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_estimators": 0}, {"max_depth": 1.5}, {"max_bin": 0}, {"learning_rate": 0.0},
        {"reg_lambda": -1.0}, {"subsample": 1.5}, {"colsample_bytree": 0.0}, {"gradient_bits": 50},
        {"multi_strategy": "both"}, {"method": "trust"}, {"base_score": "x"}, {"min_clients": 0},
        {"objective": "absolute_error"}, {"objective": "quantile"}, {"objective": "nothing"},
        {"objective": max}, {"tweedie_variance_power": 2.0}, {"huber_slope": 0.0},
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense(wrong):
    with pytest.raises(ConfigurationError):
        HomoBoostedTreesRegressor(**wrong).check()


def test_what_is_refused(table):
    X, score = table
    y = (score > 0).astype(int)
    for parts, error in [
        ([(X[:50, :3], y[:50]), (X[50:], y[50:])], DisagreementError),
        ([(X[:50], np.zeros(50, int)), (X[50:90], np.zeros(40, int))], DataError),
        ([(X[:50], y[:49]), (X[50:], y[50:])], DataError),
    ]:
        with pytest.raises(error):
            train(HomoBoostedTreesClassifier, parts, **SMALL)
    rows = (np.zeros((9000, 1)), np.arange(9000.0))
    with pytest.raises(ConfigurationError, match="gradient_bits"):
        train(HomoBoostedTreesRegressor, [rows, rows], gradient_bits=40)
    with pytest.raises(DataError, match="limit"):
        train(HomoBoostedTreesRegressor, shared_out([99], X, score * 1e70), **SMALL)


@pytest.mark.parametrize("method", METHODS)
def test_no_message_that_parties_send_is_refused(table, delivered, method):  # noqa: F811
    X, score = table
    y = (score > 0).astype(int)
    options = SMALL | {"n_estimators": 1, "max_depth": 1}
    train(HomoBoostedTreesClassifier, shared_out([99], X, y), **options, **METHODS[method])
    known = {**SHARED, **MESSAGES}
    assert len(delivered) > 10
    assert [why_refuse(address, to, known) for address, to in delivered] == [None] * len(delivered)
