# SPDX-License-Identifier: Apache-2.0
"""A partner's part of `make interop`: its steps, each done once at a commit, and the record of what came of them.

A part that was interrupted, or failed, goes on where it stopped when it is run again at the same commit. The record
is tests/interop/results/<part>.json; the last complete ones are committed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"
PARTS = ("arrays", "phe", "heu", "hess", "fate1", "fate2", "flower", "nvflare")
TREES = ("pyfate_gpu", "csrc", "tests/interop", "pyproject.toml", "CMakeLists.txt")
"""What a result depends on."""


@dataclass(frozen=True)
class Outcome:
    """How many checks of a step passed, and how many did not."""

    passed: int
    failed: int = 0


class Part:
    """One partner.

    Parameters
    ----------
    name : str
        One of `PARTS`.
    again : bool
        Do steps again that passed at this commit.
    """

    def __init__(self, name: str, again: bool = False) -> None:
        self._path = RESULTS / f"{name}.json"
        self._commit = commit()
        before = read(name)
        same = before.get("commit") == self._commit and not again
        self._steps: dict[str, Any] = before.get("steps", {}) if same else {}
        self._head = {"part": name, "status": "unfinished", "commit": self._commit}

    def step(self, name: str, work: Callable[[], Outcome]) -> None:
        """Do a step, unless it passed at this commit."""
        found = self._steps.get(name)
        if found and not found["failed"]:
            print(f"{name}: passed at this commit, {found['date']}", flush=True)
            return
        began = time.monotonic()
        outcome = work()
        self._steps[name] = {
            "passed": outcome.passed, "failed": outcome.failed, "seconds": round(time.monotonic() - began, 1),
            "date": _today(),
        }  # fmt: skip
        self._write()

    def finish(self, versions: Mapping[str, str]) -> int:
        """Write the record; 0 if all passed."""
        counts = {
            key: sum(step[key] for step in self._steps.values())
            for key in ("passed", "failed", "seconds")
        }
        good = counts["passed"] and not counts["failed"]
        self._head |= {"status": "passed" if good else "failed", "date": _today()}
        self._head |= {"versions": dict(versions), **counts, "seconds": round(counts["seconds"], 1)}
        self._write()
        print(f"{self._path.stem}: {counts['passed']} passed, {counts['failed']} failed")
        return int(not good)

    def not_run(self, why: str) -> int:
        """Write that it could not be run, and why."""
        self._head |= {"status": "not run", "date": _today(), "why": why}
        self._write()
        print(f"{self._path.stem}: NOT RUN: {why}", file=sys.stderr)
        return 1

    def _write(self) -> None:
        RESULTS.mkdir(exist_ok=True)
        record = self._head | ({"steps": self._steps} if self._steps else {})
        self._path.write_text(json.dumps(record, indent=1) + "\n")


def read(name: str) -> dict[str, Any]:
    """The record of a part; empty if there is none."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def write_measured(path: Path, command: str, found: Mapping[str, Any]) -> None:
    """Write what was measured, behind when, of what, how and beside what."""
    head = {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "command": command,
        "machine": f"one of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
    }
    path.write_text(json.dumps(head | dict(found), indent=1) + "\n")


def commit() -> str:
    """The last commit that changed what results depend on; with a plus, if it was changed since."""
    ignored = f":(exclude){RESULTS.relative_to(ROOT)}"
    last = _git("log", "-1", "--format=%h", "--abbrev=12", "--", *TREES, ignored)
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *TREES, ignored)
    return last + ("+" if changed else "")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _today() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d")


def main() -> int:
    """Print what is known of every part; 1 unless all passed at this commit."""
    here, bad = commit(), 0
    for name in PARTS:
        found = read(name)
        status = found.get("status", "never run")
        if found and found["commit"] != here:
            status += f", at another commit ({found['commit']})"
        bad |= status != "passed"
        counts = f"{found.get('passed', 0)} passed, {found.get('failed', 0)} failed"
        print(f"{name:6} {status}; {counts}; {found.get('date', '')} {found.get('why', '')}")
    return bad


if __name__ == "__main__":
    sys.exit(main())
