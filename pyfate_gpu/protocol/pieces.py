# SPDX-License-Identifier: Apache-2.0
"""Large arrays in pieces: the recipient works on one while the sender makes the next.

How an array is cut follows from its public shape and the length of the key. Each piece is a message of its own,
checked by itself before anything is done with it; one that is missing ends the wait with an error that names it, a
second one of an address is refused as any message is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation.roles import ARBITER

if TYPE_CHECKING:
    from pyfate_gpu.encoding.slots import SlotLayout
    from pyfate_gpu.federation import Party, Session
    from pyfate_gpu.he import CiphertextArray

#: Bytes of ciphertexts in one message.
MESSAGE_BYTES = 2_000_000


def pieces(total: int, key_bits: int) -> list[slice]:
    """Return how so many ciphertexts, or rows of ciphertexts, are cut into messages; none of none.

    Examples
    --------
    >>> from pyfate_gpu.protocol.pieces import pieces
    >>> [(each.start, each.stop) for each in pieces(5000, key_bits=2048)]
    [(0, 3906), (3906, 5000)]
    """
    size = max(1, MESSAGE_BYTES // (key_bits // 4))
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


@dataclass(frozen=True)
class Piece:
    """One piece of an array of an iteration's batch.

    Parameters
    ----------
    part : slice
        Of the first axis of the array.
    shape : tuple of int
        Of the piece.
    at : dict
        Iteration and batch of its message: in place of batch b it has b + k * batches for the k-th piece, from 0.
    """

    part: slice
    shape: tuple[int, ...]
    at: dict[str, int]


def cut(shape: tuple[int, ...], key_bits: int, at: dict[str, int], batches: int) -> list[Piece]:
    """Return the pieces of an array of that shape, in an iteration of so many batches.

    Examples
    --------
    >>> from pyfate_gpu.protocol.pieces import cut
    >>> [piece.at["batch"] for piece in cut((5000,), 2048, {"iteration": 1, "batch": 2}, batches=3)]
    [2, 5]
    """
    parts = pieces(shape[0], key_bits * math.prod(shape[1:]))
    return [
        Piece(part, (part.stop - part.start, *shape[1:]), at | {"batch": at["batch"] + k * batches})
        for k, part in enumerate(parts)
    ]


def receive_pieces(
    session: Session,
    sender: Party,
    name: str,
    key: str,
    cuts: list[Piece],
    slots: SlotLayout | None = None,
) -> Iterator[CiphertextArray]:
    """Wait for the pieces of an array under the arbiter's key and yield each when it has come and been checked.

    Raises
    ------
    ChannelTimeoutError, PartyFailedError, WireFormatError, ProtocolError, KeyMismatchError, InvalidCiphertextError
        As `Session.receive_encrypted` does; `ProtocolError` also when pieces were encoded differently.
    """
    first = None
    for number, piece in enumerate(cuts):
        found = session.receive_encrypted(
            sender, name, key, piece.shape, ARBITER, slots, **piece.at
        )
        first = first or _encoding(found)
        if _encoding(found) != first:
            raise ProtocolError(
                f"piece {number} of {name} from {sender} is encoded otherwise than the first: its exponent is "
                f"{found.exponent}, its bound has {found.bound_bits} bits"
            )
        yield found


def _encoding(array: CiphertextArray) -> tuple[int, int, str]:
    return array.exponent, array.bound, array.kind
