# SPDX-License-Identifier: Apache-2.0
"""What a party keeps of a model: how its columns are prepared, and its weights, or its shares of everybody's."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.data.imputation import Imputation
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.tables import Table, check_same_columns
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.learning.targets import EXPONENT_LIMIT, UNSCALED, TargetScale
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.storage.archive import Arrays, pack, unpack
from pyfate_gpu.storage.files import read_whole, write_atomically
from pyfate_gpu.typing import Floats

FORMAT = "pyfate-gpu shared model"
VERSION = 1
_HEADER = "model.json"
_PLAIN = {"mean", "scale"}


@dataclass(frozen=True, repr=False)
class FittedHalf:
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

    @property
    def columns(self) -> int:
        """Columns of the table."""
        return self.pipeline.columns

    @property
    def imputes(self) -> bool:
        """Whether values of the table may be missing."""
        return self.pipeline.imputation is not None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the prepared features, without the intercept."""
        names = self.names or tuple(f"column {index}" for index in range(self.columns))
        return self.pipeline.names(names)

    def features(self, table: Table) -> FixedPointMatrix:
        """Return the features of rows, the intercept's ones included.

        Raises
        ------
        DataError
            When the table has other columns than that of fit.
        """
        check_same_columns(table, self.columns, self.names)
        features = self.pipeline.transform(table.values)
        return features.with_ones() if self.intercept else features

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


def write_half(path: PathLike, half: FittedHalf, header: dict[str, Any]) -> None:
    """Write a half, for its owner only; the file is the old one, the new one, or not there.

    Raises
    ------
    ConfigurationError
        When the classes are neither numbers nor texts.
    StorageError
        When the file cannot be written.
    """
    arrays: Arrays = {"mean": half.pipeline.mean, "scale": half.pipeline.scale}
    if half.weights is not None:
        arrays["weights"] = half.weights
    if half.shares is not None:
        arrays["own_share"], arrays["other_share"] = half.shares
    if half.classes is not None:
        arrays["classes"] = _plain_classes(half.classes)
    own: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "clip": half.pipeline.clip,
        "intercept": half.intercept,
        "names": half.names,
        "bits": half.bits,
        "peer_bits": half.peer_bits,
        "targets": asdict(half.scale),
        "training": half.training,
    }
    if half.pipeline.imputation is not None:
        own["imputation"] = half.pipeline.imputation.as_json()
    text = json.dumps(own | header, indent=1, allow_nan=False)
    write_atomically(Path(path), pack(_HEADER, text, arrays))


def read_half(path: PathLike) -> tuple[FittedHalf, dict[str, Any]]:
    """Return what `write_half` wrote.

    Raises
    ------
    StorageError
        When the file cannot be read.
    DataError
        When it is no model of this version, or damaged.
    """
    data = read_whole(path)
    try:
        header, arrays = unpack(data, _HEADER, FORMAT, VERSION)
        return _checked_half(header, arrays), header
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path} is no {FORMAT} {VERSION}: {error}; it is damaged or of another release"
        ) from None


def _checked_half(header: dict[str, Any], arrays: Arrays) -> FittedHalf:
    mean, scale = arrays["mean"], arrays["scale"]
    clip, intercept, names = (header[name] for name in ("clip", "intercept", "names"))
    bits, peer_bits = header["bits"], header["peer_bits"]
    targets = header["targets"]
    if (
        not (clip is None or (type(clip) in (int, float) and 0 < clip < float("inf")))
        or type(intercept) is not bool
        or not (
            names is None or (isinstance(names, list) and all(isinstance(n, str) for n in names))
        )
        or any(type(b) is not int or not 1 <= b <= 62 for b in (bits, peer_bits))
        or type(header["n_iter"]) is not int
        or not isinstance(header["params"], dict)
        or not re.fullmatch("[0-9a-f]{32}", header["training"])
        or set(targets) != {"mean", "exponent"}
        or type(targets["mean"]) is not float
        or type(targets["exponent"]) is not int
        or abs(targets["exponent"]) > EXPONENT_LIMIT
    ):
        raise ValueError("its header is not of this form")
    floats = [arrays[name] for name in (*_PLAIN, "weights") if name in arrays]
    imputation = Imputation.from_json(header["imputation"]) if "imputation" in header else None
    features = len(mean) + intercept
    weights, shares = arrays.get("weights"), None
    if weights is None:
        shares = arrays["own_share"], arrays["other_share"]
    if (
        any(a.dtype != np.float64 or a.ndim != 1 or not np.isfinite(a).all() for a in floats)
        or scale.shape != mean.shape
        or not (scale > 0).all()
        or (weights is not None and len(weights) != features)
        or (shares is not None and shares[0].shape != (features, 2))
        or any(s.dtype != np.uint64 or s.shape[1:] != (2,) for s in shares or ())
        or (imputation is not None and imputation.columns + len(imputation.indicators) != len(mean))
    ):
        raise ValueError("its arrays do not fit together")
    pipeline = FeaturePipeline(mean, scale, clip, imputation)
    if names is not None and len(names) != pipeline.columns:
        raise ValueError("its names are not those of its columns")
    classes = arrays.get("classes")
    if classes is not None and (classes.shape != (2,) or len(np.unique(classes)) != 2):
        raise ValueError("its classes are not two")
    return FittedHalf(
        pipeline,
        intercept,
        None if names is None else tuple(names),
        bits,
        TargetScale(**targets),
        classes,
        weights,
        shares,
        peer_bits,
        header["training"],
    )


def _plain_classes(classes: NDArray[np.generic]) -> NDArray[Any]:
    """Return texts that came as Python objects, from pandas above all, as an array of texts."""
    if classes.dtype != object:
        return classes
    if all(isinstance(label, str) for label in classes.tolist()):
        return classes.astype(str)
    raise ConfigurationError(
        f"classes are {type(classes[0]).__name__} objects: use numbers or texts as labels to save the model"
    )
