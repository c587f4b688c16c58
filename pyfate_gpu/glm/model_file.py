# SPDX-License-Identifier: Apache-2.0
"""A party's half of a model in a file: a ZIP of JSON and arrays; no pickle.

``docs/models.md`` describes the format.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.imputation import Imputation
from pyfate_gpu.data.labels import plain_classes
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.glm.model import FittedHalf
from pyfate_gpu.glm.targets import EXPONENT_LIMIT, UNSCALED, TargetScale
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.storage.archive import Arrays, Form

FORM = Form("pyfate-gpu model", 1)


def write_half(path: PathLike, half: FittedHalf, header: dict[str, Any]) -> None:
    """Write a half, for its owner only; the file is the old one, the new one, or not there.

    Parameters
    ----------
    header : dict
        What else to keep, as JSON takes it.

    Raises
    ------
    ConfigurationError
        When the classes are neither numbers nor texts.
    StorageError
        When the file cannot be written.
    """
    arrays: Arrays = {
        "mean": half.pipeline.mean,
        "scale": half.pipeline.scale,
        "weights": half.weights,
    }
    if half.classes is not None:
        arrays["classes"] = plain_classes(half.classes)
    own: dict[str, Any] = {
        "clip": half.pipeline.clip,
        "intercept": half.intercept,
        "names": half.names,
    }
    if half.scale != UNSCALED:
        own["targets"] = asdict(half.scale)
    if half.training:
        own["training"] = half.training
    if half.pipeline.imputation is not None:
        own["imputation"] = half.pipeline.imputation.as_json()
    FORM.write(path, own | header, arrays)


def read_half(path: PathLike) -> tuple[FittedHalf, dict[str, Any]]:
    """Return what `write_half` wrote.

    Raises
    ------
    StorageError
        When the file cannot be read.
    DataError
        When it is no model of this version, or damaged.
    """
    return FORM.read(path, lambda header, arrays: (_checked_half(header, arrays), header))


def _checked_half(header: dict[str, Any], arrays: Arrays) -> FittedHalf:
    mean, scale, weights = (arrays[name] for name in ("mean", "scale", "weights"))
    clip, intercept, names = (header[name] for name in ("clip", "intercept", "names"))
    classes = arrays.get("classes")
    if (
        not (clip is None or (type(clip) in (int, float) and 0 < clip < float("inf")))
        or type(intercept) is not bool
        or not (names is None or (isinstance(names, list) and _are_names(names)))
        or set(arrays) - {"mean", "scale", "weights", "classes"}
        or type(header["n_iter"]) is not int
        or header["n_iter"] < 0
        or not isinstance(header["params"], dict)
    ):
        raise ValueError("its header is not of this form")
    training = header.get("training", "")
    if type(training) is not str or not re.fullmatch("([0-9a-f]{32})?", training):
        raise ValueError("its fingerprint of the training is none")
    imputation = _imputation(header, len(mean))
    columns = len(mean) if imputation is None else imputation.columns
    if (
        any(array.dtype != np.float64 for array in (mean, scale, weights))
        or not all(np.isfinite(array).all() for array in (mean, scale, weights))
        or mean.ndim != 1
        or scale.shape != mean.shape
        or not (scale > 0).all()
        or weights.ndim != 2
        or len(weights) != len(mean) + intercept
        or not (names is None or len(names) == columns)
        or not (classes is None or _are_classes(classes, max(2, weights.shape[1])))
    ):
        raise ValueError("its arrays do not fit together")
    return FittedHalf(
        FeaturePipeline(mean, scale, clip, imputation),
        weights,
        intercept,
        None if names is None else tuple(names),
        classes,
        _target_scale(header.get("targets", {"mean": 0.0, "exponent": 0})),
        training,
    )


def _imputation(header: dict[str, Any], features: int) -> Imputation | None:
    if "imputation" not in header:
        return None
    found = Imputation.from_json(header["imputation"])
    if found.columns + len(found.indicators) != features:
        raise ValueError("its imputation does not fit its features")
    return found


def _target_scale(found: Any) -> TargetScale:
    """Return the scale of a regression's targets; files of models without one do not say any."""
    if (
        not isinstance(found, dict)
        or set(found) != {"mean", "exponent"}
        or type(found["mean"]) is not float
        or not abs(found["mean"]) < float("inf")
        or type(found["exponent"]) is not int
        or abs(found["exponent"]) > EXPONENT_LIMIT
    ):
        raise ValueError("its scale of targets is not of this form")
    return TargetScale(**found)


def _are_names(names: list[Any]) -> bool:
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _are_classes(classes: NDArray[Any], count: int) -> bool:
    finite = classes.dtype.kind != "f" or bool(np.isfinite(classes).all())
    return classes.shape == (count,) and finite and len(np.unique(classes)) == count
