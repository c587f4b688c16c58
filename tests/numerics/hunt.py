# SPDX-License-Identifier: Apache-2.0
"""Hunt for expressions whose value is wrong: ``python -m tests.numerics.hunt --minutes 20 --json result.json``."""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections import Counter
from fractions import Fraction
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyfate_gpu import generate_keypair, use_backend
from pyfate_gpu.errors import PyFateError
from tests.numerics import expressions, slotted

DEPTH = 8


def examine(draw, public, private, seen=None, kinds=(expressions, slotted)):
    """Draw one expression and compare; raises AssertionError when its value is wrong. `seen` counts what happened."""
    seen = Counter() if seen is None else seen
    try:
        kind = draw(st.sampled_from(kinds))
        pair = kind.expression(draw, public, private, draw(st.integers(0, DEPTH)), seen)
        got = private.decrypt(pair.c)
    except PyFateError as error:  # no leaf, or beyond float64
        seen[type(error).__name__] += 1
        return
    complaint = pair.known.complaint(got, pair.c.kind)
    assert complaint is None, complaint
    unit = Fraction(2) ** pair.c.exponent
    for value, error in zip(pair.known.value.ravel(), pair.known.error.ravel(), strict=True):
        assert abs(value) - error <= pair.c.bound * unit, "beyond the public bound of its array"
    seen["right"] += 1
    if kind is slotted:
        seen["right with slots"] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    # Short keys: what is refused because it could wrap around is a large part of all there is.
    keys = [generate_keypair(bits, allow_insecure_key_size=True) for bits in (256, 384, 512)]
    outcomes = Counter()

    @given(st.data())
    @settings(
        max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def search(data):
        examine(data.draw, *data.draw(st.sampled_from(keys)), outcomes)

    began = shown = time.monotonic()
    warnings.simplefilter("error", RuntimeWarning)
    with use_backend("cpu", threads=1):
        while time.monotonic() - began < 60 * options.minutes:
            search()  # raises with the smallest expression it finds
            if time.monotonic() - shown > 60:
                shown = time.monotonic()
                print(f"{shown - began:.0f} s: {dict(outcomes)}", flush=True)
    result = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "seconds": round(time.monotonic() - began),
        "right": outcomes.pop("right", 0),
        "right_with_slots": outcomes.pop("right with slots", 0),
        "wrong": 0,
        "refused_operations": dict(outcomes),
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
