# SPDX-License-Identifier: Apache-2.0
"""Edges of multiplication in base n through every instruction set: tests/vectors/base_n."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.kernel_oracle import (
    ISAS,
    Engine,
    from_words,
    to_signed,
    to_words,
)

FOLDER = Path(__file__).parents[1] / "vectors" / "base_n"
DOCUMENT = json.loads((FOLDER / "vectors.json").read_text())


class Vectors:
    """The cases of one modulus and a context for it."""

    def __init__(self, entry: dict[str, Any], engine: Engine) -> None:
        self.n = int(entry["n"], 16)
        self.square = self.n**2
        self.context = engine.public(self.n)
        cases = [[int(half, 16) for half in case] for case in entry["cases"]]
        self.x, self.y, self.product = ([case[i : i + 2] for case in cases] for i in (0, 2, 4))
        # What rows stand for is divided by R; 1 in a row shows 1 / R.
        (self.r_inverse,) = from_words(self.context.leave(self.rows([[1, 0]]), 1))

    def rows(self, halves: list[list[int]]) -> np.ndarray:
        words = to_words([half for pair in halves for half in pair], self.context.words)
        return words.reshape(len(halves), 2, -1)

    def values(self, halves: list[list[int]]) -> list[int]:
        return [low + high * self.n for low, high in halves]

    def read(self, rows: np.ndarray) -> list[int]:
        """The integers rows stand for, halves canonical."""
        halves = from_words(rows.reshape(-1, self.context.words))
        assert max(halves) < self.n
        return [low + high * self.n for low, high in zip(halves[::2], halves[1::2], strict=True)]


@pytest.fixture(scope="module", params=ISAS)
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine(request.param)


@pytest.fixture(
    scope="module", params=DOCUMENT["moduli"], ids=lambda e: f"{e['bits']} bits, {e['name']}"
)
def vectors(request: pytest.FixtureRequest, engine: Engine) -> Vectors:
    return Vectors(request.param, engine)


def test_products(vectors: Vectors) -> None:
    x, y = vectors.rows(vectors.x), vectors.rows(vectors.y)
    expected = [
        value * vectors.r_inverse % vectors.square for value in vectors.values(vectors.product)
    ]
    assert vectors.read(vectors.context.multiply(x, None, y, None, 1)) == expected
    assert vectors.read(vectors.context.multiply(y, None, x, None, 1)) == expected


def test_squares(vectors: Vectors) -> None:
    twos = to_signed([2], 1), np.zeros(len(vectors.x), np.int64)
    for halves in (vectors.x, vectors.y):
        rows = vectors.rows(halves)
        expected = [v * v * vectors.r_inverse % vectors.square for v in vectors.values(halves)]
        assert vectors.read(vectors.context.multiply(rows, None, rows, None, 1)) == expected
        assert vectors.read(vectors.context.scale(rows, None, *twos, 1)) == expected


def test_plaintexts(vectors: Vectors) -> None:
    words = vectors.context.words + 1
    plain = to_signed([half for pair in vectors.y for half in pair], words)
    index = np.repeat(np.arange(len(vectors.x)), 2)
    got = vectors.context.multiply_plain(vectors.rows(vectors.x), index, plain, None, 1)
    assert vectors.read(got) == [
        value * (1 + m * vectors.n) % vectors.square
        for value, pair in zip(vectors.values(vectors.x), vectors.y, strict=True)
        for m in pair
    ]


def test_form(vectors: Vectors) -> None:
    values = vectors.values(vectors.x + vectors.y + vectors.product)
    canonical = to_words(values, 2 * vectors.context.words)
    rows = vectors.context.enter(canonical, 1)
    assert [v * vectors.r_inverse % vectors.square for v in vectors.read(rows)] == values
    np.testing.assert_array_equal(vectors.context.leave(rows, 1), canonical)


def test_the_script_makes_the_file() -> None:
    made = subprocess.run(
        [sys.executable, str(FOLDER / "make.py")], capture_output=True, check=True, timeout=300
    ).stdout
    assert made == (FOLDER / "vectors.json").read_bytes()
