# SPDX-License-Identifier: Apache-2.0
"""How many operations of each kind the protocol takes: what `Usage` counts, known before anything runs."""

from __future__ import annotations

from collections import Counter

from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.glm.conjugate import is_labelled, scalars_of
from pyfate_gpu.glm.families import FAMILIES
from pyfate_gpu.glm.row_slots import RowSlots, why_data_forbid, why_terms_forbid
from pyfate_gpu.glm.settings import ARBITER_OPTIMIZER, NEWTON, Settings
from pyfate_gpu.protocol.cost import JobShape, Steps, Workload, add_work
from pyfate_gpu.protocol.scoring import score_layout


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
    (600, 10)
    """
    division, family = settings.division(shape.rows), FAMILIES[settings.family]
    batches, row_slots = len(division), _row_slots(shape, settings, number)
    outputs = _ciphertexts_a_row(shape, settings, number)
    sent = sum(len(batch.rows) for batch in division.add_dummies(division.draw())) * outputs
    own = shape.rows * outputs
    entries = {name: own if name == GUEST.name else sent for name in shape.columns}
    if row_slots is not None:
        sent = row_slots.groups(sent)
    masked = settings.mode != ARBITER_OPTIMIZER
    hosts = [name for name in shape.columns if name != GUEST.name]
    work: Steps = {name: Counter() for name in (*shape.columns, ARBITER.name)}
    for name, count in shape.columns.items():
        width = (count + (name == GUEST.name and settings.fit_intercept)) * outputs
        party = work[name]
        party["multiply"] += entries[name] * (width // outputs) + entries[name]
        party["mask" if masked else "blind"] += width * batches
        work[ARBITER.name]["check"] += width * batches
        work[ARBITER.name]["decrypt"] += width * batches
        if name in hosts:
            party["encrypt"] += sent
            party["check"] += sent
            party["blind"] += batches
    guest = work[GUEST.name]
    guest["mask"] += batches  # of the loss
    guest["check"] += len(hosts) * (sent + batches)
    # Hosts' scores to one sum, the guest's on top; shares of the loss alike.
    guest["add"] += (len(hosts) - 1) * (sent + batches) + batches
    guest[family.combining] += sent
    guest["blind"] += sent
    if shape.weighted or entries[hosts[0]] > own:
        guest["weigh"] += sent
    work[ARBITER.name].update(check=batches, decrypt=batches)
    if settings.optimizer == NEWTON:
        _search(work, shape, number, own)
    if shape.validation:
        add_work(work, scoring(shape.validation, shape, settings.key_bits))
    if family.loss_from_targets and settings.batch_strategy == "random":
        add_work(work, targets(sent, hosts))
    return work


def _ciphertexts_a_row(shape: JobShape, settings: Settings, number: int) -> int:
    if settings.optimizer != NEWTON or is_labelled(number):
        return shape.outputs
    parties = len(shape.columns)
    return settings.class_slots(parties, shape.outputs).groups


def _row_slots(shape: JobShape, settings: Settings, number: int) -> SlotLayout | None:
    """Return how rows share ciphertexts in an iteration, if they do; parties are taken to be set alike."""
    parties = len(shape.columns)
    if (
        settings.optimizer != NEWTON
        or is_labelled(number)
        or why_terms_forbid(settings, parties=parties, outputs=shape.outputs)
        or why_data_forbid(
            settings,
            rows=shape.rows,
            columns=sum(shape.columns.values()) + settings.fit_intercept,
            weighted=shape.weighted,
            standardized=settings.standardize,
        )
    ):
        return None
    packing = RowSlots.of(key_bits=settings.key_bits, parties=parties)
    return None if packing is None else packing.slots


def _search(work: Steps, shape: JobShape, number: int, own: int) -> None:
    """Add the sums that decide a step, and take away the loss where labels do not enter."""
    count = scalars_of(number) * shape.outputs
    hosts = len(shape.columns) - 1
    guest, arbiter = work[GUEST.name], work[ARBITER.name]
    for name in shape.columns:
        if name != GUEST.name:
            work[name]["encrypt"] += count
        if not is_labelled(number):
            work[name]["multiply"] -= own
            work[name]["blind"] -= name != GUEST.name
    guest.update(check=hosts * count, add=hosts * count, mask=count)
    arbiter.update(check=count, decrypt=count)
    if not is_labelled(number):
        guest.subtract(Counter(mask=1, check=hosts, add=hosts))
        arbiter.subtract(Counter(check=1, decrypt=1))


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
    sent = min(shape.rows, round(batch * (1 + settings.masked_rate))) * shape.outputs
    slots = _row_slots(shape, settings, 2)
    terms = batch if slots is None else slots.groups(batch)
    held = dict.fromkeys(shape.columns, 4 * sent)
    held[ARBITER.name] = 2 * max(shape.columns.values())
    return Workload(settings.max_iter, iteration(shape, settings, 2), terms, held)
