# SPDX-License-Identifier: Apache-2.0
"""One encrypted number."""

from __future__ import annotations

from typing import Any, cast

from pyfate_gpu.encoding import IntegerEncoder, PlaintextArray
from pyfate_gpu.he import CiphertextArray as EngineArray
from pyfate_gpu.he import PublicKey as EnginePublicKey
from pyfate_gpu.integrations.heu.bounds import fit_to_key, size_class
from pyfate_gpu.integrations.heu.keys import engine_key, public_numbers, read_public
from pyfate_gpu.integrations.heu.packing import pack, unpack
from pyfate_gpu.integrations.heu.plaintext import Plaintext


class Ciphertext:
    """A ciphertext and its key; made by an encryptor or `load_from`."""

    __slots__ = ("_array",)

    def __init__(self, array: EngineArray) -> None:
        self._array = array

    def serialize(self) -> bytes:
        """Bytes for `load_from`, blinded again unless fresh."""
        return write_array("ciphertext", self._array)

    @staticmethod
    def load_from(bytes_buffer: bytes) -> Ciphertext:
        """The ciphertext of `serialize`, checked.

        Raises
        ------
        WireFormatError, InvalidKeyError, InvalidCiphertextError
        """
        return Ciphertext(read_array("ciphertext", bytes_buffer).reshape(()))

    def __repr__(self) -> str:
        return f"Ciphertext({self._array!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Ciphertext.load_from, (self.serialize(),)


def write_array(kind: str, array: EngineArray) -> bytes:
    """Bytes of an array with its key, which HEU's receivers do not name."""
    return pack(
        kind, numbers=public_numbers(cast(EnginePublicKey, array.public_key)), frame=array.to_wire()
    )


def read_array(kind: str, data: bytes) -> EngineArray:
    """The array of `write_array`, everything checked."""
    numbers, frame = unpack(data, kind, (1, 2))
    return engine_key(*read_public(numbers)).from_wire(frame)


def scalar(plaintext: Plaintext, key: EnginePublicKey) -> PlaintextArray:
    """One plaintext as an operand under a key."""
    value = int(plaintext)
    bound = plaintext.declared
    if bound is None:
        bound = size_class(value.bit_length())
        if plaintext.bound is not None:
            bound = min(bound, plaintext.bound)
    bound = max(1, fit_to_key(bound, key.n, abs(value)))
    return IntegerEncoder(bound=bound).encode(value)
