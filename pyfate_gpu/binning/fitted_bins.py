# SPDX-License-Identifier: Apache-2.0
"""Bins that are fitted: what their party does with them without the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.binning.columns_only import ColumnsOnly
from pyfate_gpu.binning.exposure import exposure_of
from pyfate_gpu.binning.fitting import Fitted
from pyfate_gpu.binning.model_file import read_half, write_half
from pyfate_gpu.binning.pictures import bars_of, tables_of
from pyfate_gpu.data.binning.binner import BINS
from pyfate_gpu.data.binning.table import check_columns, read_columns
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.protocol.settings import plain

Model = TypeVar("Model", bound="FittedBins")


class FittedBins(ColumnsOnly):
    """A party's bins, once it has some: `HeteroBinning` without the fit."""

    if TYPE_CHECKING:  # parameters of the subclass
        output: str
        share_woe: bool
        share_cuts: bool

    def transform(self, X: Any) -> NDArray[Any]:
        """Return this party's columns as bins, int16 [rows, columns], or as weights of evidence, float64.

        No other party takes part. Of more than two classes a column has as many weights as there are classes.

        Raises
        ------
        ConfigurationError
            Before fit, and for weights of evidence that the guest has not given.
        DataError
            When X does not have the columns of fit, or one of another type.
        """
        fitted = self.fitted()
        table = read_columns(X)
        check_columns(table, len(fitted.bins), fitted.names)
        if self.output == BINS:
            found = table.each(lambda place, _: fitted.bins[place].assign(table.columns[place]))
            return np.stack(found, axis=1) if found else np.empty((table.rows, 0), dtype=np.int16)
        weights = fitted.woe
        if weights is None:
            raise ConfigurationError(
                "the guest has not given the weights of evidence of this party's bins: it sets share_woe, or "
                "this party takes output='bins'"
            )
        columns = table.each(
            lambda place, _: weights[place][fitted.bins[place].assign(table.columns[place])]
        )
        return np.hstack([np.empty((table.rows, 0)), *columns])

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
        fitted = self.fitted()
        own = fitted.names if fitted.names is not None else input_features
        names = [f"x{at}" for at in range(len(fitted.bins))] if own is None else list(own)
        if self.output != BINS and fitted.outputs > 1:
            names = [f"{name} {output}" for name in names for output in range(fitted.outputs)]
        return np.array(names, dtype=object)

    def result(self) -> dict[str, Any]:
        """Return cost, and what this party holds: information values and bins of its columns.

        The guest also what it knows of hosts' columns, which have no names here.
        """
        return super().result() | self.fitted().as_json()

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return what was shown, and tables of this party's bins, at the guest of those of hosts too."""
        shown = exposure_of(
            self.fitted(), share_woe=bool(self.share_woe), share_cuts=bool(self.share_cuts)
        )
        return {"what this fit has shown": shown} | tables_of(self.fitted())

    def bars(self) -> dict[str, dict[str, float]]:
        """Return information values, and weights of evidence of the columns that have most."""
        return bars_of(self.fitted())

    def save(self, path: PathLike) -> None:
        """Write this party's bins, and what it knows of them, to a file that only its owner can read.

        Raises
        ------
        ConfigurationError
            Before fit.
        StorageError
            When the file cannot be written.
        """
        params = {name: as_listed(value) for name, value in self.get_params().items()}
        del params["callbacks"]
        write_half(path, self.fitted(), {"estimator": type(self).__name__, "params": params})

    @classmethod
    def load(cls: type[Model], path: PathLike) -> Model:
        """Return a fitted model from what `save` wrote, to transform with.

        Raises
        ------
        StorageError, DataError
            When the file cannot be read, or is no such model.
        """
        fitted, params = read_half(path, cls.__name__)
        model = cls()
        try:
            model.set_params(**params)
            model.check()
        except ConfigurationError as error:
            raise DataError(f"{path} has parameters that make no sense: {error}") from None
        model._keep(fitted)
        return model

    def fitted(self) -> Fitted:
        """Return what this party keeps of a fit.

        Raises
        ------
        ConfigurationError
            Before fit.
        """
        fitted: Fitted | None = getattr(self, "_half", None)
        if fitted is None:
            raise ConfigurationError("this model has no bins yet: call fit")
        return fitted

    def _keep(self, fitted: Fitted) -> None:
        """Set the attributes of a fitted model, and none of an earlier fit."""
        optional = (
            "woe_",
            "evidence_",
            "host_evidence_",
            "stability_",
            "host_stability_",
            "classes_",
        )
        for name in (*optional, "feature_names_in_"):
            vars(self).pop(name, None)
        vars(self).update(fitted.attributes(), _half=fitted, n_iter_=1)


def as_listed(value: Any) -> Any:
    """Return a parameter as JSON takes it."""
    if isinstance(value, Mapping):
        return {str(key): as_listed(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | Sequence) and not isinstance(value, str):
        return [as_listed(each) for each in value]
    return plain(value)
