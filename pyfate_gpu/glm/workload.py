# SPDX-License-Identifier: Apache-2.0
"""How many operations of each kind the protocol takes: what `Usage` counts, known before anything runs."""

from __future__ import annotations

import math
from collections import Counter

from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.glm.conjugate import is_cold, is_labelled
from pyfate_gpu.glm.families import FAMILIES
from pyfate_gpu.glm.packing import CLASSES, ROWS
from pyfate_gpu.glm.plan import Packing
from pyfate_gpu.glm.row_slots import RowSlots, row_bits_of, why_data_forbid, why_terms_forbid
from pyfate_gpu.glm.settings import ARBITER_OPTIMIZER, NEWTON, Settings
from pyfate_gpu.protocol.cost import JobShape, Steps, Workload, add_work
from pyfate_gpu.protocol.scoring import score_layout

#: Of a batch, whatever the number of hosts, with validation rows or without (tests/glm/test_round_trips.py).
ROUND_TRIPS = 3.0


def iteration(shape: JobShape, settings: Settings, number: int = 1) -> Steps:
    """Return what each party computes in iteration `number`.

    Those of conjugate gradients differ: labels and the loss take part in some of them only.

    Examples
    --------
    >>> from pyfate_gpu import HeteroLinearRegression
    >>> from pyfate_gpu.glm.workload import iteration
    >>> from pyfate_gpu.protocol.cost import JobShape
    >>> shape = JobShape(rows=100, columns={"guest": 3, "host-0": 5})
    >>> work = iteration(shape, HeteroLinearRegression(optimizer="adam").settings())
    >>> work["host-0"]["multiply"], work["arbiter"]["decrypt"]
    (500, 10)
    """
    division, family = settings.division(shape.rows), FAMILIES[settings.family]
    batches, packing = len(division), _packing(shape, settings)
    sizes = [len(batch.rows) for batch in division.add_dummies(division.draw())]
    sent = sum(math.prod(packing.shape(rows)) for rows in sizes)
    entries = {name: sum(sizes) for name in shape.columns} | {GUEST.name: shape.rows}
    hosts = [name for name in shape.columns if name != GUEST.name]
    work: Steps = {name: Counter() for name in (*shape.columns, ARBITER.name)}
    cold = settings.optimizer == NEWTON and is_cold(number, warm=False)
    for name, count in shape.columns.items():
        if cold and name == GUEST.name:
            continue
        width = (count + (name == GUEST.name and settings.fit_intercept)) * packing.groups
        party = work[name]
        party["multiply"] += entries[name] * width
        party[_hiding(settings, packing)] += width * batches
        work[ARBITER.name].update(check=width * batches, decrypt=width * batches)
        if name in hosts:
            party.update(encrypt=0 if cold else sent, check=sent)
    guest = work[GUEST.name]
    if cold:
        guest["encrypt"] += sent
    else:
        guest.update(check=len(hosts) * sent, add=(len(hosts) - 1) * sent, blind=sent)
        guest[family.combining] += sent
    if not cold and (shape.weighted or sum(sizes) > shape.rows):
        guest["weigh"] += sent
    if settings.optimizer != NEWTON or (is_labelled(number) and not cold):
        _loss(work, shape, packing, family.loss_from_targets, batches, sum(sizes))
    if shape.validation:
        add_work(work, scoring(shape.validation, shape, settings.key_bits))
    if family.loss_from_targets and settings.batch_strategy == "random":
        add_work(work, targets(sent, hosts))
    return work


def _packing(shape: JobShape, settings: Settings) -> Packing:
    """Return how rows and outputs share ciphertexts; parties are taken to be set alike."""
    parties, row_bits = len(shape.columns), row_bits_of(shape.rows)
    if why_terms_forbid(
        settings, parties=parties, outputs=shape.outputs, row_bits=row_bits
    ) or why_data_forbid(
        settings,
        rows=settings.division(shape.rows).size,
        columns=sum(shape.columns.values()) + settings.fit_intercept,
        weighted=shape.weighted,
        standardized=settings.standardize,
    ):
        return settings.class_slots(parties, shape.outputs)
    found = RowSlots.of(key_bits=settings.key_bits, parties=parties, row_bits=row_bits)
    assert found is not None  # or the terms had forbidden it
    return found


def _hiding(settings: Settings, packing: Packing) -> str:
    """What is done to a gradient before it goes to the arbiter."""
    shown = settings.mode == ARBITER_OPTIMIZER and not isinstance(packing, RowSlots)
    return "blind" if shown else "mask"


def _loss(
    work: Steps, shape: JobShape, packing: Packing, products: bool, batches: int, sent: int
) -> None:
    """Add what the loss takes: residuals times labels, and the parts of hosts."""
    hosts = [name for name in shape.columns if name != GUEST.name]
    slots = {CLASSES: shape.outputs, ROWS: 1}.get(packing.name, 0)
    guest, arbiter = work[GUEST.name], work[ARBITER.name]
    each = packing.groups if packing.name == CLASSES else 1
    guest["multiply"] += shape.rows * shape.outputs * each
    guest.update(mask=(slots + 1) * batches, check=len(hosts) * batches)
    guest["add"] += (len(hosts) - 1) * batches + (0 if slots else batches)
    arbiter.update(check=(slots + 1) * batches, decrypt=(slots + 1) * batches)
    for name in hosts:
        if products:
            work[name].update(multiply=sent * shape.outputs, blind=batches)
        else:
            work[name]["encrypt"] += batches


def targets(sent: int, hosts: list[str]) -> Steps:
    """Return what it takes to send encrypted targets."""
    return {GUEST.name: Counter(encrypt=sent), **{name: Counter(check=sent) for name in hosts}}


def scoring(rows: int, shape: JobShape, key_bits: int) -> Steps:
    """Return what it takes to score rows: of validation, or predicted."""
    hosts = [name for name in shape.columns if name != GUEST.name]
    count = score_layout(key_bits, len(hosts) + 1).groups(rows * shape.outputs)
    return {
        GUEST.name: Counter(check=len(hosts) * count, add=len(hosts) * count, mask=count),
        **{name: Counter(encrypt=count) for name in hosts},
        ARBITER.name: Counter(check=count, decrypt=count),
    }


def workload_of(shape: JobShape, settings: Settings) -> Workload:
    """Return what a whole training takes.

    Memory: forward values, residuals, the frame that carries one of them and scratch are there at once.
    """
    batch = min(settings.batch_size or shape.rows, shape.rows)
    sent = min(shape.rows, round(batch * (1 + settings.masked_rate)))
    packing = _packing(shape, settings)
    held = dict.fromkeys(shape.columns, 4 * math.prod(packing.shape(sent)))
    held[ARBITER.name] = 2 * max(shape.columns.values()) * packing.groups
    terms = packing.shape(batch)[0]
    slots = packing.slots if isinstance(packing, RowSlots) else None
    batches, steps = len(settings.division(shape.rows)), iteration(shape, settings, 2)
    round_trips = ROUND_TRIPS * batches
    return Workload(settings.max_iter, steps, terms, held, slots, batches, round_trips)
