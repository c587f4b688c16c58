# SPDX-License-Identifier: Apache-2.0
"""What a peer is to the bench: the key pair of a world, ciphertexts of its own kind, operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from pyfate_gpu.bench.peers.tree_tasks import TreeTask
    from pyfate_gpu.bench.world import Integers, World

Ciphertexts = Any
"""Many of them; a list unless the peer has arrays of its own. What an element is, is its business."""


class Peer:
    """A library under measurement. A peer defines the operations that it offers, and names them.

    Operands are converted into the peer's own types before the clock starts (`load`, `pool`, `plain`,
    `matrix`), so that its figure is that of the operation alone.
    """

    name: ClassVar[str]
    install: ClassVar[str]
    offers: ClassVar[dict[str, str]]
    """Operation -> what the peer does there, so that like is compared with like."""
    scheme: ClassVar[str] = "Paillier"
    adopts: ClassVar[bool] = True
    """Whether it works with the key pair of the world, and reads its ciphertexts; or has its own."""
    batch: ClassVar[int] = 0
    """Numbers that share a ciphertext, so that its jobs must have as many rows to be fair; 0 if none do."""
    error: ClassVar[float] = 0.0
    """How far a plaintext may be off, relative to the largest one: 0 for exact schemes."""

    def __init__(self, world: World) -> None:
        """Adopt the key pair, or make one of the same length. Raises ImportError where absent."""

    def load(self, numbers: Sequence[int]) -> Ciphertexts:
        """Ciphertexts of its own from integers mod n^2; of peers that adopt the key."""
        raise NotImplementedError

    def pool(self, plain: Sequence[int]) -> Ciphertexts:
        """Different ciphertexts of `plain`, made as quickly as may be; of peers that do not."""
        raise NotImplementedError

    def plain(self, values: Sequence[int]) -> Any:
        """Plain operands in the peer's own type."""
        return values

    def matrix(self, matrix: Integers) -> Any:
        """A plain matrix in the peer's own type."""
        return matrix

    def take(self, c: Ciphertexts, positions: Sequence[int]) -> Ciphertexts:
        """Some of them, for the check."""
        return [c[position] for position in positions]

    def decrypt(self, c: Ciphertexts) -> Sequence[float]:
        """Signed plaintexts."""
        raise NotImplementedError

    def encrypt(self, plain: Any) -> Ciphertexts:
        """Each with fresh randomness."""
        raise NotImplementedError

    def reblind(self, c: Ciphertexts) -> Ciphertexts:
        """The same plaintexts with fresh randomness."""
        raise NotImplementedError

    def add(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        """Element by element."""
        raise NotImplementedError

    def subtract(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        """Element by element."""
        raise NotImplementedError

    def add_plain(self, c: Ciphertexts, plain: Any) -> Ciphertexts:
        """Element by element."""
        raise NotImplementedError

    def scale(self, c: Ciphertexts, scalars: Any) -> Ciphertexts:
        """Element by element, signed."""
        raise NotImplementedError

    def sum(self, c: Ciphertexts) -> Ciphertexts:
        """One ciphertext."""
        raise NotImplementedError

    def segment_sum(self, c: Ciphertexts, index: Sequence[int], segments: int) -> Ciphertexts:
        """One ciphertext a segment; ``index[i]`` is the segment of ``c[i]``."""
        raise NotImplementedError

    def matvec(self, matrix: Any, c: Ciphertexts) -> Ciphertexts:
        """``matrix.T @ c``."""
        raise NotImplementedError

    def wire(self, c: Ciphertexts) -> Ciphertexts:
        """To bytes and back."""
        raise NotImplementedError

    def keypair(self, key_bits: int) -> Any:
        """A new key pair."""
        raise NotImplementedError

    def boosted_trees(self, task: TreeTask) -> Any:
        """The sums of all bins that a tree takes, or of a training its `seconds` and the `scores` of rows."""
        raise NotImplementedError
