# SPDX-License-Identifier: Apache-2.0
"""What an estimate counts is what runs, where trees are full."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pyfate_gpu import HeteroBoostedTreesClassifier
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.jobs.calibration import Calibration
from pyfate_gpu.jobs.estimate import ID_BYTES, PROCESS_BYTES, estimate, memory_of
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.protocol.cost import JobShape
from pyfate_gpu.trees.packing import GradientSlots
from tests.trees.conftest import run_parties
from tests.trees.jobs import SmallJob
from tests.trees.measure_size import CASES

RESULTS = Path(__file__).parents[1] / "results"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"packing": "rows"},
        {"subsample": 0.5},
        {"num_parallel_tree": 2},
        {"num_parallel_tree": 3, "subsample": 0.5},
        {"guest_only_levels": 1},
        {"host_levels": 2},
    ],
    ids=str,
)
def test_operations_are_those_that_run(regressor, rng, options):
    """Of full trees: a level has all of its nodes, a column as many bins as it may."""
    parts = [rng.normal(size=(200, columns)) for columns in (1, 2, 2)]
    y = rng.normal(size=200)
    params = {
        "n_estimators": 1,
        "max_bin": 8,
        "min_samples_leaf": 2,
        "gamma": 0.0,
        "packing": "none",
    } | options
    model = regressor(**params)
    found = run_parties(model, parts[0], y, parts[1:])
    shape = JobShape(200, {"guest": 1, "host-0": 2, "host-1": 2})
    expected = model.workload(shape)
    for name, own in (
        ("guest", found.guest),
        *((f"host-{i}", h) for i, h in enumerate(found.hosts)),
    ):
        ran = own.report_.usage.operations
        for step in (Step.ENCRYPT, Step.CHECK, Step.DECRYPT, Step.BLIND):
            if name == "guest" or step is not Step.BLIND:
                assert ran.get(step.value, 0) == pytest.approx(
                    expected.steps[name][step.value], abs=8, rel=0.02
                ), (name, step)
        if (
            "packing" not in options
        ):  # sums of rows that share ciphertexts are put together while they are added
            sums = expected.steps[name]["shift"] / GradientSlots(24, 200, 1, 512).row.bits
            assert ran.get(Step.SQUEEZE.value, 0) == pytest.approx(sums, abs=8, rel=0.02)
    assert expected.iterations == 1


def test_an_estimate_of_a_job(tmp_path):
    job = Job.load(SmallJob(tmp_path).path)
    shape = JobShape(1000, {"guest": 2, "host-0": 3, "host-1": 2})
    steps = ("encrypt", "blind", "mask", "check", "add", "weigh", "decrypt", "shift")
    rates = Calibration(dict.fromkeys(steps, 1e-3), {"make key": 2.0, "make tables": 1.0}, 1e-4)
    found = estimate(job, shape, rates)
    assert set(found.seconds) == {"guest", "host-0", "host-1"}
    assert found.seconds["guest"]["encrypt"] == pytest.approx(found.work["guest"]["encrypt"] * 1e-3)
    assert found.iterations == 6
    assert 0 < found.apart <= found.together + 1e-12
    assert np.isfinite(list(found.memory.values())).all()


def test_estimates_of_memory_are_near_what_was_used():
    """Both parties in one process, as last measured."""
    measured = json.loads((RESULTS / "tree_sizes.json").read_text())["cases"]
    for case in measured:
        rows, columns, depth, bins = CASES[case["case"]]
        model = HeteroBoostedTreesClassifier(
            n_estimators=2, max_depth=depth, max_bin=bins, key_bits=2048, packing=case["packing"]
        )
        shape = JobShape(rows, {"guest": 5, "host-0": columns})
        found = memory_of(model.workload(shape), shape, 2048 // 4)
        both = sum(found.values()) - PROCESS_BYTES - 2 * ID_BYTES * rows  # of arrays, without ids
        ratio = both / case["peak_memory_of_both"]
        assert 0.7 < ratio < 1.3, (case["case"], ratio)
