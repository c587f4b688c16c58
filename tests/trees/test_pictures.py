# SPDX-License-Identifier: Apache-2.0
"""What a report shows of trees: own nodes in words and pictures, those of others by number only."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu.protocol.report import JobReport
from tests.trees.conftest import run_parties


@pytest.fixture
def found(classifier, toy):
    names = [["age", "<b>odd & long</b>"], ["income", "debt", "rate"], ["calls"]]
    frames = [pd.DataFrame(p, columns=n) for p, n in zip(toy.parts, names, strict=True)]
    return run_parties(classifier(max_depth=4), frames[0], toy.y, frames[1:])


def walk(half, tree, diagram):
    """Compare a picture with a tree, from the roots down."""
    places = {0: 0}
    for place, node in enumerate(diagram):
        number = next(n for n, at in places.items() if at == place)
        if node["parent"] is not None:
            above = next(n for n, at in places.items() if at == node["parent"])
            side = {"yes": tree.left, "no": tree.right}[node["branch"]]
            assert side[above] == number
        assert node["leaf"] == (tree.owner[number] == -1)
        assert f"{tree.rows[number]} rows" in node["text"]
        children = [i for i, each in enumerate(diagram) if each["parent"] == place]
        assert len(children) in (0, 2)
        for child in children:
            side = {"yes": tree.left, "no": tree.right}[diagram[child]["branch"]]
            places[side[number]] = child
    assert len(places) == len(diagram)


def test_pictures_are_the_trees(found):
    forest = found.guest._half.forest
    diagrams = found.guest.diagrams()
    assert len(diagrams) == 2
    for tree, diagram in zip(forest.trees, diagrams.values(), strict=True):
        walk(found.guest._half, tree, diagram)
    words = " ".join(node["text"] for nodes in diagrams.values() for node in nodes)
    assert "of host-0" in words
    assert not any(name in words for name in ("income", "debt", "rate", "calls"))


def test_a_host_draws_its_own_splits(found):
    host = found.hosts[0]
    (nodes,) = host.diagrams().values()
    roots = [node["text"] for node in nodes if node["parent"] is None]
    assert roots == [row["split"] for row in host.tables()["own splits, the first ones"]][:8]
    assert any(name in " ".join(roots) for name in ("income", "debt", "rate"))
    assert len(nodes) == 3 * len(roots)


def test_reports_have_them_as_text_and_as_pictures(found):
    pytest.importorskip("matplotlib")
    report = JobReport.of([found.guest])
    page = report.to_html()
    assert "guest: picture of tree 1" in page
    assert page.count('<figure class="wide">') == 2
    assert "if so: " in page
    assert "<b>odd" not in page
    assert (
        json.loads(report.to_json())["diagrams"]["guest"]["picture of tree 1"][0]["parent"] is None
    )


def test_a_tree_that_is_a_leaf(classifier, toy):
    constant = np.ones((80, 2))
    found = run_parties(classifier(), constant, toy.y, [constant])
    assert [len(nodes) for nodes in found.guest.diagrams().values()] == [1, 1]
    assert found.hosts[0].diagrams() == {}
    pytest.importorskip("matplotlib")
    assert "picture of tree 2" in JobReport.of([found.guest]).to_html()
