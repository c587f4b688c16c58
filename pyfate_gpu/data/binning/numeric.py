# SPDX-License-Identifier: Apache-2.0
"""Bins of a column of numbers, and which one each value is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.data.cells import exact_floats
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.typing import Floats

#: Bins of a column, so that their numbers and that of the missing bin fit 16 bits.
MAX_BINS = 32_000


@dataclass(frozen=True, eq=False)
class NumericBins:
    """Bins between cuts: a value x is right of a cut c when x >= c, and left of it when x < c.

    Parameters
    ----------
    cuts : float64 [k]
        Strictly increasing; k may be 0, then all values share a bin.

    Raises
    ------
    ConfigurationError
        When cuts are out of order, equal, not numbers, or make more than `MAX_BINS` bins.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.binning.numeric import NumericBins
    >>> bins = NumericBins(np.array([1.5, 4.0]))
    >>> bins.count
    3
    >>> bins.assign([1.0, 2.0, 4.0, np.inf, np.nan]).tolist()
    [0, 1, 2, 2, 3]
    """

    cuts: Floats

    def __post_init__(self) -> None:
        try:
            cuts = np.array(self.cuts, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            raise ConfigurationError(f"cuts are {self.cuts!r}; they must be numbers") from None
        if cuts.ndim != 1:
            raise ConfigurationError(f"cuts have shape {cuts.shape}; they must be one list")
        if len(cuts) >= MAX_BINS:
            raise ConfigurationError(
                f"{len(cuts)} cuts make {len(cuts) + 1} bins, the limit is {MAX_BINS}: take fewer"
            )
        if np.isnan(cuts).any() or (cuts == -np.inf).any():
            raise ConfigurationError(
                "cuts hold NaN or -inf, which no value is left of: leave it out"
            )
        wrong = np.flatnonzero(cuts[1:] <= cuts[:-1])
        if len(wrong):
            at = int(wrong[0])
            raise ConfigurationError(
                f"cut {at + 2} is {float(cuts[at + 1])!r} and comes after {float(cuts[at])!r}; cuts must increase: "
                "sort them, each once"
            )
        cuts.flags.writeable = False
        object.__setattr__(self, "cuts", cuts)

    @property
    def count(self) -> int:
        """Number of bins for values; that of the missing bin is the next one."""
        return len(self.cuts) + 1

    def assign(self, column: npt.ArrayLike) -> npt.NDArray[np.int16]:
        """Return the bin of each value, int16 [n]: how many cuts are <= it, and `count` for a missing one.

        Raises
        ------
        DataError
            When it is no column of numbers, or float64 does not hold one of them.
        """
        values = as_numbers(column)
        found = np.searchsorted(self.cuts, values, side="right").astype(np.int16)
        found[np.isnan(values)] = self.count
        return found


def as_numbers(column: Any) -> Floats:
    """Return a column of truth values, whole numbers or floats as float64 [n], missing values as NaN.

    Raises
    ------
    DataError
        When it is none, or holds a whole number that float64 does not hold.

    Examples
    --------
    >>> from pyfate_gpu.data.binning.numeric import as_numbers
    >>> as_numbers([1, 2, None]).tolist()
    [1.0, 2.0, nan]
    """
    array = np.asarray(column)
    if array.dtype == object and all(isinstance(v, (int, float, type(None))) for v in array.flat):
        missing = [None if value is None or value != value else value for value in array.flat]
        return _with_missing(missing, array.shape)
    if array.ndim != 1 or array.dtype.kind not in "biuf":
        raise DataError(
            f"a column has type {array.dtype} and shape {array.shape}; bins of numbers take one column of "
            "numbers: bin others as categories"
        )
    try:
        return exact_floats(array)
    except OverflowError:
        raise _too_large() from None


def check_bin_count(name: str, value: object) -> int:
    """Return how many bins a column may have.

    Raises
    ------
    ConfigurationError
        When it is no whole number from 1 to `MAX_BINS`.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not 1 <= int(value) <= MAX_BINS:  # type: ignore[call-overload]
        raise ConfigurationError(
            f"{name} is {value!r}; it must be a whole number from 1 to {MAX_BINS}"
        )
    return int(value)  # type: ignore[call-overload,no-any-return]


def _with_missing(values: list[Any], shape: tuple[int, ...]) -> Floats:
    """Return Python's numbers, None where one is missing."""
    if len(shape) != 1:
        raise DataError(f"a column has shape {shape}; it must have one axis")
    found = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if value is not None:
            try:
                number = float(value)
            except OverflowError:
                raise _too_large() from None
            if isinstance(value, int) and int(number) != value:
                raise _too_large()
            found[row] = number
    return found


def _too_large() -> DataError:
    return DataError(
        "a column has a whole number beyond 2**53 that float64 does not hold: subtract or divide, or bin it as "
        "categories"
    )
