# SPDX-License-Identifier: Apache-2.0
"""What a public key of any scheme is: it encrypts, and takes ciphertexts in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends import public_engine
from pyfate_gpu.backends.engines import Choices, PublicEngine, choices_of
from pyfate_gpu.backends.numbers import PublicNumbers
from pyfate_gpu.backends.words import SignedWords, unsigned_to_words, words_to_integers
from pyfate_gpu.encoding import (
    Encoder,
    FixedPointEncoder,
    IntegerEncoder,
    PlaintextArray,
    SlotLayout,
    default_encoder,
)
from pyfate_gpu.encoding.numbers import as_integer, as_numbers, as_objects, is_integer
from pyfate_gpu.encoding.plaintext import Encodable, Kind, check_encoder, check_kind
from pyfate_gpu.errors import BoundError, EncodingError, InvalidCiphertextError, ShapeError
from pyfate_gpu.he.array.arrays import CiphertextArray
from pyfate_gpu.he.array.bounds import check_layout, check_room
from pyfate_gpu.he.array.freshness import DERIVED, FreshBatch
from pyfate_gpu.he.array.masks import residue_masks
from pyfate_gpu.he.array.operands import plaintexts
from pyfate_gpu.he.array.placed import PlacedMatrix
from pyfate_gpu.he.jwk import default_kid, public_document
from pyfate_gpu.he.validity import check_coprime
from pyfate_gpu.he.wire import read_array, write_array


class SchemePublicKey(ABC):
    """The public key of some scheme; a scheme says what its numbers are and which plaintexts it holds."""

    #: Its name in `SCHEMES`, in frames and in errors.
    scheme: ClassVar[str]
    #: Its name in key files, member alg.
    algorithm: ClassVar[str]
    #: Names of the arguments, of properties, and of members of key files.
    public_members: ClassVar[tuple[str, ...]]
    #: Those of them that a key may be without: None, and in no file.
    optional_members: ClassVar[frozenset[str]] = frozenset()
    #: Whether the space of plaintexts is public, so that `random_residues` can mask any value.
    has_uniform_masks: ClassVar[bool] = True

    def __init__(self) -> None:
        self._engines: dict[Choices, PublicEngine] = {}

    @property
    @abstractmethod
    def n(self) -> int:
        """The modulus of plaintexts or, where that is secret, the public one above it."""

    @property
    @abstractmethod
    def plaintext_bound(self) -> int:
        """Integers m with ``|m|`` below it decrypt unmistakably; public."""

    @property
    @abstractmethod
    def ciphertext_limit(self) -> int:
        """Ciphertexts are integers from 1 up to this, exclusive."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell keys apart."""

    @property
    @abstractmethod
    def numbers(self) -> PublicNumbers:
        """What backends need."""

    @abstractmethod
    def random_residues(self, shape: int | tuple[int, ...]) -> npt.NDArray[np.object_]:
        """Uniform integers of the plaintext space: masks for `CiphertextArray.add_residue_mask`."""

    @abstractmethod
    def decode_residues(
        self,
        residues: Iterable[int] | npt.NDArray[Any],
        exponent: int,
        kind: Kind = "f",
        shape: tuple[int, ...] | None = None,
        bound: int | None = None,
        slots: SlotLayout | None = None,
    ) -> Any:
        """Numbers of residues, as the owner of a mask needs them after subtracting it."""

    @property
    def key_bits(self) -> int:
        """Bits of n."""
        return self.n.bit_length()

    @property
    def ciphertext_words(self) -> int:
        """Words of 64 bits of a ciphertext, as it travels."""
        return 2 * self.numbers.words

    def encrypt(
        self,
        x: Encodable | PlaintextArray,
        encoder: Encoder | None = None,
        *,
        slots: SlotLayout | None = None,
    ) -> CiphertextArray:
        """Encrypt numbers of any shape, each ciphertext with fresh randomness.

        Parameters
        ----------
        x : scalar, array-like or PlaintextArray
            float64, float32, any integer dtype, bool, Python integers of any size.
        encoder : FixedPointEncoder or IntegerEncoder, optional
            By default integers stay integers and floats take ``FixedPointEncoder()``.
        slots : SlotLayout, optional
            The last axis of `x`, which has ``slots.count`` numbers, goes into one ciphertext.

        Returns
        -------
        CiphertextArray of the shape of `x`, with `slots` of ``x.shape[:-1]``

        Raises
        ------
        EncodingError
            If a value cannot be encoded.
        BoundError
            If the encoder's bound does not fit the key or a slot, or the slots not the key.
        ShapeError
            If the last axis has more or fewer numbers than `slots`.

        Examples
        --------
        >>> from pyfate_gpu import FixedPointEncoder, generate_keypair
        >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
        >>> float(private.decrypt(public.encrypt(2.5, FixedPointEncoder(fraction_bits=8))))
        2.5
        """
        plain = encode(x, encoder)
        integers = integers_of(plain, self, slots)
        engine = self.engine()
        return self._fresh(engine.encrypt(integers), plain, engine, slots)

    def encrypt_masked(
        self,
        x: Encodable | PlaintextArray,
        residues: npt.ArrayLike,
        encoder: Encoder | None = None,
        *,
        slots: SlotLayout | None = None,
    ) -> CiphertextArray:
        """As `encrypt` and `CiphertextArray.add_residue_mask` after it, by one encryption in place of two.

        Parameters
        ----------
        x, encoder, slots
            As of `encrypt`.
        residues : array of int
            One for each ciphertext, in [0, n): uniform, and used for no other.

        Raises
        ------
        EncodingError
            If a residue is none, or a value cannot be encoded.
        BoundError, ShapeError
            As `encrypt` does; and if there are more or fewer residues than ciphertexts.

        Examples
        --------
        >>> from pyfate_gpu import generate_keypair
        >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
        >>> mask = public.random_residues(2)
        >>> c = public.encrypt_masked([3, -4], mask)
        >>> public.decode_residues(private.decrypt_residues(c) - mask, 0, "i")
        array([ 3, -4])
        """
        plain = encode(x, encoder)
        integers = integers_of(plain, self, slots)
        shape = plain.shape if slots is None else plain.shape[:-1]
        masks = residue_masks(residues, shape, self.n)
        words = self.numbers.words + 1  # keeps the sign bit clear
        sums = (int(m) + mask for m, mask in zip(words_to_integers(integers), masks, strict=True))
        masked = unsigned_to_words((value % self.n for value in sums), words).view(np.int64)
        engine = self.engine()
        return self._fresh(engine.encrypt(masked), plain, engine, slots)

    def from_ints(
        self,
        ints: npt.ArrayLike,
        exponent: int = 0,
        bound: int | None = None,
        *,
        kind: Kind | None = None,
        encoder: Encoder | None = None,
        slots: SlotLayout | None = None,
    ) -> CiphertextArray:
        """Ciphertexts of another library: canonical integers below the limit of the key, coprime to n.

        Parameters
        ----------
        ints : int or array-like of Python integers
        exponent : int
            The plaintexts stand for ``m * 2**exponent``.
        bound : int, optional
            Largest ``|m|``, with `slots` of a slot; by default just below half of what the key or the slot holds,
            which leaves room for a single addition.
        kind : "f" or "i", optional
            What decryption gives; by default integers for exponent 0.
        encoder : Encoder, optional
            For plain operands of later operations.
        slots : SlotLayout, optional
            Where each plaintext has its numbers.

        Raises
        ------
        InvalidCiphertextError
            If an integer is no ciphertext of this key.
        BoundError
            If `bound` does not fit the key or a slot, or the slots not the key.
        EncodingError
            If exponent, kind or encoder make no sense.
        """
        largest = self.plaintext_bound - 1
        if slots is not None:
            largest = check_layout(slots, self).bound
        bound = largest // 2 if bound is None else as_integer(bound, "bound", BoundError)
        check_room(bound, self, "from_ints", slots)
        exponent = as_integer(exponent, "exponent")
        kind = kind or ("i" if exponent == 0 else "f")
        check_kind(kind, exponent)
        if encoder is None:
            encoder = IntegerEncoder() if kind == "i" else FixedPointEncoder()
        check_encoder(encoder)
        array = as_objects(ints)
        limit = self.ciphertext_limit
        for position, value in enumerate(array.ravel()):
            if not is_integer(value):
                raise InvalidCiphertextError(
                    f"element {position} is a {type(value).__name__}; ciphertexts are integers"
                )
            if not 0 < value < limit:
                raise InvalidCiphertextError(
                    f"element {position} is outside the ciphertexts of this {self.key_bits}-bit key"
                )
        engine = self.engine()
        canonical = unsigned_to_words((int(v) for v in array.ravel()), self.ciphertext_words)
        rows = engine.import_words(canonical)
        check_coprime(rows, engine, self)
        return CiphertextArray(
            rows, array.shape, exponent=exponent, bound=bound, kind=kind, encoder=encoder,
            batches=DERIVED, public_key=self, engine=engine, slots=slots,
        )  # fmt: skip

    def place(self, matrix: Any, encoder: Encoder | None = None) -> PlacedMatrix:
        """Have the engine hold a plain matrix, for many products ``placed @ c`` and ``placed.T @ c``.

        Parameters
        ----------
        matrix : array-like or sparse matrix [rows, columns], or PlaintextArray
        encoder : Encoder, optional
            As of `encrypt`.

        Raises
        ------
        EncodingError
            If a value cannot be encoded.
        ShapeError
            If it has not two axes.

        Examples
        --------
        >>> from pyfate_gpu import generate_keypair
        >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
        >>> private.decrypt(public.place([[1, 2], [3, 4]]).T @ public.encrypt([1, 1]))
        array([4, 6])
        """
        return PlacedMatrix.of(matrix, encoder, self.engine())

    def from_wire(self, data: bytes) -> CiphertextArray:
        """Read a frame of `CiphertextArray.to_wire`; everything in it is checked.

        Raises
        ------
        WireFormatError, KeyMismatchError, InvalidCiphertextError
        """
        return read_array(data, self)

    def to_wire(self, c: CiphertextArray, *, reblind: bool = True) -> bytes:
        """Bytes of an array under this key; see `CiphertextArray.to_wire`."""
        return write_array(c, reblind)

    def engine(self, device: str | None = None) -> PublicEngine:
        """The engine under the present choice of backend."""
        engine = public_engine(self.numbers, device)
        return self._engines.setdefault(choices_of(engine), engine)

    def to_jwk(self, kid: str | None = None) -> dict[str, Any]:
        """The key as JSON-able JWK with an identifier; of Paillier as python-paillier writes it."""
        members = {name: getattr(self, name) for name in self.public_members}
        numbers = {name: value for name, value in members.items() if value is not None}
        return public_document(self.algorithm, numbers, kid or default_kid(self.fingerprint))

    def _fresh(
        self,
        rows: Any,
        plain: PlaintextArray,
        engine: PublicEngine,
        slots: SlotLayout | None = None,
    ) -> CiphertextArray:
        shape = plain.shape if slots is None else plain.shape[:-1]
        return CiphertextArray(
            rows, shape, exponent=plain.exponent, bound=plain.bound, kind=plain.kind, slots=slots,
            encoder=plain.encoder, batches=frozenset([FreshBatch()]), public_key=self, engine=engine,
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        """Two keys are equal if scheme and n are; other members only say how to blind."""
        return (
            isinstance(other, SchemePublicKey) and self.scheme == other.scheme and self.n == other.n
        )

    def __hash__(self) -> int:
        return hash((self.scheme, self.n))

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


def integers_of(
    plain: PlaintextArray, public_key: SchemePublicKey, slots: SlotLayout | None
) -> SignedWords:
    """The integers to encrypt, ``[rows, k]``; raises unless they fit the key and its slots."""
    if slots is not None:
        check_layout(slots, public_key)
        if plain.shape[-1:] != (slots.count,):
            raise ShapeError(
                f"numbers of shape {plain.shape} do not fit {slots.count} slots: the last axis must "
                f"be as long as there are slots; slots.group(x) cuts and fills up a longer one"
            )
    check_room(plain.bound, public_key, "encrypt", slots)
    return plaintexts(plain, slots)[0]
