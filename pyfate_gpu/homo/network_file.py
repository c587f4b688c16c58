# SPDX-License-Identifier: Apache-2.0
"""A network of many parties' rows in a file: a ZIP of JSON and arrays; no pickle."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pyfate_gpu.homo.network_training import STATE, arrays_of, drawn, layered, restore
from pyfate_gpu.homo.standardisation import Scale
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.storage.archive import Arrays, Form

if TYPE_CHECKING:
    from pyfate_gpu.homo.network import HomoNetworkClassifier

Model = TypeVar("Model", bound="HomoNetworkClassifier")
FORM = Form("pyfate-gpu homo network", 1)


def write_network(path: PathLike, model: HomoNetworkClassifier) -> None:
    """Write a fitted model, for its owner only; raises StorageError when the file cannot be written."""
    params = model._kept_parameters()
    params["hidden"] = [int(each) for each in model.hidden]
    if model.classes is not None:
        params["classes"] = np.asarray(list(model.classes)).tolist()
    del params["network"]
    header = {
        "estimator": type(model).__name__, "params": params, "n_iter": model.n_iter_,
        "columns": model.n_features_in_, "names": list(getattr(model, "feature_names_in_", [])),
        "own": model.network is not None, "classes": model.classes_.tolist(),
    }  # fmt: skip
    scale = {"mean": model._scale.mean, "deviation": model._scale.deviation}
    FORM.write(path, header, arrays_of(model.network_.state_dict(), STATE) | scale)


def read_network(path: PathLike, kind: type[Model], network: Callable[[], Any] | None) -> Model:
    """Return a fitted model of a class; `network` as of its `load`.

    Raises
    ------
    StorageError
        When the file cannot be read.
    DataError
        When it is no such model, or damaged.
    """
    return FORM.read(path, lambda header, arrays: _built(kind, header, arrays, network))


def _built(
    kind: type[Model], header: dict[str, Any], arrays: Arrays, network: Callable[[], Any] | None
) -> Model:
    columns, names = header["columns"], header["names"]
    if header["estimator"] != kind.__name__ or type(columns) is not int:
        raise ValueError(f"it holds a {header['estimator']}: load it by that class")
    if header["own"] is not (network is not None):
        raise ValueError(
            "its network is given at loading where, and only where, it had one of its own"
        )
    good = isinstance(names, list) and len(names) in (0, columns)
    if type(header["n_iter"]) is not int or not good:
        raise ValueError("its header is not of this form")
    model = kind(network=network)
    model.set_params(**header["params"])
    model.check()
    classes, mean, deviation = np.array(header["classes"]), arrays["mean"], arrays["deviation"]
    if mean.shape != (columns,) or deviation.shape != (columns,) or classes.ndim != 1:
        raise ValueError("its parts do not fit together")
    if network is not None:
        made = drawn(network, 0)
    else:
        made = layered([columns, *map(int, model.hidden), len(classes)], 0)
    restore(made, arrays, STATE)
    vars(model).update(
        network_=made, classes_=classes, n_iter_=header["n_iter"], n_features_in_=columns,
        _scale=Scale(mean, deviation),
    )  # fmt: skip
    if names:
        vars(model)["feature_names_in_"] = np.array(names, dtype=object)
    return model
