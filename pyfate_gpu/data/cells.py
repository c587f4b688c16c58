# SPDX-License-Identifier: Apache-2.0
"""One cell of a table as a number, without a digit lost before its point.

Cells are Python's values of what a file or a table holds. ValueError and TypeError say that a cell is no number,
OverflowError that it is a whole number that float64 does not hold. No text of these names the cell.
"""

from __future__ import annotations

import re
from decimal import Decimal
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.typing import Floats

#: Texts that stand for a missing value: those of `pandas.read_csv`.
MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"}
    | {"<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
)
#: Below it float64 holds every whole number.
EXACT = 2.0**53

_WHOLE = re.compile(r"[+-]?[0-9]+")
_WHOLE_OR_ZEROS = re.compile(r"[+-]?[0-9]+(\.0*)?")
_TRUTH = {"true": True, "false": False}


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, NaT or pandas' NA, of whatever type."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except ArithmeticError:  # a signalling NaN of decimals
        return True
    except TypeError:  # pandas' NA: what comes of comparing it has no truth value
        return True
    except ValueError:  # an array in a cell has several
        return False


def parse_whole(text: str) -> int:
    """Return the whole number that a text spells in ASCII digits."""
    if not _WHOLE.fullmatch(text):
        raise ValueError("no whole number")
    return int(text)


def parse_truth(text: str) -> int:
    """Return 1 for ``true`` and 0 for ``false``, in capitals or not."""
    if text.lower() not in _TRUTH:
        raise ValueError("no truth value")
    return int(_TRUTH[text.lower()])


def parse_number(text: str) -> float:
    """Return the number that a text spells.

    Python takes ``1_0`` and digits of other scripts for numbers too, no other program does: they are none.
    """
    if "_" in text or not text.isascii():
        raise ValueError("no number")
    number = float(text)
    if abs(number) >= EXACT and _WHOLE_OR_ZEROS.fullmatch(text):
        _check_exact(Decimal(text), number)
    return number


def number_of(value: Any) -> float:
    """Return a truth value, whole number, float or decimal as float64."""
    if isinstance(value, bool | np.bool_ | float | np.floating):
        return float(value)
    if isinstance(value, np.timedelta64) or not isinstance(value, Integral | Decimal):
        raise TypeError("no number")
    number = float(value)
    if abs(number) >= EXACT:
        _check_exact(value, number)
    return number


def exact_floats(array: NDArray[Any]) -> Floats:
    """Return an array of truth values, whole numbers or floats of any size and byte order as float64.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.cells import exact_floats
    >>> exact_floats(np.array([True, False])).tolist()
    [1.0, 0.0]
    >>> exact_floats(np.array([2**53 + 1]))
    Traceback (most recent call last):
    OverflowError: float64 does not hold it
    """
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(array, dtype=np.float64)
    if array.dtype.itemsize >= found.dtype.itemsize and array.dtype != found.dtype:
        large = np.isfinite(found) & (np.abs(found) >= EXACT)
        for value, number in zip(array[large], found[large].tolist(), strict=True):
            _check_exact(int(value), number)
    return found


def _check_exact(whole: int | Integral | Decimal, number: float) -> None:
    # NumPy's integers are compared with floats as floats
    if (int(whole) if isinstance(whole, Integral) else whole) != number:
        raise OverflowError("float64 does not hold it")
