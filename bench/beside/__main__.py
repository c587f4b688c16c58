# SPDX-License-Identifier: Apache-2.0
"""``python -m bench.beside PYTHON [ROUTINE...]``: this build beside that of another Python, in turns.

Each build has a process of its own on the same core. The two alternate, so that whatever else the machine does
meets both; the figure of a routine is the median over pairs of turns of the other's processor time / ours: above
1, this build is faster.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyfate_gpu.bench.routines import ROUTINES
from pyfate_gpu.bench.routines.base import Size

CONTESTANT = Path(__file__).with_name("contestant.py")
LEAST_TIME = 1e-6
LEFT_OUT = ("to_host", "to_device", "keypair")  # need a GPU; depend on luck


class Build:
    """The process of a build."""

    def __init__(self, python: str, path: str | None) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        if path is not None:
            environment["PYTHONPATH"] = path
        self._process = subprocess.Popen(  # noqa: S603 - the Python that the user names
            [python, str(CONTESTANT)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        self.version, self.place = self._answer()

    def ask(self, name: str, threads: int, *arguments: Any) -> Any:
        """What `name` of the contestant answers."""
        assert self._process.stdin  # noqa: S101
        self._process.stdin.write(json.dumps([name, threads, arguments]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        """Let the process go."""
        assert self._process.stdin  # noqa: S101
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{self._process.args[0]} ended: is this package installed in it, with gmpy2?")  # type: ignore[index]
        return json.loads(line)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.beside", description=__doc__)
    parser.add_argument("python", help="the Python of the other build, such as ../before/.venv/bin/python")
    parser.add_argument("routine", nargs="*", default=[], help="what to compare (default: all)")
    parser.add_argument("--alternations", type=int, default=15, help="pairs of turns (default: 15)")
    parser.add_argument("--seconds", type=float, default=0.5, help="least length of a turn (default: 0.5)")
    parser.add_argument("--starts", type=int, default=1, help="new processes for all of it, so many times")
    parser.add_argument("--key-bits", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--features", type=int, nargs="+")
    parser.add_argument("--fraction-bits", type=int, nargs="+")
    options = parser.parse_args(arguments)
    if wrong := [name for name in options.routine if name not in ROUTINES]:
        parser.error(f"{wrong[0]} is no routine; there are {', '.join(ROUTINES)}")
    options.routine = options.routine or [name for name in ROUTINES if name not in LEFT_OUT]
    return options


def pairs(builds: tuple[Build, Build], alternations: int, seconds: float, threads: int) -> Iterator[tuple[float, float]]:
    """Seconds of a call in ours and in the other; who begins changes."""
    once = max(LEAST_TIME, *(build.ask("turn", threads, 1)[0] for build in builds))
    calls = math.ceil(seconds / once)
    for turn in range(alternations):
        order = (0, 1) if turn % 2 else (1, 0)
        spent = {index: builds[index].ask("turn", threads, calls)[0] for index in order}
        yield spent[0], spent[1]


def line(title: str, found: list[tuple[float, float]]) -> str:
    """A row of the table: the median and between which ratios the middle half lies."""
    ratios = [other / ours for ours, other in found]
    first, _, last = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    ours, other = (statistics.median(side) for side in zip(*found, strict=True))
    return (
        f"{title:<72} {other:12.6f} {ours:12.6f} {statistics.median(ratios):7.3f}  "
        f"{first:.3f} - {last:.3f}"
    )


def main() -> None:
    options = parse()
    found: dict[str, list[tuple[float, float]]] = {}
    for start in range(options.starts):
        builds = (Build(sys.executable, os.pathsep.join(sys.path)), Build(options.python, None))
        if start == 0:
            print(f"ours {builds[0].version}, other {builds[1].version}, n = {options.key_bits} bits, "
                  f"{options.starts} x {options.alternations} pairs of turns, processor seconds of a call")  # fmt: skip
            print(f"{'':<72} {'other':>12} {'ours':>12} {'ratio':>7}  middle half")
        try:
            for name in options.routine:
                for size in ROUTINES[name].sizes(options):
                    title = f"{name}: {ROUTINES[name].title_of(size)}, {size.rows} rows"
                    wrong = [build.ask("prepare", options.threads, name, options.key_bits, *vars(size).values())
                             for build in builds]  # fmt: skip
                    if any(wrong):
                        print(f"{title:<72} left out: {wrong[0] or wrong[1]}", flush=True)
                        continue
                    turns = pairs(builds, options.alternations, options.seconds, options.threads)
                    found.setdefault(title, []).extend(turns)
                    if start == options.starts - 1:
                        print(line(title, found[title]), flush=True)
        finally:
            for build in builds:
                build.end()


if __name__ == "__main__":
    main()
