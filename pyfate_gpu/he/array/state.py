# SPDX-License-Identifier: Apache-2.0
"""What an encrypted array is made of: rows of an engine, and public facts about what they hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pyfate_gpu.backends.engines import PublicEngine
from pyfate_gpu.backends.matrices import Rows
from pyfate_gpu.encoding.plaintext import Encoder, Kind
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.he.array.freshness import Freshness, is_fresh

if TYPE_CHECKING:
    from pyfate_gpu.he.scheme.public_key import SchemePublicKey


class ArrayState:
    """The members of a `CiphertextArray`, which adds the operations."""

    __slots__ = (
        "_batches", "_bound", "_encoder", "_engine", "_exponent", "_kind", "_public_key", "_rows",
        "_shape", "_slots",
    )  # fmt: skip

    def __init__(
        self,
        rows: Rows,
        shape: tuple[int, ...],
        *,
        exponent: int,
        bound: int,
        kind: Kind,
        encoder: Encoder,
        batches: Freshness,
        public_key: SchemePublicKey,
        engine: PublicEngine,
        slots: SlotLayout | None = None,
    ) -> None:
        """Wrap rows of an engine; not for users. Precondition: rows fit shape, values the bound."""
        self._rows = rows
        self._shape = tuple(int(length) for length in shape)
        self._exponent = exponent
        self._bound = bound
        self._kind: Kind = kind
        self._encoder = encoder
        self._batches = batches
        self._public_key = public_key
        self._engine = engine
        self._slots = slots

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self._shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._shape)

    @property
    def size(self) -> int:
        """Number of ciphertexts."""
        return math.prod(self._shape)

    @property
    def nbytes(self) -> int:
        """Bytes of memory the ciphertexts hold."""
        return self._engine.nbytes(self._rows)

    @property
    def device(self) -> str:
        """Where the ciphertexts are: "cpu", "cuda:0"."""
        return self._engine.device

    @property
    def backend(self) -> str:
        """Name of the backend that computes on them."""
        return self._engine.backend

    @property
    def public_key(self) -> SchemePublicKey:
        """The key they are encrypted under."""
        return self._public_key

    @property
    def exponent(self) -> int:
        """Encrypted integers m stand for ``m * 2**exponent``; one for the whole array, public."""
        return self._exponent

    @property
    def bound(self) -> int:
        """Largest ``|m|`` there can be, from encoders, dtypes and shapes only; public.

        With slots it is the bound of each slot.
        """
        return self._bound

    @property
    def bound_bits(self) -> int:
        """Bits of the bound."""
        return self._bound.bit_length()

    @property
    def slots(self) -> SlotLayout | None:
        """Where each plaintext has its numbers; None for one number a ciphertext."""
        return self._slots

    @property
    def kind(self) -> Kind:
        """What decryption gives: "f" floats, "i" integers."""
        return self._kind

    @property
    def encoder(self) -> Encoder:
        """Encodes the plain operands of this array's operations."""
        return self._encoder

    @property
    def blinding(self) -> str:
        """State: "fresh" leaves as it is, once; "derived" is re-blinded whenever it leaves."""
        return "fresh" if is_fresh(self._batches) else "derived"
