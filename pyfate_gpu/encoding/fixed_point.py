# SPDX-License-Identifier: Apache-2.0
"""Real numbers as integers of one fixed scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import integers_to_words
from pyfate_gpu.encoding.numbers import as_integer, as_numbers, first_index, is_integral
from pyfate_gpu.encoding.plaintext import Encodable, PlaintextArray
from pyfate_gpu.errors import EncodingError

MAX_FRACTION_BITS = 8192


@dataclass(frozen=True)
class FixedPointEncoder:
    """Encodes x as the integer nearest to ``x * 2**fraction_bits``, ties to even.

    The scale is one and public: exponents chosen value by value would tell magnitudes. The bound is
    declared and public too; values beyond it are refused, never wrapped.

    Parameters
    ----------
    fraction_bits : int
        Bits after the binary point; the absolute error is at most ``2**-(fraction_bits + 1)``.
    bound : float or int
        Largest ``|x|`` accepted.

    Raises
    ------
    EncodingError
        If the parameters are not an integer from 0 to 8192 and a positive finite number.

    Examples
    --------
    >>> from pyfate_gpu import FixedPointEncoder
    >>> FixedPointEncoder(fraction_bits=4, bound=8).encode(0.3).to_integers()
    array(5, dtype=object)
    """

    fraction_bits: int = 40
    bound: float = 2**23

    def __post_init__(self) -> None:
        bits = as_integer(self.fraction_bits, "fraction_bits")
        if not 0 <= bits <= MAX_FRACTION_BITS:
            raise EncodingError(
                f"fraction_bits is {bits}; it must be from 0 to {MAX_FRACTION_BITS}"
            )
        object.__setattr__(self, "fraction_bits", bits)
        if isinstance(self.bound, bool) or not isinstance(
            self.bound, int | float | np.integer | np.floating
        ):
            raise EncodingError(f"bound is {self.bound!r}; it must be a number")
        if not 0 < self.bound < math.inf:
            raise EncodingError(f"bound is {self.bound!r}; it must be positive and finite")
        bound = int(self.bound) if isinstance(self.bound, int | np.integer) else float(self.bound)
        object.__setattr__(self, "bound", bound)

    @property
    def integer_bound(self) -> int:
        """Largest integer of an encoding: ``ceil(bound * 2**fraction_bits)``."""
        numerator, denominator = self.bound.as_integer_ratio()
        return -(-(numerator << self.fraction_bits) // denominator)

    def encode(self, values: Encodable) -> PlaintextArray:
        """Encode numbers of any shape; the result stands for floats.

        Parameters
        ----------
        values : scalar or array-like of float64, float32, float16, any integer dtype, or Python int

        Raises
        ------
        EncodingError
            If a value is NaN, infinite or beyond the bound, or no real number of 64 bits.
        """
        array = as_numbers(values)
        words = self._encode_integers(array) if is_integral(array) else self._encode_floats(array)
        return PlaintextArray(words, -self.fraction_bits, self.integer_bound, "f", self)

    def describe(self) -> dict[str, int | str | None]:
        """JSON-able form; the bound as a fraction, exactly."""
        numerator, denominator = self.bound.as_integer_ratio()
        return {
            "type": "fixed_point",
            "fraction_bits": self.fraction_bits,
            "bound": f"{numerator:x}/{denominator:x}",
        }

    def _encode_floats(self, array: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
        floats = array.astype(np.float64)
        self._refuse(~np.isfinite(floats), floats)
        self._refuse(np.abs(floats) > _float_at_most(self.bound), floats)
        with np.errstate(over="ignore"):
            # Exact: a power of two changes the exponent only, and rint rounds ties to even.
            scaled = np.rint(np.ldexp(floats, self.fraction_bits))
        if bool(np.all(np.abs(scaled) < 2.0**63)):
            return np.asarray(scaled.astype(np.int64))[..., None]
        wide = np.empty(floats.shape, dtype=object)
        for position, value in np.ndenumerate(floats):
            wide[position] = self._encode_float(float(value))
        return integers_to_words(wide)

    def _encode_float(self, value: float) -> int:
        """Exact for any size: ``value * 2**fraction_bits`` as a fraction, ties to even."""
        numerator, denominator = value.as_integer_ratio()
        quotient, rest = divmod(numerator << self.fraction_bits, denominator)
        return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient & 1))

    def _encode_integers(self, array: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        beyond = np.zeros(array.shape, dtype=np.bool_)
        limit = math.floor(self.bound)
        low, high = -limit, limit
        if array.dtype.kind in "iu":
            info = np.iinfo(array.dtype)
            if info.max > high or info.min < low:
                beyond = (array > min(high, int(info.max))) | (array < max(low, int(info.min)))
        else:
            beyond = np.asarray([not low <= int(v) <= high for v in array.ravel()], dtype=np.bool_)
            beyond = beyond.reshape(array.shape)
        self._refuse(np.asarray(beyond), array)
        if limit << self.fraction_bits < 1 << 63:
            return np.asarray(array.astype(np.int64))[..., None] << np.int64(self.fraction_bits)
        return (
            PlaintextArray(integers_to_words(array), 0, limit, "i", self)
            .align(-self.fraction_bits)
            .words
        )

    def _refuse(self, bad: npt.NDArray[np.bool_], values: npt.NDArray[np.generic]) -> None:
        if bad.any():
            position = first_index(bad)
            value = np.atleast_1d(values)[position]
            raise EncodingError(
                f"value {value!s} at {position} cannot be encoded: the limit is finite numbers of "
                f"at most {self.bound} in size; clean the data, or declare "
                f"FixedPointEncoder(fraction_bits={self.fraction_bits}, bound=...) with more room"
            )


def _float_at_most(bound: float) -> float:
    """Return the largest float64 that is not beyond `bound`, which may be any integer."""
    try:
        nearest = float(bound)
    except OverflowError:
        return math.inf
    return nearest if nearest <= bound else math.nextafter(nearest, 0.0)
