# SPDX-License-Identifier: Apache-2.0
"""Numbers to integers and back, one rule each; HEU cuts fractions off where we usually round."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.errors import EncodingError
from pyfate_gpu.integrations.heu.plaintext import Plaintext
from pyfate_gpu.integrations.heu.schema import SchemaType

DEFAULT_SCALE = 10**6
SLOT_BITS = 64

Number = TypeVar("Number", int, float)


def whole(value: Any) -> int:
    """The integer part of a number, or the integer of a plaintext."""
    if isinstance(value, Plaintext) or is_integer(value):
        return int(value)
    return cut(float(value))


def cut(value: float) -> int:
    """The integer part; EncodingError for NaN and infinities."""
    if not math.isfinite(value):
        raise EncodingError(f"value {value} has no integer; clean the data first")
    return int(value)


def divide(value: int, scale: int) -> int:
    """``value / scale`` towards 0."""
    return value // scale if value >= 0 else -(-value // scale)


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

    def encode(self, cleartext: float) -> Plaintext:
        """Encode one number."""
        return Plaintext(self.schema, self._encode(cleartext))

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
        return cut(float(value) * self.scale)

    def _decode(self, value: int) -> float:
        return value / self.scale


@dataclass(frozen=True)
class BatchIntegerEncoder:
    """Two 64-bit integers to a plaintext; the gap takes the carries of sums.

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

    def encode(self, cleartext_1: Any, cleartext_2: Any) -> Plaintext:
        """Encode two numbers."""
        return Plaintext(self.schema, self._encode([cleartext_1, cleartext_2]))

    def decode(self, plaintext: Plaintext) -> tuple[Any, ...]:
        """The two numbers of a plaintext."""
        return tuple(self._decode(int(plaintext)))

    @property
    def bound(self) -> int:
        """Both slots full."""
        return 1 << (2 * SLOT_BITS + self.padding_bits)

    def _encode(self, values: Sequence[Any]) -> int:
        low, high = (_to_slot(self._scaled(value)) for value in values)
        return high << (SLOT_BITS + self.padding_bits) | low

    def _decode(self, value: int) -> list[Any]:
        size = abs(value) >> (SLOT_BITS + self.padding_bits)
        high = -size if value < 0 else size
        return [self._unscaled(_from_slot(part)) for part in (value, high)]

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
        return cut(float(value) * self.scale)

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


def _to_slot(value: int) -> int:
    if not -(1 << SLOT_BITS - 1) <= value < 1 << SLOT_BITS - 1:
        raise EncodingError(
            f"a scaled number of {value.bit_length()} bits does not fit its slot of 64; take a "
            f"smaller scale or an encoder without slots"
        )
    return value & (1 << SLOT_BITS) - 1


def _from_slot(value: int) -> int:
    slot = value & (1 << SLOT_BITS) - 1
    return slot - (1 << SLOT_BITS) if slot >> SLOT_BITS - 1 else slot
