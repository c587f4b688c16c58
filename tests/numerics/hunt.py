# SPDX-License-Identifier: Apache-2.0
"""Hunt for expressions whose value is wrong: ``python -m tests.numerics.hunt --minutes 20 --json result.json``.

Every step of an expression is compared, so that one of eight operations counts nine times. A result file that is
there is gone on with: the hunt may be interrupted and continued until there are as many as `--expressions`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import secrets
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, seed, settings, strategies

from pyfate_gpu import generate_keypair, use_backend
from pyfate_gpu.bench.machine import commit
from pyfate_gpu.errors import PyFateError
from tests.numerics import dice as st
from tests.numerics import expressions, slotted
from tests.numerics.dice import by_hypothesis, thrown

DEPTH = 8
KEY_BITS = (
    256,
    384,
    512,
)  # short: what is refused since it could wrap around is a large part of all there is
EXAMPLES = 500
SAVE_EVERY = 60.0  # seconds
KINDS = {"numbers": (expressions,), "slots": (slotted,), "both": (expressions, slotted)}


def examine(draw, public, private, seen=None, kinds=KINDS["both"]):
    """Draw one expression and compare its steps; raises AssertionError when a value is wrong. `seen` counts."""
    seen = Counter() if seen is None else seen
    try:
        kind = draw(st.sampled_from(kinds))
        for pair in kind.expression(draw, public, private, draw(st.integers(0, DEPTH)), seen):
            compare(pair, private)
            seen["right"] += 1
            seen["numbers"] += pair.known.value.size
            if kind is slotted:
                seen["right with slots"] += 1
    except PyFateError as error:  # no leaf, or beyond float64
        seen[type(error).__name__] += 1


def compare(pair, private):
    """Compare what an array decrypts to, and its bound, with what is known."""
    got = private.decrypt(pair.c)
    complaint = pair.known.complaint(got, pair.c.kind)
    assert complaint is None, complaint
    unit = Fraction(2) ** pair.c.exponent
    for value, error in zip(pair.known.value.ravel(), pair.known.error.ravel(), strict=True):
        assert abs(value) - error <= pair.c.bound * unit, "beyond the public bound of its array"


def small_examples(of, begin):
    """Draw expressions by hypothesis from a seed on; raises with the smallest one whose value is wrong."""
    outcomes = Counter()
    keys = new_keys()

    @seed(begin)
    @given(strategies.data())
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def every(data):
        draw = by_hypothesis(data.draw)
        examine(draw, *draw(st.sampled_from(keys)), outcomes, KINDS[of])

    with checked_engine():
        every()
    return outcomes


def throws(of, begin):
    """Throw expressions from a seed on; raises with the seed of the one whose value is wrong."""
    outcomes = Counter()
    keys = new_keys()
    with checked_engine():
        for each in range(begin, begin + EXAMPLES):
            draw = thrown(Random(each))
            try:
                examine(draw, *draw(st.sampled_from(keys)), outcomes, KINDS[of])
            except Exception as error:
                raise AssertionError(f"the expression thrown from seed {each}: {error}") from error
    return outcomes


SEARCHES = {"chance": throws, "hypothesis": small_examples}


def new_keys():
    return [generate_keypair(bits, allow_insecure_key_size=True) for bits in KEY_BITS]


@contextmanager
def checked_engine():
    """One thread, and no warning of NumPy goes unseen."""
    with warnings.catch_warnings(), use_backend("cpu", threads=1):
        warnings.simplefilter("error", RuntimeWarning)
        yield


def searches(of: str, by: str, processes: int) -> Iterator[Counter[str]]:
    """Outcomes of one search after the other, from seeds that nobody chose."""
    search = SEARCHES[by]
    if processes == 1:
        yield from (search(of, secrets.randbits(64)) for _ in itertools.count())
    with ProcessPoolExecutor(processes) as pool:
        running = {pool.submit(search, of, secrets.randbits(64)) for _ in range(processes)}
        try:
            while True:
                done = next(as_completed(running))
                running.remove(done)
                running.add(pool.submit(search, of, secrets.randbits(64)))
                yield done.result()
        finally:
            for one in running:
                one.cancel()


def as_result(outcomes: Counter[str], seconds: float, of: str) -> dict[str, object]:
    left = Counter(outcomes)
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": commit(),
        "of": of,
        "seconds": round(seconds),
        "right": left.pop("right", 0),
        "right_with_slots": left.pop("right with slots", 0),
        "numbers": left.pop("numbers", 0),
        "wrong": 0,
        "refused_operations": dict(left),
    }


def continued(path: Path | None, of: str) -> tuple[Counter[str], float]:
    """Outcomes and seconds of a result file; nothing where there is none of this kind."""
    if path is None or not path.exists():
        return Counter(), 0.0
    found = json.loads(path.read_text())
    if found.get("of") != of:
        return Counter(), 0.0
    outcomes = Counter(found["refused_operations"])
    outcomes["right"] = found["right"]
    outcomes["right with slots"] = found["right_with_slots"]
    outcomes["numbers"] = found["numbers"]
    return outcomes, found["seconds"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--expressions", type=int, default=10**9, help="in all, file included")
    parser.add_argument("--of", choices=list(KINDS), default="both")
    parser.add_argument("--by", choices=list(SEARCHES), default="chance", help="what draws")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    outcomes, before = continued(options.json, options.of)
    began, saved = time.monotonic(), 0.0
    for more in searches(
        options.of, options.by, options.processes
    ):  # raises at the first wrong one
        outcomes += more
        elapsed = time.monotonic() - began
        end = elapsed >= 60 * options.minutes or outcomes["right"] >= options.expressions
        if end or elapsed - saved > SAVE_EVERY:
            saved = elapsed
            result = as_result(outcomes, before + elapsed, options.of)
            print(json.dumps(result), flush=True)
            if options.json:
                options.json.write_text(json.dumps(result, indent=1) + "\n")
        if end:
            break


if __name__ == "__main__":
    main()
