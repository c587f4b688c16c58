# SPDX-License-Identifier: Apache-2.0
"""The short form of the soak: a few deaths and restarts under the ceiling of memory."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_short_soak(tmp_path):
    """In a process of its own: pytest's has had other memory before."""
    result = tmp_path / "result.json"
    command = [sys.executable, "tests/jobs/soak.py", "--minutes", "0", "--json", str(result)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(result.read_text())
    assert found["restarts"] == found["rounds"] >= 4
    assert found["highest_mib"] <= found["ceiling_mib"]
