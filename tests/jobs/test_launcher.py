# SPDX-License-Identifier: Apache-2.0
"""Whom the launcher names, whatever the order in which parties end."""

from __future__ import annotations

import math

import pytest

from pyfate_gpu.errors import PartyFailedError
from pyfate_gpu.jobs import launcher
from pyfate_gpu.jobs.launcher import ECHO


class Clock:
    """Time that passes in sleep only."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Ending:
    """A party, and its process, which ends with a code at some time."""

    def __init__(self, clock, name, code, when):
        self.clock, self.name, self.code, self.when = clock, name, code, when
        self.process, self.returncode = self, None

    def poll(self):
        if self.clock.now >= self.when:
            self.returncode = self.code
        return self.returncode

    def new_lines(self):
        return []

    def complaint(self):
        return f"{self.name} failed"


@pytest.mark.parametrize(
    ("guest", "host", "arbiter", "named"),
    [
        ((1, 1), (ECHO, 2), (ECHO, 2), "guest"),
        ((ECHO, 1), (1, 15), (ECHO, 2), "host"),  # a busy machine takes long to end it
        ((ECHO, 1), (1, 2), (0, math.inf), "host"),
        ((ECHO, 1), (0, math.inf), (0, math.inf), "guest"),  # for ever silent, as the guest says
        ((0, 1), (-9, 2), (0, math.inf), "host"),
    ],
)
def test_the_party_that_failed_first_is_named(monkeypatch, guest, host, arbiter, named):
    clock = Clock()
    monkeypatch.setattr(launcher, "time", clock)
    ends = {"guest": guest, "host": host, "arbiter": arbiter}
    runs = [Ending(clock, name, *end) for name, end in ends.items()]
    with pytest.raises(PartyFailedError, match=f"^{named} failed$"):
        launcher._watch(runs, lambda line: None)
    assert clock.now < 30


def test_nobody_is_named_when_all_is_well(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(launcher, "time", clock)
    launcher._watch([Ending(clock, name, 0, 500) for name in ("guest", "host")], lambda line: None)
    assert clock.now == pytest.approx(500, abs=1)
