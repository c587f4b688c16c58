# SPDX-License-Identifier: Apache-2.0
"""Every operation against gmpy2 and against the cpu backend: how many rows differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gmpy2
import numpy as np

from bench.gpu_check.check import Check
from pyfate_gpu.backends.cpu.engine import CpuPrivateEngine
from pyfate_gpu.backends.words import integers_to_words, unsigned_to_integers

SEGMENTS = 100


def equality(check: Check, cheap: int, costly: int) -> dict[str, Any]:
    """Rows that are wrong, by operation: products of `cheap` rows, powers of `costly` ones."""
    against = [_products(check, cheap), _powers(check, cheap, costly), _decryption(check, costly)]
    found: dict[str, Any] = {"rows": [cheap, costly]}
    if isinstance(check.cpu, str):
        found["not compared with the cpu backend"] = check.cpu
    else:
        against.append(_cpu(check, costly))
    found["wrong"] = {name: wrong for pairs in against for name, wrong in pairs}
    return found


def _products(check: Check, rows: int) -> Iterator[tuple[str, int]]:
    """Sums of ciphertexts: everything that is a product or two."""
    words, engine, square = check.residues(rows), check.engine, check.square
    values, c = check.numbers(words), engine.import_words(words)
    yield "enter and leave", _differing(check.numbers(c), values)
    turned = np.roll(np.arange(rows), 1)
    got = check.numbers(engine.add(c, c, None, turned))
    pairs = zip(values, values[-1:] + values[:-1], strict=True)
    yield "multiply", _differing(got, [a * b % square for a, b in pairs])
    with check.device:
        squares = engine.ring.square(c)
    yield "square", _differing(check.numbers(squares), [v * v % square for v in values])
    plain = check.integers(rows, 62)
    got = check.numbers(engine.add_plain(c, integers_to_words(plain)))
    expected = [v * (1 + int(m) * check.n) % square for v, m in zip(values, plain, strict=True)]
    yield "add plaintexts", _differing(got, expected)
    offsets = np.linspace(0, rows, SEGMENTS + 1).astype(np.int64)
    order = check.rng.permutation(rows)
    expected = []
    for begin, end in zip(offsets[:-1], offsets[1:], strict=True):
        product = gmpy2.mpz(1)
        for i in order[begin:end]:
            product = product * values[i] % square
        expected.append(product)
    yield (
        "segmented sum",
        _differing(check.numbers(engine.segment_sum(c, order, offsets)), expected),
    )


def _powers(check: Check, cheap: int, costly: int) -> Iterator[tuple[str, int]]:
    """Few rows and many: several threads a number, and one."""
    engine, square = check.engine, check.square
    for name, rows, bits in (("scale", costly, 53), ("scale many", min(cheap, 10 * costly), 8)):
        words, scalars = check.residues(rows), check.integers(rows, bits)
        got = check.numbers(engine.scale(engine.import_words(words), integers_to_words(scalars)))
        pairs = zip(check.numbers(words), scalars, strict=True)
        yield name, _differing(got, [gmpy2.powmod(v, int(s), square) for v, s in pairs])


def _decryption(check: Check, costly: int) -> Iterator[tuple[str, int]]:
    """What decryption gives back, of fresh, re-blinded and textbook ciphertexts."""
    for name, rows, engine in (
        ("encrypt, decrypt", costly, check.engine),
        ("encrypt, decrypt many", 10 * costly, check.engine),
        ("textbook encrypt, decrypt", costly, check.textbook),
    ):
        plain = check.integers(rows, 62)
        expected = [int(v) % check.public.n for v in plain]
        c = engine.encrypt(integers_to_words(plain))
        yield name, _differing(unsigned_to_integers(check.owner.decrypt(c)), expected)
        again = unsigned_to_integers(check.owner.decrypt(engine.blind(c)))
        yield f"{name}, blinded", _differing(again, expected)


def _cpu(check: Check, rows: int) -> Iterator[tuple[str, int]]:
    """Canonical integers of both backends, with the same exponents."""
    engine, cpu, threads = check.engine, check.cpu, check.cpu.threads
    plain = integers_to_words(check.integers(rows, 62))
    cpu.encrypt(plain[:1])  # builds its table
    exponents, r = check.exponents(rows), check.units(rows)
    theirs = cpu.context.encrypt(plain, exponents, threads)
    ours = engine.encrypt(plain, exponents)
    yield "encrypt as cpu", _differ(engine.export_words(ours), cpu.export_words(theirs))
    blinded = cpu.context.blind(theirs, exponents, threads)
    ours_blinded = engine.export_words(engine.blind(ours, exponents))
    yield "blind as cpu", _differ(ours_blinded, cpu.export_words(blinded))
    full = cpu.export_words(cpu.context.encrypt_full(plain, r, threads))
    ours_full = check.textbook.export_words(check.textbook.encrypt(plain, r))
    yield "textbook encrypt as cpu", _differ(ours_full, full)
    matrix = integers_to_words(check.integers(3 * rows, 24).reshape(3, rows))
    product = engine.export_words(engine.matmul(matrix, ours, 1))
    yield "matmul as cpu", _differ(product, cpu.export_words(cpu.matmul(matrix, theirs, 1)))
    owner = CpuPrivateEngine(check.private._numbers, cpu)
    yield "decrypt as cpu", _differ(check.owner.decrypt(ours), owner.decrypt(theirs))


def _differing(found: Any, expected: Any) -> int:
    return sum(int(a != b) for a, b in zip(found, expected, strict=True))


def _differ(a: Any, b: Any) -> int:
    return int((a != b).any(axis=1).sum())
