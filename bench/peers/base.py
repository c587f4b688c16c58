# SPDX-License-Identifier: Apache-2.0
"""What a peer is to the bench: the key pair of a world, lists of its own ciphertexts, operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from bench.world import Integers, World

Ciphertexts = list[Any]
"""What an element is, is the peer's business."""


class Peer:
    """A library under measurement. A peer defines the operations that it offers, and names them."""

    name: ClassVar[str]
    install: ClassVar[str]
    offers: ClassVar[dict[str, str]]
    """Operation -> what the peer does there, so that like is compared with like."""

    def __init__(self, world: World) -> None:
        """Adopt the key pair. Raises ImportError where the library is absent."""

    def load(self, numbers: Sequence[int]) -> Ciphertexts:
        """Ciphertexts of its own from integers mod n^2."""
        raise NotImplementedError

    def decrypt(self, c: Ciphertexts) -> list[int]:
        """Signed plaintexts."""
        raise NotImplementedError

    def encrypt(self, plain: Sequence[int]) -> Ciphertexts:
        """Each with fresh randomness."""
        raise NotImplementedError

    def reblind(self, c: Ciphertexts) -> Ciphertexts:
        """The same plaintexts with fresh randomness."""
        raise NotImplementedError

    def add(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        """Element by element."""
        raise NotImplementedError

    def add_plain(self, c: Ciphertexts, plain: Sequence[int]) -> Ciphertexts:
        """Element by element."""
        raise NotImplementedError

    def scale(self, c: Ciphertexts, scalars: Sequence[int]) -> Ciphertexts:
        """Element by element, signed."""
        raise NotImplementedError

    def sum(self, c: Ciphertexts) -> Ciphertexts:
        """One ciphertext."""
        raise NotImplementedError

    def segment_sum(self, c: Ciphertexts, index: Sequence[int], segments: int) -> Ciphertexts:
        """One ciphertext a segment; ``index[i]`` is the segment of ``c[i]``."""
        raise NotImplementedError

    def matvec(self, matrix: Integers, c: Ciphertexts) -> Ciphertexts:
        """``matrix.T @ c``."""
        raise NotImplementedError

    def wire(self, c: Ciphertexts) -> Ciphertexts:
        """To bytes and back."""
        raise NotImplementedError
