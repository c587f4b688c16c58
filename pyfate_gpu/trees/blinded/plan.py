# SPDX-License-Identifier: Apache-2.0
"""What the guest tells each host to do with the ciphertexts of a blinded prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.trees.blinded.slots import BlindedSlots
from pyfate_gpu.trees.blinded.ways import Errand, Ways
from pyfate_gpu.trees.messages import MESSAGE_BYTES
from pyfate_gpu.trees.offers import whole_numbers
from pyfate_gpu.trees.plan import MOST_OUTPUTS
from pyfate_gpu.typing import Integers

#: Rows of a message, at most.
MOST_ROWS = 1 << 15
#: Numbers of a sum: far more than there can be splits.
_MOST_TERMS = 1 << 40


@dataclass(frozen=True)
class HostPlan:
    """What one host does.

    Parameters
    ----------
    slots : BlindedSlots
    groups : int
        How many times the same is done, for so many groups of outputs.
    chunk : int
        Rows of a message.
    before, after : int
        The host that sends it the sums of rows so far, and the one that it sends them to; 0 for none and for the
        guest.
    errands : list of Errand
        One for each ciphertext of a row, source after source.
    """

    slots: BlindedSlots
    groups: int
    chunk: int
    before: int
    after: int
    errands: list[Errand]


def chunk_of(ways: Ways) -> int:
    """Return how many rows go into a message."""
    each = ways.slots.rows_of_each
    rows = min(MOST_ROWS, MESSAGE_BYTES // (ways.slots.key_bits // 4) // ways.widest)
    return max(1, rows // each) * each


def announce_plans(session: Session, ways: Ways) -> None:
    """Tell every host what it has to do, which may be nothing."""
    chain, slots = ways.chain, ways.slots
    for owner, host in enumerate(session.hosts, 1):
        place = chain.index(owner) if owner in chain else -1
        errands = ways.errands(owner)
        choices = [choice for errand in errands for choice in errand.choices]
        turns = [2 * split + left for choice in choices for split, left in choice]
        session.send(
            host,
            "errands",
            terms=slots.terms,
            outputs=slots.outputs,
            step=slots.step,
            groups=len(ways.groups),
            chunk=chunk_of(ways),
            before=chain[place - 1] if place > 0 else 0,
            after=chain[place + 1] if 0 <= place < len(chain) - 1 else 0,
            sources=_array([errand.source for errand in errands]),
            targets=_array([errand.target for errand in errands]),
            counts=_array([len(errand.choices) for errand in errands]),
            lengths=_array([len(choice) for choice in choices]),
            turns=_array(turns),
        )


def receive_plan(session: Session, splits: int) -> HostPlan:
    """Return what this host has to do, of whose splits there are so many.

    Raises
    ------
    ProtocolError
        When that makes no sense.
    """
    values = session.receive(
        GUEST,
        "errands",
        terms=int,
        outputs=int,
        step=int,
        groups=int,
        chunk=int,
        before=int,
        after=int,
        sources=np.ndarray,
        targets=np.ndarray,
        counts=np.ndarray,
        lengths=np.ndarray,
        turns=np.ndarray,
    )
    terms, outputs, step, groups, chunk, before, after = values[:7]
    for name, value, most in (
        ("terms", terms, _MOST_TERMS),
        ("outputs", outputs, MOST_OUTPUTS),
        ("step", step, max(1, splits)),
        ("groups", groups, MOST_OUTPUTS),
        ("chunk", chunk, MOST_ROWS),
    ):
        if not 1 <= value <= most:
            raise ProtocolError(f"the guest announced {name}={value} for a blinded prediction")
    slots = BlindedSlots(session.key_of(GUEST).key_bits, outputs, terms, step)
    if slots.rows_of_each < 1 or chunk % slots.rows_of_each:
        raise ProtocolError(
            f"the guest announced {step} questions of {outputs} outputs and {chunk} rows of a message, which do "
            "not fit its key"
        )
    errands = _read_errands(*values[7:], splits=splits)
    own, hosts = session.hosts.index(session.party) + 1, len(session.hosts)
    sources = [errand.source for errand in errands]
    keeps = any(not errand.target for errand in errands)
    if (
        sources != sorted(sources)
        or not all(0 <= errand.source < own for errand in errands)
        or not all(not errand.target or own < errand.target <= hosts for errand in errands)
        or not all(len(errand.choices) <= (1 if errand.source else step) for errand in errands)
        or not (0 <= before < own and (not after or own < after <= hosts))
        or (not keeps and (before or after))
    ):
        raise ProtocolError("the guest announced ways of a blinded prediction that are none")
    return HostPlan(slots, groups, chunk, before, after, errands)


def _read_errands(
    sources: Any, targets: Any, counts: Any, lengths: Any, turns: Any, *, splits: int
) -> list[Errand]:
    names = ("sources", "targets", "questions", "lengths", "turns")
    arrays = [
        whole_numbers(array, f"the {name} of a blinded prediction")
        for name, array in zip(names, (sources, targets, counts, lengths, turns), strict=True)
    ]
    from_whom, to_whom, sizes, parts, steps = arrays
    if (
        not len(from_whom) == len(to_whom) == len(sizes)
        or any(size < 1 for size in (*sizes, *parts))
        or sum(sizes) != len(parts)
        or sum(parts) != len(steps)
        or not all(0 <= turn < 2 * splits for turn in steps)
    ):
        raise ProtocolError(
            f"the guest asked questions of a blinded prediction that do not fit {splits} splits"
        )
    split = iter([(turn // 2, bool(turn % 2)) for turn in steps])
    choices = iter([tuple(next(split) for _ in range(length)) for length in parts])
    return [
        Errand(source, target, tuple(next(choices) for _ in range(size)))
        for source, target, size in zip(from_whom, to_whom, sizes, strict=True)
    ]


def _array(numbers: list[int]) -> Integers:
    return np.array(numbers, dtype=np.int64)
