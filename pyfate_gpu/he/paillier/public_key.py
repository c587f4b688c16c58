# SPDX-License-Identifier: Apache-2.0
"""The public key: encrypts, and takes ciphertexts in."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends import public_engine
from pyfate_gpu.backends.base import Choices, PublicEngine, PublicNumbers, choices_of
from pyfate_gpu.backends.words import unsigned_to_words
from pyfate_gpu.encoding import (
    Encoder,
    FixedPointEncoder,
    IntegerEncoder,
    PlaintextArray,
    decode_residues,
    default_encoder,
)
from pyfate_gpu.encoding.numbers import as_integer, as_numbers, is_integer
from pyfate_gpu.encoding.plaintext import Encodable, Kind, check_encoder, check_kind
from pyfate_gpu.errors import BoundError, EncodingError, InvalidCiphertextError, ShapeError
from pyfate_gpu.he.arrays import CiphertextArray
from pyfate_gpu.he.bounds import check_bound
from pyfate_gpu.he.ciphertexts import check_coprime
from pyfate_gpu.he.paillier.blinding import DERIVED, FreshBatch, blinding_numbers
from pyfate_gpu.he.paillier.checks import check_blinding_base, check_modulus
from pyfate_gpu.he.wire import read_array


class PublicKey:
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

    scheme: str = "paillier"

    def __init__(
        self, n: int, h: int | None = None, *, allow_insecure_key_size: bool = False
    ) -> None:
        check_modulus(n, allow_insecure_key_size)
        if h is not None:
            check_blinding_base(n, h)
        self._n = n
        self._h = h
        self._engines: dict[Choices, PublicEngine] = {}

    @property
    def n(self) -> int:
        """The modulus."""
        return self._n

    @property
    def h(self) -> int | None:
        """The blinding base, or None for a key of another library."""
        return self._h

    @property
    def key_bits(self) -> int:
        """Bits of n."""
        return self._n.bit_length()

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

    def encrypt(
        self, x: Encodable | PlaintextArray, encoder: Encoder | None = None
    ) -> CiphertextArray:
        """Encrypt numbers of any shape, each with fresh randomness.

        Parameters
        ----------
        x : scalar, array-like or PlaintextArray
            float64, float32, any integer dtype, bool, Python integers of any size.
        encoder : FixedPointEncoder or IntegerEncoder, optional
            By default integers stay integers and floats take ``FixedPointEncoder()``.

        Returns
        -------
        CiphertextArray of the shape of `x`

        Raises
        ------
        EncodingError
            If a value cannot be encoded.
        BoundError
            If the encoder's bound does not fit the key.

        Examples
        --------
        >>> from pyfate_gpu import FixedPointEncoder, generate_keypair
        >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
        >>> float(private.decrypt(public.encrypt(2.5, FixedPointEncoder(fraction_bits=8))))
        2.5
        """
        plain = encode(x, encoder)
        check_bound(plain.bound, self, "encrypt")
        engine = self.engine()
        return self._fresh(engine.encrypt(plain.rows()), plain, engine)

    def from_ints(
        self,
        ints: npt.ArrayLike,
        exponent: int = 0,
        bound: int | None = None,
        *,
        kind: Kind | None = None,
        encoder: Encoder | None = None,
    ) -> CiphertextArray:
        """Ciphertexts of another library: canonical integers in [1, n^2), coprime to n.

        Parameters
        ----------
        ints : int or array-like of Python integers
        exponent : int
            The plaintexts stand for ``m * 2**exponent``.
        bound : int, optional
            Largest ``|m|``; by default just below n/4, which leaves room for a single addition.
        kind : "f" or "i", optional
            What decryption gives; by default integers for exponent 0.
        encoder : Encoder, optional
            For plain operands of later operations.

        Raises
        ------
        InvalidCiphertextError
            If an integer is no ciphertext of this key.
        BoundError
            If `bound` does not fit the key.
        EncodingError
            If exponent, kind or encoder make no sense.
        """
        bound = (self._n // 2 - 1) // 2 if bound is None else as_integer(bound, "bound", BoundError)
        check_bound(bound, self, "from_ints")
        exponent = as_integer(exponent, "exponent")
        kind = kind or ("i" if exponent == 0 else "f")
        check_kind(kind, exponent)
        if encoder is None:
            encoder = IntegerEncoder() if kind == "i" else FixedPointEncoder()
        check_encoder(encoder)
        array = np.asarray(ints, dtype=object)
        n2 = self._n * self._n
        for position, value in enumerate(array.ravel()):
            if not is_integer(value):
                raise InvalidCiphertextError(
                    f"element {position} is a {type(value).__name__}; ciphertexts are integers"
                )
            if not 0 < value < n2:
                raise InvalidCiphertextError(
                    f"element {position} is outside [1, n^2) of this {self.key_bits}-bit key"
                )
        engine = self.engine()
        canonical = unsigned_to_words((int(v) for v in array.ravel()), 2 * self.numbers.words)
        rows = engine.import_words(canonical)
        check_coprime(rows, engine, self)
        return CiphertextArray(
            rows, array.shape, exponent=exponent, bound=bound, kind=kind, encoder=encoder,
            batches=DERIVED, public_key=self, engine=engine,
        )  # fmt: skip

    def from_wire(self, data: bytes) -> CiphertextArray:
        """Read a frame of `CiphertextArray.to_wire`; everything in it is checked.

        Raises
        ------
        WireFormatError, KeyMismatchError, InvalidCiphertextError
        """
        return read_array(data, self)

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

        Raises
        ------
        EncodingError
            If the residues, exponent or kind are no such thing.
        ShapeError
            If there are more or fewer residues than `shape` has.
        BoundError
            If a value is beyond `bound`.

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
        array = np.asarray(residues, dtype=object)
        integers = (as_integer(residue, "a residue") % self._n for residue in array.ravel())
        words = unsigned_to_words(integers, self.numbers.words)
        values = decode_residues(words, self._n, exponent, kind, bound)
        try:
            return values.reshape(array.shape if shape is None else shape)[()]
        except (TypeError, ValueError) as error:
            raise ShapeError(f"{array.size} residues: {error}") from None

    def engine(self, device: str | None = None) -> PublicEngine:
        """The engine under the present choice of backend."""
        engine = public_engine(self.numbers, device)
        return self._engines.setdefault(choices_of(engine), engine)

    def to_jwk(self) -> dict[str, Any]:
        """The key as JSON-able JWK, as python-paillier writes it, with the extra member h."""
        from pyfate_gpu.he.jwk import public_to_jwk

        return public_to_jwk(self)

    def _fresh(self, rows: Any, plain: PlaintextArray, engine: PublicEngine) -> CiphertextArray:
        return CiphertextArray(
            rows, plain.shape, exponent=plain.exponent, bound=plain.bound, kind=plain.kind,
            encoder=plain.encoder, batches=frozenset([FreshBatch()]), public_key=self, engine=engine,
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        """Two keys are equal if scheme and n are; h only says how to blind."""
        return isinstance(other, PublicKey) and self.scheme == other.scheme and self._n == other._n

    def __hash__(self) -> int:
        return hash((self.scheme, self._n))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as n and h, checked again when loaded."""
        return _restore, (type(self), self._n, self._h)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(scheme={self.scheme!r}, key_bits={self.key_bits}, "
            f"fingerprint={self.fingerprint!r})"
        )


def encode(x: Encodable | PlaintextArray, encoder: Encoder | None) -> PlaintextArray:
    """`x` by `encoder`, by default the one for its dtype; a PlaintextArray stays what it is."""
    if isinstance(x, PlaintextArray):
        return x
    if isinstance(x, CiphertextArray):
        raise EncodingError("the values are encrypted already; encrypt takes plain numbers")
    if encoder is None:
        array = as_numbers(x)
        encoder = default_encoder(array)
        return encoder.encode(array)
    check_encoder(encoder)
    return encoder.encode(x)


def _restore(kind: type[PublicKey], n: int, h: int | None) -> PublicKey:
    return kind(n, h, allow_insecure_key_size=True)
