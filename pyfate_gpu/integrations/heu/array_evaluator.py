# SPDX-License-Identifier: Apache-2.0
"""Encryptor, decryptor and evaluator of arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pyfate_gpu.he import CiphertextArray as EngineArray
from pyfate_gpu.he import PrivateKey as EngineKey
from pyfate_gpu.he import PublicKey as EnginePublicKey
from pyfate_gpu.he.array.histograms import sums_of
from pyfate_gpu.integrations.heu import evaluator as scalars
from pyfate_gpu.integrations.heu.arrays import (
    CiphertextArray,
    PlaintextArray,
    StringArray,
    to_objects,
)
from pyfate_gpu.integrations.heu.bucket_sums import bucket_sums
from pyfate_gpu.integrations.heu.ciphertext import Ciphertext
from pyfate_gpu.integrations.heu.plaintext import Plaintext
from pyfate_gpu.integrations.heu.schema import PheRuntimeError, SchemaType, size_parameter
from pyfate_gpu.integrations.heu.shapes import check_matmul, common_shape, positions


class Encryptor:
    """Encrypts arrays, one batch each; and plaintexts, as `phe.Encryptor` does."""

    def __init__(self, schema: SchemaType, key: EnginePublicKey | EngineKey) -> None:
        self._key = key
        self._public = key.public_key if isinstance(key, EngineKey) else key
        self.phe = scalars.Encryptor(schema, key)

    def encrypt(self, plaintext: Any) -> Any:
        """Encrypt a `PlaintextArray`, or a `phe.Plaintext`."""
        if isinstance(plaintext, Plaintext):
            return self.phe.encrypt(plaintext)
        scalars.check_type(plaintext, PlaintextArray, "encrypt")
        return CiphertextArray(self._key.encrypt(plaintext._under(self._public)))

    def encrypt_with_audit(self, arg0: PlaintextArray) -> tuple[CiphertextArray, StringArray]:
        """Encrypt, and describe plaintexts and ciphertexts; randomness stays in the engine."""
        c = self.encrypt(arg0)
        texts = [
            scalars.audit(int(p), int(c))
            for p, c in zip(arg0._values.ravel(), c._array.to_ints().ravel(), strict=True)
        ]
        return c, StringArray(to_objects(texts).reshape(arg0._values.shape))


class Decryptor:
    """Decrypts arrays, one batch each; and single ciphertexts."""

    def __init__(self, schema: SchemaType, key: EngineKey) -> None:
        self._schema = schema
        self._key = key
        self.phe = scalars.Decryptor(schema, key)

    def decrypt(self, ciphertext: Any) -> Any:
        """A `PlaintextArray` of a `CiphertextArray`, or a `phe.Plaintext` of a `phe.Ciphertext`.

        Raises
        ------
        KeyMismatchError
            If it was encrypted for another key.
        """
        if isinstance(ciphertext, Ciphertext):
            return self.phe.decrypt(ciphertext)
        scalars.check_type(ciphertext, CiphertextArray, "decrypt")
        values = np.asarray(self._key.decrypt(ciphertext._array))
        return PlaintextArray(values, ciphertext._array.bound, self._schema)

    def decrypt_in_range(self, ciphertext: Any, range_bits: int = 128) -> Any:
        """As `decrypt`; PheRuntimeError if a plaintext is beyond ``+-2**range_bits``."""
        plain = self.decrypt(ciphertext)
        values = [int(plain)] if isinstance(plain, Plaintext) else map(int, plain._values.ravel())
        for value in values:
            scalars.check_range(value.bit_length(), range_bits)
        return plain


class Evaluator:
    """Computes with arrays of ciphertexts and plaintexts; a vector broadcasts as a column."""

    def __init__(self, key: EnginePublicKey) -> None:
        self._key = key
        self.phe = scalars.Evaluator(key)

    def add(self, arg0: Any, arg1: Any) -> Any:
        """``arg0 + arg1``."""
        return self._each(arg0, arg1, "add", lambda a, b: a + b)

    def sub(self, arg0: Any, arg1: Any) -> Any:
        """``arg0 - arg1``."""
        return self._each(arg0, arg1, "sub", _subtract)

    def mul(self, arg0: Any, arg1: Any) -> Any:
        """``arg0 * arg1``, element by element, at most one of them encrypted."""
        if isinstance(arg0, CiphertextArray) and isinstance(arg1, CiphertextArray):
            raise TypeError("mul of two ciphertexts: Paillier cannot; one factor must be plain")
        return self._each(arg0, arg1, "mul", lambda a, b: a * b if _is_engine(a) else b * a)

    def matmul(self, arg0: Any, arg1: Any) -> Any:
        """``arg0 @ arg1``, at most one of them encrypted."""
        encrypted = [_check(each, "matmul") for each in (arg0, arg1)]
        if all(encrypted):
            raise TypeError("matmul of two ciphertexts: Paillier cannot; one factor must be plain")
        check_matmul(arg0._lengths(), arg1._lengths())
        if encrypted[0]:
            return CiphertextArray(arg0._array @ arg1._under(self._key))
        if encrypted[1]:
            return CiphertextArray(arg1._array.__rmatmul__(arg0._under(self._key)))
        product = np.asarray(
            arg0._values.astype(object) @ arg1._values.astype(object), dtype=object
        )
        return PlaintextArray(product, arg0._bound * arg1._bound * max(1, arg1._lengths()[0]))

    def sum(self, arg0: Any) -> Any:
        """Sum of all elements: one ciphertext or plaintext; PheRuntimeError if there are none."""
        if not arg0.size:
            raise PheRuntimeError("an empty array has no sum here, as in HEU")
        return self._select(arg0, [np.arange(arg0.size, dtype=np.int64)])[0]

    def select_sum(self, arg0: Any, arg1: Any) -> Any:
        """Sum of ``arg0[arg1]``, where an element may be chosen more than once."""
        return self._select(arg0, [positions(arg0._lengths(), arg1).ravel()])[0]

    def batch_select_sum(self, arg0: Any, arg1: Sequence[Any]) -> Any:
        """A vector of the sums of ``arg0[key]`` for each key."""
        return self._select(arg0, [positions(arg0._lengths(), key).ravel() for key in arg1])

    def feature_wise_bucket_sum(
        self, arg0: Any, arg1: Any, arg2: Any, arg3: int, arg4: bool = False
    ) -> Any:
        """Histograms of the rows of a subgroup, one for each feature.

        Parameters
        ----------
        arg0 : CiphertextArray or PlaintextArray [rows, columns]
        arg1 : integer array [rows]
            1 for the rows of the subgroup, 0 for the others.
        arg2 : integer array [rows, features]
            Bucket of each row.
        arg3 : int
            Buckets of a feature.
        arg4 : bool
            Whether to add up the buckets of a feature from the first to each.

        Returns
        -------
        array [features * buckets, columns]
        """
        return self.batch_feature_wise_bucket_sum(arg0, [arg1], arg2, arg3, arg4)[0]

    def batch_feature_wise_bucket_sum(
        self, arg0: Any, arg1: Sequence[Any], arg2: Any, arg3: int, arg4: bool = False
    ) -> list[Any]:
        """`feature_wise_bucket_sum` of several subgroups."""
        encrypted = _check(arg0, "batch_feature_wise_bucket_sum")
        rows = arg0._array if encrypted else arg0._values
        count = size_parameter(arg3, "the number of buckets")
        parts = bucket_sums(rows, list(arg1), np.asarray(arg2), count, bool(arg4))
        if encrypted:
            return [CiphertextArray(part) for part in parts]
        bound = arg0._bound * max(1, arg0.rows)
        return [PlaintextArray(part, bound) for part in parts]

    def _select(self, x: Any, groups: list[Any]) -> Any:
        if _check(x, "sum"):
            return CiphertextArray(sums_of(x._array, groups))
        flat = x._values.astype(object).ravel()
        sums = to_objects([sum(flat[group].tolist()) for group in groups])
        return PlaintextArray(sums, x._bound * max([1, x.size, *(group.size for group in groups)]))

    def _each(self, a: Any, b: Any, name: str, function: Callable[[Any, Any], Any]) -> Any:
        encrypted = [_check(each, name) for each in (a, b)]
        shape_a, shape_b, shape = common_shape(a._lengths(), b._lengths(), name)
        if not any(encrypted):
            x, y = (each._values.astype(object) for each in (a, b))
            result = function(x.reshape(shape_a), y.reshape(shape_b))
            bound = a._bound * b._bound if name == "mul" else a._bound + b._bound
            return PlaintextArray(np.asarray(result, dtype=object).reshape(shape), bound)
        operands = [
            each._array.reshape(wide) if hidden else each._under(self._key, wide)
            for each, wide, hidden in zip((a, b), (shape_a, shape_b), encrypted, strict=True)
        ]
        return CiphertextArray(function(*operands).reshape(shape))


def _check(value: Any, name: str) -> bool:
    """Whether an operand is encrypted; TypeError if it is no array of this module."""
    if not isinstance(value, CiphertextArray | PlaintextArray):
        raise TypeError(
            f"{name} takes CiphertextArray and PlaintextArray, not {type(value).__name__}"
        )
    return isinstance(value, CiphertextArray)


def _is_engine(value: Any) -> bool:
    return isinstance(value, EngineArray)


def _subtract(a: Any, b: Any) -> Any:
    return a - b if _is_engine(a) or not _is_engine(b) else -b + a
