# SPDX-License-Identifier: Apache-2.0
"""How far other rows differ from those that bins were learned of: over all, and within each class.

Over all each party finds it alone. Within a class it takes labels of the other rows under encryption, summed in the
bins that travelled before. A host leaves out a column where a bin has fewer than its `min_rows` of these rows, or
rows lie in bins that had none before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.binning.guest import Weighing, decrypt_counts, send_labels
from pyfate_gpu.binning.host import sum_bins
from pyfate_gpu.binning.labels import Labels
from pyfate_gpu.binning.plan import Plan
from pyfate_gpu.binning.shuffle import Shuffle
from pyfate_gpu.data.binning.column import ColumnBins
from pyfate_gpu.data.information_value import stability_of
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.typing import Floats, Integers

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey

#: Of the messages about the other rows.
SAMPLE = 1


def compare_samples(expected: Floats, actual: Floats, weighing: Weighing) -> list[float]:
    """Return the stability index of counts [bins, classes] over all, and of each class."""
    pairs = [(expected.sum(axis=1), actual.sum(axis=1)), *zip(expected.T, actual.T, strict=True)]
    return [
        stability_of(*pair, smoothing=weighing.smoothing, alpha=weighing.alpha) for pair in pairs
    ]


def ask_hosts(
    session: Session,
    key: PrivateKey,
    plan: Plan,
    labels: Labels,
    expected: dict[str, list[Floats]],
    weighing: Weighing,
) -> dict[str, Floats]:
    """Return the indices of hosts' columns, [columns, 1 + classes], NaN where a host left one out; the guest's side.

    Parameters
    ----------
    plan, labels : Plan, Labels
        Of the other rows.
    expected : dict
        Counts [bins, classes] of each host's columns before, as they travelled.
    """
    send_labels(session, key, plan, labels, sample=SAMPLE)
    found = {}
    for host in session.hosts:
        before = expected[host.name]
        values = np.full((len(before), 1 + plan.classes), np.nan)
        shown = session.receive(host, "bin_counts", iteration=SAMPLE, counts=np.ndarray)
        sizes = [len(each) for each in before]
        if shown.dtype != np.int64 or shown.shape != (len(sizes),) or not _fit(shown, sizes):
            raise ProtocolError(f"{host} sent no numbers of the bins that it sent before")
        columns = np.flatnonzero(shown)
        sums = decrypt_counts(
            session, key, plan, labels, host, [sizes[at] for at in columns], sample=SAMPLE
        )
        for at, counts in zip(columns, sums, strict=True):
            values[at] = compare_samples(before[at], labels.counts(counts), weighing)
        found[host.name] = values
    return found


def answer_guest(
    session: Session, plan: Plan, order: Shuffle, codes: list[Integers], min_rows: int
) -> None:
    """Sum labels of the other rows in the bins that travelled; the host's side."""
    places = []
    for place, (column, bins) in enumerate(zip(order.columns, order.bins, strict=True)):
        rows = np.bincount(codes[column], minlength=int(bins.max()) + 1)
        inside = rows[bins]
        small = (inside > 0) & (inside < min_rows)
        if not small.any() and inside.sum() == plan.rows:
            places.append(place)
    shown = Shuffle(order.columns[places], [order.bins[place] for place in places])
    sizes = np.zeros(len(order.columns), dtype=np.int64)
    sizes[places] = shown.sizes
    sums = sum_bins(session, plan, shown, codes, sample=SAMPLE)
    session.send(GUEST, "bin_counts", counts=sizes, iteration=SAMPLE)
    if sums is not None:
        session.send(GUEST, "bin_sums", sums=sums, iteration=SAMPLE)


def stability_alone(
    bins: list[ColumnBins], before: list[Integers], codes: list[Integers], weighing: Weighing
) -> Floats:
    """Return the indices of a party's own columns over all, [columns]."""
    return np.array(
        [
            stability_of(
                old,
                np.bincount(new, minlength=each.count),
                smoothing=weighing.smoothing,
                alpha=weighing.alpha,
            )
            for each, old, new in zip(bins, before, codes, strict=True)
        ],
        dtype=np.float64,
    )


def _fit(shown: NDArray[np.int64], sizes: list[int]) -> bool:
    return all(int(one) in (0, size) for one, size in zip(shown, sizes, strict=True))
