# SPDX-License-Identifier: Apache-2.0
"""Truncates shares of random numbers and counts failures.

``python -m tests.protocol.sharing.soak_truncation --json tests/results/truncation.json`` takes ten seconds.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.masks import random_ring, random_words
from pyfate_gpu.protocol.sharing.truncation import truncate

CHUNK = 1 << 18


def count_failures(count: int, bits: int, shift: int) -> int:
    """Return how many of `count` numbers of so many bits and either sign end up off by more than a carry."""
    failures = 0
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        value = random_words((size, 2))
        value[:, 1] >>= np.uint64(128 - bits)
        negative = (value[:, :1] & np.uint64(1)).astype(bool)
        wanted = ring.shift_right(value, shift)
        value, wanted = (np.where(negative, ring.negate(v), v) for v in (value, wanted))
        one = random_ring((size,))
        parts = (
            truncate(one, shift, first=True),
            truncate(ring.subtract(value, one), shift, first=False),
        )
        # Towards 0 or one further from it.
        beyond = ring.to_words(ring.subtract(ring.add(*parts), wanted))
        beyond = np.where(negative, ring.to_words(ring.negate(beyond.view(np.uint64))), beyond)
        failures += int(((beyond[:, 1] != 0) | ~np.isin(beyond[:, 0], (0, 1))).sum())
    return failures


def main() -> None:
    """Count for some sizes of numbers and fraction bits to drop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10**7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = [
        {"bits": bits, "dropped": shift, "failures": count_failures(options.count, bits, shift)}
        for bits, shift in ((80, 32), (88, 16), (96, 24), (80, 24))
    ]
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    text = json.dumps({"date": date, "numbers_each": options.count, "found": found}, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
