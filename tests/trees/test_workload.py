# SPDX-License-Identifier: Apache-2.0
"""What an estimate counts is what runs, where trees are full."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu.federation.steps import Step
from pyfate_gpu.jobs.calibration import Calibration
from pyfate_gpu.jobs.estimate import estimate
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.protocol.cost import JobShape
from tests.trees.conftest import run_parties
from tests.trees.jobs import SmallJob


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
        for step in (Step.ENCRYPT, Step.CHECK, Step.SQUEEZE, Step.DECRYPT, Step.BLIND):
            wanted = expected.steps[name][step.value]
            within = (
                options.get("packing") == "rows" and step is Step.SQUEEZE
            )  # counted as additions
            if not within and (name == "guest" or step is not Step.BLIND):
                assert ran.get(step.value, 0) == pytest.approx(wanted, abs=8, rel=0.02), (
                    name,
                    step,
                )
    assert expected.iterations == 1


def test_an_estimate_of_a_job(tmp_path):
    job = Job.load(SmallJob(tmp_path).path)
    shape = JobShape(1000, {"guest": 2, "host-0": 3, "host-1": 2})
    steps = ("encrypt", "blind", "mask", "check", "add", "weigh", "decrypt", "squeeze")
    rates = Calibration(dict.fromkeys(steps, 1e-3), {"make key": 2.0, "make tables": 1.0}, 1e-4)
    found = estimate(job, shape, rates)
    assert set(found.seconds) == {"guest", "host-0", "host-1"}
    assert found.seconds["guest"]["encrypt"] == pytest.approx(found.work["guest"]["encrypt"] * 1e-3)
    assert found.iterations == 6
    assert 0 < found.apart <= found.together + 1e-12
    assert np.isfinite(list(found.memory.values())).all()
