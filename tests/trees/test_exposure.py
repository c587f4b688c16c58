# SPDX-License-Identifier: Apache-2.0
"""What reports say of sums that name rows, against all subsets of rows counted one by one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pyfate_gpu.protocol.report import JobReport
from pyfate_gpu.trees.exposure import consistent_sets
from tests.trees.conftest import run_parties


@pytest.mark.parametrize("rows", [10, 16])
@pytest.mark.parametrize("bits", [2, 3, 4, 8, 24])
def test_sets_that_explain_a_sum(rng, rows, bits):
    """Subsets with the sums of one of two fifths of the rows: the estimate is their number, or a few times less."""
    members = np.arange(1 << rows)[:, np.newaxis] >> np.arange(rows) & 1
    sized = members.sum(axis=1) == round(0.4 * rows)
    found = []
    for _ in range(9):
        g = rng.integers(-(1 << bits), (1 << bits) + 1, size=rows)
        h = rng.integers(0, (1 << bits) + 1, size=rows)
        sums = members @ g * (1 << 40) + members @ h
        true = rng.choice(sums[sized])
        found.append(np.count_nonzero(sums == true))
    counted, estimate = np.median(found), consistent_sets(rows, bits)
    assert counted / 25 <= estimate <= 1.5 * counted


def test_nodes_of_many_rows_and_of_one():
    assert consistent_sets(1, 24) == 1
    assert consistent_sets(2**30, 2) > 1e300
    assert (
        consistent_sets(60, 24) < 10 < consistent_sets(80, 24)
    )  # the rule: more than 60 rows at 24 bits
    assert consistent_sets(20, 4) > 10


def test_every_party_reports_what_it_has_shown(classifier, toy):
    found = run_parties(
        classifier(), toy.parts[0], toy.y, toy.parts[1:], predict="decision_function"
    )
    smallest = []
    for model in (found.guest, *found.hosts):
        tables = json.loads(JobReport.of([model]).to_json())["tables"]
        (own,) = tables.values()
        shown = {row["what"]: row["value"] for row in own["what this fit has shown"]}
        whose = "hosts" if model is found.guest else "this host"
        smallest.append(shown[f"rows of the smallest node with sums of {whose}"])
        assert smallest[-1] == model.smallest_node_ == model.result()["smallest_node"]
        assert shown["bits of a gradient and a hessian together"] == 48
        assert "which rows are on a side" in shown["sets of rows that explain a sum of that node"]
    assert smallest[0] == min(smallest[1:])
    assert 3 <= smallest[0] < 40


def test_hosts_that_have_shown_nothing(classifier, toy):
    found = run_parties(classifier(guest_only_trees=2), toy.parts[0], toy.y, toy.parts[1:])
    shown = {
        row["what"]: row["value"] for row in found.hosts[0].tables()["what this fit has shown"]
    }
    assert shown["rows of the smallest node with sums of this host"] == "none"
    assert "sets of rows that explain a sum of that node" not in shown


@pytest.mark.parametrize(
    ("prediction", "words"), [("paths", "the guest sees where rows go"), ("blinded", "nobody sees")]
)
def test_predictions_report_what_they_show(classifier, toy, prediction, words):
    found = run_parties(classifier(), toy.parts[0], toy.y, toy.parts[1:])
    splits = []
    for model in (found.guest, *found.hosts):
        model.set_params(prediction=prediction)
        report = json.loads(JobReport.of_prediction(model, model.report_).to_json())
        (tables,) = report["tables"].values()
        (first, *_) = tables["what this prediction has shown"]
        assert words in first["what"]
        splits.append(first["value"])
    assert splits[0] == sum(splits[1:])
