# SPDX-License-Identifier: Apache-2.0
"""The command line: what to measure, and where the result goes."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.peers import PEERS
from bench.report import print_result
from bench.routines import ROUTINES
from bench.runner import run
from pyfate_gpu.errors import PyFateError


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Throughput of the batched operations, each beside that of peers in the same process.",
    )
    names = list(ROUTINES)
    parser.add_argument("--routine", nargs="+", choices=names, default=names, metavar="NAME",
                        help=f"what to measure (default: all): {', '.join(names)}")  # fmt: skip
    parser.add_argument("--key-bits", nargs="+", type=int, default=[2048], metavar="BITS")
    parser.add_argument("--backend", help="backend of pyfate_gpu (default: the best available)")
    parser.add_argument("--isa", help="instruction set of the cpu backend (default: the best)")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS), metavar="NAME",
                        help=f"whom to measure beside us (default: {' '.join(PEERS)})")  # fmt: skip
    parser.add_argument(
        "--threads", type=int, default=1, help="our threads; peers have one (default: 1)"
    )
    parser.add_argument(
        "--repeats", type=int, default=5, help="turns of each contestant (default: 5)"
    )
    parser.add_argument(
        "--seconds", type=float, default=0.3, help="least length of a turn (default: 0.3)"
    )
    parser.add_argument(
        "--rows", type=int, help="most ciphertexts of a batch (default: the routine's)"
    )
    parser.add_argument("--refcheck", action="store_true", help="decrypt results and compare")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the result file")
    options = parser.parse_args(arguments)
    for name in ("repeats", "rows"):
        if (value := getattr(options, name)) is not None and value < 1:
            parser.error(f"--{name} is {value}; it must be at least 1")
    return options


def command(arguments: Sequence[str]) -> str:
    """The command that measures the same again, wherever its result goes."""
    before = ["", *arguments]
    kept = [a for a, b in zip(arguments, before, strict=False) if "--json" not in (a, b)]
    return shlex.join(["python", "-m", "bench", *kept])


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0 measured, 1 somebody's result was wrong, 2 cannot be measured as asked."""
    console = Console()
    options = parse(arguments)
    try:
        result = run(options, console)
    except PyFateError as error:
        console.print(f"[red]{type(error).__name__}[/]: {error}")
        return 2
    result = {"command": command(arguments), **result}
    print_result(result, console)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return int(any(f["failure"] for line in result["lines"] for f in line["figures"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
