# SPDX-License-Identifier: Apache-2.0
"""The host's side: encrypted labels in, sums of bins in an order of its own out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyfate_gpu.binning.kept import label_chunks
from pyfate_gpu.binning.plan import Plan
from pyfate_gpu.binning.shuffle import Shuffle
from pyfate_gpu.data.binning.column import ColumnBins
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray, concatenate
from pyfate_gpu.he.array.bin_sums import BinSums
from pyfate_gpu.typing import Floats, Integers

#: Rows that are summed at once.
HELD_ROWS = 1 << 16


@dataclass(frozen=True, eq=False)
class HostFindings:
    """What a host knows in the end.

    Parameters
    ----------
    iv : float64 [columns, outputs]
        Information values, as the guest rounded them.
    woe : list of float64 [bins, outputs], or None
        Weights of evidence of each column's bins; None without the guest's consent.
    order : Shuffle
        In which columns and bins travelled.
    """

    iv: Floats
    woe: list[Floats] | None
    order: Shuffle


def find_evidence(
    session: Session,
    plan: Plan,
    bins: list[ColumnBins],
    codes: list[Integers],
    *,
    keeps: bool = False,
) -> HostFindings:
    """Sum labels in the bins of all columns, and learn what they say.

    Parameters
    ----------
    bins : list of ColumnBins
        Of each column, small ones merged.
    codes : list of int [rows]
        The bin of each row, by column.
    keeps : bool
        Whether the labels are kept for later fits of the session.

    Raises
    ------
    ProtocolError
        When the guest answers what cannot be.
    """
    rows = [np.bincount(each, minlength=b.count) for each, b in zip(codes, bins, strict=True)]
    order = Shuffle.draw(rows)
    sums = sum_bins(session, plan, order, codes, keeps=keeps)
    session.send(GUEST, "bin_counts", counts=order.sizes)
    if sums is not None:
        session.send(GUEST, "bin_sums", sums=sums)
    values = session.receive(GUEST, "values", iv=np.ndarray)
    _check(values, (len(order.columns), plan.outputs), "information values")
    iv = np.zeros((len(bins), plan.outputs))
    iv[order.columns] = values
    if not plan.consent:
        return HostFindings(iv, None, order)
    evidence = session.receive(GUEST, "evidence", woe=np.ndarray)
    _check(evidence, (int(order.sizes.sum()), plan.outputs), "weights of evidence")
    woe = order.unshuffle(evidence, [each.count for each in bins])
    return HostFindings(iv, woe, order)


def sum_bins(
    session: Session,
    plan: Plan,
    order: Shuffle,
    codes: list[Integers],
    *,
    sample: int = 0,
    keeps: bool = False,
) -> CiphertextArray | None:
    """Return the sums of all bins that travel, as few ciphertexts; None without any.

    Rows are summed as they come, so that they are never all here at once unless they are kept.
    """
    sums = BinSums([codes[at] for at in order.columns], [bins[:-1] for bins in order.bins])
    total: CiphertextArray | None = None
    waiting: list[CiphertextArray] = []
    begin = 0
    for first, rows in label_chunks(session, plan, sample=sample, keeps=keeps):
        end = first + rows.size
        waiting = [*waiting, rows] if sums.size else []
        if not waiting or (end - begin < HELD_ROWS and end < plan.rows):
            continue
        with session.statistics.step(Step.ADD, operations=(end - begin) * len(order.columns)):
            part = sums.of(concatenate(waiting), begin)
            total = part if total is None else total + part
        begin, waiting = end, []
    if total is None:
        return None
    with session.statistics.step(Step.ADD):
        return total.squeeze(plan.squeezed(session.key_of(GUEST)))


def _check(values: Floats, shape: tuple[int, ...], what: str) -> None:
    if values.dtype != np.float64 or values.shape != shape or np.isnan(values).any():
        raise ProtocolError(
            f"the guest sent {what} of shape {values.shape} and type {values.dtype}; it takes float64 {shape}"
        )
