# SPDX-License-Identifier: Apache-2.0
"""From a party's columns to its fitted bins, for guest and host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.binning.guest import send_labels, weigh_host
from pyfate_gpu.binning.host import find_evidence
from pyfate_gpu.binning.labels import Labels
from pyfate_gpu.binning.plan import Plan, announce_plan, receive_plan
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
        }
        for name, value in (
            ("woe_", self.woe),
            ("classes_", self.classes),
            ("evidence_", self.evidence),
            ("host_evidence_", self.hosts),
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
        if self.hosts is not None:
            found["hosts"] = {
                host: [_summary(column) for column in columns]
                for host, columns in self.hosts.items()
            }
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


def fit_guest(model: HeteroBinning, session: Session, own: Own, y: Any, weights: Any) -> Fitted:
    """Weigh the bins of all parties."""
    labels = Labels.of(y, own.table.rows, weights)  # before anything is encrypted
    bins = own.learn(labels.matrix)
    plan = Plan(own.table.rows, len(labels.classes), labels.weighted, bool(plain(model.share_woe)))
    agree_on_terms(session, TASK, model.terms())
    key = model.announce_new_key(session)
    plan.check(key.public_key)
    announce_plan(session, plan)
    weighing = model.weighing()
    counts = [
        labels.counts(count_classes(each, column, labels.matrix).astype(np.int64))
        for each, column in zip(bins, own.table.columns, strict=True)
    ]
    evidence = [weighing.weigh(each) for each in counts]
    send_labels(session, key, plan, labels)
    hosts = {
        host.name: weigh_host(session, key, plan, labels, host, weighing) for host in session.hosts
    }
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
    )


def fit_host(model: HeteroBinning, session: Session, own: Own) -> Fitted:
    """Have the guest weigh the bins of a host."""
    learned = own.learn()
    bins = [
        each.merged(each.counted(column), own.min_rows)
        for each, column in zip(learned, own.table.columns, strict=True)
    ]
    codes = [
        each.assign(column).astype(np.int64)
        for each, column in zip(bins, own.table.columns, strict=True)
    ]
    agree_on_terms(session, TASK, model.terms())
    receive_key(
        session,
        plain(model.key_bits),
        scheme=model.scheme,
        allow_insecure_key_size=plain(model.allow_insecure_key_size),
        owner=GUEST,
    )
    plan = receive_plan(session, own.table.rows)
    plan.check(session.key_of(GUEST))
    found = find_evidence(session, plan, bins, codes)
    rows = _rows(own.table, bins)
    return Fitted(own.table.names, bins, rows, found.iv, found.woe, order=found.order)


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
