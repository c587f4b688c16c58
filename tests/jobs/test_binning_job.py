# SPDX-License-Identifier: Apache-2.0
"""Jobs of type iv: two processes, no arbiter, rules by column in a file."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.binning import HeteroBinning
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.jobs.configuration import PartyConfiguration
from pyfate_gpu.jobs.job import Job, as_toml
from pyfate_gpu.jobs.launcher import run_job

MODEL = {"key_bits": 512, "allow_insecure_key_size": True, "min_rows": 5, "max_bins": 4}


@pytest.fixture
def iv_job(small_job):
    def write(**parameters):
        path = small_job({"model": {"type": "iv", **MODEL, **parameters}})
        text = path.read_text().replace("max_iter = 3\n", "").replace("tol = 0.0\n", "")
        path.write_text(text)
        return path

    return write


def result(path, party):
    return json.loads((path.parent / "out" / party / "result.json").read_text())


def test_processes_find_what_threads_find(iv_job, rows):
    path = iv_job(cuts={"c": [-0.5, 0.5]}, share_woe=True)
    run_job(Job.load(path), lambda line: None)
    _, x, y = rows
    rules = MODEL | {"cuts": {2: [-0.5, 0.5]}, "share_woe": True}
    models = simulate(
        guest=lambda s: HeteroBinning(**rules | {"cuts": {}}).fit(x[:, :2], y, session=s),
        hosts=[
            lambda s: HeteroBinning(**rules | {"cuts": {0: [-0.5, 0.5]}}).fit(x[:, 2:], session=s)
        ],
    )
    guest, host = result(path, "guest"), result(path, "host-0")
    np.testing.assert_array_equal(list(host["iv"].values()), models["host-0"].iv_)
    np.testing.assert_array_equal(list(guest["iv"].values()), models["guest"].iv_)
    assert [each["bin"] for each in host["bins"]["c"]] == [
        "below -0.5", "-0.5 to 0.5", "0.5 and above", "missing",
    ]  # fmt: skip
    assert len(guest["hosts"]["host-0"]) == 3
    assert "hosts" not in host
    assert not (path.parent / "out" / "arbiter").exists()
    half = HeteroBinning.load(path.parent / "out" / "host-0" / "half.model")
    np.testing.assert_array_equal(half.transform(x[:, 2:]), models["host-0"].transform(x[:, 2:]))
    for text in ((path.parent / "out" / "guest" / "result.json").read_text(),):
        assert '"c"' not in text.split('"hosts"')[1]  # names of hosts' columns stay there


def test_rules_by_column_travel_in_files(iv_job, tmp_path):
    rules = {"cuts": {"a column": [1.0, 2.5]}, "special": {"b": [-999, "?"]}}
    guest = Job.load(iv_job(**rules)).configurations((7001, 7002))[GUEST]
    path = tmp_path / "guest.toml"
    path.write_text(as_toml(guest))
    assert PartyConfiguration.load(path).parameters == {**MODEL, **rules}


def test_parameters_are_checked_before_processes_start(iv_job):
    with pytest.raises(ConfigurationError, match="must increase"):
        run_job(Job.load(iv_job(cuts={"c": [1.0, 0.0]})), lambda line: None)
