# SPDX-License-Identifier: Apache-2.0
"""Federated trees, scores and losses are those of the reference in clear, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyfate_gpu import HeteroBoostedTreesClassifier, HeteroBoostedTreesRegressor
from tests.trees.conftest import SMALL, check_bits

OPTIONS = {
    "plain": {},
    "deep": {"max_depth": 5, "min_samples_leaf": 1, "n_estimators": 1},
    "regularised": {"reg_alpha": 0.5, "gamma": 0.3, "max_delta_step": 0.4, "reg_lambda": 0.1},
    "sampled rows": {"subsample": 0.6},
    "sampled columns": {"colsample_bytree": 0.5},
    "goss": {"sampling_method": "goss", "n_estimators": 4, "top_rate": 0.3, "other_rate": 0.2},
    "forest": {"num_parallel_tree": 2, "subsample": 0.8, "colsample_bytree": 0.7},
    "guest-only tree": {"guest_only_trees": 1},
    "guest-only level": {"guest_only_levels": 1},
    "a level of hosts": {"host_levels": 1},
    "no level of hosts": {"host_levels": 0},
    "coarse": {"gradient_bits": 9},
    "by chance": {"gradient_bits": 3},
    "lazy": {"gradient_bits": 4, "lazy_gradients": "show_changed_rows", "n_estimators": 4},
    "lazy forest of some rows": {
        "gradient_bits": 3,
        "lazy_gradients": "show_changed_rows",
        "n_estimators": 4,
        "num_parallel_tree": 2,
        "subsample": 0.5,
        "guest_only_trees": 1,
    },
    "by chance, rows as slots": {"gradient_bits": 8, "packing": "rows"},
    "base score": {"base_score": 0.3},
    "rows as slots": {"packing": "rows", "key_bits": 768},
    "some rows as slots": {
        "packing": "rows",
        "key_bits": 768,
        "subsample": 0.7,
        "num_parallel_tree": 2,
    },
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_options(classifier, toy, options):
    check_bits(classifier(**options), toy.parts, toy.y)


@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_hosts(regressor, toy, hosts):
    parts = [*toy.parts, toy.parts[1][:, ::-1]][: hosts + 1]
    found = check_bits(regressor(), parts, toy.target)
    assert sum(found.guest._half.forest.sizes) > 0


@pytest.mark.parametrize("strategy", ["multi_output_tree", "one_output_per_tree"])
@pytest.mark.parametrize(
    "options",
    [{}, {"subsample": 0.7, "num_parallel_tree": 2}, {"packing": "rows", "key_bits": 1024}],
    ids=["all", "some", "rows as slots"],
)
def test_classes(classifier, toy, strategy, options):
    check_bits(classifier(multi_strategy=strategy, **options), toy.parts[:2], toy.classes)


@pytest.mark.parametrize(
    "objective",
    ["squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie"],
)
def test_objectives(regressor, toy, objective):
    y = np.exp(toy.target / 3) if objective in ("gamma", "tweedie") else toy.target
    if objective == "poisson":
        y = np.floor(np.exp(toy.target / 2))
    check_bits(regressor(objective=objective, quantile_alpha=0.7), toy.parts[:2], y)


def test_every_engine_grows_the_same_trees(engine, classifier, toy):
    """Instruction sets, threads and backends: those that this machine has."""
    check_bits(classifier(n_estimators=1), toy.parts, toy.y)


def test_a_loss_of_the_users_own(regressor, toy):
    def cube(y, scores):
        return (scores - y) * np.abs(scores - y), 2 * np.abs(scores - y)

    model = regressor(objective=cube)
    found = check_bits_but_losses(model, toy)
    assert np.isnan(found.guest.loss_history_).all()


def check_bits_but_losses(model, toy):
    from tests.trees.conftest import in_clear, run_parties

    found = run_parties(model, toy.parts[0], toy.target, toy.parts[1:])
    assert found.trees() == in_clear(model, toy.parts, toy.target).trees
    return found


def test_weights(classifier, toy, rng):
    weights = rng.integers(0, 3, size=80).astype(float)
    check_bits(classifier(), toy.parts, toy.y, weights=weights)


def test_a_guest_without_features(classifier, toy):
    empty = np.empty((80, 0))
    check_bits(classifier(), [empty, *toy.parts[1:]], toy.y)


def test_a_host_without_features(classifier, toy):
    found = check_bits(classifier(), [toy.parts[0], np.empty((80, 0)), toy.parts[1]], toy.y)
    assert found.guest._half.forest.sizes[0] == 0


def test_nobody_has_features(classifier, toy):
    found = check_bits(classifier(), [np.empty((80, 0)), np.empty((80, 0))], toy.y)
    assert found.trees() == [{"value": [0.0]}] * 2 or len(found.trees()) == 2


#: Options that go together in any combination.
MIXED = st.fixed_dictionaries(
    {
        "max_depth": st.integers(1, 6),
        "min_samples_leaf": st.sampled_from([1, 2, 5]),
        "max_bin": st.sampled_from([2, 3, 32]),
        "reg_lambda": st.sampled_from([0.0, 1.0]),
        "reg_alpha": st.sampled_from([0.0, 0.3]),
        "gamma": st.sampled_from([0.0, 0.05]),
        "max_delta_step": st.sampled_from([0.0, 0.5]),
        "min_child_weight": st.sampled_from([0.0, 0.1, 2.0]),
        "subsample": st.sampled_from([1.0, 0.7]),
        "colsample_bytree": st.sampled_from([1.0, 0.5]),
        "num_parallel_tree": st.sampled_from([1, 1, 2]),
        "multi_strategy": st.sampled_from(["multi_output_tree", "one_output_per_tree"]),
        "gradient_bits": st.sampled_from([24, 4, 8]),
        "guest_only_trees": st.sampled_from([0, 0, 1]),
        "guest_only_levels": st.sampled_from([0, 0, 1]),
        "packing": st.sampled_from(["auto", "rows", "none"]),
        "lazy_gradients": st.sampled_from(["off", "off", "show_changed_rows"]),
    }
)


@settings(max_examples=5)
@given(
    st.integers(1, 40),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 3), min_size=2, max_size=4),
    st.integers(1, 4),
    st.booleans(),
    MIXED,
)
def test_any_small_table_by_any_options(rows, seed, columns, classes, weighted, options):
    """Ties, constant columns, missing values: few distinct values at parties of unequal width."""
    rng = np.random.default_rng(seed)
    parts = [rng.integers(0, 4, size=(rows, width)).astype(float) for width in columns]
    for part in parts:
        part[rng.random(part.shape) < 0.2] = np.nan
    weights = rng.integers(1, 4, size=rows).astype(float) if weighted else None
    params = SMALL | options
    if options["lazy_gradients"] != "off":
        params |= {"packing": "auto", "gradient_bits": min(8, options["gradient_bits"])}
    if classes == 1 or rows < classes:
        y = rng.normal(size=rows)
        check_bits(HeteroBoostedTreesRegressor(**params), parts, y, weights=weights)
        return
    if classes > 2 and options["packing"] == "rows":
        params["packing"] = "auto"
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, size=rows - classes)])
    check_bits(HeteroBoostedTreesClassifier(**params), parts, y, weights=weights)
