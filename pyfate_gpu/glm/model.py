# SPDX-License-Identifier: Apache-2.0
"""What a party keeps of a model: how its columns are prepared, and its weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.tables import Table
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.glm.targets import UNSCALED, TargetScale
from pyfate_gpu.protocol.prepared_half import PreparedHalf
from pyfate_gpu.typing import Floats


@dataclass(frozen=True, repr=False)
class FittedHalf(PreparedHalf):
    """One party's half of a fitted model.

    Parameters
    ----------
    pipeline : FeaturePipeline
        How columns become features.
    weights : float64 [features, outputs]
        The last row is the intercept where there is one.
    intercept : bool
        Whether there is one.
    names : tuple of str or None
        Names of the columns.
    classes : array or None
        What the guest of a classifier found in its labels, sorted.
    scale : TargetScale
        In which the guest of a regression computes, and has others compute; `weights` are in the user's unit.
    training : str
        Fingerprint of the training that `weights` come from; empty where that is not known.
    """

    pipeline: FeaturePipeline
    weights: Floats
    intercept: bool
    names: tuple[str, ...] | None
    classes: NDArray[np.generic] | None = None
    scale: TargetScale = UNSCALED
    training: str = ""

    @classmethod
    def untrained(cls, table: Table, settings: Settings, *, intercept: bool) -> FittedHalf:
        """Return a half for the columns of `table`, without outputs so far."""
        pipeline = prepare(table.values, settings)
        return cls(pipeline, np.zeros((pipeline.features + intercept, 0)), intercept, table.names)

    def share(self, table: Table) -> Floats:
        """Return this party's share of the scores, [rows, outputs]."""
        return self.features(table).times(self.weights)

    def attributes(self) -> dict[str, object]:
        """Return what scikit-learn's users look for."""
        coef = self.weights[:-1] if self.intercept else self.weights
        single = self.weights.shape[1] == 1
        found: dict[str, object] = {
            "coef_": coef[:, 0] if single else coef.T,
            "n_features_in_": self.columns,
            "training_": self.training,
        }
        if self.intercept:
            found["intercept_"] = float(self.weights[-1, 0]) if single else self.weights[-1]
        if self.classes is not None:
            found["classes_"] = self.classes
        if self.names is not None:
            found["feature_names_in_"] = np.array(self.names, dtype=object)
        return found


def prepare(values: Floats, settings: Settings) -> FeaturePipeline:
    """Return how one party's columns become features, learned from `values`."""
    return FeaturePipeline.fit(
        values,
        standardize=settings.standardize,
        clip=settings.clip,
        impute=settings.impute,
        indicator=settings.impute_indicator,
    )
