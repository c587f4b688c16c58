# SPDX-License-Identifier: Apache-2.0
"""The public key: encrypts, and takes ciphertexts in."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.numbers import PublicNumbers
from pyfate_gpu.backends.words import unsigned_to_words
from pyfate_gpu.encoding import SlotLayout, decode_residues
from pyfate_gpu.encoding.numbers import as_integer, as_objects
from pyfate_gpu.encoding.plaintext import Kind, check_kind
from pyfate_gpu.errors import BoundError, ShapeError
from pyfate_gpu.he.array.bounds import check_layout
from pyfate_gpu.he.scheme.paillier.blinding import blinding_numbers
from pyfate_gpu.he.scheme.paillier.checks import check_blinding_base, check_modulus
from pyfate_gpu.he.scheme.public_key import SchemePublicKey


class PublicKey(SchemePublicKey):
    """A Paillier public key.

    Parameters
    ----------
    n : int
        The modulus, an even number of bits from 2048 to 8192.
    h : int, optional
        Blinding base ``-x**2`` mod n of a Damgard-Jurik-Nielsen key. Without it, for keys of other
        libraries, every encryption takes a full r^n: correct and slower.
    allow_insecure_key_size : bool
        Accept n from 256 bits on: for tests.

    Raises
    ------
    InvalidKeyError
        If n is even, a square, prime, has a small factor or a wrong size, or h is no such base.
    InsecureKeyError
        If n is below 2048 bits without the opt-in.

    Examples
    --------
    >>> from pyfate_gpu import generate_keypair
    >>> public_key, _ = generate_keypair(512, allow_insecure_key_size=True)
    >>> public_key.encrypt([[1, 2], [3, 4]]).shape
    (2, 2)
    """

    scheme: ClassVar[str] = "paillier"
    algorithm: ClassVar[str] = "PAI-GN1"
    public_members: ClassVar[tuple[str, ...]] = ("n", "h")
    optional_members: ClassVar[frozenset[str]] = frozenset({"h"})

    def __init__(
        self, n: int, h: int | None = None, *, allow_insecure_key_size: bool = False
    ) -> None:
        super().__init__()
        check_modulus(n, allow_insecure_key_size)
        if h is not None:
            check_blinding_base(n, h)
        self._n = n
        self._h = h

    @property
    def n(self) -> int:
        """The modulus."""
        return self._n

    @property
    def h(self) -> int | None:
        """The blinding base, or None for a key of another library."""
        return self._h

    @property
    def plaintext_bound(self) -> int:
        """Half of n: the upper half of the residues stands for negative integers."""
        return self._n // 2

    @property
    def ciphertext_limit(self) -> int:
        """The square of n."""
        return self._n * self._n

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hexadecimal digits of SHA-256 of n, big-endian."""
        return hashlib.sha256(self._n.to_bytes((self.key_bits + 7) // 8, "big")).hexdigest()[:16]

    @cached_property
    def numbers(self) -> PublicNumbers:
        """What backends need; computes the blinding bases at its first use."""
        return PublicNumbers(
            self._n, None if self._h is None else blinding_numbers(self._n, self._h)
        )

    def random_residues(self, shape: int | tuple[int, ...]) -> npt.NDArray[np.object_]:
        """Uniform integers in [0, n) from the operating system: masks for `add_residue_mask`.

        Raises
        ------
        ShapeError
            If `shape` is none.
        """
        try:
            # NumPy 1.26 would take None for ().
            lengths = shape if isinstance(shape, int | np.integer) else tuple(shape)
            result = np.empty(lengths, dtype=object)
        except (TypeError, ValueError) as error:
            raise ShapeError(f"shape is {shape!r}; it must be lengths of axes: {error}") from None
        flat = result.reshape(-1)
        for position in range(flat.size):
            flat[position] = secrets.randbelow(self._n)
        return result

    def decode_residues(
        self,
        residues: Iterable[int] | npt.NDArray[Any],
        exponent: int,
        kind: Kind = "f",
        shape: tuple[int, ...] | None = None,
        bound: int | None = None,
        slots: SlotLayout | None = None,
    ) -> Any:
        """Numbers of integers mod n, as the owner of a mask needs them after subtracting it.

        Parameters
        ----------
        residues : array-like of int
            Taken mod n.
        exponent, kind, bound
            As of the array that was masked; with `bound` values are checked against it.
        shape : tuple of int, optional
            By default the shape of `residues`.
        slots : SlotLayout, optional
            As of the array that was masked; gives one more axis, the last one.

        Raises
        ------
        EncodingError
            If the residues, exponent or kind are no such thing.
        ShapeError
            If there are more or fewer residues than `shape` has.
        BoundError
            If a value is beyond `bound` or its slots, or the slots do not fit the key.

        Examples
        --------
        >>> from pyfate_gpu import generate_keypair
        >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
        >>> c, mask = public.encrypt([1.5, -2.0]), public.random_residues(2)
        >>> masked = private.decrypt_residues(c.add_residue_mask(mask))
        >>> public.decode_residues(masked - mask, c.exponent)
        array([ 1.5, -2. ])
        """
        exponent = as_integer(exponent, "exponent")
        check_kind(kind, exponent)
        bound = None if bound is None else as_integer(bound, "bound", BoundError)
        array = as_objects(residues)
        integers = (as_integer(residue, "a residue") % self._n for residue in array.ravel())
        words = unsigned_to_words(integers, self.numbers.words)
        if slots is not None:
            check_layout(slots, self)
        values = decode_residues(words, self._n, exponent, kind, bound, slots)
        try:
            front = np.empty(array.size, np.bool_).reshape(array.shape if shape is None else shape)
            return values.reshape(front.shape + values.shape[1:])[()]
        except (TypeError, ValueError) as error:
            raise ShapeError(f"{array.size} residues: {error}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as n and h, checked again when loaded."""
        return _restore, (type(self), self._n, self._h)


def _restore(kind: type[PublicKey], n: int, h: int | None) -> PublicKey:
    return kind(n, h, allow_insecure_key_size=True)
