# SPDX-License-Identifier: Apache-2.0
"""What a peer is to the bench: a key of ours, lists of its own ciphertexts, and the operations it offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from bench.world import World

Ciphertexts = list[Any]


class Peer(Protocol):
    """A library under measurement; routines call the operation of their own name.

    An operation that a peer does not offer is simply not defined, and the table leaves the row out.
    All of them take and return lists; what a list element is, is the peer's business.
    """

    name: ClassVar[str]
    install: ClassVar[str]
    notes: ClassVar[dict[str, str]]
    """Operation -> what this peer does there, so that like is compared with like."""

    def __init__(self, world: World) -> None:
        """Adopt the key pair. Raises ImportError where the library is absent."""

    def load(self, numbers: Sequence[int]) -> Ciphertexts:
        """Ciphertexts of its own from integers mod n^2."""
        ...

    def decrypt(self, c: Ciphertexts) -> list[int]:
        """Signed plaintexts."""
        ...
