# SPDX-License-Identifier: Apache-2.0
"""What a party keeps of transfer learning: how its rows become representations and, at the guest, classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.tables import Table, check_same_columns
from pyfate_gpu.errors import DataError
from pyfate_gpu.nn.modules import apply_net
from pyfate_gpu.typing import Floats


@dataclass(frozen=True, repr=False)
class TransferHalf:
    """One party's half.

    Parameters
    ----------
    pipeline : FeaturePipeline
        How columns become features.
    names : tuple of str or None
        Of the columns.
    weights : float64 [inputs, features]
        This party's map; nobody else knows it.
    bottom : bool
        Whether inputs are what a net of this party's makes of its features.
    centres : float64 [outputs, features] or None
        The guest's.
    classes : array or None
        The guest's.
    training : str
        Fingerprint of the training that it comes from.
    """

    pipeline: FeaturePipeline
    names: tuple[str, ...] | None
    weights: Floats
    bottom: bool = False
    centres: Floats | None = None
    classes: NDArray[Any] | None = None
    training: str = ""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.names or tuple(f"column {index}" for index in range(self.pipeline.columns))

    def representations(self, table: Table, bottom: Any) -> Floats:
        """Return the representations of rows.

        Raises
        ------
        DataError
            When the table has other columns than that of fit, or `bottom` puts out no numbers, or others in number.
        """
        check_same_columns(table, self.pipeline.columns, self.names)
        if self.bottom != (bottom is not None):
            raise DataError(
                "it was trained on what a net made of the features: give that net as bottom"
                if self.bottom
                else "it was trained on the features themselves: leave bottom out"
            )
        inputs = make_inputs(self.pipeline, table, bottom)
        if inputs.shape[1] != len(self.weights):
            raise DataError(
                f"bottom puts out {inputs.shape[1]} numbers a row, in training it was {len(self.weights)}"
            )
        return inputs @ self.weights

    def attributes(self) -> dict[str, Any]:
        """Return what a fitted model has of it."""
        found: dict[str, Any] = {
            "weights_": self.weights,
            "training_": self.training,
            "n_features_in_": self.pipeline.columns,
        }
        if self.names is not None:
            found["feature_names_in_"] = np.array(self.names, dtype=object)
        if self.centres is not None:
            found |= {"centres_": self.centres, "classes_": self.classes}
        return found


def make_inputs(pipeline: FeaturePipeline, table: Table, bottom: Any) -> Floats:
    """Return what representations are linear in: prepared features, or what `bottom` makes of them.

    Raises
    ------
    DataError
        When `bottom` does not put out a row of finite numbers for each row.
    """
    prepared = pipeline.transform(table.values).values
    if bottom is None:
        return prepared
    made = apply_net(bottom, prepared)
    if made.ndim != 2 or len(made) != len(prepared) or not np.isfinite(made).all():
        raise DataError(
            f"bottom made {made.shape} of {prepared.shape}; it must be a row of finite numbers for each row"
        )
    return made
