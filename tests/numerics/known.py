# SPDX-License-Identifier: Apache-2.0
"""What an expression is worth, exactly: fractions, and how far rounding may have moved each of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np


def fractions(values: Any) -> np.ndarray:
    """The exact value of each number, as an array of fractions."""
    array = np.asarray(values, dtype=object)
    exact = np.empty(array.shape, dtype=object)
    for position, value in np.ndenumerate(array):
        integral = isinstance(value, int | np.integer | np.bool_)
        exact[position] = Fraction(int(value)) if integral else Fraction(float(value))
    return exact


@dataclass(frozen=True)
class Known:
    """Values and the largest error of each; both arrays of fractions of one shape.

    Rounding enters where floats are encoded, half a unit of the last place each, and nowhere else
    (docs/design/0005-encodings-and-bounds.md); operations only pass errors on.
    """

    value: np.ndarray
    error: np.ndarray

    @classmethod
    def of(cls, numbers: Any, rounding: Fraction = Fraction(0)) -> Known:
        """Numbers before encryption, each rounded by at most `rounding`."""
        value = fractions(numbers)
        error = np.empty(value.shape, dtype=object)
        error[...] = rounding
        return cls(value, error)

    def __add__(self, other: Known) -> Known:
        return Known(_array(self.value + other.value), _array(self.error + other.error))

    def __sub__(self, other: Known) -> Known:
        return self + -other

    def __neg__(self) -> Known:
        return Known(_array(-self.value), self.error)

    def __mul__(self, other: Known) -> Known:
        passed_on = abs(self.value) * other.error + self.error * (abs(other.value) + other.error)
        return Known(_array(self.value * other.value), _array(passed_on))

    def __matmul__(self, other: Known) -> Known:
        passed_on = abs(self.value) @ other.error + self.error @ (abs(other.value) + other.error)
        return Known(_array(self.value @ other.value), _array(passed_on))

    def each(self, function: Any) -> Known:
        """Move values and errors alike: for indexing, reshaping, summing."""
        return Known(_array(function(self.value)), _array(function(self.error)))

    def complaint(self, got: Any, kind: str) -> str | None:
        """Say what is wrong with decrypted numbers; None if nothing is."""
        got = np.asarray(got)
        if got.shape != self.value.shape:
            return f"shape {got.shape} in place of {self.value.shape}"
        for position, exact in np.ndenumerate(self.value):
            found = fractions(got[position])[()]
            error = Fraction(self.error[position])
            allowed = error
            if kind == "f":  # decoding rounds once more, to the nearest float64
                allowed += (abs(exact) + error) / 2**53 + Fraction(1, 2**1075)
            if abs(found - exact) > allowed:
                return f"{found} in place of {exact} +- {float(allowed)} at {position}"
        return None


def _array(value: Any) -> np.ndarray:
    """NumPy gives bare objects for arrays without axes, and integers for empty sums."""
    array = np.asarray(value, dtype=object)
    return array if array.size else array.astype(object)
