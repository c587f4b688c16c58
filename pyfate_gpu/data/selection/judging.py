# SPDX-License-Identifier: Apache-2.0
"""Rules applied to columns, one rule after the other; each judges the columns that are still there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pyfate_gpu.data.selection.metrics import inflation_of
from pyfate_gpu.data.selection.rules import CORRELATION, VIF, Rule, Verdict
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.typing import Floats

#: Numbers of all columns by metric; of several classes a list for each column.
Metrics = Mapping[str, Sequence[Any]]


def judge(
    verdicts: Sequence[Verdict],
    rules: Sequence[Rule],
    metrics: Metrics,
    matrices: Mapping[str, Callable[[], Floats]],
    rank: str = "iv",
) -> None:
    """Drop columns by rules, in their order; columns that were kept by name are left alone.

    Parameters
    ----------
    verdicts : sequence of Verdict
        On each column; those not kept are not judged.
    rules : sequence of Rule
    metrics : mapping
        What is known of all columns; NaN where it is not known of one, which no rule drops.
    matrices : mapping
        By ``correlation`` and ``correlation_between`` what returns the correlations of all columns, as far as they
        are known, which is asked for where a rule needs it.
    rank : str
        Of two columns that correlate the one with the smaller number goes, where this metric is known, else the
        later one.

    Raises
    ------
    ConfigurationError
        When a rule asks for what is not known.
    """
    for rule in rules:
        if rule.metric in matrices:
            found = matrices[rule.metric]()
            _by_correlation(verdicts, rule, found, _ranks(metrics, rank, len(verdicts)))
        elif rule.metric == VIF and CORRELATION in matrices:
            _by_inflation(verdicts, rule, matrices[CORRELATION]())
        elif rule.metric in metrics:
            _by_number(verdicts, rule, metrics[rule.metric])
        else:
            known = ", ".join([*metrics, *matrices, VIF])
            raise ConfigurationError(
                f"a rule asks for {rule.metric!r}, which is not known of these columns: hand it in, or choose one "
                f"of {known}"
            )


def name_by_hand(verdicts: Sequence[Verdict], keep: Sequence[Any], drop: Sequence[Any]) -> None:
    """Keep and drop columns by name.

    Raises
    ------
    ConfigurationError
        When there is no such column, or it is in both.
    """
    known = {verdict.column: verdict for verdict in verdicts}
    for name in (*keep, *drop):
        if name not in known:
            raise ConfigurationError(f"there is no column {name!r} to keep or drop")
    both = sorted(set(keep) & set(drop), key=str)
    if both:
        raise ConfigurationError(f"{both[0]!r} is to be kept and to be dropped: choose one")
    for name in keep:
        known[name].reason = "kept by name"
    for name in drop:
        known[name].drop("dropped by name", "by name")


def _open(verdicts: Sequence[Verdict]) -> list[int]:
    """Columns that are there and may be dropped."""
    return [at for at, each in enumerate(verdicts) if each.kept and not each.reason]


def _by_number(verdicts: Sequence[Verdict], rule: Rule, values: Sequence[Any]) -> None:
    found = [rule.merged(value) for value in values]
    for verdict, value in zip(verdicts, found, strict=True):
        if not math.isnan(value):
            verdict.values[rule.metric] = value
    for at in _open(verdicts):
        reason = rule.why_drop(found[at])
        if reason:
            verdicts[at].drop(reason, rule.title)
    left = [at for at in _open(verdicts) if not math.isnan(found[at])]
    limits = [len(left)]
    if rule.top is not None:
        limits.append(int(rule.top))
    if rule.top_share is not None:
        limits.append(math.ceil(rule.top_share * len(left)))
    ordered = sorted(left, key=lambda at: -found[at])  # of equals the earlier one stays
    for at in ordered[min(limits) :]:
        verdicts[at].drop(
            f"{rule.metric} {found[at]:.4g} is not among the {min(limits)} largest", rule.title
        )


def _by_correlation(
    verdicts: Sequence[Verdict], rule: Rule, correlation: Floats, ranks: list[float]
) -> None:
    """Keep the best first, and drop each that goes with one that stays."""
    assert rule.at_most is not None
    there = [at for at, each in enumerate(verdicts) if each.kept]
    ordered = sorted(there, key=lambda at: (not verdicts[at].reason, -ranks[at]))
    stay: list[int] = []
    for at in ordered:
        near = [other for other in stay if abs(correlation[at, other]) > rule.at_most]
        if near and not verdicts[at].reason:
            most = max(near, key=lambda other: abs(correlation[at, other]))
            verdicts[at].values[rule.metric] = float(correlation[at, most])
            verdicts[at].drop(
                f"{rule.metric} {correlation[at, most]:.4g} with {verdicts[most].column!r} is beyond {rule.at_most:g}",
                rule.title,
            )
        else:
            stay.append(at)


def _by_inflation(verdicts: Sequence[Verdict], rule: Rule, correlation: Floats) -> None:
    """Drop the column that the others span best, until none is spanned too well; of equals the last."""
    assert rule.at_most is not None
    while True:
        there = [at for at, each in enumerate(verdicts) if each.kept]
        found = inflation_of(correlation[np.ix_(there, there)])
        for at, value in zip(there, found, strict=True):
            verdicts[at].values[VIF] = float(value)
        open_ = [
            (value, at) for at, value in zip(there, found, strict=True) if not verdicts[at].reason
        ]
        value, at = max(open_, default=(0.0, -1))
        if value <= rule.at_most:
            return
        verdicts[at].drop(f"vif {value:.4g} is above {rule.at_most:g}", rule.title)


def _ranks(metrics: Metrics, rank: str, count: int) -> list[float]:
    rule = Rule(rank, at_least=0)
    values = [rule.merged(value) for value in metrics[rank]] if rank in metrics else [0.0] * count
    return [-math.inf if math.isnan(value) else value for value in values]
