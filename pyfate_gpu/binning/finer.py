# SPDX-License-Identifier: Apache-2.0
"""Bins of a host that look at labels: it sends sums of finer ones, in their order, and the guest says which to merge.

The host asks for it by its method, the guest agrees by `share_cuts`. The same label ciphertexts serve finer bins and
those that come of them.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.binning.guest import decrypt_counts
from pyfate_gpu.binning.host import sum_bins
from pyfate_gpu.binning.labels import Labels
from pyfate_gpu.binning.plan import Plan, check_sizes
from pyfate_gpu.binning.shuffle import Shuffle
from pyfate_gpu.data.binning.column import ColumnBins
from pyfate_gpu.data.binning.learn import learn_bins, supervised_starts
from pyfate_gpu.data.binning.merging import merge_small
from pyfate_gpu.data.binning.numeric import NumericBins
from pyfate_gpu.data.binning.settings import QUANTILE, SUPERVISED, BinningRules
from pyfate_gpu.data.binning.table import ColumnTable
from pyfate_gpu.errors import ConfigurationError, DisagreementError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.typing import Integers

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey

#: Tells messages of finer bins from those of bins.
SAMPLE = 2


def learn_at_host(table: ColumnTable, rules: BinningRules) -> list[ColumnBins]:
    """Return the bins of a host's columns: where its method looks at labels, finer ones to be merged."""
    if rules.method in SUPERVISED:
        rules = replace(rules, method=QUANTILE, max_bins=rules.prebins, min_share=0.0, trend="none")
    return table.each(lambda place, key: learn_bins(table.columns[place], key, rules))


def have_merged(
    session: Session,
    plan: Plan,
    table: ColumnTable,
    rules: BinningRules,
    bins: list[ColumnBins],
    min_rows: int,
) -> tuple[list[ColumnBins], Plan]:
    """Return bins, those of `learn_at_host` merged as the guest says; and the plan, by which labels are here now.

    Raises
    ------
    ConfigurationError
        When a method looks at labels and the guest does not agree to it.
    ProtocolError
        When it answers what cannot be.
    """
    wants = rules.method in SUPERVISED
    if wants and not plan.cuts:
        raise ConfigurationError(
            f"method {rules.method!r} looks at labels, which a host has none of, and the guest does not merge its "
            "bins: it sets share_cuts, or choose another method, or set cuts"
        )
    if not plan.cuts:
        return bins, plan
    if not wants:
        _send_wish(session, np.empty(0, dtype=np.int64), replace(rules, method=""))
        return bins, plan
    finer = [_Finer.of(table, at, bins[at], rules, min_rows) for at in range(len(bins))]
    columns = [at for at, each in enumerate(finer) if each is not None]
    secrets.SystemRandom().shuffle(columns)
    shown = [each for each in (finer[at] for at in columns) if each is not None]
    order = Shuffle(
        np.array(columns, dtype=np.int64), [np.arange(len(each.starts) + 1) for each in shown]
    )
    codes = [np.empty(0, dtype=np.int64) if each is None else each.codes for each in finer]
    sums = sum_bins(session, plan, order, codes, keeps=True)
    _send_wish(session, order.sizes, rules)
    if sums is not None:
        session.send(GUEST, "bin_sums", sums=sums, iteration=SAMPLE)
    merged = list(bins)
    for at, each, starts in zip(columns, shown, _receive_merges(session, order), strict=True):
        cuts = bins[at].ordinary.cuts  # type: ignore[union-attr]
        ordinary = NumericBins(cuts[each.starts[starts[1:]] - 1])
        merged[at] = ColumnBins.of(ordinary, bins[at].special)
    return merged, replace(plan, kept=True)


def merge_for(session: Session, key: PrivateKey, plan: Plan, labels: Labels, host: Party) -> None:
    """Tell a host which of its finer bins to merge, if it wants to know.

    Raises
    ------
    ProtocolError
        When the host sent rules or sums that cannot be.
    DisagreementError
        When its rules do not fit the labels.
    """
    counts, method, max_bins, trend, max_p, min_share, min_events = session.receive(
        host,
        "finer_bins",
        counts=np.ndarray,
        method=str,
        max_bins=int,
        trend=str,
        max_p=float,
        min_share=float,
        min_events=float,
    )
    sizes = check_sizes(counts, host)
    if not method:
        return
    rules = BinningRules(method, max_bins, min_share, min_events, trend, max_p)
    try:
        rules.check()
    except ConfigurationError as error:
        raise ProtocolError(f"{host} wants bins by rules that make no sense: {error}") from None
    starts = []
    for units in decrypt_counts(session, key, plan, labels, host, sizes, sample=SAMPLE):
        table = labels.counts(units)[:-1]  # without missing and special values
        rows = np.rint(table.sum(axis=1)).astype(np.int64)
        try:
            starts.append(supervised_starts(table, rows, rules))
        except ConfigurationError as error:
            raise DisagreementError(f"rules of {host}: {error}") from None
    session.send(
        host,
        "merges",
        starts=np.concatenate([np.empty(0, dtype=np.int64), *starts]),
        counts=np.array([len(each) for each in starts], dtype=np.int64),
    )


class _Finer:
    """Finer bins of a column: the first quantile of each, and that of each row; other rows are behind the last."""

    def __init__(self, starts: Integers, codes: Integers) -> None:
        self.starts, self.codes = starts, codes

    @classmethod
    def of(
        cls, table: ColumnTable, at: int, bins: ColumnBins, rules: BinningRules, min_rows: int
    ) -> _Finer | None:
        """Return them, None for a column that has nothing to be merged."""
        count = bins.ordinary.count
        if not isinstance(bins.ordinary, NumericBins) or table.keys[at] in rules.cuts:
            return None
        codes = np.minimum(bins.assign(table.columns[at]).astype(np.int64), count)
        rows = np.bincount(codes, minlength=count + 1)
        starts = merge_small(rows[:count], min_rows)
        if len(starts) < 2:
            return None
        onto = np.append(np.searchsorted(starts, np.arange(count), side="right") - 1, len(starts))
        if 0 < rows[count] < min_rows:  # too few to be shown: they count with most others
            sizes = np.bincount(onto[:count], weights=rows[:count])
            onto[count] = int(sizes.argmax())
        return cls(starts, onto[codes])


def _send_wish(session: Session, counts: Integers, rules: BinningRules) -> None:
    session.send(
        GUEST,
        "finer_bins",
        counts=counts,
        method=rules.method,
        max_bins=int(rules.max_bins),
        trend=rules.trend,
        max_p=float(rules.max_p),
        min_share=float(rules.min_share),
        min_events=float(rules.min_events),
    )


def _receive_merges(session: Session, order: Shuffle) -> list[Integers]:
    """Return the first finer bin of each bin, of each column."""
    starts, counts = session.receive(GUEST, "merges", starts=np.ndarray, counts=np.ndarray)
    if (
        starts.dtype != np.int64
        or counts.dtype != np.int64
        or counts.shape != order.columns.shape
        or (counts < 1).any()
        or starts.shape != (int(counts.sum()),)
    ):
        raise ProtocolError("the guest sent no bins to merge finer ones to")
    found = list(np.split(starts, np.cumsum(counts)[:-1])) if len(counts) else []
    for each, size in zip(found, order.sizes.tolist(), strict=True):
        if each[0] != 0 or (np.diff(each) < 1).any() or each[-1] > size - 2:
            raise ProtocolError("the guest sent bins that are none of finer ones")
    return found
