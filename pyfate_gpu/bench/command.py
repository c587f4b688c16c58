# SPDX-License-Identifier: Apache-2.0
"""The command line: what to measure, and where the result goes."""

from __future__ import annotations

import argparse
import json
import math
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from pyfate_gpu.bench.page import render
from pyfate_gpu.bench.peers import PEERS
from pyfate_gpu.bench.peers.processes import TrainingPeer
from pyfate_gpu.bench.plots import check_drawing
from pyfate_gpu.bench.report import print_result
from pyfate_gpu.bench.routines import ROUTINES
from pyfate_gpu.bench.runner import run
from pyfate_gpu.bench.scaling import SCALINGS, run_scalings
from pyfate_gpu.errors import ConfigurationError, PyFateError

OUTPUTS = ("--json", "--html")


def parse(arguments: Sequence[str], program: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Throughput of the batched operations, each beside that of peers in the same process, "
        "and how cost grows with size. Without --routine or --scaling every routine runs.",
    )
    routines, scalings = list(ROUTINES), list(SCALINGS)
    parser.add_argument("--routine", nargs="+", choices=routines, metavar="NAME",
                        help=f"what to measure: {', '.join(routines)}")  # fmt: skip
    parser.add_argument("--scaling", nargs="*", choices=scalings, metavar="NAME",
                        help=f"how cost grows: {', '.join(scalings)} (without a name: all)")  # fmt: skip
    parser.add_argument("--key-bits", nargs="+", type=int, default=[2048], metavar="BITS")
    parser.add_argument("--rows", type=int, help="rows of a batch (default: the routine's)")
    parser.add_argument("--features", nargs="+", type=int, metavar="COUNT",
                        help="columns of matrices and tables (default: 20)")  # fmt: skip
    parser.add_argument("--fraction-bits", nargs="+", type=int, metavar="BITS",
                        help="of the entries of matrices (default: 24, and 40 for matvec)")  # fmt: skip
    parser.add_argument("--threads", nargs="+", type=int, default=[1],
                        help="our threads, and cores for everybody (default: 1)")  # fmt: skip
    parser.add_argument("--backend", help="backend of pyfate_gpu (default: the best available)")
    parser.add_argument("--isa", help="instruction set of the cpu backend (default: the best)")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS), metavar="NAME",
                        help=f"whom to measure beside us (default: {' '.join(PEERS)})")  # fmt: skip
    parser.add_argument("--peer-python", action="append", type=_peer_python, default=[], metavar="PACKAGE=PYTHON",
                        help="Python of a peer that needs its own: fate or secretflow")  # fmt: skip
    parser.add_argument("--repeats", type=int, default=5, help="turns of each (default: 5)")
    parser.add_argument("--seconds", type=float, default=0.3,
                        help="least length of a turn (default: 0.3)")  # fmt: skip
    parser.add_argument("--budget", type=float, default=30.0,
                        help="most seconds for each curve of --scaling (default: 30)")  # fmt: skip
    parser.add_argument("--memory-mb", type=int, default=64,
                        help="memory that --scaling out_of_core may take (default: 64)")  # fmt: skip
    parser.add_argument("--refcheck", action="store_true", help="decrypt results and compare")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the result file")
    parser.add_argument("--html", type=Path, metavar="OUT", help="write one page with plots")
    options = parser.parse_args(arguments)
    _check_counts(parser, options)
    if options.scaling is not None:
        options.scaling = options.scaling or scalings
    if options.routine is None:
        options.routine = routines if options.scaling is None else []
    options.scaling = options.scaling or []
    return options


def command(arguments: Sequence[str], program: str) -> str:
    """The command that measures the same again, wherever its result goes."""
    before = ["", *arguments]
    pairs = zip(arguments, before, strict=False)
    kept = [
        f"{a.partition('=')[0]}=PYTHON" if b == "--peer-python" else a
        for a, b in pairs
        if a not in OUTPUTS and b not in OUTPUTS
    ]
    return f"{program} {shlex.join(kept)}".rstrip()


def command_of_line(line: dict[str, Any], options: argparse.Namespace, program: str) -> str:
    """The command that repeats one line alone."""
    words = ["--routine", line["routine"], "--key-bits", line["key_bits"], "--rows", line["rows"]]
    for name in ("features", "fraction_bits"):
        words += [f"--{name.replace('_', '-')}", line[name]] if line[name] else []
    words += ["--threads", line["threads"]]
    words += ["--backend", options.backend] if options.backend else []
    words += ["--isa", options.isa] if options.isa else []
    words += ["--peers", *options.peers] if options.peers != list(PEERS) else []
    for package, _ in options.peer_python:
        words += ["--peer-python", f"{package}=PYTHON"]  # where it is, is this machine's business
    words += ["--repeats", options.repeats, "--seconds", options.seconds]
    words += ["--refcheck"] if options.refcheck else []
    return f"{program} {shlex.join(map(str, words))}"


def main(arguments: Sequence[str], program: str) -> int:
    """Exit status: 0 measured, 1 somebody's result was wrong, 2 cannot be measured as asked."""
    console = Console()
    options = parse(arguments, program)
    try:
        _check_outputs(options)  # before anything is measured
        result = run(options, console, lambda line: command_of_line(line, options, program))
        result["scaling"] = run_scalings(options, console)
        result = {"command": command(arguments, program), **result}
        print_result(result, console)
        _write(options, result)
    except PyFateError as error:
        console.print(f"[red]{type(error).__name__}[/]: ", end="")
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return 2
    failed = any(figure["failure"] for line in result["lines"] for figure in line["figures"])
    return int(failed or any(curve["failure"] for curve in result["scaling"]))


def _peer_python(text: str) -> tuple[str, str]:
    package, sign, python = text.partition("=")
    known = sorted({each.package for each in PEERS.values() if issubclass(each, TrainingPeer)})
    if package not in known or not sign or shutil.which(python) is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no PACKAGE=PYTHON with PACKAGE one of {', '.join(known)} and PYTHON a command"
        )
    return package, python


def _check_outputs(options: argparse.Namespace) -> None:
    if options.html:
        check_drawing()
    for path in filter(None, (options.json, options.html)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a").close()
        except OSError as error:
            raise ConfigurationError(
                f"cannot write {path}: {error.strerror}; name a file in a folder of yours"
            ) from None


def _write(options: argparse.Namespace, result: dict[str, Any]) -> None:
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.html:
        options.html.write_text(render(result))


def _check_counts(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    for name in (
        "repeats",
        "rows",
        "memory_mb",
        "key_bits",
        "features",
        "fraction_bits",
        "threads",
    ):
        found = getattr(options, name)
        for value in found if isinstance(found, list) else [found]:
            if value is not None and value < 1:
                parser.error(f"--{name.replace('_', '-')} is {value}; it must be at least 1")
    for name in ("seconds", "budget"):
        value = getattr(options, name)
        if not 0 <= value < math.inf:
            parser.error(f"--{name} is {value}; it must be a number of seconds, 0 or more")
