# SPDX-License-Identifier: Apache-2.0
"""Encryptor, decryptor and evaluator of single numbers."""

from __future__ import annotations

import operator
from typing import Any

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.he import CiphertextArray as EngineArray
from pyfate_gpu.he import PrivateKey as EngineKey
from pyfate_gpu.he import PublicKey as EnginePublicKey
from pyfate_gpu.integrations.heu.bounds import bound_of_integer
from pyfate_gpu.integrations.heu.ciphertext import Ciphertext, scalar
from pyfate_gpu.integrations.heu.plaintext import Plaintext
from pyfate_gpu.integrations.heu.schema import PheRuntimeError, SchemaType, size_parameter


class Encryptor:
    """Encrypts; the owner of the secret key does so faster."""

    def __init__(self, schema: SchemaType, key: EnginePublicKey | EngineKey) -> None:
        self._schema = schema
        self._key = key
        self._public = key.public_key if isinstance(key, EngineKey) else key

    def encrypt(self, plaintext: Plaintext) -> Ciphertext:
        """Encrypt one plaintext.

        Raises
        ------
        BoundError
            If it is beyond the key's `plaintext_bound`.
        """
        check_type(plaintext, Plaintext, "encrypt")
        return Ciphertext(self._key.encrypt(scalar(plaintext, self._public)))

    def encrypt_raw(self, cleartext: int) -> Ciphertext:
        """Encrypt one integer as it is."""
        return self.encrypt(Plaintext(self._schema, cleartext))

    def encrypt_with_audit(self, plaintext: Plaintext) -> tuple[Ciphertext, str]:
        """Encrypt, and describe the plaintext and the ciphertext; randomness stays in the engine."""
        c = self.encrypt(plaintext)
        return c, audit(int(plaintext), int(c._array.to_ints()[()]))


class Decryptor:
    """Decrypts."""

    def __init__(self, schema: SchemaType, key: EngineKey) -> None:
        self._schema = schema
        self._key = key

    def decrypt(self, ciphertext: Ciphertext) -> Plaintext:
        """The plaintext of a ciphertext.

        Raises
        ------
        KeyMismatchError
            If it was encrypted for another key.
        """
        number = self.decrypt_raw(ciphertext)
        return Plaintext.bounded(self._schema, number, reached=ciphertext._array.bound)

    def decrypt_raw(self, ciphertext: Ciphertext) -> int:
        """The integer of a ciphertext."""
        check_type(ciphertext, Ciphertext, "decrypt")
        return int(self._key.decrypt(ciphertext._array))

    def decrypt_in_range(self, ciphertext: Ciphertext, range_bits: int = 128) -> Plaintext:
        """The plaintext, if it is within ``+-2**range_bits``; PheRuntimeError otherwise."""
        plaintext = self.decrypt(ciphertext)
        check_range(plaintext.bit_count(), range_bits)
        return plaintext


class Evaluator:
    """Computes with ciphertexts and plaintexts; every method returns a new ciphertext or, in place, None."""

    def __init__(self, key: EnginePublicKey) -> None:
        self._key = key

    def add(self, arg0: Any, arg1: Any) -> Ciphertext:
        """``arg0 + arg1``, at least one of them encrypted."""
        if isinstance(arg0, Plaintext):
            arg0, arg1 = arg1, arg0
        return Ciphertext(self._encrypted(arg0, "add") + self._operand(arg1, "add"))

    def sub(self, arg0: Any, arg1: Any) -> Ciphertext:
        """``arg0 - arg1``, at least one of them encrypted."""
        if isinstance(arg0, Plaintext):
            return Ciphertext(-self._encrypted(arg1, "sub") + self._operand(arg0, "sub"))
        return Ciphertext(self._encrypted(arg0, "sub") - self._operand(arg1, "sub"))

    def mul(self, ciphertext: Any, times: Any) -> Ciphertext:
        """``ciphertext * times`` for an integer or plaintext, in either order."""
        if isinstance(times, Ciphertext):
            ciphertext, times = times, ciphertext
        if not (isinstance(times, Plaintext) or is_integer(times)):
            raise TypeError(f"mul takes a ciphertext and an integer, not {type(times).__name__}")
        if not isinstance(times, Plaintext):
            number, bound = operator.index(times), bound_of_integer(times)
            times = Plaintext.bounded(SchemaType.ZPaillier, number, bound)
        return Ciphertext(self._encrypted(ciphertext, "mul") * self._operand(times, "mul"))

    def negate(self, arg0: Ciphertext) -> Ciphertext:
        """``-arg0``."""
        return Ciphertext(-self._encrypted(arg0, "negate"))

    def add_inplace(self, arg0: Ciphertext, arg1: Any) -> None:
        """``arg0 += arg1``."""
        arg0._array = self.add(arg0, arg1)._array

    def sub_inplace(self, arg0: Ciphertext, arg1: Any) -> None:
        """``arg0 -= arg1``."""
        arg0._array = self.sub(arg0, arg1)._array

    def mul_inplace(self, ciphertext: Ciphertext, times: Any) -> None:
        """``ciphertext *= times``."""
        ciphertext._array = self.mul(ciphertext, times)._array

    def negate_inplace(self, arg0: Ciphertext) -> None:
        """``arg0 = -arg0``."""
        arg0._array = self.negate(arg0)._array

    def _encrypted(self, value: Any, name: str) -> EngineArray:
        check_type(value, Ciphertext, name)
        array: EngineArray = value._array
        return array

    def _operand(self, value: Any, name: str) -> Any:
        if isinstance(value, Plaintext):
            return scalar(value, self._key)
        return self._encrypted(value, name)


def check_type(value: object, wanted: type, name: str) -> None:
    """Raise TypeError for an argument of another type, as HEU does."""
    if not isinstance(value, wanted):
        raise TypeError(f"{name} takes a {wanted.__name__}, not {type(value).__name__}")


def check_range(bits: int, range_bits: int) -> None:
    """Raise PheRuntimeError for a plaintext that is longer than its receiver expects."""
    if bits > size_parameter(range_bits, "range_bits"):
        raise PheRuntimeError(
            f"a decrypted plaintext has {bits} bits, expected are at most {range_bits}: it "
            f"overflowed, or somebody smuggles values; stop and look at what was sent"
        )


def audit(plaintext: int, ciphertext: int) -> str:
    """Both in hexadecimal bytes."""
    return ",".join(
        f"{name}:{'-' * (value < 0)}{abs(value).to_bytes(1 + abs(value).bit_length() // 8, 'big').hex()}"
        for name, value in (("p", plaintext), ("c", ciphertext))
    )
