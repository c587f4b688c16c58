# SPDX-License-Identifier: Apache-2.0
"""A party's half of transfer learning in a file: a ZIP of JSON and arrays; no pickle, and no net of the party's own."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from pyfate_gpu.data.labels import plain_classes
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.nn.transfer.half import TransferHalf
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.storage.archive import Arrays, Form

FORM = Form("pyfate-gpu transfer", 1)


def write_half(path: PathLike, half: TransferHalf, header: dict[str, Any]) -> None:
    """Write a half, for its owner only; the file is the old one, the new one, or not there.

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
    if half.centres is not None and half.classes is not None:
        arrays |= {"centres": half.centres, "classes": plain_classes(half.classes)}
    own = {
        "clip": half.pipeline.clip,
        "names": half.names,
        "bottom": half.bottom,
        "training": half.training,
    }
    FORM.write(path, own | header, arrays)


def read_half(path: PathLike) -> tuple[TransferHalf, dict[str, Any]]:
    """Return what `write_half` wrote.

    Raises
    ------
    StorageError
        When the file cannot be read.
    DataError
        When it is no half of this version, or damaged.
    """
    return FORM.read(path, lambda header, arrays: (_checked_half(header, arrays), header))


def _checked_half(header: dict[str, Any], arrays: Arrays) -> TransferHalf:
    clip, names = header["clip"], header["names"]
    if (
        type(clip) not in (int, float)
        or not 0 < clip < 64
        or type(header["bottom"]) is not bool
        or type(header["n_iter"]) is not int
        or header["n_iter"] < 0
        or not isinstance(header["params"], dict)
        or not re.fullmatch("[0-9a-f]{32}", header["training"])
        or not (
            names is None or (isinstance(names, list) and all(isinstance(n, str) for n in names))
        )
    ):
        raise ValueError("its header is not of this form")
    mean, scale, weights = (arrays[name] for name in ("mean", "scale", "weights"))
    centres, classes = arrays.get("centres"), arrays.get("classes")
    floats = [mean, scale, weights, *([] if centres is None else [centres])]
    if (
        any(a.dtype != np.float64 or not np.isfinite(a).all() for a in floats)
        or [a.ndim for a in floats] != [1, 1, 2, 2][: len(floats)]
        or scale.shape != mean.shape
        or not (scale > 0).all()
        or not weights.size
        or not (header["bottom"] or len(weights) == len(mean))
        or (centres is None) != (classes is None)
        or not (names is None or len(names) == len(mean))
    ):
        raise ValueError("its arrays do not fit together")
    if centres is not None and classes is not None:
        count = len(classes)
        if (
            classes.ndim != 1
            or count < 2
            or len(np.unique(classes)) != count
            or centres.shape != (1 if count == 2 else count, weights.shape[1])
        ):
            raise ValueError("its classes are not those of its centres")
    return TransferHalf(
        FeaturePipeline(mean, scale, clip),
        None if names is None else tuple(names),
        weights,
        header["bottom"],
        centres,
        classes,
        header["training"],
    )
