# SPDX-License-Identifier: Apache-2.0
"""``python -m bench.beside PYTHON [ROUTINE...]``: this build beside that of another Python, in turns."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyfate_gpu.bench.routines import ROUTINES, Size

CONTESTANT = Path(__file__).with_name("contestant.py")
LEAST_TIME = 1e-6
LEFT_OUT = ("to_host", "to_device", "keypair")  # need a GPU; depend on luck
ABOUT = """This build beside that of another Python. Each has a process of its own, on the same core; the two
alternate, so that whatever else the machine does meets both. A ratio is the median over pairs of turns of the other's
processor time / ours: above 1, this build is faster."""

Pair = tuple[float, float]
"""Processor seconds of a call: ours, the other's."""


class Build:
    """The process of a build. `path` is where its Python looks for modules, besides where it always does."""

    def __init__(self, python: str, path: str | None) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        if path is not None:
            environment["PYTHONPATH"] = path
        self._python = python
        self._process = subprocess.Popen(  # noqa: S603 - the Python that the user names
            [python, str(CONTESTANT)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        self.version: str = self._answer()

    def ask(self, name: str, threads: int, *arguments: Any) -> Any:
        """What the method `name` of the contestant answers."""
        assert self._process.stdin
        print(json.dumps([name, threads, arguments]), file=self._process.stdin, flush=True)
        return self._answer()

    def end(self) -> None:
        """Let the process go."""
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream:
                    stream.close()
        self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self.end()
            sys.exit(f"{self._python} ended: is this package installed for it, with `bench`?")
        return json.loads(line)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.beside", description=ABOUT)
    parser.add_argument("python", help="of the other build, such as ../before/.venv/bin/python")
    parser.add_argument("routine", nargs="*", help="what to compare (default: all)")
    parser.add_argument("--alternations", type=int, default=15, help="pairs of turns (15)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of a turn, at least (0.5)")
    parser.add_argument("--starts", type=int, default=1, help="new processes, so many times (1)")
    parser.add_argument("--key-bits", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--features", type=int, nargs="+")
    parser.add_argument("--fraction-bits", type=int, nargs="+")
    options = parser.parse_args(arguments)
    if wrong := [name for name in options.routine if name not in ROUTINES]:
        parser.error(f"{wrong[0]} is no routine; there are {', '.join(ROUTINES)}")
    if min(options.alternations, options.starts, options.threads) < 1:
        parser.error("--alternations, --starts and --threads are at least 1")
    options.routine = options.routine or [name for name in ROUTINES if name not in LEFT_OUT]
    return options


def jobs(options: argparse.Namespace) -> Iterator[tuple[str, str, Size]]:
    """Title, routine and size of everything that is compared."""
    for name in options.routine:
        for size in ROUTINES[name].sizes(options):
            yield f"{name}: {ROUTINES[name].title_of(size)}", name, size


def prepare(
    builds: Sequence[Build], name: str, size: Size, key_bits: int, threads: int
) -> tuple[str, ...]:
    """Make the job in both builds; what is wrong with it in either."""
    answers = (b.ask("prepare", threads, name, key_bits, *vars(size).values()) for b in builds)
    return tuple(filter(None, answers))


def compare(builds: Sequence[Build], options: argparse.Namespace) -> Iterator[Pair]:
    """Turns of the job that was prepared; who begins changes."""
    ours, other = builds
    once = max(LEAST_TIME, *(build.ask("turn", options.threads, 1) for build in builds))
    calls = math.ceil(options.seconds / once) or 1
    for turn in range(options.alternations):
        order = (ours, other) if turn % 2 else (other, ours)
        spent = {build: build.ask("turn", options.threads, calls) for build in order}
        yield spent[ours], spent[other]


def line(title: str, pairs: Sequence[Pair]) -> str:
    """A row of the table: the median, and between which ratios the middle half lies."""
    ratios = [max(other, LEAST_TIME) / max(ours, LEAST_TIME) for ours, other in pairs]
    first, _, last = statistics.quantiles([*ratios, *ratios], n=4, method="inclusive")
    if len(ratios) > 1:
        first, _, last = statistics.quantiles(ratios, n=4, method="inclusive")
    ours, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    return (
        f"{title:<72} {other:12.6f} {ours:12.6f} {statistics.median(ratios):7.3f}  "
        f"{first:.3f} - {last:.3f}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    found: dict[str, list[Pair]] = {}
    for start in range(options.starts):
        builds = [Build(sys.executable, os.pathsep.join([str(Path.cwd()), *sys.path]))]
        try:
            builds.append(Build(options.python, None))
            if start == 0:
                print_head(builds, options)
            for title, name, size in jobs(options):
                if wrong := prepare(builds, name, size, options.key_bits, options.threads):
                    note = f"{title:<72} left out: {'; '.join(wrong)}"
                else:
                    found.setdefault(title, []).extend(compare(builds, options))
                    note = line(title, found[title])
                if start == options.starts - 1:
                    print(note, flush=True)
        finally:
            for build in builds:
                build.end()


def print_head(builds: Sequence[Build], options: argparse.Namespace) -> None:
    ours, other = builds
    print(
        f"ours {ours.version}, other {other.version}, n = {options.key_bits} bits, {options.starts} x "
        f"{options.alternations} pairs of turns, processor seconds of a call"
    )
    print(f"{'':<72} {'other':>12} {'ours':>12} {'ratio':>7}  middle half")


if __name__ == "__main__":
    main()
