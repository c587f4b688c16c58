# SPDX-License-Identifier: Apache-2.0
"""`Selector`: columns of one party kept or dropped by rules, with the manners of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.binner import Binner
from pyfate_gpu.data.binning.table import ColumnTable, read_columns
from pyfate_gpu.data.selection.judged import JudgedColumns
from pyfate_gpu.data.selection.judging import judge, name_by_hand
from pyfate_gpu.data.selection.metrics import (
    correlations,
    missing_of,
    same_of,
    standardized,
    unique_of,
    variation_of,
)
from pyfate_gpu.data.selection.rules import CORRELATION, Verdict, read_rules
from pyfate_gpu.errors import ConfigurationError, DataError

#: Found here for each column by itself.
OWN = {
    "unique": unique_of,
    "missing": missing_of,
    "same": same_of,
    "variation": variation_of,
}


@dataclass(kw_only=True, eq=False)
class Selector(JudgedColumns):
    """Columns that pass rules.

    Parameters
    ----------
    rules : sequence of Rule or mapping
        In the order in which they are applied; each judges the columns that are still there.
    keep, drop : sequence
        Columns that stay, or go, whatever rules say: names, or numbers where columns have no names.

    Attributes
    ----------
    verdicts_ : list of Verdict
        On each column, with the reason and the numbers that rules asked for.
    n_features_in_, feature_names_in_ : int, object array
        Names only where `X` had them.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.selection.selector import Selector
    >>> X = np.array([[1.0, 1.0, 7.0], [2.0, 2.1, 7.0], [3.0, 2.9, 7.0], [4.0, 4.0, 7.0]])
    >>> rules = [{"metric": "unique", "at_least": 2}, {"metric": "correlation", "at_most": 0.95}]
    >>> selector = Selector(rules=rules).fit(X)
    >>> [verdict.reason for verdict in selector.verdicts_]
    ['', 'correlation 0.9981 with 0 is beyond 0.95', 'unique 1 is below 2']
    >>> selector.transform(X).shape
    (4, 1)
    """

    rules: Sequence[Any] = ()
    keep: Sequence[Any] = ()
    drop: Sequence[Any] = ()

    if TYPE_CHECKING:  # set by fit
        verdicts_: list[Verdict] = field(init=False)
        n_features_in_: int = field(init=False)
        feature_names_in_: NDArray[Any] = field(init=False)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all parameters; `deep` is there for scikit-learn and changes nothing."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def set_params(self, **params: Any) -> Selector:
        """Set some parameters.

        Raises
        ------
        ConfigurationError
            For a name that is no parameter; then nothing is set.
        """
        unknown = sorted(set(params) - set(self.get_params()))
        if unknown:
            raise ConfigurationError(
                f"Selector has no parameter {', '.join(unknown)}; it has rules, keep, drop"
            )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        """Tags of scikit-learn: a transformer, of texts and missing values too."""
        return Binner().__sklearn_tags__()

    def fit(
        self, X: Any, y: Any = None, *, metrics: Mapping[str, Sequence[Any]] | None = None
    ) -> Selector:
        """Judge the columns of `X`.

        Parameters
        ----------
        X : array-like or DataFrame
        y : array-like, optional
            Labels, for rules of ``iv`` and ``ks`` that `metrics` does not have: of quantiles.
        metrics : mapping, optional
            Numbers of all columns, by name: what `HeteroBinning` or a model found, say.

        Raises
        ------
        ConfigurationError
            When a rule makes no sense, or asks for what is not known.
        DataError
            When the table, or a metric, does not fit.
        """
        table = read_columns(X)
        verdicts = judge_table(table, self, y=y, metrics=metrics)
        vars(self).pop("feature_names_in_", None)
        if table.names is not None:
            self.feature_names_in_ = np.array(table.names, dtype=object)
        self.n_features_in_, self.verdicts_ = len(table.columns), verdicts
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Return ``fit(X, y).transform(X)``."""
        return self.fit(X, y).transform(X)


def judge_table(
    table: ColumnTable,
    selector: Selector,
    *,
    y: Any = None,
    metrics: Mapping[str, Sequence[Any]] | None = None,
) -> list[Verdict]:
    """Return verdicts on the columns of a table."""
    rules = read_rules(selector.rules)
    known = {name: list(values) for name, values in (metrics or {}).items()}
    for name, values in known.items():
        if len(values) != len(table.columns):
            raise DataError(
                f"metric {name!r} has {len(values)} numbers, there are {len(table.columns)} columns"
            )
    asked = {rule.metric for rule in rules} - set(known)
    for name in asked & set(OWN):
        known[name] = table.each(lambda place, _, name=name: OWN[name](table.columns[place]))  # type: ignore[misc]
    if y is not None and asked & {"iv", "ks"}:
        known |= _of_labels(table, y)
    verdicts = [Verdict(key) for key in table.keys]
    name_by_hand(verdicts, selector.keep, selector.drop)
    matrices = {CORRELATION: lambda: correlations(standardized(table.columns))}
    judge(verdicts, rules, known, matrices)
    return verdicts


def _of_labels(table: ColumnTable, y: Any) -> dict[str, list[Any]]:
    evidence = Binner().fit(table, y).evidence_
    return {
        "iv": [[each.iv for each in column] for column in evidence],
        "ks": [[each.ks for each in column] for column in evidence],
    }
