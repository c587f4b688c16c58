# SPDX-License-Identifier: Apache-2.0
"""The short form of the kills: each party once, at the beginning, the middle and the end of a job."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_three_kills_all_over_a_job(tmp_path):
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "tests.jobs.kill_at_random", "--kills", "3"]
    command += ["--iterations", "12", "--json", str(result)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    kills = json.loads(result.read_text())["kills"]
    assert [kill["victim"] for kill in kills] == ["guest", "host-0", "arbiter"]
    assert all(kill["planned"] <= kill["messages"] <= kill["of"] for kill in kills)
    first, _, last = (kill["planned"] / kill["of"] for kill in kills)
    assert first < 0.5 < last
    assert all(kill["resumed_at"] <= kill["iteration"] + 1 for kill in kills)
