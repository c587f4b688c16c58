# SPDX-License-Identifier: Apache-2.0
"""Test quality is XGBoost's on the same bins: on small sets here, on all of them as last measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trees.measure_quality import COMPARISONS, ours

MEASURED = {
    each["set"]: each
    for each in json.loads(
        (Path(__file__).parents[1] / "results" / "tree_quality.json").read_text()
    )["cases"]
}
MOST = 0.0005


@pytest.mark.parametrize("name", ["breast", "diabetes"])
def test_as_good_as_xgboost(name):
    assert ours(name) == pytest.approx(MEASURED[name]["xgboost"], abs=MOST)


def test_every_set_was_as_good_when_last_measured():
    assert set(MEASURED) == set(COMPARISONS)
    assert all(abs(each["ours"] - each["xgboost"]) <= MOST for each in MEASURED.values())
