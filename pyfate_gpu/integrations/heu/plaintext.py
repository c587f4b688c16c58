# SPDX-License-Identifier: Apache-2.0
"""One encoded number."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.integrations.heu.schema import PheRuntimeError, SchemaType, size_parameter


class Plaintext:
    """An integer of any size, with HEU's arithmetic: division rounds down, shifts towards 0.

    Parameters
    ----------
    schema : SchemaType
        Kept, as HEU's constructor takes it; integers are the same for all.
    int_num : int

    Examples
    --------
    >>> from pyfate_gpu.integrations.heu import phe
    >>> a = phe.Plaintext(phe.SchemaType.ZPaillier, -7)
    >>> a * a - (a >> 1)
    Plaintext(52)
    """

    __slots__ = ("_declared", "_reached", "_schema", "_value")

    def __init__(self, schema: SchemaType, int_num: int) -> None:
        if not is_integer(int_num):
            raise TypeError(f"a plaintext is an integer, not {type(int_num).__name__}; encode it")
        self._schema = SchemaType(schema)
        self._value = int(int_num)
        self._declared: int | None = None
        self._reached: int | None = None

    @classmethod
    def bounded(
        cls,
        schema: SchemaType,
        value: int,
        declared: int | None = None,
        reached: int | None = None,
    ) -> Plaintext:
        """A plaintext with the bound that its encoder declares, or its ciphertext had reached."""
        plaintext = cls(schema, value)
        plaintext._declared, plaintext._reached = declared, reached
        return plaintext

    @property
    def declared(self) -> int | None:
        """The bound that its encoder declares, whatever the value is."""
        return self._declared

    @property
    def bound(self) -> int | None:
        """Largest size that it can have by what is public; None for results of plain arithmetic."""
        return self._reached if self._declared is None else self._declared

    def is_compatible(self, arg0: SchemaType) -> bool:
        """Whether a scheme takes it: all do."""
        return isinstance(arg0, SchemaType)

    def bit_count(self) -> int:
        """Bits of the absolute value."""
        return self._value.bit_length()

    def to_bytes(self, length: int, byteorder: str) -> bytes:
        """Two's complement in `length` bytes, "big" or "little"; what does not fit is cut off.

        Raises
        ------
        PheRuntimeError
            For a negative length or another order of bytes.
        """
        return integer_to_bytes(self._value, length, byteorder)

    def __int__(self) -> int:
        return self._value

    __index__ = __int__

    def __neg__(self) -> Plaintext:
        return Plaintext(self._schema, -self._value)

    def __lshift__(self, bits: int) -> Plaintext:
        return Plaintext(self._schema, self._value << size_parameter(bits, "the shift"))

    def __rshift__(self, bits: int) -> Plaintext:
        size = abs(self._value) >> size_parameter(bits, "the shift")
        return Plaintext(self._schema, -size if self._value < 0 else size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plaintext) and self._value == other._value

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Plaintext({self._value})"

    def __str__(self) -> str:
        return str(self._value)

    def __reduce__(self) -> tuple[Any, ...]:
        return Plaintext.bounded, (self._schema, self._value, self._declared, self._reached)


def integer_to_bytes(value: int, length: int, byteorder: str) -> bytes:
    """Two's complement mod ``2**(8 * length)``: SecretFlow makes secret shares of it."""
    length = size_parameter(length, "the number of bytes")
    if byteorder not in ("big", "little"):
        raise PheRuntimeError(f"byteorder is {byteorder!r}; choose 'big' or 'little'")
    return (value & ((1 << 8 * length) - 1)).to_bytes(length, byteorder)  # type: ignore[arg-type]


def _binary(function: Callable[[int, int], int]) -> Any:
    def method(self: Plaintext, other: object) -> Any:
        if not isinstance(other, Plaintext):
            return NotImplemented
        try:
            return Plaintext(self._schema, function(self._value, other._value))
        except ZeroDivisionError:
            raise PheRuntimeError(f"{self._value} is divided by zero") from None

    return method


def _comparison(function: Callable[[int, int], bool]) -> Any:
    def method(self: Plaintext, other: object) -> Any:
        if not isinstance(other, Plaintext):
            return NotImplemented
        return function(self._value, other._value)

    return method


for _name, _function in {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.floordiv,
    "mod": operator.mod, "and": operator.and_, "or": operator.or_, "xor": operator.xor,
}.items():  # fmt: skip
    setattr(Plaintext, f"__{_name}__", _binary(_function))
for _name in ("lt", "le", "gt", "ge"):
    setattr(Plaintext, f"__{_name}__", _comparison(getattr(operator, _name)))
