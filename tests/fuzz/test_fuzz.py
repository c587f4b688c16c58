# SPDX-License-Identifier: Apache-2.0
"""Bytes from outside: the corpus, and a short campaign of every reader. The long one: tests/fuzz/campaign.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from pyfate_gpu import use_backend
from tests.fuzz import campaign
from tests.fuzz.targets import CORPUS, TARGETS


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_corpus(target):
    for path in sorted((CORPUS / target.name).iterdir()):
        outcome = campaign.run_case(target, path.read_bytes())
        assert outcome == ("malformed" if path.name.startswith("found-") else "other"), path


def test_taking_apart_and_putting_together():
    for target in TARGETS.values():
        for path in sorted((CORPUS / target.name).iterdir()) if target.join else ():
            if path.name.startswith("found-"):
                continue
            data = path.read_bytes()
            with use_backend("cpu"):
                assert target.holds(data, target.read(target.join(*target.split(data)))), path


@pytest.mark.slow
def test_a_short_campaign():
    """In a process of its own, whose memory can be limited. The seed is fixed, and no machine comes further than any
    other, so that the change that fails did it.
    """
    command = f"{sys.executable} -m tests.fuzz.campaign --seconds 180 --malformed 1200000".split()
    found = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert '"found": 0' in found.stdout


# What the campaign is there to find.


def read_with(read):
    return replace(TARGETS["csv"], read=read, holds=lambda data, found: False)


def raise_value_error(data):
    raise ValueError(data)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (raise_value_error, "ValueError"),
        (lambda data: bytearray(1 << 32), "MemoryError"),
        (lambda data: [None for _ in iter(int, 1)], "MemoryError"),
        (lambda data: len(data), "accepted, though"),
    ],
)
def test_faults_are_seen(read, text, monkeypatch, capfd):
    monkeypatch.setattr(campaign, "SECONDS_A_CASE", 60)  # memory ends first, on any machine
    *_, found = campaign.batch(read_with(read), 1, 0, 1)
    assert found == "see above"
    assert text in capfd.readouterr().err


def test_endless_loops_are_seen(monkeypatch, capfd):
    def forever(data):
        while True:
            pass

    monkeypatch.setattr(campaign, "SECONDS_A_CASE", 0.1)
    assert campaign.batch(read_with(forever), 1, 0, 1)[2] == "see above"
    assert "took more than" in capfd.readouterr().err


def test_crashes_are_seen_and_the_case_is_known():
    def crash(data):
        if b"nan" not in data:
            os.kill(os.getpid(), signal.SIGKILL)

    target = replace(TARGETS["csv"], read=crash, holds=lambda data, found: True)
    done, _, found = campaign.batch(target, 1, 0, 1000)
    assert found == "killed by signal 9"
    assert b"nan" not in campaign.case(target, target.seeds(), 1, done)
