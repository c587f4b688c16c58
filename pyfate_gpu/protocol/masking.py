# SPDX-License-Identifier: Apache-2.0
"""Decryption by an arbiter who cannot see what it decrypts.

The owner adds a residue drawn uniformly mod n to every value; the arbiter decrypts sums that are
uniform whatever the values are, and returns them as residues; the owner subtracts. ``protocol.slot_masking``
is for ciphertexts of which the owner may learn one slot only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.backends.words import (
    less_than,
    unsigned_to_integers,
    unsigned_to_words,
    words_for_bits,
)
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.errors import BoundError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import ARBITER
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey


def reveal(
    session: Session, values: CiphertextArray, name: str, *, iteration: int = 0, batch: int = 0
) -> NDArray[np.float64]:
    """Have the arbiter decrypt `values`, a one-dimensional array, under masks.

    Returns
    -------
    float64 [len(values)], or [len(values), slots]
        What the ciphertexts hold; nobody else learns it.
    """
    return ask(session, values, name, iteration=iteration, batch=batch)()


def ask(
    session: Session, values: CiphertextArray, name: str, *, iteration: int = 0, batch: int = 0
) -> Callable[[], NDArray[np.float64]]:
    """Ask for what `reveal` returns; return a function that waits for it, so that other questions go along."""
    public_key = values.public_key
    masks = public_key.random_residues(values.size)
    with session.statistics.step(Step.MASK, operations=values.size):
        masked = values.add_residue_mask(masks)
    at = {"iteration": iteration, "batch": batch}
    session.send(ARBITER, f"masked_{name}", masked=masked, **at)

    def answer() -> NDArray[np.float64]:
        words = session.receive(
            ARBITER, f"residues_{name}", iteration=iteration, batch=batch, residues=np.ndarray
        )
        residues = residues_from_words(words, public_key.n)
        if residues.shape != masks.shape:
            raise ProtocolError(
                f"the arbiter returned {len(residues)} residues for {len(masks)} of {name}"
            )
        return _unmasked(values, residues - masks, name)

    return answer


def _unmasked(
    values: CiphertextArray, residues: NDArray[np.object_], name: str
) -> NDArray[np.float64]:
    try:
        found = values.public_key.decode_residues(
            residues, values.exponent, "f", bound=values.bound, slots=values.slots
        )
    except BoundError:
        raise ProtocolError(
            f"what the arbiter returned for {name} is beyond the bound of the values that were masked: "
            "it decrypted something else, or another party encrypted more than it declared"
        ) from None
    return np.asarray(found, dtype=np.float64)


def serve(
    session: Session,
    private_key: PrivateKey,
    owner: Party,
    name: str,
    count: int,
    slots: SlotLayout | None = None,
    /,
    *,
    iteration: int = 0,
    batch: int = 0,
) -> None:
    """Decrypt one masked array of exactly `count` values for `owner`; the arbiter's side of `reveal`.

    Raises
    ------
    ProtocolError
        When `owner` asks for more or fewer values than its share.
    """
    at = {"iteration": iteration, "batch": batch}
    masked = session.receive_encrypted(
        owner, f"masked_{name}", "masked", (count,), ARBITER, slots, **at
    )
    with session.statistics.step(Step.DECRYPT, operations=count):
        residues = private_key.decrypt_residues(masked)
    words = residues_to_words(residues, masked.public_key.n)
    session.send(owner, f"residues_{name}", residues=words, **at)


def residues_to_words(residues: Any, n: int) -> NDArray[np.uint64]:
    """Return Python ints in [0, n) as rows of little-endian words, uint64 [count, words of n]."""
    return unsigned_to_words(residues, words_for_bits(n.bit_length()))


def residues_from_words(words: NDArray[np.uint64], n: int) -> NDArray[np.object_]:
    """Return rows of little-endian words as Python ints.

    Raises
    ------
    ProtocolError
        When the array has another form, or holds an integer that is no residue mod n.
    """
    if words.ndim != 2 or words.dtype != np.uint64:
        raise ProtocolError("residues did not come as rows of words")
    if not less_than(words, n).all():
        raise ProtocolError("the arbiter returned an integer that is no residue mod n")
    return unsigned_to_integers(words)
