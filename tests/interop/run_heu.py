# SPDX-License-Identifier: Apache-2.0
"""Prove the HEU adapter against sf-heu 0.6.0b0: python tests/interop/run_heu.py --python python3.10

Makes an environment with sf-heu (Python 3.10) beside the others, installs this package into it, runs
heu/script.py on HEU's own modules and on ours, and compares the answers line by line; then times both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from environments import build, versions
from parts import ROOT, Outcome, Part

HERE = Path(__file__).parent
PARTNER = ("sf-heu==0.6.0b0", "numpy>=2", "gmpy2>=2.2")


def answers(python: Path, module: str, key: int) -> dict[str, object]:
    """What the script gives on a module."""
    # PYTHONPATH would bring another Python's packages; HEU writes its log to standard output.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [str(python), str(HERE / "heu/script.py"), module, str(key)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(output.stdout[output.stdout.index('{"names"') :])


def compare(theirs: dict[str, object], ours: dict[str, object]) -> Outcome:
    """Print every line whose answers differ; count the lines."""
    different = 0
    for line, expected in theirs.items():
        if line == "names":
            missing = [set(a) - set(b) for a, b in zip(expected, ours[line], strict=True)]
            if any(missing):
                different += 1
                print(f"names that are missing: {missing}")
        elif ours[line] != expected:
            different += 1
            print(f"DIFFERENT {line}\n  HEU  {expected}\n  ours {ours[line]}")
    refused = sum(value == "refused" for value in theirs.values())
    print(f"{len(theirs)} lines, {refused} of them refused by HEU: {different} differ")
    return Outcome(len(theirs) - different, different)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--python", default="python3.10", help="Python 3.10, for which sf-heu has wheels"
    )
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv-heu")
    parser.add_argument("--no-build", action="store_true", help="the environment is as wanted")
    parser.add_argument("--key", type=int, default=1024)
    parser.add_argument(
        "--measure", action="store_true", help="time both with a key of 2048 bits, too"
    )
    parser.add_argument("--again", action="store_true", help="though it passed at this commit")
    options = parser.parse_args()
    python = options.environment / "bin/python"
    if not options.no_build:
        python = build(options.python, options.environment, PARTNER)
    part = Part("heu", options.again)
    part.step(
        "script",
        lambda: compare(*(answers(python, module, options.key) for module in ("heu", "ours"))),
    )
    if options.measure:
        core = min(os.sched_getaffinity(0))
        subprocess.run(
            [str(python), str(HERE / "heu/measure.py")], check=True, env=os.environ | {"PYTHONPATH": str(HERE)},
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )  # fmt: skip
    return part.finish(versions(python, ["sf-heu", "numpy"]))


if __name__ == "__main__":
    sys.exit(main())
