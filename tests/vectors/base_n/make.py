# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.json: edges of multiplication mod n^2 in base n, by plain integers of GMP.

Usage: python tests/vectors/base_n/make.py > tests/vectors/base_n/vectors.json
"""

from __future__ import annotations

import itertools
import json
import random
import sys

import gmpy2

SIZES = [3, 64, 65, 256, 514, 1024, 1090, 2048, 3072, 4096]
WORD = 64


def moduli(bits: int) -> dict[str, int]:
    """Odd moduli of exactly `bits` bits whose words carry or cancel most."""
    top = 1 << (bits - 1)
    named = {"all words of ones": 2 * top - 1, "just over half the range": top + 1}
    if bits > 2 * WORD:
        named["lowest word of ones"] = top + (1 << WORD) - 1
        named["words of ones and zeros in turn"] = top | alternating(bits)
    return named


def alternating(bits: int) -> int:
    """Words of ones at even places, zeros at odd ones."""
    return sum(((1 << WORD) - 1) << place for place in range(0, bits, 2 * WORD)) % (1 << bits)


def halves(n: int, bits: int) -> list[int]:
    """Ends and middles of [0, n), and numbers that make carries run."""
    candidates = [0, 1, n - 1, (n - 1) // 2, (n + 1) // 2, n - 2, 2]
    candidates += [1 << (bits - 1), (1 << (bits - 1)) - 1, (1 << bits // 2) - 1]
    candidates += [alternating(bits), (1 << bits) - (1 << bits // 2), (1 << bits) - 2]
    return list(dict.fromkeys(value for value in candidates if value < n))


def quotient_of_ones(n: int, bits: int, source: random.Random) -> tuple[int, int] | None:
    """a * b = n mod R for R = 2^(64 h): the Montgomery quotient of the portable engine is R - 1."""
    r = 1 << -(-bits // WORD) * WORD
    for _ in range(2000):
        b = source.randrange(n) | 1
        a = int(n * gmpy2.invert(b, r) % r)
        if a < n and b < n:
            return a, b
    return None


def vectors(n: int, bits: int, source: random.Random) -> dict[str, object]:
    """Pairs x, y as (half, half) and their product mod n^2 as halves."""
    edge = halves(n, bits)
    count = 16 if bits <= 1090 else 4
    corners = list(itertools.product(edge[:4], repeat=4))
    chosen = [c for c in corners if max(c) == n - 1 and 0 not in c[:2]][: count // 2]
    chosen += [tuple(source.choice(edge) for _ in range(4)) for _ in range(count // 2)]
    ones = quotient_of_ones(n, bits, source)
    if ones is not None:
        # Upper halves of zero: nothing makes up for the quotient that is taken off.
        chosen += [(ones[0], 0, ones[1], 0), (ones[0], n - 1, ones[1], n - 1)]
    cases = []
    for x0, x1, y0, y1 in chosen:
        product = (x0 + x1 * n) * (y0 + y1 * n) % (n * n)
        cases.append([f"{half:x}" for half in (x0, x1, y0, y1, product % n, product // n)])
    return {"n": f"{n:x}", "cases": cases}


def main() -> None:
    """Write the vectors to standard output."""
    source = random.Random(20261125)
    document = {
        "made by": "tests/vectors/base_n/make.py",
        "case": ["x0", "x1", "y0", "y1", "product0", "product1"],
        "moduli": [
            {"bits": bits, "name": name, **vectors(n, bits, source)}
            for bits in SIZES
            for name, n in moduli(bits).items()
        ],
    }
    json.dump(document, sys.stdout, indent=0)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
