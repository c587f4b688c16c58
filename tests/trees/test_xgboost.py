# SPDX-License-Identifier: Apache-2.0
"""The trees of XGBoost on the same bins, and models in its JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pyfate_gpu import HeteroBoostedTreesClassifier
from pyfate_gpu.errors import DataError
from tests.trees.conftest import SMALL, SMALL_KEY, run_parties
from tests.trees.make_xgboost_trees import (
    FOLDER,
    LEARNING_RATE,
    MAX_BIN,
    PARAMETERS,
    ROUNDS,
    SETS,
    binned,
    load,
)


def fit(parts, y):
    model = HeteroBoostedTreesClassifier(
        **SMALL_KEY | PARAMETERS,
        n_estimators=ROUNDS,
        learning_rate=LEARNING_RATE,
        max_bin=MAX_BIN,
        min_samples_leaf=1,
    )
    return run_parties(model, parts[0], y, parts[1:], predict="predict_proba")


def compare(mine, theirs, node, codes, rows, widths):
    """Both must part the same rows of the same column, down to leaves of the same value; return their number."""
    if theirs["left_children"][node] == -1:
        assert "value" in mine
        assert mine["value"][0] == pytest.approx(theirs["split_conditions"][node], abs=1e-6)
        return 1
    column = mine["column"] + sum(widths[: mine["party"]])
    assert column == theirs["split_indices"][node]
    left = codes[rows, column] <= mine["cut"]
    assert (left == (codes[rows, column] < theirs["split_conditions"][node])).all()
    children = (("left", rows[left]), ("right", rows[~left]))
    return 1 + sum(
        compare(mine[side], theirs, theirs[f"{side}_children"][node], codes, part, widths)
        for side, part in children
    )


@pytest.mark.parametrize("name", SETS)
def test_trees_are_those_of_xgboost(name):
    try:
        parts, y = load(name)
    except FileNotFoundError:
        pytest.skip(f"{name} is not in this clone")
    theirs = json.loads((FOLDER / f"{name}.json").read_text())
    found, codes = fit(parts, y), binned(parts)
    widths = [part.shape[1] for part in parts]
    every = np.arange(len(y))
    trees = zip(found.trees(), theirs["trees"], strict=True)
    nodes = [compare(mine, tree, 0, codes, every, widths) for mine, tree in trees]
    assert sum(nodes) > 20
    assert found.predicted[:, 1].mean() == pytest.approx(theirs["mean prediction"], abs=1e-6)


def scores_of(document, columns):
    """What a model in XGBoost's JSON says of rows, before the link."""
    learner = document["learner"]
    model = learner["gradient_booster"]["model"]
    groups = max(1, int(learner["learner_model_param"]["num_class"]))
    found = np.zeros((len(columns), groups))
    for tree, group in zip(model["trees"], model["tree_info"], strict=True):
        for row, values in enumerate(columns.astype(np.float32)):
            node = 0
            while tree["left_children"][node] != -1:
                value = values[tree["split_indices"][node]]
                left = value < np.float32(tree["split_conditions"][node])
                if np.isnan(value):
                    left = tree["default_left"][node]
                node = tree["left_children" if left else "right_children"][node]
            found[row, group] += tree["split_conditions"][node]
    return found


@pytest.mark.parametrize("kind", ["two classes", "classes", "one tree a class", "numbers"])
def test_exported_models_say_the_same(classifier, regressor, toy, kind):
    y = {"two classes": toy.y, "numbers": toy.target}.get(kind, toy.classes)
    strategy = "one_output_per_tree" if kind == "one tree a class" else "multi_output_tree"
    model = regressor() if kind == "numbers" else classifier(multi_strategy=strategy)
    found = run_parties(model, toy.parts[0], y, toy.parts[1:], predict="decision_function")
    expected = found.predicted.reshape(80, -1)
    whole = json.loads(json.dumps(found.guest.to_xgboost(*found.hosts), allow_nan=False))
    np.testing.assert_allclose(scores_of(whole, np.hstack(toy.parts)), expected, atol=1e-12)
    # The guest's half alone, with a column for each split of a host: the outcomes that hosts' halves give.
    outcomes = [
        scores_of(
            {
                "learner": learner
                | {"gradient_booster": {"model": {"trees": [tree], "tree_info": [0]}}}
            },
            part,
        )
        for host, part in zip(found.hosts, toy.parts[1:], strict=True)
        for learner in [host.to_xgboost()["learner"]]
        for tree in learner["gradient_booster"]["model"]["trees"]
    ]
    half = json.loads(json.dumps(found.guest.to_xgboost(), allow_nan=False))
    np.testing.assert_allclose(
        scores_of(half, np.hstack([toy.parts[0], *outcomes])), expected, atol=1e-12
    )


def test_xgboost_reads_what_is_exported(classifier, toy, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    found = run_parties(
        classifier(), toy.parts[0], toy.classes, toy.parts[1:], predict="predict_proba"
    )
    path = tmp_path / "model.json"
    path.write_text(json.dumps(found.guest.to_xgboost(*found.hosts)))
    booster = xgboost.Booster(model_file=str(path))
    matrix = xgboost.DMatrix(np.hstack(toy.parts), feature_names=booster.feature_names)
    np.testing.assert_allclose(booster.predict(matrix), found.predicted, atol=1e-6)


def test_halves_that_do_not_belong_together(classifier, toy):
    one, other = (run_parties(classifier(), toy.parts[0], toy.y, toy.parts[1:]) for _ in range(2))
    with pytest.raises(DataError, match="different trainings"):
        one.guest.to_xgboost(*other.hosts)
    with pytest.raises(DataError, match="all its hosts"):
        one.guest.to_xgboost(one.hosts[0])


def test_a_model_without_trees_is_its_base(toy):
    empty = np.empty((80, 0))
    model = HeteroBoostedTreesClassifier(**SMALL | {"n_estimators": 1})
    found = run_parties(model, empty, toy.y, [empty], predict="decision_function")
    document = found.guest.to_xgboost(*found.hosts)
    np.testing.assert_allclose(scores_of(document, np.zeros((80, 1)))[:, 0], found.predicted)
