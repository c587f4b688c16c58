# SPDX-License-Identifier: Apache-2.0
"""From a party's columns to its fitted bins, for guest and host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.binning.finer import have_merged, learn_at_host, merge_for
from pyfate_gpu.binning.guest import send_labels, weigh_host
from pyfate_gpu.binning.host import find_evidence
from pyfate_gpu.binning.kept import forget, keep_sent, kept_keys
from pyfate_gpu.binning.labels import Labels
from pyfate_gpu.binning.plan import Plan, announce_plan, receive_plan
from pyfate_gpu.binning.stability import (
    answer_guest,
    ask_hosts,
    compare_samples,
    stability_alone,
)
from pyfate_gpu.data.binning.binner import count_classes
from pyfate_gpu.data.binning.column import ColumnBins
from pyfate_gpu.data.binning.learn import learn_bins
from pyfate_gpu.data.binning.settings import BinningRules
from pyfate_gpu.data.binning.table import ColumnTable
from pyfate_gpu.data.information_value import Evidence
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.protocol.keys import receive_key
from pyfate_gpu.protocol.settings import plain
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.binning.estimator import HeteroBinning

TASK = "iv"


@dataclass(frozen=True, eq=False)
class Own:
    """A party's columns and how it wants them binned.

    Parameters
    ----------
    table : ColumnTable
    rules : BinningRules
    min_rows : int
        Fewest rows of a bin that others hear of.
    """

    table: ColumnTable
    rules: BinningRules
    min_rows: int

    def learn(self, classes: Floats | None = None) -> list[ColumnBins]:
        """Return the bins of all columns."""
        return self.table.each(
            lambda place, key: learn_bins(
                self.table.columns[place], key, self.rules, classes=classes
            )
        )


@dataclass(frozen=True, eq=False)
class Others:
    """Further rows that bins are compared with.

    Parameters
    ----------
    table : ColumnTable
    y : array-like or None
        Their labels, at the guest.
    """

    table: ColumnTable
    y: Any = None


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a party keeps.

    Parameters
    ----------
    names : tuple of str or None
        Of its columns.
    bins : list of ColumnBins
    rows : list of int64 [bins]
        Of each column, when it was learned.
    iv : float64 [columns, outputs]
    woe : list of float64 [bins, outputs] or None
    classes : array or None
        Of the labels, at the guest.
    evidence : list of list of Evidence or None
        Of the guest's own columns.
    hosts : dict or None
        Evidence of the columns of each host, at the guest.
    order : list of int
        A host's numbers of the columns that travelled, in that order.
    stability : float64 [columns, 1] or [columns, 1 + classes], or None
        Of validation rows, where there were some: over all, at the guest also within each class.
    host_stability : dict or None
        Of the columns of each host, [columns, 1 + classes], NaN where it left one out; at the guest.
    training : str
        The id of the fit, the same at all parties.
    """

    names: tuple[str, ...] | None
    bins: list[ColumnBins]
    rows: list[NDArray[np.int64]]
    iv: Floats
    woe: list[Floats] | None
    classes: NDArray[Any] | None = None
    evidence: list[list[Evidence]] | None = None
    hosts: dict[str, list[list[Evidence]]] | None = None
    order: tuple[int, ...] = ()
    stability: Floats | None = None
    host_stability: dict[str, Floats] | None = None
    training: str = ""

    @property
    def outputs(self) -> int:
        """Information values of a column."""
        return int(self.iv.shape[1])

    def attributes(self) -> dict[str, Any]:
        """Return what the model shows of it."""
        found: dict[str, Any] = {
            "bins_": self.bins,
            "iv_": self.iv[:, 0] if self.outputs == 1 else self.iv,
            "n_features_in_": len(self.bins),
            "training_": self.training,
        }
        for name, value in (
            ("woe_", self.woe),
            ("classes_", self.classes),
            ("evidence_", self.evidence),
            ("host_evidence_", self.hosts),
            ("stability_", self.stability),
            ("host_stability_", self.host_stability),
        ):
            if value is not None:
                found[name] = value
        if self.names is not None:
            found["feature_names_in_"] = np.array(self.names, dtype=object)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return information values and bins as JSON takes them; numbers that are infinite as texts."""
        names = self.names or tuple(f"column {at}" for at in range(len(self.bins)))
        found: dict[str, Any] = {
            "iv": {name: _numbers(self.iv[at]) for at, name in enumerate(names)},
            "bins": {name: self._bins_of(at) for at, name in enumerate(names)},
        }
        if self.classes is not None:
            found["classes"] = self.classes.tolist()
        if self.stability is not None:
            found["stability"] = {
                name: _numbers(self.stability[at]) for at, name in enumerate(names)
            }
        for host, columns in (self.hosts or {}).items():
            listed = found.setdefault("hosts", {}).setdefault(host, [])
            listed += [_summary(column) for column in columns]
            for row, values in zip(listed, (self.host_stability or {}).get(host, ()), strict=False):
                row["stability"] = _numbers(values)
        return found

    def _bins_of(self, column: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for at, name in enumerate(self.bins[column].names()):
            row: dict[str, Any] = {"bin": name, "rows": int(self.rows[column][at])}
            if self.evidence is not None:
                row["events"] = _numbers([each.events[at] for each in self.evidence[column]])
                row["others"] = _numbers([each.others[at] for each in self.evidence[column]])
            if self.woe is not None:
                row["woe"] = _numbers(self.woe[column][at])
            found.append(row)
        return found


def fit_guest(
    model: HeteroBinning, session: Session, own: Own, y: Any, weights: Any, others: Others | None
) -> Fitted:
    """Weigh the bins of all parties."""
    labels = Labels.of(y, own.table.rows, weights)  # before anything is encrypted
    bins = own.learn(labels.matrix)
    further = None
    if others is not None:
        further = Labels.of_others(others.y, others.table.rows, labels.classes)
    keeps, consent = bool(plain(model.keep_labels)), bool(plain(model.share_woe))
    keys = None
    if keeps:
        keys = kept_keys(session, labels.units, model.scheme, plain(model.key_bits))
    plan = Plan(
        own.table.rows,
        len(labels.classes),
        labels.weighted,
        consent,
        kept=keys is not None,
        compared=0 if others is None else others.table.rows,
        cuts=bool(plain(model.share_cuts)),
    )
    agree_on_terms(session, TASK, model.terms())
    training = session.task_id
    key = model.announce_key_again(session, keys)
    plan.check(key.public_key)
    announce_plan(session, plan)
    weighing = model.weighing()
    counts = [each.astype(np.int64) for each in _counted(own.table, bins, labels.matrix)]
    evidence = [weighing.weigh(labels.counts(each)) for each in counts]
    if not plan.kept:
        send_labels(session, key, plan, labels)
    if keeps:
        keep_sent(session, plan, key, labels.units)
    if plan.cuts:
        for host in session.hosts:
            merge_for(session, key, plan, labels, host)
    hosts = {
        host.name: weigh_host(session, key, plan, labels, host, weighing) for host in session.hosts
    }
    stability, host_stability = None, None
    if others is not None and further is not None:
        before = {name: [counts_of(each) for each in found] for name, found in hosts.items()}
        host_stability = ask_hosts(session, key, plan.other, further, before, weighing)
        after = _counted(others.table, bins, further.matrix)
        pairs = zip((labels.counts(each) for each in counts), after, strict=True)
        stability = np.array([compare_samples(*pair, weighing) for pair in pairs], dtype=np.float64)
        stability = stability.reshape(-1, 1 + plan.classes)
    iv = [[each.iv for each in column] for column in evidence]
    return Fitted(
        own.table.names,
        bins,
        _rows(own.table, bins),
        np.array(iv, dtype=np.float64).reshape(-1, plan.outputs),
        [np.stack([each.woe for each in column], axis=1) for column in evidence],
        labels.classes,
        evidence,
        hosts,
        stability=stability,
        host_stability=host_stability,
        training=training,
    )


def fit_host(
    model: HeteroBinning, session: Session, own: Own, others: Others | None = None
) -> Fitted:
    """Have the guest weigh the bins of a host."""
    learned = learn_at_host(own.table, own.rules)
    agree_on_terms(session, TASK, model.terms())
    training = session.task_id
    receive_key(
        session,
        plain(model.key_bits),
        scheme=model.scheme,
        allow_insecure_key_size=plain(model.allow_insecure_key_size),
        owner=GUEST,
    )
    plan = receive_plan(session, own.table.rows, 0 if others is None else others.table.rows)
    plan.check(session.key_of(GUEST))
    keeps = bool(plain(model.keep_labels))
    learned, plan = have_merged(session, plan, own.table, own.rules, learned, own.min_rows)
    bins = [
        each.merged(each.counted(column), own.min_rows)
        for each, column in zip(learned, own.table.columns, strict=True)
    ]
    codes = _codes(own.table, bins)
    further = None if others is None else _codes(others.table, bins)
    found = find_evidence(session, plan, bins, codes, keeps=keeps)
    if not keeps:
        forget(session)
    rows = _rows(own.table, bins)
    stability = None
    if further is not None:
        answer_guest(session, plan.other, found.order, further, own.min_rows)
        stability = stability_alone(bins, rows, further, model.weighing())[:, np.newaxis]
    order = tuple(found.order.columns.tolist())
    return Fitted(
        own.table.names,
        bins,
        rows,
        found.iv,
        found.woe,
        order=order,
        stability=stability,
        training=training,
    )


def counts_of(column: list[Evidence]) -> Floats:
    """Return the counts [bins, classes] that evidence of a column was made of."""
    if len(column) == 1:
        return np.stack([column[0].others, column[0].events], axis=1)
    return np.stack([each.events for each in column], axis=1)


def _counted(table: ColumnTable, bins: list[ColumnBins], matrix: Floats) -> list[Floats]:
    return table.each(lambda at, _: count_classes(bins[at], table.columns[at], matrix))


def _codes(table: ColumnTable, bins: list[ColumnBins]) -> list[NDArray[np.int64]]:
    return table.each(lambda at, _: bins[at].assign(table.columns[at]).astype(np.int64))


def _rows(table: ColumnTable, bins: list[ColumnBins]) -> list[NDArray[np.int64]]:
    return [each.counted(column) for each, column in zip(bins, table.columns, strict=True)]


def _numbers(values: Any) -> Any:
    """Return one number, or several, as JSON takes them."""
    listed = [float(v) if np.isfinite(v) else str(float(v)) for v in values]
    return listed[0] if len(listed) == 1 else listed


def _summary(column: list[Evidence]) -> dict[str, Any]:
    return {
        "bins": len(column[0].events),
        "iv": _numbers([each.iv for each in column]),
        "ks": _numbers([each.ks for each in column]),
        "chi_square": _numbers([each.chi_square for each in column]),
        "events": [_numbers(each) for each in zip(*(e.events for e in column), strict=True)],
        "others": [_numbers(each) for each in zip(*(e.others for e in column), strict=True)],
    }
