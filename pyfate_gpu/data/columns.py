# SPDX-License-Identifier: Apache-2.0
"""A column of a party's table as features or labels, or an error that names it and quotes none of its cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data import cells
from pyfate_gpu.data.cells import MISSING, is_missing
from pyfate_gpu.data.labels import as_labels
from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats

_TAKES_NUMBERS = "it takes numbers: encode texts and dates before training"


@dataclass(frozen=True)
class Column:
    """One column as it was found.

    Parameters
    ----------
    name : str
        As its owner calls it.
    kind : str
        Its type, as whoever wrote it calls that.
    values : array of numbers, sequence of Python's values, or None
        None where no use is known of this type.
    source : str
        What errors begin with: a file, or nothing.
    lines : sequence of int or None
        Line of the file that each row begins in, where it has lines.
    missing : frozenset of str
        Texts that stand for a missing value.
    parses : bool
        Whether texts that spell numbers are taken for numbers: those of files are.
    first : int
        Rows that came before, where this is a piece of a column.
    """

    name: str
    kind: str
    values: Sequence[Any] | NDArray[Any] | None
    source: str = ""
    lines: Sequence[int] | None = None
    missing: frozenset[str] = MISSING
    parses: bool = True
    first: int = 0

    def numbers(self) -> Floats:
        """Return the column as float64, missing values as NaN.

        Raises
        ------
        DataError
            When a value is no number, or a whole number that float64 does not hold.
        """
        values = self._readable(_TAKES_NUMBERS)
        if isinstance(values, np.ndarray):
            if values.dtype.kind not in "biuf":
                raise self.refuse(_TAKES_NUMBERS)
            return self._all_at_once(partial(cells.exact_floats, values), _TAKES_NUMBERS)
        return NumberPieces().add(self)

    def labels(self) -> NDArray[Any]:
        """Return the column as whole numbers, numbers or texts, whichever all values are.

        Missing ones are None, in an array of Python's values.

        Raises
        ------
        DataError
            When values are neither numbers nor texts, or some are numbers and others texts.
        """
        advice = "labels are all numbers or all texts"
        values = self._readable(advice)
        listed = values.tolist() if isinstance(values, np.ndarray) else values
        found = self._all_at_once(lambda: as_labels(self._parsed(listed)), advice)
        return found.astype(np.int64) if found.dtype == bool else found

    def refuse(self, advice: str, row: int | None = None) -> DataError:
        """Return an error that says where and of which type what cannot be used is."""
        where = "" if row is None else f" of {self.row(row)}"
        return DataError(f"{self.source}column {self.name!r}{where} has type {self.kind}, {advice}")

    def row(self, row: int) -> str:
        """Return the words by which errors name a row, counted from 1."""
        line = "" if self.lines is None else f" (line {self.lines[row]})"
        return f"row {self.first + row + 1}{line}"

    def is_missing(self, value: Any) -> bool:
        """Return whether a value, or what its text stands for, is missing."""
        return value in self.missing if isinstance(value, str) else is_missing(value)

    def _readable(self, advice: str) -> Sequence[Any] | NDArray[Any]:
        if self.values is None:
            raise self.refuse(advice)
        return self.values

    def quick_numbers(self) -> Floats | None:
        """Return the numbers of texts that hold nothing to look at one by one."""
        values = self._listed()
        if not self._are_texts(values):
            return None
        every = "".join(text for text in values if text)
        if "_" in every or not every.isascii():
            return None
        try:
            found = np.array([float("nan" if self.is_missing(v) else v) for v in values], float)
        except ValueError:
            return None
        return None if (np.abs(found) >= cells.EXACT).any() else found

    def truth_values(self) -> Floats | None:
        """Return texts that are all truth values or missing as 1, 0 and NaN; None of others."""
        found = self._spelled(self._listed(), cells.parse_truth)
        return None if found is None else np.array(found, dtype=np.float64)

    def each_number(self) -> Floats:
        """Return the values as numbers, looked at one by one; raises as `numbers` does."""
        return np.array(
            self._each(self._number, self._listed(), _TAKES_NUMBERS),
            dtype=np.float64,
        )

    def _listed(self) -> Sequence[Any]:
        values = self._readable(_TAKES_NUMBERS)
        return values.tolist() if isinstance(values, np.ndarray) else values

    def _number(self, value: Any) -> float:
        if self.is_missing(value):
            return float("nan")
        if not isinstance(value, str):
            return cells.number_of(value)
        if not self.parses:
            raise TypeError("no number")
        return cells.parse_number(value)

    def _parsed(self, values: Sequence[Any]) -> list[Any]:
        """Return texts as the numbers that all of them spell, if they do, and missing values as None."""
        for parse in (cells.parse_whole, cells.parse_truth, cells.parse_number):
            found = self._spelled(values, parse)
            if found is not None:
                return found
        return [None if self.is_missing(value) else value for value in values]

    def _spelled(
        self, values: Sequence[Any], parse: Callable[[str], float]
    ) -> list[float | None] | None:
        """Return what all texts spell and None for missing ones; None unless all do."""
        if not self._are_texts(values):
            return None
        try:
            return [None if self.is_missing(value) else parse(value) for value in values]
        except ValueError:
            return None

    def _are_texts(self, values: Sequence[Any]) -> bool:
        return self.parses and all(value is None or isinstance(value, str) for value in values)

    def _each(
        self, function: Callable[[Any], float], values: Sequence[Any], advice: str
    ) -> list[float]:
        found = []
        for row, value in enumerate(values):
            try:
                found.append(function(value))
            except OverflowError:
                raise self._too_large(row) from None
            except (TypeError, ValueError):
                raise self.refuse(advice, row) from None
        return found

    def _all_at_once(self, function: Callable[[], NDArray[Any]], advice: str) -> NDArray[Any]:
        try:
            return function()
        except OverflowError:
            raise self._too_large(None) from None
        except (TypeError, ValueError):
            raise self.refuse(advice) from None

    def _too_large(self, row: int | None) -> DataError:
        where = "" if row is None else f" of {self.row(row)}"
        return DataError(
            f"{self.source}column {self.name!r}{where} has a whole number beyond 2**53 that float64 does not hold: "
            "subtract, divide or leave the column out"
        )


class NumberPieces:
    """Numbers of a column that comes in pieces: truth values are numbers where all that is not missing is one.

    Examples
    --------
    >>> from pyfate_gpu.data.columns import Column, NumberPieces
    >>> pieces = NumberPieces()
    >>> [pieces.add(Column("x", "text", values)).tolist() for values in (["1", "NA"], ["-2.5"])]
    [[1.0, nan], [-2.5]]
    """

    def __init__(self) -> None:
        self._has_number = False
        self._truth: DataError | None = None

    def add(self, piece: Column, quick: Floats | None = None) -> Floats:
        """Return the next values as float64, missing ones as NaN.

        Parameters
        ----------
        quick : float64 [rows], optional
            The same, where all of them are known to spell numbers.

        Raises
        ------
        DataError
            For the first value of the column that is no number, or a whole number that float64 does not hold.
        """
        found = piece.quick_numbers() if quick is None else quick
        if found is None:
            truth = piece.truth_values()
            if truth is not None:
                first = piece.refuse(_TAKES_NUMBERS, int(np.argmin(np.isnan(truth))))
                if self._has_number:
                    raise first
                self._truth = self._truth or first
                return truth
        if found is None or not np.isnan(found).all():
            if self._truth is not None:
                raise self._truth
            self._has_number = True
        return piece.each_number() if found is None else found
