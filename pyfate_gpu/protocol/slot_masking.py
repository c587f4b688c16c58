# SPDX-License-Identifier: Apache-2.0
"""Decryption of ciphertexts whose owner may learn one of their slots only.

Every slot has a mask of its own, and the arbiter returns the agreed one and no other: of each ciphertext
(`reveal_middle`), or the sum of one slot of each (`reveal_total`). Where the arbiter may see the middle slot itself,
all others are masked all the same (`show_middle`).

Masks are uniform, `HIDING_BITS` bits or more wider than the bound of the array, and an offset keeps all slots from
0 to below their width, so that nothing carries.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.backends.words import (
    less_than,
    unsigned_to_integers,
    unsigned_to_words,
    words_for_bits,
)
from pyfate_gpu.encoding.slots import SlotLayout, hiding_width
from pyfate_gpu.errors import BoundError, DataError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import ARBITER
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.he.array.operands import align
from pyfate_gpu.protocol.masking import residues_from_words, residues_to_words

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey

_Masks = list[list[int]]


def reveal_middle(
    session: Session, values: CiphertextArray, name: str, *, iteration: int = 0, batch: int = 0
) -> NDArray[np.float64]:
    """Have the arbiter decrypt the middle slot of `values`, a one-dimensional array, under masks of all slots.

    Returns
    -------
    float64 [len(values)]
        What the middle slots hold; nobody else learns it, and nobody what other slots hold.

    Raises
    ------
    BoundError
        When slots have no room for masks.
    ProtocolError
        When the arbiter returns what cannot be right.
    """
    slots = _slots(values)
    masked, masks = _mask(session, values, slots)
    session.send(ARBITER, f"masked_{name}", masked=masked, iteration=iteration, batch=batch)
    words = session.receive(
        ARBITER, f"middle_{name}", iteration=iteration, batch=batch, middle=np.ndarray
    )
    own = np.array([each[slots.middle] for each in masks], dtype=object)
    found = _read_slots(words, slots.width, values.size, name)
    return _decoded(values, found - own, values.bound, name)


def serve_middle(
    session: Session,
    private_key: PrivateKey,
    owner: Party,
    name: str,
    count: int,
    slots: SlotLayout,
    /,
    *,
    iteration: int = 0,
    batch: int = 0,
) -> None:
    """Decrypt `count` ciphertexts and return their middle slots; the arbiter's side of `reveal_middle`.

    Raises
    ------
    ProtocolError
        When `owner` asks for more or fewer values than its share, for other slots, or did not mask them.
    """
    at = {"iteration": iteration, "batch": batch}
    message = f"masked_{name}"
    found = _open(session, private_key, owner, message, [slots.middle] * count, slots, at)
    words = unsigned_to_words(found, words_for_bits(slots.width))
    session.send(owner, f"middle_{name}", middle=words, **at)


def reveal_total(
    session: Session,
    values: CiphertextArray,
    places: Sequence[int],
    addend: CiphertextArray,
    name: str,
    *,
    iteration: int = 0,
    batch: int = 0,
) -> float:
    """Have the arbiter add slot `places[i]` of each of `values`, and `addend`, [1], under masks of all slots.

    Returns
    -------
    float
        The sum; nobody learns a term of it, or what other slots hold.

    Raises
    ------
    BoundError, ProtocolError
        As `reveal_middle` does; `ProtocolError` also when the addend was encoded in another unit.
    """
    if addend.exponent < values.exponent:
        raise ProtocolError(
            f"what is to be added to {name} came with exponent {addend.exponent}, agreed is {values.exponent} or more"
        )
    addend = align(addend, values.exponent)
    public_key, slots = values.public_key, _slots(values)
    masked, masks = _mask(session, values, slots)
    residue = public_key.random_residues(1)
    with session.statistics.step(Step.MASK, operations=1):
        hidden = addend.add_residue_mask(residue)
    at = {"iteration": iteration, "batch": batch}
    session.send(ARBITER, f"slots_{name}", masked=masked, **at)
    session.send(ARBITER, f"masked_{name}", masked=hidden, **at)
    words = session.receive(
        ARBITER, f"residues_{name}", iteration=iteration, batch=batch, residues=np.ndarray
    )
    found = residues_from_words(words, public_key.n)
    if found.shape != (1,):
        raise ProtocolError(f"the arbiter returned {len(found)} residues for 1 of {name}")
    own = sum(each[place] for each, place in zip(masks, places, strict=True)) + residue
    bound = values.bound * len(places) + addend.bound
    return float(_decoded(values, found - own, bound, name)[0])


def serve_total(
    session: Session,
    private_key: PrivateKey,
    owner: Party,
    name: str,
    places: Sequence[int],
    slots: SlotLayout,
    /,
    *,
    iteration: int = 0,
    batch: int = 0,
) -> None:
    """Decrypt a ciphertext for each of `places`, and the addend, and return one sum: the side of `reveal_total`.

    Raises
    ------
    ProtocolError
        As `serve_middle` does.
    """
    at = {"iteration": iteration, "batch": batch}
    found = _open(session, private_key, owner, f"slots_{name}", places, slots, at)
    addend = session.receive_encrypted(owner, f"masked_{name}", "masked", (1,), **at)
    with session.statistics.step(Step.DECRYPT, operations=1):
        total = sum(found) + private_key.decrypt_residues(addend)
    n = addend.public_key.n
    session.send(owner, f"residues_{name}", residues=residues_to_words(total % n, n), **at)


def show_middle(
    session: Session, values: CiphertextArray, addends: Sequence[int]
) -> CiphertextArray:
    """Return `values` with masks in every slot but the middle one, which has an offset and `addends` more.

    Raises
    ------
    BoundError
        When slots have no room for masks.
    DataError
        When a number with its addend could pass its slot.
    """
    slots = _slots(values)
    if any(abs(addend) + values.bound >= _offset(slots) for addend in addends):
        raise DataError(
            f"a number to be added to a slot of {slots.width} bits has no room there: lower the penalty, or set "
            "packing='none'"
        )
    shown = [_offset(slots) + addend for addend in addends]
    return _mask(session, values, slots, shown)[0]


def read_middle(
    session: Session,
    private_key: PrivateKey,
    owner: Party,
    name: str,
    count: int,
    slots: SlotLayout,
    /,
    *,
    iteration: int = 0,
    batch: int = 0,
) -> NDArray[np.object_]:
    """Return the middle slots, as integers, of what `owner` sent as `name`: the arbiter's side of `show_middle`.

    Raises
    ------
    ProtocolError
        As `serve_middle` does.
    """
    at = {"iteration": iteration, "batch": batch}
    found = _open(session, private_key, owner, name, [slots.middle] * count, slots, at, name)
    return np.array(found, dtype=object) - _offset(slots)


def _slots(values: CiphertextArray) -> SlotLayout:
    """The layout of `values`, which must have room for masks."""
    slots = values.slots
    if slots is None or hiding_width(values.bound) > slots.width:
        raise BoundError(
            f"a mask of {values.bound_bits} bits takes slots of {hiding_width(values.bound)} bits, there are {slots}"
        )
    return slots


def _mask(
    session: Session,
    values: CiphertextArray,
    slots: SlotLayout,
    shown: Sequence[int] | None = None,
) -> tuple[CiphertextArray, _Masks]:
    """Add a mask with its offset to every slot: with a number up to the bound in size it is at least 0 and fits.

    The middle slot has `shown` in place of a mask, where that is given.
    """
    masks = [
        [secrets.randbits(slots.width - 1) + values.bound for _ in range(slots.count)]
        for _ in range(values.size)
    ]
    for each, number in zip(masks, shown or (), strict=shown is not None):
        each[slots.middle] = number
    with session.statistics.step(Step.MASK, operations=values.size):
        return values.add_residue_mask([_joined(each, slots) for each in masks]), masks


def _open(
    session: Session,
    private_key: PrivateKey,
    owner: Party,
    name: str,
    places: Sequence[int],
    slots: SlotLayout,
    at: dict[str, int],
    key: str = "masked",
) -> list[int]:
    """Decrypt what `owner` sends, a ciphertext for each of `places`, and return that slot of each."""
    masked = session.receive_encrypted(owner, name, key, (len(places),), ARBITER, slots, **at)
    with session.statistics.step(Step.DECRYPT, operations=len(places)):
        residues = private_key.decrypt_residues(masked)
    if any(residue >> slots.bits for residue in residues):
        raise ProtocolError(
            f"what {owner} sent for {name} has bits beyond {slots}: it is not masked"
        )
    low = (1 << slots.width) - 1
    return [
        residue >> slots.width * place & low
        for residue, place in zip(residues, places, strict=True)
    ]


def _decoded(
    values: CiphertextArray, found: NDArray[np.object_], bound: int, name: str
) -> NDArray[np.float64]:
    try:
        unmasked = values.public_key.decode_residues(found, values.exponent, "f", bound=bound)
    except BoundError:
        raise ProtocolError(
            f"a slot that the arbiter returned for {name} is beyond the bound of the values that were masked: "
            "it decrypted something else, or another party encrypted more than it declared"
        ) from None
    return np.asarray(unmasked, dtype=np.float64)


def _read_slots(words: NDArray[np.uint64], bits: int, count: int, name: str) -> NDArray[np.object_]:
    width = words_for_bits(bits)
    if words.dtype != np.uint64 or words.shape != (count, width):
        raise ProtocolError(
            f"the arbiter returned words of shape {words.shape} for {name}, one slot a value takes {(count, width)}"
        )
    if not less_than(words, 1 << bits).all():
        raise ProtocolError(f"the arbiter returned more than a slot of {bits} bits for {name}")
    return unsigned_to_integers(words)


def _joined(numbers: list[int], slots: SlotLayout) -> int:
    return sum(number << slots.width * place for place, number in enumerate(numbers))


def _offset(slots: SlotLayout) -> int:
    """What keeps a middle slot positive that has no mask."""
    return 1 << (slots.width - 2)
