# SPDX-License-Identifier: Apache-2.0
"""Which columns stay: hosts judge by what they alone know, the guest by what labels say; names stay at home.

A host says of each column that travelled whether it is still there, and by which rule not; the guest answers with
the rules that dropped further ones. Neither sends a number of a column, or a name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyfate_gpu.binning.between import (
    Products,
    answer_products,
    receive_correlations,
    send_columns,
)
from pyfate_gpu.binning.fitting import Fitted
from pyfate_gpu.data.binning.learn import is_text
from pyfate_gpu.data.binning.table import ColumnTable
from pyfate_gpu.data.information_value import Evidence
from pyfate_gpu.data.selection.judging import judge
from pyfate_gpu.data.selection.metrics import same_of, standardized
from pyfate_gpu.data.selection.rules import BETWEEN, Rule, Verdict
from pyfate_gpu.errors import DisagreementError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.he import PrivateKey
from pyfate_gpu.typing import Floats

#: What the guest knows of all parties' columns.
JOINT = ("iv", "ks", "chi_square", BETWEEN)
#: Why a column without two bins is dropped by rules of what labels say.
NOTHING = "one bin: labels say nothing"
#: A column of the guest that fewer rows than this tell from a constant is compared with no host's.
FEWEST = 20
_LONGEST = 1 << 20


def judge_together(
    session: Session,
    key: PrivateKey,
    rules: Sequence[Rule],
    table: ColumnTable,
    fitted: Fitted,
    own: list[Verdict],
) -> dict[str, list[Verdict]]:
    """Judge the columns of all parties by rules of what labels say; the guest's side.

    Parameters
    ----------
    own : list of Verdict
        On the guest's columns so far; changed.

    Returns
    -------
    dict
        Verdicts on the columns of each host, by its name, in the order of their evidence.
    """
    assert fitted.hosts is not None
    assert fitted.evidence is not None
    hosts = {
        host: _receive_standing(session, host, len(fitted.hosts[host.name]))
        for host in session.hosts
    }
    everything = [*own, *(verdict for each in hosts.values() for verdict in each)]
    evidence = [*fitted.evidence, *(e for host in hosts for e in fitted.hosts[host.name])]
    between = any(rule.metric == BETWEEN for rule in rules)
    matrix = np.zeros((len(everything), len(everything)))
    wanted = len(_compared(own, table)) if between else 0
    session.send(session.hosts, "joint", between=wanted, judged=bool(rules))
    if wanted:
        matrix = _correlate(session, key, table, own, hosts)
    judge(everything, rules, _numbers(evidence), {BETWEEN: lambda: matrix})
    for host, verdicts in hosts.items():
        session.send(host, "verdicts", rules=json.dumps([v.rule for v in verdicts]))
    return {host.name: verdicts for host, verdicts in hosts.items()}


def have_judged(
    session: Session,
    table: ColumnTable,
    fitted: Fitted,
    own: list[Verdict],
    *,
    share_correlations: bool,
) -> None:
    """Have the guest judge this host's columns; `own` are its verdicts so far, and are changed.

    Raises
    ------
    DisagreementError
        When the guest asks for correlations and may not have them.
    ProtocolError
        When it answers what are no verdicts.
    """
    travelled = [own[at] for at in fitted.order]
    session.send(GUEST, "standing", rules=json.dumps([v.rule for v in travelled]))
    between, judged = session.receive(GUEST, "joint", between=int, judged=bool)
    if not 0 <= between <= _LONGEST:
        raise ProtocolError(f"the guest announced {between} columns")
    kept = [at for at in fitted.order if own[at].kept]
    if between and not share_correlations:
        raise DisagreementError(
            f"the guest has a rule of {BETWEEN}, and {session.party} does not share correlations: set "
            "share_correlations, or leave out the rule"
        )
    if between and kept:
        answer_products(session, standardized([table.columns[at] for at in kept]), between)
    rules = _read_rules(session.receive(GUEST, "verdicts", rules=str), len(travelled), GUEST)
    for verdict, rule in zip(travelled, rules, strict=True):
        if rule and verdict.kept and not verdict.reason:
            verdict.drop(f"the guest's rule: {rule}", rule)
    if judged:
        for at in sorted(set(range(len(own))) - set(fitted.order)):
            if own[at].kept and not own[at].reason:
                own[at].drop(NOTHING, NOTHING)


def _compared(own: list[Verdict], table: ColumnTable) -> list[int]:
    """Return the guest's columns that are compared with hosts': not those that would single out a few rows."""
    most = 1 - FEWEST / table.rows
    return [
        at
        for at, verdict in enumerate(own)
        if verdict.kept and not is_text(table.columns[at]) and same_of(table.columns[at]) <= most
    ]


def _receive_standing(session: Session, host: Party, count: int) -> list[Verdict]:
    rules = _read_rules(session.receive(host, "standing", rules=str), count, host)
    verdicts = [Verdict(f"{host.name} column {at}") for at in range(count)]
    for verdict, rule in zip(verdicts, rules, strict=True):
        if rule:
            verdict.drop(f"the host's rule: {rule}", rule)
    return verdicts


def _read_rules(text: str, count: int, sender: Party) -> list[str]:
    try:
        rules: Any = json.loads(text) if len(text) <= _LONGEST else None
    except (ValueError, RecursionError):
        rules = None
    if (
        not isinstance(rules, list)
        or len(rules) != count
        or not all(isinstance(rule, str) for rule in rules)
    ):
        raise ProtocolError(f"{sender} sent no verdicts on {count} columns")
    return [rule[:200] for rule in rules]


def _correlate(
    session: Session,
    key: PrivateKey,
    table: ColumnTable,
    own: list[Verdict],
    hosts: dict[Party, list[Verdict]],
) -> Floats:
    """Return the correlations of the guest's columns that stay with those of hosts, 0 elsewhere."""
    mine = _compared(own, table)
    asked = [host for host, verdicts in hosts.items() if any(v.kept for v in verdicts)]
    size = len(own) + sum(map(len, hosts.values()))
    found = np.zeros((size, size))
    if not asked:
        return found
    values = standardized([table.columns[at] for at in mine])
    Products(*values.shape).check(session.party)
    products = send_columns(session, key, values, asked)
    first = len(own)
    for host, verdicts in hosts.items():
        theirs = [first + at for at, verdict in enumerate(verdicts) if verdict.kept]
        first += len(verdicts)
        if host in asked:
            block = receive_correlations(session, key, products, host, len(theirs))
            found[np.ix_(theirs, mine)], found[np.ix_(mine, theirs)] = block, block.T
    return found


def _numbers(evidence: list[list[Evidence]]) -> dict[str, list[list[float]]]:
    return {
        name: [[getattr(each, name) for each in column] for column in evidence]
        for name in ("iv", "ks", "chi_square")
    }
