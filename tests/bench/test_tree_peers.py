# SPDX-License-Identifier: Apache-2.0
"""Boosted trees of others: by their operations here, and by trainings in processes of another Python."""

from __future__ import annotations

import json
import shlex
import sys

import numpy as np
import pytest

from pyfate_gpu.bench import command
from pyfate_gpu.bench.harness import Job, turn
from pyfate_gpu.bench.peers import PEERS
from pyfate_gpu.bench.peers.tree_tasks import HESSIAN_BITS, SCALE, pack
from pyfate_gpu.bench.routines.base import Size
from pyfate_gpu.bench.routines.training import table
from pyfate_gpu.bench.routines.tree_sums import first_tree
from pyfate_gpu.bench.routines.trees import BINS, DEPTH, classifier, in_clear

TRAINER = """#!{python}
import csv, json, sys
folder = sys.argv[sys.argv.index("--folder") + 1]
assert sys.argv[sys.argv.index("--key") + 1] == "256"
rows = list(csv.DictReader(open(folder + "/guest.csv")))
hosts = list(csv.DictReader(open(folder + "/host.csv")))
assert [row["id"] for row in rows] == [row["id"] for row in hosts]
found = dict(seconds=0.5, scores=[{score} for row in rows])
json.dump(found, open(folder + "/result.json", "w"))
"""


@pytest.fixture
def trainer(tmp_path):
    """Return a maker of a Python of others, whose trainings score rows by an expression."""

    def make(score):
        path = tmp_path / "python"
        path.write_text(TRAINER.format(python=sys.executable, score=score))
        path.chmod(0o755)
        return str(path)

    return make


def test_a_gradient_and_a_hessian_share_an_integer():
    packed = pack(np.array([-0.5, 0.25]), np.array([0.25, 0.125]))
    low = sum(packed) % (1 << HESSIAN_BITS)
    assert low == 0.375 * SCALE
    assert (sum(packed) - low) >> HESSIAN_BITS == -0.25 * SCALE


def test_the_nodes_that_are_summed_are_those_of_the_tree():
    guest, host, labels = table("logistic", Size(200, 10))
    plain = in_clear(classifier(n_estimators=1), [guest, host], labels)
    task = first_tree(guest, host, labels, plain.trees[0], DEPTH, BINS)
    assert (len(task.packed), task.codes.shape, task.share) == (40, (40, 1), 0.2)
    root, *children = task.nodes
    assert root.tolist() == list(range(40))
    assert len(children) == 3  # of the root's split, and of those of its two children
    half, *quarters = (set(child.tolist()) for child in children)
    assert half
    assert all(part <= half or part.isdisjoint(half) for part in quarters)
    root_sums = task.sums()[:BINS]
    assert sum(root_sums) == sum(task.packed)


@pytest.mark.parametrize("name", ["secureboost", "sgb", "sgb-ou"])
def test_trainings_run_by_the_python_that_is_named(name, measure, trainer):
    package = PEERS[name].package
    python = trainer("float(row['y'])")
    words = ["--routine", "boosted_trees", "--peers", name, "--peer-python", f"{package}={python}"]
    arguments = [*words, "--rows", 60, "--features", 4]
    status, result = measure(*arguments)
    (line,) = result["lines"]
    ours, theirs = line["figures"]
    assert ours["failure"] == ""
    # It ranks the rows by their labels, which is better than any tree does.
    assert (status, theirs["failure"]) == (1, "wrong result")
    assert python not in json.dumps(result)
    assert f"--peer-python {package}=PYTHON" in result["command"]
    assert f"--peer-python {package}=PYTHON" in line["command"]


def test_the_seconds_of_a_training_are_its_own(trainer):
    job = Job(lambda: {"seconds": 0.5}, 30.0, bool, lambda found: found["seconds"])
    assert turn(job, 0.0)[0] == 60.0


def test_without_a_python_trainings_are_left_out(measure, capsys):
    status, result = measure("--routine", "add", "--peers", "secureboost", "sgb")
    assert (status, result["peers"]) == (0, [])
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "peer secureboost is left out: a Python 3.10 with pyfate 2.2: --peer-python fate=PYTHON"
        in said
    )
    assert "--peer-python secretflow=PYTHON" in said


def test_a_training_that_fails_is_told_by_its_last_line(measure, trainer):
    python = trainer("1 / 0")
    words = [
        "--routine",
        "boosted_trees",
        "--peers",
        "sgb",
        "--peer-python",
        f"secretflow={python}",
    ]
    status, result = measure(*words, "--features", 2)
    assert status == 1
    assert "ZeroDivisionError" in result["lines"][0]["figures"][1]["failure"]


@pytest.mark.parametrize("value", ["fate", "phe=python", "fate=no/such/python"])
def test_pythons_that_there_are_not(value, capsys, call):
    with pytest.raises(SystemExit):
        call(["--peer-python", value])
    assert "fate, secretflow" in capsys.readouterr().err


def test_a_line_is_repeated_with_the_same_peers():
    words = shlex.split(f"--peer-python fate={sys.executable} --peers secureboost")
    options = command.parse(words, "bench")
    assert options.peer_python == [("fate", sys.executable)]
