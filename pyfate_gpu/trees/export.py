# SPDX-License-Identifier: Apache-2.0
"""Models in XGBoost's JSON, which it and what reads its models take: a party's half, or a whole one by consent of all.

XGBoost compares in float32. Thresholds are the least float32 numbers that are not below ours, so that rows whose values
are float32 numbers go the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pyfate_gpu.data.binning.splits import Split
from pyfate_gpu.errors import DataError
from pyfate_gpu.trees.model import FittedHalf
from pyfate_gpu.trees.tree import GUEST_OWNER, LEAF, Tree

Document = dict[str, Any]
#: Feature, threshold, and whether missing values go left.
Condition = tuple[int, float, bool]

VERSION = [3, 0, 0]
_NO_PARENT = 2**31 - 1
#: How XGBoost calls the parameters of an objective, with their names here.
_PARAMETERS = {
    "reg:pseudohubererror": ("pseudo_huber_param", {"huber_slope": "huber_slope"}),
    "reg:quantileerror": ("quantile_loss_param", {"quantile_alpha": "quantile_alpha"}),
    "reg:tweedie": (
        "tweedie_regression_param",
        {"tweedie_variance_power": "tweedie_variance_power"},
    ),
    "count:poisson": ("poisson_regression_param", {}),
}
#: Response of score 0, as base_score is stored: scores before the first tree are in the leaves.
_MIDDLE = {
    "binary:logistic": "5E-1",
    "count:poisson": "1E0",
    "reg:gamma": "1E0",
    "reg:tweedie": "1E0",
}


def whole_model(halves: Sequence[FittedHalf], objective: str, params: dict[str, Any]) -> Document:
    """Return the model of all halves, the guest's first; features are all columns in that order.

    Raises
    ------
    DataError
        When they are not the halves of one training, the guest's first and all of them.
    """
    guest, *hosts = halves
    forest = guest.forest
    if forest is None or len(forest.sizes) != len(hosts):
        raise DataError(f"{len(halves)} halves are not those of the guest and of all its hosts")
    if len({half.training for half in halves}) > 1:
        raise DataError("halves are of different trainings: take those of one training")
    starts = np.cumsum([0, *(half.columns for half in halves)]).tolist()

    def condition(owner: int, number: int) -> Condition:
        return _condition(halves[owner], halves[owner].table.splits[number], starts[owner])

    names = [
        f"{_owner(at)} {name}" for at, half in enumerate(halves) for name in half.feature_names
    ]
    return _document(guest, condition, names, objective, params)


def half_model(half: FittedHalf, objective: str, params: dict[str, Any]) -> Document:
    """Return one party's half.

    The guest's has its trees; each split of a host is a feature of its own, 0 where rows go left and 1 where they
    go right. A host's has a tree for each of its splits, whose value is that of such a feature.
    """
    if half.forest is None:
        return _stumps(half)
    starts = np.cumsum([half.columns, *half.forest.sizes]).tolist()

    def condition(owner: int, number: int) -> Condition:
        if owner == GUEST_OWNER:
            return _condition(half, half.table.splits[number], 0)
        return starts[owner - 1] + number, 0.5, False

    names = list(half.feature_names)
    for at, size in enumerate(half.forest.sizes, 1):
        names += [f"{_owner(at)} split {number}" for number in range(size)]
    return _document(half, condition, names, objective, params)


def _owner(index: int) -> str:
    return "guest" if index == GUEST_OWNER else f"host-{index - 1}"


def _condition(half: FittedHalf, split: Split, start: int) -> Condition:
    threshold = half.bins.threshold(split)
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
    if near < threshold:
        near = np.nextafter(near, np.float32(np.inf))
    if np.isinf(near):
        near = np.finfo(np.float32).max  # JSON has no infinity
    return start + split.column, float(near), split.missing_left


def _document(
    guest: FittedHalf,
    condition: Callable[[int, int], Condition],
    names: Sequence[str],
    objective: str,
    params: dict[str, Any],
) -> Document:
    forest = guest.forest
    assert forest is not None
    outputs = len(forest.base)
    trees: list[tuple[Document, int]] = []
    waiting = dict(enumerate(forest.base.tolist()))
    for tree, of in zip(forest.trees, forest.outputs, strict=True):
        for place, k in enumerate(of):
            shift = waiting.pop(k, 0.0)
            trees.append((_tree(tree, place, shift, condition, len(trees), len(names)), k))
    for k, shift in waiting.items():  # of no tree
        leaf = Tree()
        leaf.value = [np.array([0.0])] if leaf.add(1, 0.0, 0) == 0 else []
        trees.append((_tree(leaf, 0, shift, condition, len(trees), len(names)), k))
    return _frame([t for t, _ in trees], [k for _, k in trees], names, outputs, objective, params)


def _tree(
    tree: Tree,
    place: int,
    shift: float,
    condition: Callable[[int, int], Condition],
    number: int,
    features: int,
) -> Document:
    """Return one output of a tree; leaves are those of that output plus `shift`."""
    size = len(tree)
    parents = [_NO_PARENT] * size
    indices, conditions, defaults = [0] * size, [0.0] * size, [0] * size
    for node in range(size):
        if tree.owner[node] == LEAF:
            conditions[node] = float(tree.value[node][place]) + shift
            continue
        index, threshold, missing_left = condition(tree.owner[node], tree.split[node])
        indices[node], conditions[node], defaults[node] = index, threshold, int(missing_left)
        parents[tree.left[node]] = parents[tree.right[node]] = node
    return {
        "base_weights": [c if owner == LEAF else 0.0 for c, owner in zip(conditions, tree.owner, strict=True)],
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": defaults,
        "id": number,
        "left_children": list(tree.left),
        "loss_changes": list(tree.gain),
        "parents": parents,
        "right_children": list(tree.right),
        "split_conditions": conditions,
        "split_indices": indices,
        "split_type": [0] * size,
        "sum_hessian": list(tree.cover),
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(features),
            "num_nodes": str(size),
            "size_leaf_vector": "1",
        },
    }  # fmt: skip


def _frame(
    trees: list[Document],
    info: list[int],
    names: Sequence[str],
    outputs: int,
    objective: str,
    params: dict[str, Any],
) -> Document:
    group, members = _PARAMETERS.get(objective, ("reg_loss_param", {}))
    if outputs > 1:
        group, members = "softmax_multiclass_param", {}
    values = {theirs: str(params[ours]) for theirs, ours in members.items()}
    if group == "reg_loss_param":
        values = {"scale_pos_weight": "1"}
    if group == "softmax_multiclass_param":
        values = {"num_class": str(outputs)}
    if group == "quantile_loss_param":
        values = {name: f"[{value}]" for name, value in values.items()}
    return {
        "learner": {
            "attributes": {},
            "feature_names": [name.replace("[", "(").replace("]", ")").replace("<", " ") for name in names],
            "feature_types": ["float"] * len(names),
            "gradient_booster": {
                "model": {
                    "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
                    "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
                    "iteration_indptr": list(range(0, len(trees) + 1, max(1, outputs))),
                    "tree_info": info,
                    "trees": trees,
                },
                "name": "gbtree",
            },
            "learner_model_param": {
                "base_score": _MIDDLE.get(objective, "0E0"),
                "boost_from_average": "0",
                "num_class": str(outputs if outputs > 1 else 0),
                "num_feature": str(len(names)),
                "num_target": "1",
            },
            "objective": {"name": objective, group: values},
        },
        "version": VERSION,
    }  # fmt: skip


def _stumps(half: FittedHalf) -> Document:
    trees = []
    for number, split in enumerate(half.table.splits):
        stump = Tree()
        for _ in range(3):
            stump.add(1, 0.0, 0)
        stump.owner[0], stump.split[0], stump.left[0], stump.right[0] = 1, number, 1, 2
        stump.value[2] = np.array([1.0])
        found = _condition(half, split, 0)
        trees.append(_tree(stump, 0, 0.0, lambda owner, number, f=found: f, number, half.columns))  # type: ignore[misc]
    return _frame(trees, [0] * len(trees), half.feature_names, 1, "reg:squarederror", {})
