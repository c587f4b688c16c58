# SPDX-License-Identifier: Apache-2.0
"""Numbers to integers and back, one rule each; HEU cuts fractions off where we usually round."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.errors import EncodingError, UnsupportedOperationError
from pyfate_gpu.integrations.heu.plaintext import Plaintext
from pyfate_gpu.integrations.heu.schema import PheRuntimeError, SchemaType, whole_parameter
from pyfate_gpu.integrations.slots import Slots

DEFAULT_SCALE = 10**6
SLOT_BITS = 64
LARGEST = 1 << SLOT_BITS - 1
"""Size of the numbers that a slot of a batch encoder takes and gives."""

Number = TypeVar("Number", int, float)


def whole(value: Any) -> int:
    """The integer part of a number, or the integer of a plaintext."""
    if isinstance(value, Plaintext) or is_integer(value):
        return int(value)
    return cut(_float(value))


def _float(value: Any) -> float:
    """A float of Python or NumPy; UnsupportedOperationError, a TypeError, for what would lose digits or has none."""
    if not isinstance(value, float | np.floating | bool | np.bool_):
        raise UnsupportedOperationError(
            f"a {type(value).__name__} cannot be encoded; take integers and floats, and fill missing values"
        )
    return float(value)


def cut(value: float) -> int:
    """The integer part; EncodingError for NaN and infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        raise EncodingError(f"value {value} has no integer; clean the data first")
    return int(value)


def divide(value: int, scale: int) -> int:
    """``value / scale`` towards 0."""
    size = abs(value) // abs(scale)
    return size if (value < 0) == (scale < 0) else -size


def check_scale(encoder: Any) -> None:
    """Make the scale of an encoder Python's integer; PheRuntimeError if it is 0, TypeError if it is none."""
    scale = whole_parameter(encoder.scale, "scale")
    if not scale:
        raise PheRuntimeError("scale is 0: nothing of a number would be left; take 1 or more")
    object.__setattr__(encoder, "scale", scale)


def declared_bound(values: Iterable[int], scale: int) -> int | None:
    """That of 64-bit numbers times the scale, if all are within it, whatever they are; otherwise None."""
    bound = LARGEST * abs(scale)
    return bound if all(abs(value) <= bound for value in values) else None


class BigintDecoder:
    """Integers as they are."""

    dtype: ClassVar[Any] = object

    def decode(self, plaintext: Plaintext) -> Any:
        """The number of a plaintext."""
        return self._decode(int(plaintext))

    def _decode(self, value: int) -> Any:
        return value

    def __repr__(self) -> str:
        return "BigintDecoder()"


@dataclass(frozen=True)
class BigintEncoder(BigintDecoder):
    """Integers of any size; of floats in arrays the integer part."""

    schema: SchemaType
    scale: ClassVar[int] = 1

    def encode(self, cleartext: int) -> Plaintext:
        """Encode one integer."""
        if not is_integer(cleartext):
            raise TypeError(f"BigintEncoder takes an int, not {type(cleartext).__name__}")
        return Plaintext(self.schema, int(cleartext))

    def _encode(self, value: Any) -> int:
        return whole(value)


@dataclass(frozen=True)
class _ScalingEncoder(Generic[Number]):
    """A number times a scale."""

    schema: SchemaType
    scale: int = DEFAULT_SCALE

    def __post_init__(self) -> None:
        check_scale(self)

    def encode(self, cleartext: float) -> Plaintext:
        """Encode one number."""
        value = self._encode(cleartext)
        return Plaintext.bounded(self.schema, value, declared_bound([value], self.scale))

    def decode(self, plaintext: Plaintext) -> Number:
        """The number of a plaintext."""
        return self._decode(int(plaintext))

    def _encode(self, value: Any) -> int:
        raise NotImplementedError

    def _decode(self, value: int) -> Number:
        raise NotImplementedError


class IntegerEncoder(_ScalingEncoder[int]):
    """The integer part times a scale; decoding cuts the rest off.

    Parameters
    ----------
    schema : SchemaType
    scale : int
    """

    dtype: ClassVar[Any] = np.int64

    def _encode(self, value: Any) -> int:
        return whole(value) * self.scale

    def _decode(self, value: int) -> int:
        return divide(value, self.scale)


class FloatEncoder(_ScalingEncoder[float]):
    """A number times a scale, without its fraction.

    Parameters
    ----------
    schema : SchemaType
    scale : int
    """

    dtype: ClassVar[Any] = np.float64

    def _encode(self, value: Any) -> int:
        if is_integer(value):
            return int(value) * self.scale
        return cut(_float(value) * self.scale)

    def _decode(self, value: int) -> float:
        return value / self.scale


@dataclass(frozen=True)
class BatchIntegerEncoder:
    """Two 64-bit integers to a plaintext; the gap takes what sums of them need beyond that.

    The slots are signed (`Slots`), so that a sum beyond 64 bits is seen when it is decoded, and
    refused. HEU's are unsigned and wrap around; its integers of negative numbers are others.

    Parameters
    ----------
    schema : SchemaType
    scale : int
    padding_bits : int
        Between the two.
    """

    schema: SchemaType
    scale: int = 1
    padding_bits: int = 32
    dtype: ClassVar[Any] = np.int64

    def __post_init__(self) -> None:
        check_scale(self)
        padding = whole_parameter(self.padding_bits, "padding_bits")
        if padding < 0:
            raise PheRuntimeError(f"padding_bits is {padding}; it must be 0 or more")
        object.__setattr__(self, "padding_bits", padding)

    def encode(self, cleartext_1: Any, cleartext_2: Any) -> Plaintext:
        """Encode two numbers."""
        value = self._encode([cleartext_1, cleartext_2])
        return Plaintext.bounded(self.schema, value, self.bound_of(None))

    def decode(self, plaintext: Plaintext) -> tuple[Any, ...]:
        """The two numbers of a plaintext.

        Raises
        ------
        EncodingError
            If a number is beyond 64 bits: a sum that outgrew its slot.
        BoundError
            If sums or products could have carried from one slot into the other.
        """
        if plaintext.bound is not None:
            self.layout.check(plaintext.bound)
        return tuple(self._decode(int(plaintext)))

    @property
    def layout(self) -> Slots:
        """The two slots with their gaps."""
        return Slots(SLOT_BITS + self.padding_bits, 2)

    def bound_of(self, dtype: np.dtype[Any] | None) -> int:
        """Bound of the plaintexts of numbers of a dtype; None for any that fit the slots."""
        each = min(LARGEST, self.layout.bound)
        if dtype is not None and dtype.kind in "iu":
            limits = np.iinfo(dtype)
            each = min(each, max(int(limits.max), -int(limits.min)) * abs(self.scale))
        return self.layout.bound_of(each)

    def _encode(self, values: Sequence[Any]) -> int:
        scaled = [self._scaled(value) for value in values]
        for value in scaled:
            if not -LARGEST <= value < LARGEST:
                raise EncodingError(
                    f"a scaled number of {value.bit_length()} bits does not fit its slot of 64; take a "
                    f"smaller scale or an encoder without slots"
                )
        return self.layout.pack(scaled)

    def _decode(self, value: int) -> list[Any]:
        parts = self.layout.unpack(value)
        if not all(-LARGEST <= part < LARGEST for part in parts):
            raise EncodingError(
                f"a number of a pair has {max(map(abs, parts)).bit_length()} bits, its slot is for 63 and "
                f"a sign: a sum outgrew it; take a smaller scale or an encoder without slots"
            )
        return [self._unscaled(part) for part in parts]

    def _scaled(self, value: Any) -> int:
        if not is_integer(value) and not isinstance(value, np.floating):
            raise TypeError(f"BatchIntegerEncoder takes ints, not {type(value).__name__}")
        return whole(value) * self.scale

    def _unscaled(self, value: int) -> Any:
        return divide(value, self.scale)


@dataclass(frozen=True)
class BatchFloatEncoder(BatchIntegerEncoder):
    """Two numbers times a scale to a plaintext; see `BatchIntegerEncoder`."""

    scale: int = DEFAULT_SCALE
    dtype: ClassVar[Any] = np.float64

    def _scaled(self, value: Any) -> int:
        return cut((int(value) if is_integer(value) else _float(value)) * self.scale)

    def _unscaled(self, value: int) -> float:
        return value / self.scale


@dataclass(frozen=True)
class BigintEncoderParams:
    """Parameters of `BigintEncoder`."""

    def instance(self, schema: SchemaType) -> BigintEncoder:
        """The encoder for a scheme."""
        return BigintEncoder(schema)


@dataclass(frozen=True)
class IntegerEncoderParams:
    """Parameters of `IntegerEncoder`."""

    scale: int = DEFAULT_SCALE

    def instance(self, schema: SchemaType) -> IntegerEncoder:
        """The encoder for a scheme."""
        return IntegerEncoder(schema, self.scale)


@dataclass(frozen=True)
class FloatEncoderParams:
    """Parameters of `FloatEncoder`."""

    scale: int = DEFAULT_SCALE

    def instance(self, schema: SchemaType) -> FloatEncoder:
        """The encoder for a scheme."""
        return FloatEncoder(schema, self.scale)


@dataclass(frozen=True)
class BatchIntegerEncoderParams:
    """Parameters of `BatchIntegerEncoder`."""

    scale: int = 1
    padding_bits: int = 32

    def instance(self, schema: SchemaType) -> BatchIntegerEncoder:
        """The encoder for a scheme."""
        return BatchIntegerEncoder(schema, self.scale, self.padding_bits)


@dataclass(frozen=True)
class BatchFloatEncoderParams:
    """Parameters of `BatchFloatEncoder`."""

    scale: int = DEFAULT_SCALE
    padding_bits: int = 32

    def instance(self, schema: SchemaType) -> BatchFloatEncoder:
        """The encoder for a scheme."""
        return BatchFloatEncoder(schema, self.scale, self.padding_bits)


Encoder = BigintEncoder | IntegerEncoder | FloatEncoder | BatchIntegerEncoder
