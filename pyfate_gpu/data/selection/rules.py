# SPDX-License-Identifier: Apache-2.0
"""Rules by which columns are kept or dropped, and the verdict on each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any

from pyfate_gpu.errors import ConfigurationError

MERGES = ("max", "mean", "min")
#: Judged on columns together.
CORRELATION, VIF, BETWEEN = TOGETHER = ("correlation", "vif", "correlation_between")


@dataclass(frozen=True)
class Rule:
    """What a number of a column has to be for the column to stay.

    Parameters
    ----------
    metric : str
        Which number: ``unique``, ``missing``, ``same``, ``variation``, ``correlation``, ``vif`` of own columns,
        ``correlation_between`` of columns of two parties, or any that is handed in, such as ``iv``.
    at_least, at_most : float or None
        Bounds, themselves allowed.
    top : int or None
        How many of the columns that are still there stay: those with the largest numbers.
    top_share : float or None
        The same as a share of them, rounded up.
    merge : {"max", "mean", "min"}
        Of columns that have several numbers, one for each class.

    Raises
    ------
    ConfigurationError
        When it says nothing, or what makes no sense.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    top: int | None = None
    top_share: float | None = None
    merge: str = "max"

    def __post_init__(self) -> None:
        if not isinstance(self.metric, str) or not self.metric:
            raise ConfigurationError(f"metric of a rule is {self.metric!r}; it must be a name")
        if self.merge not in MERGES:
            raise ConfigurationError(f"merge is {self.merge!r}; choose one of {', '.join(MERGES)}")
        bounds = ("at_least", "at_most", "top", "top_share")
        if all(getattr(self, name) is None for name in bounds):
            raise ConfigurationError(
                f"the rule of {self.metric} says nothing; give it {', '.join(bounds)}"
            )
        for name in bounds:
            value = getattr(self, name)
            number = isinstance(value, Real) and not isinstance(value, bool)
            if value is not None and not (number and value == value):
                raise ConfigurationError(
                    f"{name} of {self.metric} is {value!r}; it must be a number"
                )
        if self.top is not None and (self.top < 0 or self.top != int(self.top)):
            raise ConfigurationError(f"top is {self.top!r}; it must be a whole number, 0 or more")
        if self.top_share is not None and not 0 <= self.top_share <= 1:
            raise ConfigurationError(f"top_share is {self.top_share!r}; it must be from 0 to 1")
        if self.metric in TOGETHER and (
            self.at_most is None
            or any(getattr(self, n) is not None for n in bounds if n != "at_most")
        ):
            raise ConfigurationError(f"the rule of {self.metric} takes at_most, and nothing else")

    def merged(self, value: Any) -> float:
        """Return the one number of a column."""
        listed = [float(each) for each in value] if isinstance(value, Sequence) else [float(value)]
        if self.merge == "mean":
            return sum(listed) / len(listed)
        return max(listed) if self.merge == "max" else min(listed)

    def why_drop(self, value: float) -> str:
        """Return why a column with that number is dropped, empty if it stays; NaN stays."""
        if self.at_least is not None and value < self.at_least:
            return f"{self.metric} {value:.4g} is below {self.at_least:g}"
        if self.at_most is not None and value > self.at_most:
            return f"{self.metric} {value:.4g} is above {self.at_most:g}"
        return ""

    @property
    def title(self) -> str:
        """The rule in words, without the number of any column."""
        parts = []
        for name, words in (("at_least", "at least"), ("at_most", "at most"), ("top", "top")):
            if getattr(self, name) is not None:
                parts.append(f"{words} {getattr(self, name):g}")
        if self.top_share is not None:
            parts.append(f"top {100 * self.top_share:g} %")
        return f"{self.metric} {', '.join(parts)}"


@dataclass
class Verdict:
    """What becomes of a column.

    Parameters
    ----------
    column : str or int
        Its name, its number where it has none, or the number under which another party's column is known.
    kept : bool
    reason : str
        Why not, or why in spite of all rules; empty of a column that passed.
    values : dict
        The numbers that rules asked for, by metric.
    rule : str
        The title of the rule that dropped it.
    """

    column: Any
    kept: bool = True
    reason: str = ""
    values: dict[str, float] = field(default_factory=dict)
    rule: str = ""

    def drop(self, reason: str, rule: str) -> None:
        """Drop the column."""
        self.kept, self.reason, self.rule = False, reason, rule

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        values = {k: v if abs(v) < float("inf") else str(v) for k, v in self.values.items()}
        return {"column": self.column, "kept": self.kept, "reason": self.reason, **values}


def read_rules(found: Any) -> list[Rule]:
    """Return rules, which may come as mappings, from files.

    Raises
    ------
    ConfigurationError
        When one is none.

    Examples
    --------
    >>> from pyfate_gpu.data.selection.rules import read_rules
    >>> read_rules([{"metric": "iv", "at_least": 0.02}])[0].title
    'iv at least 0.02'
    """
    if isinstance(found, str | Mapping) or not isinstance(found, Sequence):
        raise ConfigurationError(f"rules is {found!r}; it must be a list of rules")
    known = [each.name for each in fields(Rule)]
    rules = []
    for each in found:
        if isinstance(each, Mapping):
            unknown = sorted(set(map(str, each)) - set(known))
            if unknown or "metric" not in each:
                raise ConfigurationError(
                    f"a rule has {', '.join(map(str, each)) or 'nothing'}; it takes metric and some of "
                    f"{', '.join(known[1:])}"
                )
            each = Rule(**each)
        if not isinstance(each, Rule):
            raise ConfigurationError(f"{each!r} is no rule")
        rules.append(each)
    return rules
