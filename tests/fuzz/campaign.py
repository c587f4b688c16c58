# SPDX-License-Identifier: Apache-2.0
"""Fuzz readers of bytes from outside for as long as asked, in workers with little memory and time for each case.

``python -m tests.fuzz.campaign --malformed 10000000 --targets wire frame opening public_key private_key
--seed N --json tests/results/fuzz.json`` with a seed of its own for each run.

A case is known by target, seed and number, and made again by ``--again wire 7 12345``. What counts as found: a
case that kills its worker, takes more than two seconds of processor time or 64 MiB beyond what the worker had,
raises anything but a PyFateError, or is accepted though it is not what the documents say. Each is written to
``--findings``; the short form is tests/fuzz/test_fuzz.py.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import mmap
import os
import platform
import random as randoms
import resource
import signal
import struct
import sys
import time
import traceback
import warnings
from pathlib import Path

from pyfate_gpu import use_backend
from pyfate_gpu.errors import PyFateError
from tests.fuzz.mutations import mutate_bytes, mutate_document
from tests.fuzz.targets import TARGETS

SECONDS_A_CASE = 2
BYTES_A_CASE = 64 << 20
#: About a second of each.
CASES_A_WORKER = {
    "wire": 5000, "frame": 5000, "opening": 5000, "csv": 5000, "libsvm": 5000, "parquet": 200,
}  # fmt: skip


class Hang(BaseException):
    """A case took too long; no reader catches this."""


def case(target, seeds, seed, number):
    """Bytes of one case: half of them with checksums and lengths put right, as an attacker would."""
    random = randoms.Random(f"{target.name}/{seed}/{number}")
    data = random.choice(seeds)
    if target.split is not None and random.random() < 0.5:
        document, rest = _split(target.split, data)
        if random.random() < 0.2:
            rest = mutate_bytes(random, rest, seeds)
        return target.join(mutate_document(random, document), rest)
    data = mutate_bytes(random, data, seeds)
    return target.reseal(data) if random.random() < 0.6 else data


@functools.lru_cache(maxsize=100)
def _split(split, data):
    document, rest = split(data)
    return json.dumps(document), rest


def run_case(target, data):
    """Return "malformed", "other" for another well-formed text, or what is wrong."""
    signal.signal(signal.SIGPROF, _stop_case)
    signal.setitimer(signal.ITIMER_PROF, SECONDS_A_CASE)
    try:
        found = target.read(data)
    except PyFateError:
        return "malformed"
    except Hang:
        return f"took more than {SECONDS_A_CASE} s"
    except BaseException:
        return traceback.format_exc(limit=-3)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    try:
        return (
            "other"
            if target.holds(data, found)
            else "accepted, though it is not what the documents say"
        )
    except Exception:
        return "accepted, and then: " + traceback.format_exc(limit=-3)


def _stop_case(*_):
    raise Hang


def work(target, seed, start, count, shared):
    """Run cases in this process, a child; counts go to `shared`. Returns the exit code."""
    seeds = target.seeds()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    size = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
    resource.setrlimit(resource.RLIMIT_AS, (size + BYTES_A_CASE,) * 2)
    malformed = 0
    for done, number in enumerate(range(start, start + count), 1):
        outcome = run_case(target, case(target, seeds, seed, number))
        if outcome not in ("malformed", "other"):
            sys.stderr.write(f"{target.name} {seed} {number}: {outcome}\n")
            return 1
        malformed += outcome == "malformed"
        struct.pack_into("<QQ", shared, 0, done, malformed)
    return 0


def batch(target, seed, start, count):
    """Run cases in a forked child; return how many were done, how many were malformed, and what was found."""
    with mmap.mmap(-1, 16) as shared:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads
            child = os.fork()
        if child == 0:
            code = 2
            try:
                code = work(target, seed, start, count, shared)
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        done, malformed = struct.unpack_from("<QQ", shared)
    if os.WIFSIGNALED(status):
        return done, malformed, f"killed by signal {os.WTERMSIG(status)}"
    return done, malformed, "see above" if os.WEXITSTATUS(status) else None


def campaign(options):
    """Take the targets in turns until there were enough malformed cases or the time is over."""
    began, stop = time.monotonic(), []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))
    totals = {name: {"cases": 0, "malformed": 0, "found": 0} for name in options.targets}
    shown = began

    def over():
        enough = sum(total["malformed"] for total in totals.values()) >= options.malformed
        return stop or enough or time.monotonic() - began > options.seconds

    for name, total in itertools.cycle(totals.items()):
        if over():
            break
        target = TARGETS[name]
        count = CASES_A_WORKER.get(name, 1000)
        done, malformed, found = batch(target, options.seed, total["cases"], count)
        total["cases"] += done
        total["malformed"] += malformed
        if found:
            data = case(target, target.seeds(), options.seed, total["cases"])
            options.findings.mkdir(exist_ok=True, parents=True)
            path = options.findings / f"{name}-{options.seed}-{total['cases']}"
            path.write_bytes(data)
            print(f"{path}: {found}", flush=True)
            total["cases"] += 1
            total["found"] += 1
        if time.monotonic() - shown > 60:
            shown = time.monotonic()
            print(f"{shown - began:.0f} s: {json.dumps(totals)}", flush=True)
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "python": platform.python_version(),
        "seed": options.seed,
        "seconds": round(time.monotonic() - began),
        "malformed": sum(total["malformed"] for total in totals.values()),
        "found": sum(total["found"] for total in totals.values()),
        "targets": totals,
    }


def record(path, result):
    """Add a run to the file of earlier ones, and sum them up."""
    document = json.loads(path.read_text()) if path.exists() else {}
    runs = [*document.pop("runs", []), result]
    document |= {name: sum(run[name] for run in runs) for name in ("malformed", "found")}
    path.write_text(json.dumps({**document, "runs": runs}, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--malformed", type=int, default=1_000_000, help="stop after so many")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--json", type=Path, help="add the result to those of earlier runs")
    parser.add_argument("--again", nargs=3, metavar=("TARGET", "SEED", "NUMBER"), help="one case")
    options = parser.parse_args()
    with use_backend("cpu", threads=1):
        if options.again:
            target = TARGETS[options.again[0]]
            data = case(target, target.seeds(), int(options.again[1]), int(options.again[2]))
            print(f"{data!r}\n{run_case(target, data)}")
            return 0
        result = campaign(options)
    print(json.dumps(result, indent=1))
    if options.json:
        record(options.json, result)
    return 1 if result["found"] else 0


if __name__ == "__main__":
    sys.exit(main())
