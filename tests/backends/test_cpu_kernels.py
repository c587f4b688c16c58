# SPDX-License-Identifier: Apache-2.0
"""Every native operation of every instruction set against gmpy2 and Python integers."""

from __future__ import annotations

import itertools
import os
import re
import signal
import threading
from pathlib import Path

import gmpy2
import numpy as np
import pytest

from tests.backends.kernel_oracle import (
    ISAS,
    Engine,
    Oracle,
    from_words,
    to_bytes,
    to_signed,
    to_words,
)

SIZES = [256, 770, 1024, 1090, 2048, 2050, 3072, 4096]
SLOW = {2048, 2050, 3072, 4096}
ENGINES = Path(__file__).parents[2] / "csrc" / "cpu"


@pytest.fixture(scope="module", params=ISAS)
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine(request.param)


@pytest.fixture(scope="module", params=SIZES)
def oracle(request: pytest.FixtureRequest, engine: Engine) -> Oracle:
    return Oracle(request.param, engine)


def rows_for(oracle: Oracle) -> int:
    """Enough rows for every edge, whole groups of lanes and a remainder."""
    return 15 if oracle.bits in SLOW else 29


def test_every_size_with_code_of_its_own_is_among_these(engine: Engine) -> None:
    folder = "avx512ifma" if engine.isa == "emulated" else engine.isa
    listed = re.findall(r"PYFATE_SIZE\((\d+)\)", (ENGINES / folder / "sizes.def").read_text())
    moduli = {bits // part for bits in SIZES for part in (1, 2)}
    run = {engine.module.limbs_for(engine.isa, bits) for bits in moduli}
    assert {int(limbs) for limbs in listed} < run  # and one that has none


def test_form_round_trip(oracle: Oracle) -> None:
    values = [0, *oracle.ciphertexts(rows_for(oracle)), oracle.n, oracle.n_squared - oracle.n]
    rows = oracle.enter(values, threads=2)
    assert rows.shape == (len(values), 2, oracle.words)
    assert oracle.leave(rows, threads=2) == values
    halves = from_words(rows.reshape(-1, oracle.words))
    assert max(halves) < oracle.n


def test_multiply(oracle: Oracle) -> None:
    a = oracle.ciphertexts(rows_for(oracle))
    b = a[::-1]
    left, right = oracle.enter(a), oracle.enter(b)
    square = oracle.n_squared
    product = oracle.context.multiply(left, None, right, None, 2)
    assert oracle.leave(product) == [x * y % square for x, y in zip(a, b, strict=True)]
    index = np.array([oracle.below(len(a)) for _ in range(40)])
    gathered = oracle.context.multiply(left, index, right, index[::-1].copy(), 1)
    expected = [a[i] * b[j] % square for i, j in zip(index, index[::-1], strict=True)]
    assert oracle.leave(gathered) == expected


def test_long_chains_of_products(oracle: Oracle) -> None:
    values = oracle.ciphertexts(12)
    rows = oracle.enter(values)
    for _ in range(40):
        rows = oracle.context.multiply(rows, None, rows[::-1].copy(), None, 1)
        values = [x * y % oracle.n_squared for x, y in zip(values, values[::-1], strict=True)]
    assert oracle.leave(rows) == values


def test_multiply_plain(oracle: Oracle) -> None:
    values = oracle.ciphertexts(rows_for(oracle))
    plain = [0, 1, -1, oracle.n - 1, 1 - oracle.n, oracle.n // 2]
    plain += [oracle.below(2 * oracle.n) - oracle.n for _ in values[6:]]
    rows = oracle.enter(values)
    expected = [
        c * (1 + m * oracle.n) % oracle.n_squared for c, m in zip(values, plain, strict=True)
    ]
    for words in (oracle.words + 1, oracle.words + 3):
        got = oracle.context.multiply_plain(rows, None, to_signed(plain, words), None, 2)
        assert oracle.leave(got) == expected
    one = oracle.context.multiply_plain(
        rows, None, to_signed([-5], 1), np.zeros(len(values), np.int64), 1
    )
    assert oracle.leave(one) == [c * (1 - 5 * oracle.n) % oracle.n_squared for c in values]


def test_plaintexts_beyond_n_are_refused(oracle: Oracle) -> None:
    rows = oracle.enter([1])
    for value in (oracle.n, oracle.n + 1, -oracle.n - 1, 1 << (64 * oracle.words), 1 << 9000):
        words = value.bit_length() // 64 + 1
        with pytest.raises(ValueError, match="n or more"):
            oracle.context.multiply_plain(rows, None, to_signed([value], words), None, 1)


def test_invert(oracle: Oracle) -> None:
    values = oracle.ciphertexts(rows_for(oracle))
    expected = [int(gmpy2.invert(value, oracle.n_squared)) for value in values]
    assert oracle.leave(oracle.context.invert(oracle.enter(values), 2)) == expected
    assert oracle.leave(oracle.context.invert(oracle.enter(values[:1]), 1)) == expected[:1]
    for bad in (0, oracle.p, oracle.q * 3, oracle.n):
        values[11] = bad
        with pytest.raises(ValueError, match="row 11 has no inverse"):
            oracle.context.invert(oracle.enter(values), 1)


@pytest.mark.parametrize("bits", [1, 53, 64, 200])
def test_scale(oracle: Oracle, bits: int) -> None:
    values = oracle.ciphertexts(rows_for(oracle))
    limit = 1 << bits
    scalars = [0, 1, -1, limit - 1, -limit]
    scalars += [oracle.below(2 * limit) - limit for _ in values[5:]]
    rows = oracle.enter(values)
    words = bits // 64 + 1
    got = oracle.context.scale(rows, None, to_signed(scalars, words), None, 2)
    expected = [oracle.power(c, s) for c, s in zip(values, scalars, strict=True)]
    assert oracle.leave(got) == expected


def test_scale_by_shared_and_extreme_scalars(oracle: Oracle) -> None:
    values = oracle.ciphertexts(9)
    rows = oracle.enter(values)
    everywhere = np.zeros(len(values), np.int64)
    for scalar in (-(2**63), 2**63 - 1, 0):
        got = oracle.context.scale(rows, None, to_signed([scalar], 1), everywhere, 1)
        assert oracle.leave(got) == [oracle.power(c, scalar) for c in values]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("steps", "bits"), [(1, 7), (2, 64), (5, 100)])
def test_horner(oracle: Oracle, steps: int, bits: int, threads: int) -> None:
    values = oracle.ciphertexts(11)
    rows, outputs = oracle.enter(values), rows_for(oracle)
    numbers = np.array([oracle.below(len(values)) for _ in range(steps * outputs)])
    got = oracle.context.horner(rows, numbers, steps, bits, threads)
    expected = [
        oracle.product(oracle.power(values[c], 1 << bits * s) for s, c in enumerate(column))
        for column in numbers.reshape(steps, outputs).T
    ]
    assert oracle.leave(got) == expected
    assert oracle.context.horner(rows, numbers[:0], 1, bits, threads).shape == (0, 2, oracle.words)


@pytest.mark.parametrize("threads", [1, 3])
def test_segment_multiply(oracle: Oracle, threads: int) -> None:
    values = oracle.ciphertexts(20)
    rows = oracle.enter(values)
    index = np.array([oracle.below(len(values)) for _ in range(200)])
    offsets = np.array([0, 0, 1, 5, 150, 151, 151, 200])
    got = oracle.context.segment_multiply(rows, index, offsets, threads)
    expected = [
        oracle.product(values[i] for i in index[begin:end])
        for begin, end in zip(offsets[:-1], offsets[1:], strict=True)
    ]
    assert oracle.leave(got) == expected
    nothing = oracle.context.segment_multiply(rows, index[:0], np.array([0]), threads)
    assert nothing.shape == (0, 2, oracle.words)


# rows, inner, columns, words of an entry, entries drawn from [low, high)
PRODUCTS = [
    (3, 5, 2, 1, -(2**24), 2**24),
    (1, 29, 1, 2, -(2**70), 2**70),
    (29, 1, 1, 1, -5, 5),
    (4, 29, 1, 1, 0, 2),
    (5, 14, 2, 1, -1, 2),
    (40, 3, 2, 1, -(2**24), 2**24),
    (2, 40, 1, 1, -(2**63), 2**63),
    (2, 3, 1, 1, 0, 1),
    (2, 0, 3, 1, 0, 1),
    (90, 9, 1, 1, -(2**27), 2**27),
    (60, 6, 2, 2, -(2**70), 2**70),
]


@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
def test_multi_exponentiate(oracle: Oracle, shape: tuple[int, ...]) -> None:
    if oracle.bits in SLOW and shape not in PRODUCTS[:1] + PRODUCTS[5:6]:
        pytest.skip("the others differ in their plan, which no size of a key changes")
    height, inner, columns, words, low, high = shape
    matrix = [[low + oracle.below(high - low) for _ in range(inner)] for _ in range(height)]
    if inner:
        matrix[0][0], matrix[-1][-1] = low, high - 1
    pool = oracle.ciphertexts(20)
    values = [pool[i % len(pool)] for i in range(inner * columns)]
    rows = oracle.enter(values) if values else np.zeros((0, 2, oracle.words), np.uint64)
    expected = [
        oracle.product(oracle.power(values[t * columns + j], line[t]) for t in range(inner))
        for line in matrix
        for j in range(columns)
    ]
    flat = to_signed([entry for line in matrix for entry in line], words)
    dense = flat.reshape(height, inner, words)
    for threads in (1, 2):
        got = oracle.context.multi_exponentiate(dense, rows, columns, threads)
        assert oracle.leave(got) == expected

    kept = [[t for t in range(inner) if line[t] != 0 or t % 3 == 0] for line in matrix]
    indptr = np.cumsum([0, *(len(line) for line in kept)])
    indices = np.array([t for line in kept for t in line], dtype=np.int64)
    data = to_signed(
        [line[t] for line, places in zip(matrix, kept, strict=True) for t in places], words
    )
    got = oracle.context.multi_exponentiate_csr(indptr, indices, data, height, rows, columns, 2)
    assert oracle.leave(got) == expected


@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
def test_placed_matrices(engine: Engine, shape: tuple[int, ...], sparse: bool) -> None:
    """By the matrix and by its transpose, more than once, with other columns and threads in between."""
    oracle = Oracle(256, engine)
    height, inner, _, words, low, high = shape
    matrix = [[low + oracle.below(high - low) for _ in range(inner)] for _ in range(height)]
    flat = to_signed([entry for line in matrix for entry in line], words).copy()
    if sparse:
        starts = inner * np.arange(height + 1)
        places = np.tile(np.arange(inner), height)
        placed = engine.module.place_csr(starts, places, flat, height, inner)
    else:
        placed = engine.module.PlacedMatrix(flat.reshape(height, inner, words))
    flat[:] = 0  # the copy counts
    sides = [(False, matrix), (True, [list(line) for line in zip(*matrix, strict=True)])]
    for columns, threads in ((1, 1), (1, 1), (3, 2), (1, 1)):
        for transposed, lines in sides:
            terms = height if transposed else inner
            values = [oracle.power(7, i) for i in range(terms * columns)]
            expected = [
                oracle.product(oracle.power(values[t * columns + j], line[t]) for t in range(terms))
                for line in lines
                for j in range(columns)
            ]
            rows = oracle.enter(values) if values else np.zeros((0, 2, oracle.words), np.uint64)
            got = oracle.context.multiply_placed(placed, transposed, rows, columns, threads)
            assert oracle.leave(got) == expected
    assert placed.nbytes >= 8 * words * height * inner


class TestEncryption:
    @pytest.fixture(scope="class", params=[False, True], ids=["tables", "hardened"])
    @staticmethod
    def hardened(request: pytest.FixtureRequest) -> bool:
        return bool(request.param)

    @pytest.fixture(scope="class")
    @staticmethod
    def base(oracle: Oracle, hardened: bool) -> tuple[int, int, int]:
        """(base, sign base, exponent bits), set in the oracle's context with a small table."""
        base = oracle.power(oracle.below(oracle.n), 2 * oracle.n)
        sign = oracle.power(2, oracle.n)
        bits = oracle.bits // 2 if oracle.bits not in SLOW else 200
        oracle.context.set_blinding_base(to_bytes(base), bits, to_bytes(sign), 1 << 18, 2, hardened)
        return base, sign, bits

    @staticmethod
    def powers(oracle: Oracle, base: tuple[int, int, int], exponents: list[int]) -> list[int]:
        power, sign, bits = base
        mask = (1 << bits) - 1
        return [
            oracle.power(power, e & mask) * oracle.power(sign, e >> bits) % oracle.n_squared
            for e in exponents
        ]

    def test_fixed_base(self, oracle: Oracle, base: tuple[int, int, int], hardened: bool) -> None:
        bits = base[2]
        count = rows_for(oracle)
        exponents = [0, 1, (2 << bits) - 1, 1 << bits, (1 << bits) - 1]
        exponents += [oracle.below(2 << bits) for _ in range(count - 5)]
        words = to_words(exponents, bits // 64 + 1)
        plain = [0, -1, 2**62, *(oracle.below(2**53) for _ in range(count - 3))]
        factors = self.powers(oracle, base, exponents)
        expected = [
            f * (1 + m * oracle.n) % oracle.n_squared for f, m in zip(factors, plain, strict=True)
        ]
        got = oracle.context.encrypt(to_signed(plain, 1), words, 2)
        assert oracle.leave(got) == expected
        values = oracle.ciphertexts(count)
        blinded = oracle.context.blind(oracle.enter(values), words, 2)
        assert oracle.leave(blinded) == [
            c * f % oracle.n_squared for c, f in zip(values, factors, strict=True)
        ]
        owner = oracle.owner()
        owner.set_blinding_base(to_bytes(base[0]), bits, to_bytes(base[1]), 1 << 18, 2, hardened)
        mine = owner.encrypt(oracle.context, to_signed(plain, 1), words, 2)
        assert oracle.leave(mine) == expected

    def test_full_powers(self, oracle: Oracle) -> None:
        r = [1, oracle.n - 1, *(1 + oracle.below(oracle.n - 1) for _ in range(8))]
        plain = [oracle.below(2**60) for _ in r]
        words = to_words(r, oracle.words)
        expected = [
            oracle.power(x, oracle.n) * (1 + m * oracle.n) % oracle.n_squared
            for x, m in zip(r, plain, strict=True)
        ]
        got = oracle.context.encrypt_full(to_signed(plain, 1), words, 2)
        assert oracle.leave(got) == expected
        values = oracle.ciphertexts(len(r))
        blinded = oracle.context.blind_full(oracle.enter(values), words, 1)
        assert oracle.leave(blinded) == [
            c * oracle.power(x, oracle.n) % oracle.n_squared for c, x in zip(values, r, strict=True)
        ]
        for bad in (0, oracle.n):
            with pytest.raises(ValueError, match=r"r is not in \[1, n\)"):
                oracle.context.encrypt_full(to_signed([1], 1), to_words([bad], oracle.words), 1)

    def test_fresh_ciphertexts_decrypt_and_differ(
        self, oracle: Oracle, base: tuple[int, int, int], hardened: bool
    ) -> None:
        owner = oracle.owner()
        owner.set_blinding_base(to_bytes(base[0]), base[2], to_bytes(base[1]), 1 << 16, 1, hardened)
        plain = [0, 1, -1, oracle.n - 1, 1 - oracle.n]
        plain += [7] * (2 if oracle.bits in SLOW else 12)
        signed = to_signed(plain, oracle.words + 1)
        made = [
            oracle.context.encrypt(signed, None, 2),
            oracle.context.encrypt(signed, None, 2),
            owner.encrypt(oracle.context, signed, None, 2),
            oracle.context.blind(oracle.context.encrypt(signed, None, 1), None, 1),
        ]
        if oracle.bits not in SLOW or oracle.engine.isa != "emulated":  # test_full_powers has both
            made += [
                oracle.context.encrypt_full(signed, None, 2),
                oracle.context.blind_full(oracle.context.encrypt(signed, None, 1), None, 1),
            ]
        seen: set[int] = set()
        for rows in made:
            decrypted = from_words(owner.decrypt(oracle.context, rows, 2))
            assert decrypted == [value % oracle.n for value in plain]
            seen.update(oracle.leave(rows))
        assert len(seen) == len(made) * len(plain)


def test_decrypt_with_exponents_of_a_subgroup(oracle: Oracle) -> None:
    """g^((p - 1) / order) blinds within a subgroup; powers of the order alone take that away."""
    p_order, q_order = (
        max(f for f in range(1, 300) if (x - 1) % f == 0) for x in (oracle.p, oracle.q)
    )
    exponents = (2 * p_order, 2 * q_order)
    owner = oracle.engine.private(oracle.p, oracle.q, *exponents)
    cofactor = (oracle.p - 1) * (oracle.q - 1) // (p_order * q_order)
    blind = oracle.power(oracle.below(oracle.n), cofactor * oracle.n)
    plain = [0, 1, oracle.n - 1, *(oracle.below(oracle.n) for _ in range(8))]
    values = [(1 + m * oracle.n) * oracle.power(blind, i) for i, m in enumerate(plain)]
    rows = oracle.enter([v % oracle.n_squared for v in values])
    assert from_words(owner.decrypt(oracle.context, rows, 2)) == plain
    outside = oracle.enter([1, oracle.power(3, oracle.n)])
    with pytest.raises(ValueError, match="row 1 is not a ciphertext"):
        owner.decrypt(oracle.context, outside, 1)


def test_decrypt_refuses_what_is_no_ciphertext(oracle: Oracle) -> None:
    owner = oracle.owner()
    rows = oracle.enter([oracle.power(5, oracle.n), oracle.p * 3])
    with pytest.raises(ValueError, match="row 1 is not a ciphertext"):
        owner.decrypt(oracle.context, rows, 1)


@pytest.mark.parametrize("bits", [(300, 212), (212, 300), (256, 64)])
def test_primes_of_different_lengths_decrypt(engine: Engine, bits: tuple[int, int]) -> None:
    p, q = (int(gmpy2.next_prime(1 << (length - 1))) for length in bits)
    n = p * q
    context = engine.public(n)
    owner = engine.private(p, q)
    plain = [0, 1, -1, 123456789]
    rows = context.encrypt_full(to_signed(plain, 1), None, 1)
    assert from_words(owner.decrypt(context, rows, 1)) == [value % n for value in plain]
    with pytest.raises(ValueError, match="differ in length"):
        owner.set_blinding_base(b"\x04", 100, b"\x02", 1 << 16)


@pytest.mark.parametrize("n", [2**8192 - 1, 2**8191 + 1, 2**8191 + 2**4096 - 1])
def test_the_longest_moduli(engine: Engine, n: int) -> None:
    context, square = engine.public(n), n * n
    values = [1, n - 1, n + 1, square - 1, square - n, 3**5000 % square]
    rows = context.enter(to_words(values, 2 * context.words), 1)
    got = context.multiply(rows, None, rows[::-1].copy(), None, 1)
    powers = context.scale(rows, None, to_signed([4], 1), np.zeros(6, np.int64), 1)
    products = [a * b % square for a, b in zip(values, values[::-1], strict=True)]
    assert from_words(context.leave(got, 1)) == products
    assert from_words(context.leave(powers, 1)) == [v**4 % square for v in values]


def test_engines_agree_on_the_canonical_form() -> None:
    values = Oracle(512, Engine(ISAS[0])).ciphertexts(20)
    results = set()
    for isa in ISAS:
        oracle = Oracle(512, Engine(isa))
        rows = oracle.enter(values)
        results.add(tuple(oracle.leave(oracle.context.multiply(rows, None, rows, None, 1))))
    assert len(results) == 1


def test_ctrl_c_ends_a_long_call(engine: Engine) -> None:
    oracle = Oracle(1024, engine)
    rows = oracle.enter(oracle.ciphertexts(16))[np.zeros(100_000, np.int64)]
    scalars = to_signed([1 << 4000], 63)
    call = (rows, None, scalars, np.zeros(len(rows), np.int64), 2)  # takes minutes
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    results: list[object] = []

    def run() -> None:
        timer.start()
        results.extend(itertools.starmap(oracle.context.scale, [call]))

    with pytest.raises(KeyboardInterrupt):
        run()
    timer.join()
    assert results == []  # where they would be if the signal had waited for the end


def test_a_fork_draws_other_randomness(engine: Engine) -> None:
    oracle = Oracle(256, engine)
    read, write = os.pipe()
    child = os.fork()
    rows = oracle.context.encrypt_full(to_signed([1], 1), None, 1)
    if child == 0:
        os.write(write, rows.tobytes())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1 << 16) != rows.tobytes()
    os.close(read)
    os.close(write)
