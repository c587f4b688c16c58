# SPDX-License-Identifier: Apache-2.0
"""Columns that were judged: which of them stay, in scikit-learn's manner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.table import check_columns, read_columns
from pyfate_gpu.data.rows import NamedColumns
from pyfate_gpu.data.selection.rules import Verdict
from pyfate_gpu.errors import ConfigurationError


class JudgedColumns:
    """What selectors have once `fit` has set their verdicts."""

    if TYPE_CHECKING:
        verdicts_: list[Verdict]
        n_features_in_: int
        feature_names_in_: NDArray[np.object_]

    def get_support(self, indices: bool = False) -> NDArray[Any]:
        """Return for each column whether it stays, or the numbers of those that do.

        Raises
        ------
        ConfigurationError
            Before fit.
        """
        if not hasattr(self, "verdicts_"):
            raise ConfigurationError(f"this {type(self).__name__} has judged nothing yet: call fit")
        kept = np.array([verdict.kept for verdict in self.verdicts_], dtype=bool)
        return np.flatnonzero(kept) if indices else kept

    def transform(self, X: Any) -> Any:
        """Return the columns of `X` that stay, of the type that it has.

        Raises
        ------
        ConfigurationError
            Before fit.
        DataError
            When X does not have the columns of fit.
        """
        kept = self.get_support(indices=True)
        names = getattr(self, "feature_names_in_", None)
        check_columns(read_columns(X), self.n_features_in_, None if names is None else tuple(names))
        return take_columns(X, kept)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of the columns that stay.

        Raises
        ------
        ConfigurationError
            Before fit.
        """
        kept = self.get_support(indices=True)
        own = getattr(self, "feature_names_in_", input_features)
        names = [f"x{at}" for at in range(self.n_features_in_)] if own is None else list(own)
        return np.array([names[at] for at in kept], dtype=object)


def take_columns(X: Any, kept: NDArray[Any]) -> Any:
    """Return some columns of a table, of the type that it has."""
    if isinstance(X, NamedColumns):
        return NamedColumns(tuple(X.columns[at] for at in kept), X.values[:, kept])
    if isinstance(X, np.ndarray | list | tuple):
        return np.asarray(X)[:, kept]
    names = list(X.column_names) if hasattr(X, "column_names") else list(X.columns)
    chosen = [names[at] for at in kept]
    return X.select(chosen) if hasattr(X, "select") else X[chosen]
