# SPDX-License-Identifier: Apache-2.0
"""What a party keeps of a model: how its columns are prepared, and its weights, or its shares of everybody's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.learning.targets import UNSCALED, TargetScale
from pyfate_gpu.protocol.prepared_half import PreparedHalf
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.typing import Floats


@dataclass(frozen=True, repr=False)
class FittedHalf(PreparedHalf):
    """One party's half of a fitted model.

    Parameters
    ----------
    pipeline : FeaturePipeline
        How columns become features.
    intercept : bool
        Whether the last feature is that of an intercept.
    names : tuple of str or None
        Of the columns.
    bits : int
        Public: features are below 2**bits in size.
    scale : TargetScale
        The unit of training; `weights` are in the user's.
    classes : array or None
        Of a classifier's guest.
    weights : float64 [features] or None
        None where nobody's are opened.
    shares : (uint64 [features, 2], uint64 [features of the other party, 2]) or None
        Of the weights of this party's columns and of the other one's, in the unit of training.
    peer_bits : int
        As `bits`, of the other party.
    training : str
        Fingerprint of the training that it comes from.
    """

    pipeline: FeaturePipeline
    intercept: bool
    names: tuple[str, ...] | None
    bits: int
    scale: TargetScale = UNSCALED
    classes: NDArray[np.generic] | None = None
    weights: Floats | None = None
    shares: tuple[Ring, Ring] | None = None
    peer_bits: int = 1
    training: str = ""

    def attributes(self) -> dict[str, object]:
        """Return what scikit-learn's users look for."""
        found: dict[str, object] = {"n_features_in_": self.columns, "training_": self.training}
        if self.weights is not None:
            found["coef_"] = self.weights[:-1] if self.intercept else self.weights
            if self.intercept:
                found["intercept_"] = float(self.weights[-1])
        if self.classes is not None:
            found["classes_"] = self.classes
        if self.names is not None:
            found["feature_names_in_"] = np.array(self.names, dtype=object)
        return found
