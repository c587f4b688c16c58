# SPDX-License-Identifier: Apache-2.0
"""Arrays of plaintexts, ciphertexts and texts."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import integers_to_words
from pyfate_gpu.encoding import IntegerEncoder
from pyfate_gpu.encoding import PlaintextArray as EnginePlaintext
from pyfate_gpu.errors import WireFormatError
from pyfate_gpu.he import CiphertextArray as EngineArray
from pyfate_gpu.he import PublicKey as EnginePublicKey
from pyfate_gpu.he import concatenate
from pyfate_gpu.integrations.heu.array_encoding import decode_array
from pyfate_gpu.integrations.heu.bounds import class_of, fit_to_key
from pyfate_gpu.integrations.heu.ciphertext import Ciphertext, read_array, write_array
from pyfate_gpu.integrations.heu.encoders import BatchIntegerEncoder, BigintDecoder, Encoder
from pyfate_gpu.integrations.heu.packing import pack, unpack
from pyfate_gpu.integrations.heu.plaintext import Plaintext, integer_to_bytes
from pyfate_gpu.integrations.heu.schema import PheRuntimeError, SchemaType
from pyfate_gpu.integrations.heu.shapes import Index, Shape, positions

Self = TypeVar("Self", bound="Array")


class MatrixSerializeFormat(IntEnum):
    """HEU's formats; here there is one."""

    Best = 0
    Interconnection = 1


class Array:
    """What all arrays have: at most two axes, elements that can be taken and replaced."""

    def _lengths(self) -> tuple[int, ...]:
        raise NotImplementedError

    def _take(self, numbers: Index) -> Any:
        raise NotImplementedError

    def _put(self, numbers: Index, value: Any) -> None:
        raise NotImplementedError

    @property
    def shape(self) -> Shape:
        """Lengths of the axes."""
        return Shape(*self._lengths())

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._lengths())

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self._lengths(), dtype=np.int64))

    @property
    def rows(self) -> int:
        """Length of the first axis; 1 without axes."""
        return (*self._lengths(), 1)[0]

    @property
    def cols(self) -> int:
        """Length of the second axis; 1 without."""
        return (*self._lengths(), 1, 1)[1]

    def transpose(self: Self) -> Self:
        """Rows as columns; PheRuntimeError unless there are two axes."""
        if self.ndim != 2:
            raise PheRuntimeError(f"an array of {self.ndim} axes cannot be transposed")
        numbers = np.arange(self.size, dtype=np.int64).reshape(self._lengths())
        transposed: Self = self._take(numbers.T)
        return transposed

    def __getitem__(self, key: Any) -> Any:
        """A copy of chosen elements, or one of them."""
        return self._take(positions(self._lengths(), key))

    def __setitem__(self, key: Any, value: Any) -> None:
        """Replace chosen elements by one, or by an array of as many."""
        numbers = positions(self._lengths(), key)
        size = value.size if isinstance(value, Array) else 1
        shape = value._lengths() if isinstance(value, Array) else ()
        if size != numbers.size or _squeeze(shape) != _squeeze(numbers.shape):
            raise PheRuntimeError(f"{size} elements of shape {shape} cannot become {numbers.shape}")
        self._put(numbers.ravel(), value)


class PlaintextArray(Array):
    """Encoded numbers; made by `array`."""

    def __init__(
        self,
        values: npt.NDArray[Any],
        bound: int | None = None,
        schema: SchemaType = SchemaType.ZPaillier,
    ) -> None:
        self._values = values
        self._bound = class_of(map(int, values.ravel())) if bound is None else bound
        self._schema = schema

    def to_numpy(self, encoder: BigintDecoder | Encoder | None = None) -> npt.NDArray[Any]:
        """Decoded numbers, by default the integers as Python's.

        Raises
        ------
        BoundError
            If pairs of a batch encoder could have been carried into each other.
        EncodingError
            If a number, or a sum in a slot, does not fit 64 bits.
        """
        if isinstance(encoder, BatchIntegerEncoder):
            encoder.layout.check(self._bound)
        return decode_array(self._values, encoder or BigintDecoder())

    def to_bytes(self, bytes_per_int: int, endian: str) -> bytes:
        """Two's complement of each, one after the other; what does not fit is cut off."""
        return b"".join(
            integer_to_bytes(int(value), bytes_per_int, endian) for value in self._values.ravel()
        )

    def serialize(self, format: Any = MatrixSerializeFormat.Best) -> bytes:  # noqa: A002 - HEU's name
        """Bytes for `load_from`; plaintexts are not protected."""
        check_format(format)
        shape = self._lengths()
        numbers = [len(shape), *shape, *map(int, self._values.ravel()), self._bound]
        return pack("plaintext_array", numbers=numbers)

    @staticmethod
    def load_from(bytes_buffer: bytes, format: Any = MatrixSerializeFormat.Best) -> PlaintextArray:  # noqa: A002
        """The array of `serialize`.

        Raises
        ------
        WireFormatError
            If the bytes are no such array.
        """
        check_format(format)
        numbers, _ = unpack(bytes_buffer, "plaintext_array", None)
        ndim, rest = (numbers[0], numbers[1:]) if numbers else (-1, [])
        shape, values = tuple(rest[:ndim]), rest[ndim:]
        size = math.prod(shape)
        if ndim not in (0, 1, 2) or len(shape) != ndim or min(shape, default=0) < 0:
            raise WireFormatError("the shape of a plaintext array is none")
        # Arrays of releases before bounds were written end with their values.
        if len(values) not in (size, size + 1):
            raise WireFormatError("the shape of a plaintext array does not fit its numbers")
        bound = values.pop() if len(values) > size else None
        if bound is not None and any(abs(value) > bound for value in values):
            raise WireFormatError(
                "the numbers of a plaintext array are beyond the bound it declares"
            )
        return PlaintextArray(to_objects(values).reshape(shape), bound)

    def _lengths(self) -> tuple[int, ...]:
        return self._values.shape

    def _take(self, numbers: Index) -> Any:
        taken = self._values.ravel()[numbers]
        if not numbers.ndim:
            return Plaintext.bounded(self._schema, int(taken), reached=self._bound)
        return PlaintextArray(taken, self._bound, self._schema)

    def _put(self, numbers: Index, value: Any) -> None:
        if not isinstance(value, Plaintext | PlaintextArray):
            raise PheRuntimeError(f"a {type(value).__name__} is no plaintext; encode it first")
        if isinstance(value, Plaintext):
            value = PlaintextArray(to_objects([int(value)]), value.bound)
        flat = self._values.astype(object).ravel()
        flat[numbers] = value._values.ravel()
        self._values = flat.reshape(self._lengths())
        self._bound = max(self._bound, value._bound)

    def _under(self, key: EnginePublicKey, shape: tuple[int, ...] | None = None) -> EnginePlaintext:
        """As an operand under a key."""
        words = integers_to_words(self._values.reshape(self._lengths() if shape is None else shape))
        bound = self._bound
        if bound >= key.n // 2:
            bound = fit_to_key(bound, key.n, max(abs(int(v)) for v in self._values.ravel()))
        return EnginePlaintext(words, 0, bound, "i", IntegerEncoder(bound=max(1, bound)))

    def __str__(self) -> str:
        return str(self._values)

    def __repr__(self) -> str:
        return f"PlaintextArray(shape={self.shape})"

    def __reduce__(self) -> tuple[Any, ...]:
        return PlaintextArray, (self._values, self._bound, self._schema)


class CiphertextArray(Array):
    """Encrypted numbers of one key; made by an encryptor or `load_from`."""

    def __init__(self, array: EngineArray) -> None:
        self._array = array

    def serialize(self, format: Any = MatrixSerializeFormat.Best) -> bytes:  # noqa: A002 - HEU's name
        """Bytes for `load_from`, blinded again unless fresh."""
        check_format(format)
        return write_array("ciphertext_array", self._array)

    @staticmethod
    def load_from(bytes_buffer: bytes, format: Any = MatrixSerializeFormat.Best) -> CiphertextArray:  # noqa: A002
        """The array of `serialize`, every ciphertext checked.

        Raises
        ------
        WireFormatError, InvalidKeyError, InvalidCiphertextError
        """
        check_format(format)
        array = read_array("ciphertext_array", bytes_buffer)
        if array.ndim > 2:
            raise WireFormatError(f"an array of {array.ndim} axes came in; HEU's have at most 2")
        return CiphertextArray(array)

    def _lengths(self) -> tuple[int, ...]:
        return self._array.shape

    def _take(self, numbers: Index) -> Any:
        taken = self._array.take(numbers)
        return CiphertextArray(taken) if numbers.ndim else Ciphertext(taken)

    def _put(self, numbers: Index, value: Any) -> None:
        if not isinstance(value, Ciphertext | CiphertextArray):
            raise PheRuntimeError(f"a {type(value).__name__} is no ciphertext; encrypt it first")
        order = np.arange(self.size, dtype=np.int64)
        order[numbers] = self.size + np.arange(numbers.size, dtype=np.int64)
        joined = concatenate([self._array.ravel(), value._array.ravel()])
        self._array = joined.take(order).reshape(self._lengths())

    def __repr__(self) -> str:
        return f"CiphertextArray({self._array!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return CiphertextArray.load_from, (self.serialize(),)


class StringArray(Array):
    """Texts of an audit."""

    def __init__(self, values: npt.NDArray[np.object_]) -> None:
        self._values = values

    def _lengths(self) -> tuple[int, ...]:
        return self._values.shape

    def _take(self, numbers: Index) -> Any:
        taken = self._values.ravel()[numbers]
        return StringArray(taken) if numbers.ndim else taken

    def _put(self, numbers: Index, value: Any) -> None:
        texts = value._values.ravel() if isinstance(value, StringArray) else value
        self._values.reshape(-1)[numbers] = texts

    def __str__(self) -> str:
        return str(self._values)


def to_objects(values: list[Any]) -> npt.NDArray[np.object_]:
    """A one-axis array of Python objects."""
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def check_format(given: Any) -> None:
    """Raise PheRuntimeError for the format between vendors."""
    if given != MatrixSerializeFormat.Best:
        raise PheRuntimeError("the interconnection format is not written or read here; take Best")


def _squeeze(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)
