# SPDX-License-Identifier: Apache-2.0
"""A host of a blinded prediction: it adds up the numbers of the splits where a row goes left, and cannot read them."""

from __future__ import annotations

from functools import reduce
from itertools import groupby

import numpy as np

from pyfate_gpu.data.binning.splits import Codes, TableBins
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray, concatenate
from pyfate_gpu.he.array.chosen_slots import sum_chosen_slots
from pyfate_gpu.he.array.masks import mask_others
from pyfate_gpu.trees.bits import Truths
from pyfate_gpu.trees.blinded.plan import HostPlan, receive_plan
from pyfate_gpu.trees.tree import SplitTable


def serve_blinded(session: Session, bins: TableBins, table: SplitTable, codes: Codes) -> None:
    """Help the guest to scores of all rows.

    Raises
    ------
    ProtocolError
        When another party does not keep to the protocol.
    """
    plan = receive_plan(session, len(table))
    if not plan.errands:
        return
    batch = 0
    for start in range(0, len(codes), plan.chunk):
        chunk = codes[start : start + plan.chunk]
        chosen = [
            np.stack([_takes(table, bins, chunk, choice) for choice in errand.choices], axis=1)
            for errand in plan.errands
        ]
        for _ in range(plan.groups):
            _serve(session, plan, chosen, batch)
            batch += 1


def _takes(
    table: SplitTable, bins: TableBins, codes: Codes, turns: tuple[tuple[int, bool], ...]
) -> Truths:
    """Return which rows take all turns."""
    found = np.ones(len(codes), dtype=np.bool_)
    for split, left in turns:
        found &= table.outcomes(bins, codes, split) == left
    return found


def _serve(session: Session, plan: HostPlan, chosen: list[Truths], batch: int) -> None:
    """Do all errands for some rows."""
    slots, rows = plan.slots, len(chosen[0])
    sums: list[CiphertextArray] = []
    onward: dict[int, list[CiphertextArray]] = {}
    pairs = zip(plan.errands, chosen, strict=True)
    for source, group in groupby(pairs, key=lambda pair: pair[0].source):
        errands = list(group)
        found = _receive(session, plan, source, (rows, len(errands)), batch)
        kept = [place for place, (errand, _) in enumerate(errands) if not errand.target]
        with session.statistics.step(Step.SQUEEZE, operations=rows * len(errands)):
            if kept:
                most = max(errands[place][1].shape[1] for place in kept)
                choices = np.stack([_padded(errands[place][1], most) for place in kept], axis=1)
                whole = found if len(kept) == len(errands) else found[:, kept]
                sums.append(
                    sum_chosen_slots(whole, choices, slots.step, slots.rows_of_each, slots.answered)
                )
            for place, (errand, own) in enumerate(errands):
                if errand.target:
                    one = found[:, place : place + 1]
                    passed = sum_chosen_slots(one, own[:, np.newaxis], slots.step, 1, slots.passed)
                    onward.setdefault(errand.target, []).append(passed)
    for target, parts in sorted(onward.items()):
        together = concatenate(parts).reshape(len(parts), rows).T
        session.send(session.hosts[target - 1], "passed", batch=batch, numbers=together)
    if sums:
        _hand_on(session, plan, sums, rows, batch)


def _hand_on(
    session: Session, plan: HostPlan, sums: list[CiphertextArray], rows: int, batch: int
) -> None:
    """Add the sums of the host before, and send them on: masked, where they go to the guest."""
    slots = plan.slots
    if plan.before:
        shape = (-(-rows // slots.rows_of_each),)
        sender = session.hosts[plan.before - 1]
        so_far = session.receive_encrypted(
            sender, "partial_scores", "sums", shape, GUEST, slots.answered, batch=batch
        )
        if so_far.exponent:
            raise ProtocolError(f"the scores so far of {sender} are no integers")
        sums.append(so_far)
    with session.statistics.step(Step.ADD, operations=sums[0].size * (len(sums) - 1)):
        total = reduce(CiphertextArray.__add__, sums)
    if plan.after:
        session.send(session.hosts[plan.after - 1], "partial_scores", batch=batch, sums=total)
        return
    with session.statistics.step(Step.MASK, operations=total.size):
        masked = mask_others(total, *slots.kept)
    session.send(GUEST, "blinded_scores", batch=batch, sums=masked)


def _receive(
    session: Session, plan: HostPlan, source: int, shape: tuple[int, int], batch: int
) -> CiphertextArray:
    slots = plan.slots
    sender: Party = session.hosts[source - 1] if source else GUEST
    name, layout = ("passed", slots.passed) if source else ("questions", slots.sent)
    found = session.receive_encrypted(sender, name, "numbers", shape, GUEST, layout, batch=batch)
    most = slots.sent_bound * (slots.step if source else 1)
    if found.exponent or found.bound > most:
        raise ProtocolError(f"{name!r} of {sender} are bounded by {found.bound} and not by {most}")
    return found


def _padded(chosen: Truths, most: int) -> Truths:
    """Add numbers that no row takes."""
    return np.pad(chosen, ((0, 0), (0, most - chosen.shape[1])))
