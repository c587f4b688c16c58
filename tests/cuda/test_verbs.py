# SPDX-License-Identifier: Apache-2.0
"""Every kernel, every size, on the emulated device with narrow limbs, against Python integers."""

from __future__ import annotations

import math
import random
from types import ModuleType

import numpy as np
import pytest

from tests.cuda.ring_on_host import RingOnHost, address, aligned, indices

SIZES = (16, 32, 48, 64, 96, 128)
ROWS = 37  # more than a warp, and not a multiple of it


def awkward(rnd: random.Random, r: int, n: int, bits: int) -> int:
    """A half where carries run far: near R, near n, long runs of ones and zeros, tiny."""
    mask = (1 << bits) - 1
    kind = rnd.randrange(6)
    if kind == 0:
        return r - 1 - rnd.randrange(4)
    if kind == 1:
        return n - rnd.randrange(3)
    if kind == 2:
        limbs = range(0, r.bit_length() - 1, bits)
        return sum(rnd.choice([0, mask, mask, 1, mask - 1]) << i for i in limbs)
    if kind == 3:
        return rnd.randrange(4)
    return rnd.randrange(r)


def moduli(rnd: random.Random, bits: int, limbs: int) -> list[tuple[int, int]]:
    """Odd moduli of every kind that is allowed, each with the bound of its halves."""
    r = 1 << (bits * limbs)
    full = [
        rnd.randrange(r // 2, r) | 1,
        r - 1,
        r - 1 - 2 * rnd.randrange(8),
        r // 2 + 1 + 2 * rnd.randrange(8),
        awkward(rnd, r, r - 1, bits) | r // 2 | 1,
    ]
    spare = [rnd.randrange(r // 128, r // 64) | 1, r // 64 - 1, rnd.randrange(r >> 20) | 1]
    return [(n, r) for n in full] + [(n, 4 * n) for n in spare]


def half_pairs(ring: RingOnHost, rnd: random.Random, bound: int) -> list[tuple[int, int]]:
    return [
        tuple(awkward(rnd, ring.r, ring.n, ring.bits) % bound for _ in range(2))  # type: ignore[misc]
        for _ in range(ROWS)
    ]


def random_ring(module: ModuleType, limbs: int, seed: int) -> tuple[RingOnHost, random.Random]:
    rnd = random.Random(seed)
    r = 1 << (module.limb_bits * limbs)
    return RingOnHost(module, limbs, rnd.randrange(r // 2, r) | 1), rnd


def units(ring: RingOnHost, rnd: random.Random, count: int) -> list[int]:
    """Invertible residues modulo n^2."""
    values: list[int] = []
    while len(values) < count:
        value = rnd.randrange(1, ring.n * ring.n)
        if math.gcd(value, ring.n) == 1:
            values.append(value)
    return values


@pytest.mark.parametrize("team", [False, True])
@pytest.mark.parametrize("limbs", SIZES)
def test_multiply_and_square(narrow: ModuleType, limbs: int, team: bool) -> None:
    rnd = random.Random(limbs)
    for n, bound in moduli(rnd, narrow.limb_bits, limbs):
        ring = RingOnHost(narrow, limbs, n)
        a, b = (ring.raw(half_pairs(ring, rnd, bound)) for _ in range(2))
        out = ring.new_rows(ROWS)
        square = n * n
        ring.call("multiply", out, a, None, b, None, team, ROWS)
        expected = [x * y % square for x, y in zip(ring.values(a), ring.values(b), strict=True)]
        assert ring.values(out) == expected
        ring.call("square", out, a, team, ROWS)
        assert ring.values(out) == [x * x % square for x in ring.values(a)]


def test_spare_bits_keep_halves_small(narrow: ModuleType) -> None:
    """The bound that keeps repeated products from ever reaching R: docs/algorithms/gpu-kernels.md."""
    rnd = random.Random(7)
    n = (1 << (narrow.limb_bits * 16 - 6)) - 1
    ring = RingOnHost(narrow, 16, n)
    x = ring.raw([(8 * n - 1, 8 * n - 1)] * ROWS)
    out = ring.new_rows(ROWS)
    for bound in (3 * n + 1, 2 * n):
        ring.call("multiply", out, x, None, x, None, False, ROWS)
        assert max(ring.ints_of(out, 16)) <= bound
        x, out = out, x
    assert rnd


def test_multiply_gathers(narrow: ModuleType) -> None:
    ring, rnd = random_ring(narrow, 16, 5)
    values = units(ring, rnd, 5)
    rows = ring.rows(values)
    left, right = ([rnd.randrange(5) for _ in range(ROWS)] for _ in range(2))
    out = ring.new_rows(ROWS)
    square = ring.n**2
    for team in (False, True):
        ring.call("multiply", out, rows, indices(left), rows, indices(right), team, ROWS)
        assert ring.values(out) == [
            values[i] * values[j] % square for i, j in zip(left, right, strict=True)
        ]


@pytest.mark.parametrize("limbs", SIZES)
@pytest.mark.parametrize("pieces", [1, 2, 4])
def test_enter_and_leave(narrow: ModuleType, limbs: int, pieces: int) -> None:
    rnd = random.Random(limbs)
    for n, bound in moduli(rnd, narrow.limb_bits, limbs):
        ring = RingOnHost(narrow, limbs, n)
        top = min(ring.r**pieces, n * n) if bound != ring.r and pieces == 2 else ring.r**pieces
        values = [rnd.randrange(top) for _ in range(ROWS - 3)] + [0, 1, top - 1]
        rows, back = ring.new_rows(ROWS), ring.new_rows(ROWS)
        ring.call("enter", rows, ring.limbs_of(values, pieces * limbs), pieces, ROWS)
        assert ring.values(rows) == [value % (n * n) for value in values]
        ring.call("leave", back, rows, ROWS)
        assert ring.ints_of(back, 2 * limbs) == [value % (n * n) for value in values]


@pytest.mark.parametrize("limbs", SIZES)
def test_leave_is_canonical_for_any_halves(narrow: ModuleType, limbs: int) -> None:
    rnd = random.Random(limbs)
    for n, bound in moduli(rnd, narrow.limb_bits, limbs):
        ring = RingOnHost(narrow, limbs, n)
        rows, out = ring.raw(half_pairs(ring, rnd, bound)), ring.new_rows(ROWS)
        ring.call("leave", out, rows, ROWS)
        assert ring.ints_of(out, 2 * limbs) == ring.values(rows)


@pytest.mark.parametrize("limbs", SIZES)
@pytest.mark.parametrize("plain_limbs", [2, 16])
def test_multiply_plain(narrow: ModuleType, limbs: int, plain_limbs: int) -> None:
    rnd = random.Random(limbs)
    for n, bound in moduli(rnd, narrow.limb_bits, limbs):
        ring = RingOnHost(narrow, limbs, n)
        rows, out = ring.raw(half_pairs(ring, rnd, bound)), ring.new_rows(ROWS)
        top = min(n, 1 << (plain_limbs * ring.bits - 1))
        plain = [rnd.randrange(-top + 1, top) for _ in range(ROWS - 3)] + [0, -1, 1 - top]
        words = ring.limbs_of(plain, plain_limbs)
        order = [rnd.randrange(ROWS) for _ in range(ROWS)]
        ring.call("multiply_plain", out, rows, None, words, indices(order), plain_limbs, ROWS)
        expected = [
            value * (1 + plain[i] * n) % (n * n)
            for value, i in zip(ring.values(rows), order, strict=True)
        ]
        assert ring.values(out) == expected


@pytest.mark.parametrize("limbs", SIZES)
@pytest.mark.parametrize(("bits", "window"), [(1, 3), (9, 1), (53, 4), (64, 3)])
def test_power_with_one_exponent_a_row(
    narrow: ModuleType, limbs: int, bits: int, window: int
) -> None:
    ring, rnd = random_ring(narrow, limbs, bits)
    values = units(ring, rnd, ROWS)
    exponent_limbs = -(-64 // ring.bits)
    exponents = [rnd.getrandbits(bits) for _ in range(ROWS - 2)] + [0, (1 << bits) - 1]
    rows, out = ring.rows(values), ring.new_rows(ROWS)
    grids = [(1, False), (2, True)]  # that go over the rows several times
    if limbs == SIZES[0]:
        grids += [(2, False), (10, True)]  # and once
    for blocks, team in grids:
        scratch = ring.new_rows(blocks * (4 if team else 32) << window)
        words = ring.limbs_of(exponents, exponent_limbs)
        shape = (exponent_limbs, bits, window)
        ring.call("power", out, rows, None, words, None, *shape, scratch, blocks, team, ROWS)
        expected = [pow(v, e, ring.n**2) for v, e in zip(values, exponents, strict=True)]
        assert ring.values(out) == expected


@pytest.mark.parametrize("limbs", SIZES)
def test_power_with_one_exponent_for_all(narrow: ModuleType, limbs: int) -> None:
    ring, rnd = random_ring(narrow, limbs, 3)
    values = units(ring, rnd, ROWS)
    bits = 128
    e = ring.n >> (ring.n.bit_length() - bits)
    exponent, scratch = ring.limbs_of([e], 16), ring.new_rows(64 << 5)
    rows, out = ring.rows(values), ring.new_rows(ROWS)
    ring.call("power", out, rows, None, exponent, None, 0, bits, 5, scratch, 2, False, ROWS)
    assert ring.values(out) == [pow(v, e, ring.n**2) for v in values]


@pytest.mark.parametrize("limbs", SIZES)
@pytest.mark.parametrize(("bits", "window", "parts"), [(24, 4, 1), (50, 8, 3), (29, 6, 5)])
def test_fixed_base(narrow: ModuleType, limbs: int, bits: int, window: int, parts: int) -> None:
    ring, rnd = random_ring(narrow, limbs, bits)
    base, sign = units(ring, rnd, 2)
    square, windows = ring.n**2, -(-bits // window)
    table = ring.rows(
        [
            pow(base, digit << (window * w), square)
            for digit in range(1 << window)
            for w in range(windows)
        ]
    )
    exponents = [rnd.getrandbits(bits + 1) for _ in range(ROWS - 2)] + [0, (2 << bits) - 1]
    stride = -(-(bits + 1) // ring.bits)
    words = ring.limbs_of(exponents, stride)
    out = ring.new_rows(parts * ROWS)
    ring.call(
        "fixed_base", out, table, ring.rows([1, sign]), words, stride, bits, window, parts, ROWS
    )
    products = [1] * ROWS
    for i, value in enumerate(ring.values(out)):
        products[i % ROWS] = products[i % ROWS] * value % square
    assert products == [
        pow(base, e & ((1 << bits) - 1), square) * sign ** (e >> bits) % square for e in exponents
    ]


@pytest.mark.parametrize("limbs", SIZES)
def test_segment_multiply(narrow: ModuleType, limbs: int) -> None:
    ring, rnd = random_ring(narrow, limbs, 9)
    values = units(ring, rnd, 20)
    lengths = [0, 1, 2, 7, 0, 40] + [rnd.randrange(5) for _ in range(30)]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    order = [rnd.randrange(20) for _ in range(int(offsets[-1]))]
    out = ring.new_rows(len(lengths))
    arguments = (indices(order), indices(list(offsets)), len(lengths))
    ring.call("segment_multiply", out, ring.rows(values), *arguments)
    expected = [
        math.prod(values[i] for i in order[offsets[s] : offsets[s + 1]]) % ring.n**2
        for s in range(len(lengths))
    ]
    assert ring.values(out) == expected


@pytest.mark.parametrize("limbs", SIZES)
def test_horner(narrow: ModuleType, limbs: int) -> None:
    ring, rnd = random_ring(narrow, limbs, 4)
    bits, square = 7, ring.n**2
    values = units(ring, rnd, bits * ROWS)
    out = ring.new_rows(ROWS)
    expected = [
        math.prod(pow(values[b * ROWS + i], 1 << b, square) for b in range(bits)) % square
        for i in range(ROWS)
    ]
    for team in (False, True):
        ring.call("horner", out, ring.rows(values), bits, team, ROWS)
        assert ring.values(out) == expected


@pytest.mark.parametrize("limbs", SIZES)
@pytest.mark.parametrize(("rows", "chains"), [(1, 1), (37, 5), (40, 8), (70, 40)])
def test_batched_inversion(narrow: ModuleType, limbs: int, rows: int, chains: int) -> None:
    ring, rnd = random_ring(narrow, limbs, rows)
    values, square = units(ring, rnd, rows), ring.n**2
    a, prefixes, out = ring.rows(values), ring.new_rows(rows), ring.new_rows(rows)
    ring.call("prefix_products", prefixes, a, chains, rows)
    totals = [1] * chains
    for i, value in enumerate(values):
        totals[i % chains] = totals[i % chains] * value % square
    last = ring.values(prefixes)[rows - chains :]
    assert [last[(c - rows) % chains] for c in range(chains)] == totals
    inverses = ring.rows([pow(total, -1, square) for total in totals])
    ring.call("unwind_inverses", out, a, prefixes, inverses, chains, rows)
    assert ring.values(out) == [pow(value, -1, square) for value in values]


@pytest.mark.parametrize("limbs", SIZES)
def test_logarithm(narrow: ModuleType, limbs: int) -> None:
    rnd = random.Random(limbs)
    for p, _ in moduli(rnd, narrow.limb_bits, limbs):
        ring = RingOnHost(narrow, limbs, p)
        factor, logs = rnd.randrange(p), [rnd.randrange(p) for _ in range(ROWS)]
        rows = ring.rows([1 + log * p for log in logs])
        out, failed = aligned(ROWS * limbs), aligned(4)
        form = ring.limbs_of([factor * ring.r % p], limbs)
        ring.call("logarithm", out, rows, form, failed, ROWS)
        assert ring.ints_of(out, limbs) == [log * factor % p for log in logs]
        assert failed[0] == 0


def test_logarithm_tells_of_a_row_that_has_none(narrow: ModuleType) -> None:
    ring, _ = random_ring(narrow, 16, 1)
    rows = ring.rows([1, 1 + ring.n, 2 + ring.n, 1])
    out, failed, one = aligned(4 * 16), aligned(4), ring.limbs_of([ring.r % ring.n], 16)
    ring.call("logarithm", out, rows, one, failed, 4)
    assert failed[0] == 1


@pytest.mark.parametrize("limbs", SIZES)
def test_recombine(narrow: ModuleType, limbs: int) -> None:
    rnd = random.Random(limbs)
    for q, _ in moduli(rnd, narrow.limb_bits, limbs):
        ring = RingOnHost(narrow, limbs, q)
        p = q - 2
        while math.gcd(p, q) != 1:
            p -= 2
        values = [rnd.randrange(p * q) for _ in range(ROWS - 2)] + [0, p * q - 1]
        inverse = pow(p, -1, q)
        pair = ring.limbs_of([inverse * ring.r % q, -inverse * ring.r % q], limbs)
        mp, mq = ring.limbs_of([v % p for v in values], limbs), [v % q for v in values]
        out = aligned(ROWS * 2 * limbs)
        ring.call(
            "recombine", out, mp, ring.limbs_of(mq, limbs), ring.limbs_of([p], limbs), pair, ROWS
        )
        assert ring.ints_of(out, 2 * limbs) == values


def test_chacha20_is_that_of_rfc_8439(wide: ModuleType) -> None:
    """RFC 8439, appendix A.1, test vectors 1 and 2: key and nonce zero, blocks 0 and 1."""
    out = aligned(40)
    wide.fill_random(address(out), 32, bytes(32), 0)
    stream = out[:32].tobytes()
    assert stream[:16].hex() == "76b8e0ada0f13d90405d6ae55386bd28"
    assert stream[64:80].hex() == "9f07e7be5551387a98ba977c732d080d"
    assert not out[32:].any()


def test_chacha20_takes_keys_of_32_bytes(wide: ModuleType) -> None:
    with pytest.raises(ValueError, match="the key has 31 bytes; it must have 32"):
        wide.fill_random(address(aligned(16)), 16, bytes(31), 0)
