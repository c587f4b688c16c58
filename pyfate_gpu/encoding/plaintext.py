# SPDX-License-Identifier: Apache-2.0
"""Encoded values: integers, one public exponent, one public bound."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import (
    SignedWords,
    negate,
    shift_left,
    words_for_bound,
    words_to_integers,
)
from pyfate_gpu.errors import EncodingError

Kind = Literal["f", "i"]
"""What decoding gives back: floats or integers."""

Encodable = npt.ArrayLike

MAX_EXPONENT = 1 << 16


class Encoder(Protocol):
    """Turns numbers into integers with one public exponent and one public bound for all of them.

    A new encoder is one file in this folder with these members and one line in `from_description`.
    """

    def encode(self, values: Encodable) -> PlaintextArray:
        """Encode numbers of any shape; raises EncodingError."""
        ...

    def describe(self) -> dict[str, int | str | None]:
        """JSON-able form for the wire; `from_description` is the way back."""
        ...


def check_encoder(encoder: Any) -> None:
    """Raise EncodingError unless it is an encoder: a class or the name of one is none."""
    if isinstance(encoder, type) or not hasattr(encoder, "describe"):
        raise EncodingError(
            f"encoder is {encoder!r}; it must be an encoder such as FixedPointEncoder() or "
            f"IntegerEncoder()"
        )


def check_kind(kind: Any, exponent: int) -> None:
    """Raise EncodingError unless plaintexts of this kind and exponent can be decoded."""
    if kind not in ("f", "i"):
        raise EncodingError(f"kind is {kind!r}; it must be 'f' for floats or 'i' for integers")
    if abs(exponent) > MAX_EXPONENT:
        raise EncodingError(f"exponent is {exponent}; it must be within +-{MAX_EXPONENT}")
    if kind == "i" and exponent < 0:
        raise EncodingError(f"integers cannot have the exponent {exponent}; decode them as floats")


@dataclass(frozen=True, eq=False, repr=False)
class PlaintextArray:
    """Integers m that stand for ``m * 2**exponent``, with a public bound on ``|m|``.

    Made by an encoder, taken by every operation of `CiphertextArray` in place of plain numbers: the
    way to say exactly how an operand is to be encoded.

    Parameters
    ----------
    words : int64 array ``[..., k]``
        The integers, little-endian two's complement over k words.
    exponent : int
        One for the whole array; negative for fractions.
    bound : int
        Every ``|m|`` is at most this. Declared, never computed from the values, as it is public.
    kind : "f" or "i"
        Whether decoding gives floats or integers.
    encoder : Encoder
        The encoder that made it.

    Examples
    --------
    >>> from pyfate_gpu import FixedPointEncoder
    >>> FixedPointEncoder(fraction_bits=8, bound=100).encode([0.5, -1.25]).to_integers()
    array([128, -320], dtype=object)
    """

    words: SignedWords
    exponent: int
    bound: int
    kind: Kind
    encoder: Encoder

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array of values."""
        return self.words.shape[:-1]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.words.ndim - 1

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    def part(self, rows: slice) -> PlaintextArray:
        """Return some of the values, by their first axis."""
        return replace(self, words=self.words[rows])

    @property
    def T(self) -> PlaintextArray:  # noqa: N802 - NumPy's name
        """Axes in reverse order."""
        order = (*reversed(range(self.ndim)), self.ndim)
        return self._with(np.ascontiguousarray(self.words.transpose(order)))

    def rows(self) -> SignedWords:
        """The integers as ``[size, k]``."""
        return self.words.reshape(self.size, self.words.shape[-1])

    def to_integers(self) -> npt.NDArray[np.object_]:
        """The integers m as Python integers."""
        return words_to_integers(self.words)

    def align(self, exponent: int) -> PlaintextArray:
        """The same values at a smaller (or equal) exponent, exactly."""
        bits = self.exponent - exponent
        if bits == 0:
            return self
        bound = self.bound << bits
        words = shift_left(self.words, bits, words_for_bound(bound))
        return PlaintextArray(words, exponent, bound, self.kind, self.encoder)

    def __neg__(self) -> PlaintextArray:
        """The negated values."""
        return self._with(negate(self.words))

    def __repr__(self) -> str:
        """Shape, exponent and bound; never the values."""
        return (
            f"PlaintextArray(shape={self.shape}, exponent={self.exponent}, "
            f"bound_bits={self.bound.bit_length()}, {self.encoder!r})"
        )

    def _with(self, words: SignedWords) -> PlaintextArray:
        return PlaintextArray(words, self.exponent, self.bound, self.kind, self.encoder)


def __getattr__(name: str) -> Any:
    """`PlaintextCsr` by the path that older pickles have for it."""
    if name != "PlaintextCsr":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pyfate_gpu.encoding.sparse import PlaintextCsr

    return PlaintextCsr
