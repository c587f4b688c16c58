# SPDX-License-Identifier: Apache-2.0
"""A party's half of a shared model in a file: a ZIP of JSON and arrays; no pickle (docs/models.md)."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import numpy as np

from pyfate_gpu.data.imputation import Imputation
from pyfate_gpu.data.labels import plain_classes
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.learning.targets import EXPONENT_LIMIT, TargetScale
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.sshe.model import FittedHalf
from pyfate_gpu.storage.archive import Arrays, Form

FORM = Form("pyfate-gpu shared model", 1)
_PLAIN = {"mean", "scale"}


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
        arrays["classes"] = plain_classes(half.classes)
    own: dict[str, Any] = {
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
        or header["n_iter"] < 0
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
