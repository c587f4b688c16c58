# SPDX-License-Identifier: Apache-2.0
"""Ciphertexts of labels that a later fit of the same session need not send again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from pyfate_gpu.binning.plan import Plan
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.typing import Integers

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey


@dataclass
class Kept:
    """What a party keeps of the labels that hosts have.

    Parameters
    ----------
    plan : Plan
        They were sent by.
    keys : tuple
        The guest's.
    units : int64 [rows, classes]
        The guest's.
    chunks : list of CiphertextArray
        A host's.
    """

    plan: Plan
    keys: Any = None
    units: Integers | None = None
    chunks: list[CiphertextArray] = field(default_factory=list)


_KEPT: WeakKeyDictionary[Session, Kept] = WeakKeyDictionary()


def keep(session: Session, kept: Kept) -> None:
    """Keep labels as long as the session is there, in place of others."""
    _KEPT[session] = kept


def forget(session: Session) -> None:
    """Keep no labels any longer."""
    _KEPT.pop(session, None)


def kept_keys(session: Session, units: Integers, scheme: str, bits: int) -> Any:
    """Return the guest's keys that hosts have these labels under; None where they have others, or none."""
    kept = _KEPT.get(session)
    if kept is None or kept.units is None or not np.array_equal(kept.units, units):
        return None
    public = kept.keys[0]
    return kept.keys if (public.scheme, public.key_bits) == (scheme, bits) else None


def label_chunks(
    session: Session, plan: Plan, *, sample: int = 0, keeps: bool = False
) -> Iterator[tuple[int, CiphertextArray]]:
    """Yield the first row and the ciphertexts of each message of labels, received or kept; the host's side.

    Parameters
    ----------
    sample : int
        0 for the rows that bins are learned of, 1 for those they are compared with.
    keeps : bool
        Whether they are kept for later fits.

    Raises
    ------
    ProtocolError
        When the guest takes for granted that they are here, and they are not.
    """
    chunks = plan.chunks(session.key_of(GUEST))
    if plan.kept and not sample:
        kept = _KEPT.get(session)
        if kept is None or [each.size for each in kept.chunks] != [b - a for a, b in chunks]:
            raise ProtocolError("the guest sends no labels, and none are kept here that fit")
        if kept.chunks[0].slots != plan.slots or kept.chunks[0].public_key != session.key_of(GUEST):
            raise ProtocolError("the guest sends no labels, and those kept here are others")
        yield from zip([first for first, _ in chunks], kept.chunks, strict=True)
        return
    taken = []
    for chunk, (first, last) in enumerate(chunks):
        rows = session.receive_encrypted(
            GUEST, "label_rows", "rows", (last - first,), GUEST, plan.slots,
            iteration=sample, batch=chunk,
        )  # fmt: skip
        if keeps:
            taken.append(rows)
        yield first, rows
    if keeps:
        keep(session, Kept(plan, chunks=taken))


def keep_sent(session: Session, plan: Plan, key: PrivateKey, units: Integers) -> None:
    """Note at the guest which labels hosts keep."""
    keep(session, Kept(plan, (key.public_key, key), units))
