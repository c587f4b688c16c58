# SPDX-License-Identifier: Apache-2.0
"""What happens to four processes; ``python -m tests.jobs.mishaps`` lets all of it happen, here are two of them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from pyfate_gpu.jobs.exits import DATA, ECHO, SIGNAL
from pyfate_gpu.storage.files import locked
from tests.jobs.mishaps import MISHAPS, PARTIES, RESULTS, let_happen, problems


def test_a_mistake_of_one_party_ends_all_by_its_name(tmp_path):
    found = let_happen("NaN", tmp_path)
    assert [line for line in problems(found) if "ended after" not in line] == []  # of any machine
    ends = found["parties"]
    assert {name: end["code"] for name, end in ends.items()} == {
        name: DATA if name == "host-0" else ECHO for name in PARTIES
    }
    assert "NaN or infinite values in 'c'" in ends["host-0"]["error"]
    assert ends["guest"]["error"].startswith("host-0 stopped: its own data cannot be used")


def test_a_killed_run_takes_its_parties_along(small_job):
    path = small_job({"model": {"max_iter": 100_000}})
    command = [sys.executable, "-m", "pyfate_gpu.cli", "run", str(path)]
    out = path.parent / "out"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert any("iteration 2 of" in line for line in process.stdout)
        process.kill()
        process.wait()
    deadline = time.monotonic() + 300
    for party in ("guest", "host-0", "arbiter"):
        while True:
            try:
                with locked(out / party):
                    break
            except ValueError:  # it lives
                assert time.monotonic() < deadline
                time.sleep(0.1)
        log = (out / party / "log.txt").read_text()
        assert "told to end by SIGTERM" in log or "stopped: it was told to" in log


def test_what_came_of_all_mishaps_is_kept():
    kept = json.loads(RESULTS.read_text())
    assert [each["mishap"] for each in kept["mishaps"]] == list(MISHAPS)
    assert [each["problems"] for each in kept["mishaps"]] == [[]] * len(MISHAPS)
    codes = {end["code"] for each in kept["mishaps"] for end in each["parties"].values()}
    assert codes >= {ECHO, DATA, SIGNAL + signal.SIGTERM, -signal.SIGKILL}


def test_every_mishap_is_one_of_the_list():
    assert len(MISHAPS) >= 20
    with pytest.raises(KeyError):
        MISHAPS["none"]
