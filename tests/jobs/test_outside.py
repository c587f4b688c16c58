# SPDX-License-Identifier: Apache-2.0
"""A family and an estimator of another package: one file and one line, and jobs run it as any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from pyfate_gpu import estimators
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.estimators import find_estimator
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job

OUTSIDE = '''
"""Least squares of a doubled score."""

from dataclasses import dataclass

from pyfate_gpu.glm.families import FAMILIES, Linear
from pyfate_gpu.glm.linear import HeteroLinearRegression


class Doubled(Linear):
    name = "doubled"
    slope = 2.0

    def target(self, y):
        return -2.0 * y

    def constant(self, y):
        return y**2


FAMILIES[Doubled.name] = Doubled()


@dataclass(kw_only=True, eq=False, repr=False)
class DoubledRegression(HeteroLinearRegression):
    optimizer: str = "sgd"

    @property
    def family(self):
        return Doubled.name
'''


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A package that is installed beside ours, with an entry point of its own."""
    folder = tmp_path / "site"
    (folder / "outside-1.0.dist-info").mkdir(parents=True)
    (folder / "outside_regression.py").write_text(OUTSIDE)
    (folder / "outside-1.0.dist-info" / "METADATA").write_text("Name: outside\nVersion: 1.0\n")
    (folder / "outside-1.0.dist-info" / "entry_points.txt").write_text(
        f"[{estimators.GROUP}]\ndoubled = outside_regression:DoubledRegression\n"
    )
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("outside_regression", None)
    from pyfate_gpu.glm.families import FAMILIES

    FAMILIES.pop("doubled", None)


@pytest.mark.slow
def test_a_job_runs_a_model_of_another_package(outside, small_job, rows):
    _, x, y = rows
    path = small_job(
        {"model": {"type": "doubled", "max_iter": 1, "learning_rate": 0.1, "alpha": 0.0}}
    )
    job = Job.load(path)
    run_job(job, lambda line: None)
    result = json.loads((job.directory / "guest" / "result.json").read_text())
    prepared = (x - x.mean(axis=0)) / x.std(axis=0)
    step = 0.1 * 2 * prepared.T @ y / len(y)  # the first step from 0 by the rule of the outside
    assert np.allclose(result["coef"], step[:2], atol=1e-6)


def test_a_name_may_be_added_at_run_time(monkeypatch):
    monkeypatch.setitem(
        estimators.ESTIMATORS, "mine", "pyfate_gpu.glm.linear:HeteroLinearRegression"
    )
    assert find_estimator("mine").__name__ == "HeteroLinearRegression"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("no_such_module:Thing", "model 'mine' does not load"),
        ("pyfate_gpu.glm.linear:Thing", "model 'mine' does not load"),
        ("pyfate_gpu.federation.roles:Party", "is no Estimator"),
    ],
)
def test_what_is_no_estimator_is_refused(monkeypatch, place, text):
    monkeypatch.setitem(estimators.ESTIMATORS, "mine", place)
    with pytest.raises(ConfigurationError, match=text):
        find_estimator("mine")


def test_jobs_name_no_model():
    question = (
        "import sys, pyfate_gpu.jobs.party, pyfate_gpu.jobs.prediction, pyfate_gpu.jobs.estimate;"
        "print([name for name in sys.modules if name.startswith('pyfate_gpu.glm')])"
    )
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, check=True)
    assert answer.stdout.strip() == b"[]"
