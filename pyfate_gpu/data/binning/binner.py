# SPDX-License-Identifier: Apache-2.0
"""Bins of one party's own table, with the manners of scikit-learn's transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.column import ColumnBins
from pyfate_gpu.data.binning.learn import learn_bins
from pyfate_gpu.data.binning.numeric import as_numbers
from pyfate_gpu.data.binning.settings import BinningRules
from pyfate_gpu.data.binning.table import ColumnTable, check_columns, read_columns
from pyfate_gpu.data.information_value import (
    ALPHA,
    FATE,
    Evidence,
    check_smoothing,
    evidence_of_classes,
)
from pyfate_gpu.data.labels import encode_classes, find_classes
from pyfate_gpu.data.tables import read_labels
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.typing import Floats

BINS, WOE = OUTPUTS = ("bins", "woe")


@dataclass(kw_only=True, eq=False)
class Binner:
    """Bins of the columns of a table, and what they say of labels where there are some.

    Parameters
    ----------
    method, max_bins, min_share, min_events, trend, max_p, prebins, cuts, categories, special, unseen
        As of `BinningRules`.
    output : {"bins", "woe"}
        What `transform` returns: the number of the bin of each value, or its weight of evidence.
    smoothing, alpha : str, float
        As of `evidence_of`.
    missing_in_iv : bool
        Whether the bin of missing values counts in the information value.

    Attributes
    ----------
    bins_ : list of ColumnBins
    classes_ : array
        Of the labels, where `fit` had some.
    evidence_ : list of list of Evidence
        By column and by output: one of two classes, of more one for each against the rest.
    iv_ : float64 [columns] or [columns, classes]
    n_features_in_, feature_names_in_ : int, object array
        Names only where `X` had them.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.binning.binner import Binner
    >>> X = np.array([[1.0], [2.0], [3.0], [4.0], [np.nan], [np.nan]])
    >>> binner = Binner(max_bins=2, output="woe").fit(X, [0, 1, 1, 1, 0, 1])
    >>> binner.bins_[0].names(), binner.transform(X).round(2).ravel().tolist()
    (['below 2.5', '2.5 and above', 'missing'], [-0.69, -0.69, 0.92, 0.92, -0.69, -0.69])
    """

    method: str = "quantile"
    max_bins: int = 10
    min_share: float = 0.0
    min_events: int = 0
    trend: str = "none"
    max_p: float = 0.1
    prebins: int = 64
    cuts: Mapping[Any, Sequence[float]] = field(default_factory=dict)
    categories: Any = ()
    special: Any = ()
    unseen: str = "pool"
    output: str = BINS
    smoothing: str = FATE
    alpha: float = ALPHA
    missing_in_iv: bool = True

    if TYPE_CHECKING:  # set by fit
        bins_: list[ColumnBins] = field(init=False)
        classes_: NDArray[Any] = field(init=False)
        evidence_: list[list[Evidence]] = field(init=False)
        iv_: Floats = field(init=False)
        n_features_in_: int = field(init=False)
        feature_names_in_: NDArray[Any] = field(init=False)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all parameters; `deep` is there for scikit-learn and changes nothing."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def set_params(self, **params: Any) -> Binner:
        """Set some parameters.

        Raises
        ------
        ConfigurationError
            For a name that is no parameter; then nothing is set.
        """
        known = self.get_params()
        unknown = sorted(set(params) - set(known))
        if unknown:
            raise ConfigurationError(
                f"Binner has no parameter {', '.join(unknown)}; it has {', '.join(known)}"
            )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        """Tags of scikit-learn: a transformer, of texts and missing values too."""
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(),
            input_tags=InputTags(allow_nan=True, string=True, categorical=True),
        )

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Binner:
        """Learn bins, and of labels `y` what these bins say of them.

        Raises
        ------
        ConfigurationError
            For the first parameter that makes no sense or does not fit its column.
        DataError
            For columns or labels that cannot be used, such as labels of one class.
        """
        rules = self._rules()
        table = read_columns(X)
        if not table.rows:
            raise DataError("X has no rows: nothing to learn bins of")
        found: dict[str, Any] = {"n_features_in_": len(table.columns)}
        matrix = None
        if y is not None:
            labels = read_labels(y, table.rows)
            found["classes_"] = find_classes(labels)
            matrix = class_matrix(labels, found["classes_"], sample_weight)
        elif self.output == WOE:
            raise ConfigurationError("output is 'woe', which takes labels: pass y")
        if table.names is not None:
            found["feature_names_in_"] = np.array(table.names, dtype=object)
        found["bins_"] = table.each(
            lambda place, key: learn_bins(table.columns[place], key, rules, classes=matrix)
        )
        if matrix is not None:
            found["evidence_"] = self._evidence(table, found["bins_"], matrix)
            found["iv_"] = information_values(found["evidence_"])
        for name in ("classes_", "evidence_", "iv_", "feature_names_in_"):
            vars(self).pop(name, None)
        vars(self).update(found)
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the bins of all values, int16 [rows, columns], or their weights of evidence, float64.

        Of more than two classes a column has as many weights as there are classes, side by side.

        Raises
        ------
        ConfigurationError
            Before fit.
        DataError
            When X does not have the columns of fit, or one of another type.
        """
        if not hasattr(self, "bins_"):
            raise ConfigurationError("this Binner has no bins yet: call fit")
        table = read_columns(X)
        names = getattr(self, "feature_names_in_", None)
        check_columns(table, len(self.bins_), None if names is None else tuple(names))
        found = table.each(lambda place, _: self.bins_[place].assign(table.columns[place]))
        if self.output == BINS:
            return np.stack(found, axis=1) if found else np.empty((table.rows, 0), dtype=np.int16)
        if not hasattr(self, "evidence_"):
            raise ConfigurationError("output is 'woe' and fit had no labels: fit with y")
        return as_woe(found, self.evidence_, table.rows)

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> NDArray[Any]:
        """Return ``fit(X, y).transform(X)``."""
        return self.fit(X, y, sample_weight).transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of what `transform` returns.

        Parameters
        ----------
        input_features : sequence of str, optional
            Names of the columns where `X` had none.

        Raises
        ------
        ConfigurationError
            Before fit.
        """
        if not hasattr(self, "bins_"):
            raise ConfigurationError("this Binner has no bins yet: call fit")
        own = getattr(self, "feature_names_in_", input_features)
        names = [f"x{at}" for at in range(len(self.bins_))] if own is None else list(own)
        if self.output == WOE and len(self.classes_) > 2:
            names = [f"{name} {label}" for name in names for label in self.classes_]
        return np.array(names, dtype=object)

    def _rules(self) -> BinningRules:
        rules = BinningRules(
            **{each.name: getattr(self, each.name) for each in fields(BinningRules)}
        )
        rules.check()
        check_smoothing(self.smoothing, self.alpha)
        if self.output not in OUTPUTS:
            raise ConfigurationError(
                f"output is {self.output!r}; choose one of {', '.join(OUTPUTS)}"
            )
        return rules

    def _evidence(
        self, table: ColumnTable, bins: list[ColumnBins], matrix: Floats
    ) -> list[list[Evidence]]:
        return [
            evidence_of_classes(
                count_classes(each, column, matrix),
                smoothing=self.smoothing,
                alpha=self.alpha,
                left_out=() if self.missing_in_iv else [each.missing],
            )
            for each, column in zip(bins, table.columns, strict=True)
        ]


def class_matrix(labels: NDArray[Any], classes: NDArray[Any], weights: Any = None) -> Floats:
    """Return a column for each class, 1 or the weight of a row in that of its label.

    Raises
    ------
    DataError
        When weights are not one finite number, 0 or more, for each row, or a class has none in all.
    """
    encoded = encode_classes(labels, classes)
    matrix = np.hstack([1 - encoded, encoded]) if len(classes) == 2 else encoded
    if weights is None:
        return matrix
    array = as_numbers(weights)
    if array.shape != (len(labels),) or not (np.isfinite(array) & (array >= 0)).all():
        raise DataError(
            f"sample_weight has shape {array.shape}; it takes {len(labels)} numbers, 0 or more"
        )
    matrix = matrix * array[:, np.newaxis]
    if not (matrix.sum(axis=0) > 0).all():
        raise DataError("sample_weight leaves a class of labels without weight")
    return matrix


def count_classes(bins: ColumnBins, column: Any, matrix: Floats) -> Floats:
    """Return the rows, or weights, of each class in each bin, float64 [bins, classes]."""
    where = bins.assign(column)
    counts = [np.bincount(where, each, bins.count) for each in matrix.T]
    return np.asarray(np.stack(counts, axis=1), dtype=np.float64)


def information_values(evidence: list[list[Evidence]]) -> Floats:
    """Return the information values of columns, [columns], of more than two classes [columns, classes]."""
    found = np.array([[each.iv for each in column] for column in evidence], dtype=np.float64)
    return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found


def as_woe(bins: list[NDArray[np.int16]], evidence: list[list[Evidence]], rows: int) -> Floats:
    """Return weights of evidence in place of bins, float64 [rows, columns times outputs]."""
    columns = [
        each.woe[where] for where, column in zip(bins, evidence, strict=True) for each in column
    ]
    return np.stack(columns, axis=1) if columns else np.empty((rows, 0))
