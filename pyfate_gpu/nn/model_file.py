# SPDX-License-Identifier: Apache-2.0
"""A party's half of a network in a file: a ZIP of JSON and arrays; no pickle, and no module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from pyfate_gpu.data.imputation import Imputation
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.learning.targets import EXPONENT_LIMIT, UNSCALED, TargetScale
from pyfate_gpu.nn.layer import LayerShape
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.storage.archive import Arrays, Form

FORM = Form("pyfate-gpu network", 1)


def write_half(path: PathLike, fitted: Mapping[str, Any], header: dict[str, Any]) -> None:
    """Write what `HeteroNetwork.fit` has kept, for its owner only.

    Raises
    ------
    StorageError
        When the file cannot be written.
    """
    pipeline: FeaturePipeline = fitted["_pipeline"]
    arrays: Arrays = {"mean": pipeline.mean, "scale": pipeline.scale}
    arrays |= {f"layer.{name}": value for name, value in fitted["_layer_state"].items()}
    if fitted["net_"] is not None:
        state = fitted["net_"].state_dict()
        arrays |= {f"net.{name}": tensor.numpy() for name, tensor in state.items()}
    if fitted["_classes"] is not None:
        arrays["classes"] = np.asarray(fitted["_classes"].tolist())
    own = {
        "names": fitted["_names"],
        "clip": pipeline.clip,
        "imputation": None if pipeline.imputation is None else pipeline.imputation.as_json(),
        "shape": asdict(fitted["_layer_shape"]),
        "targets": asdict(fitted.get("_scale_", UNSCALED)),
        "n_iter": fitted["n_iter_"],
        "training": fitted["training_"],
    }
    FORM.write(path, own | header, arrays)


def read_half(path: PathLike) -> tuple[dict[str, Any], Arrays, dict[str, Any]]:
    """Return header, arrays, and what `HeteroNetwork.fit` had kept, of what `write_half` wrote.

    Raises
    ------
    StorageError
        When the file cannot be read.
    DataError
        When it is no network of this version, or damaged.
    """
    return FORM.read(path, _checked)


def _checked(
    header: dict[str, Any], arrays: Arrays
) -> tuple[dict[str, Any], Arrays, dict[str, Any]]:
    if not isinstance(header["params"], dict) or not isinstance(header["estimator"], str):
        raise ValueError("its header is not of this form")
    return header, arrays, _read_kept(header, arrays)


def _read_kept(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
    imputation = header["imputation"]
    pipeline = FeaturePipeline(
        arrays["mean"],
        arrays["scale"],
        header["clip"],
        None if imputation is None else Imputation.from_json(imputation),
    )
    names, shape = header["names"], LayerShape(**header["shape"])
    state = {k.removeprefix("layer."): v for k, v in arrays.items() if k.startswith("layer.")}
    _check_layer(shape, state)
    clip, targets, classes = header["clip"], header["targets"], arrays.get("classes")
    if (
        type(clip) not in (int, float)
        or not 0 < clip < 64
        or not (
            names is None or (isinstance(names, list) and all(isinstance(n, str) for n in names))
        )
        or not (names is None or len(names) == pipeline.columns)
        or type(header["n_iter"]) is not int
        or header["n_iter"] < 0
        or not re.fullmatch("[0-9a-f]{32}", header["training"])
        or type(targets["mean"]) is not float
        or type(targets["exponent"]) is not int
        or abs(targets["exponent"]) > EXPONENT_LIMIT
        or any(v.dtype != np.float64 or v.ndim != 1 for v in (pipeline.mean, pipeline.scale))
        or pipeline.mean.shape != pipeline.scale.shape
        or not (np.isfinite(pipeline.mean).all() and (pipeline.scale > 0).all())
        or not (
            classes is None or (classes.ndim == 1 and len(np.unique(classes)) == len(classes) > 1)
        )
    ):
        raise ValueError("its header and its arrays do not fit together")
    return {
        "_pipeline": pipeline,
        "_names": None if names is None else tuple(names),
        "_classes": arrays.get("classes"),
        "_scale_": TargetScale(**header["targets"]),
        "_layer_state": state,
        "_layer_shape": shape,
        "n_iter_": int(header["n_iter"]),
        "training_": header["training"],
        "n_features_in_": pipeline.columns,
    }


def _check_layer(shape: LayerShape, state: Mapping[str, Any]) -> None:
    """Raise ValueError unless these are a layer and one party's shares of it."""
    counts = (shape.guest, shape.host - 1, shape.outputs - 1, shape.input_bits - 1)
    if (
        any(type(count) is not int or count < 0 for count in counts)
        or max(shape.input_bits, shape.gradient_bits) > 62
        or type(shape.gradient_bits) is not int
        or type(shape.host_gradient) is not bool
    ):
        raise ValueError("its layer makes no sense")
    for name, inputs in (
        ("guest_weights", shape.guest),
        ("host_weights", shape.host),
        ("velocity", shape.host),
    ):
        if state[name].dtype != np.uint64 or state[name].shape != (inputs, shape.outputs, 2):
            raise ValueError("its shares do not fit its layer")
