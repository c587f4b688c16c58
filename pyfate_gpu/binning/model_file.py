# SPDX-License-Identifier: Apache-2.0
"""A party's bins in a file: a ZIP of JSON and arrays; no pickle. docs/binning.md describes the format."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.binning.fitting import Fitted
from pyfate_gpu.data.binning.column import ColumnBins
from pyfate_gpu.data.information_value import Evidence, evidence_of
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.storage.archive import Arrays, Form

FORM = Form("pyfate-gpu bins", 1, member="bins.json")


def write_half(path: PathLike, fitted: Fitted, header: dict[str, Any]) -> None:
    """Write bins and what is known of them, for their owner only.

    Raises
    ------
    StorageError
        When the file cannot be written.
    """
    arrays: Arrays = {"iv": fitted.iv}
    if fitted.stability is not None:
        arrays["stability"] = fitted.stability
    for host, values in (fitted.host_stability or {}).items():
        arrays[f"stability-{host}"] = values
    for at, rows in enumerate(fitted.rows):
        arrays[f"rows-{at}"] = rows
    for at, woe in enumerate(fitted.woe or []):
        arrays[f"woe-{at}"] = woe
    groups = {"own": fitted.evidence or [], **(fitted.hosts or {})}
    for name, columns in groups.items():
        for at, column in enumerate(columns):
            arrays[f"{name}-{at}"] = np.stack(
                [np.stack([each.events, each.others, each.woe, each.terms]) for each in column]
            )
    if fitted.classes is not None:
        classes = fitted.classes
        arrays["classes"] = classes.astype(str) if classes.dtype == object else classes
    own = {
        "names": fitted.names,
        "bins": [each.as_json() for each in fitted.bins],
        "woe": fitted.woe is not None,
        "order": fitted.order,
        "training": fitted.training,
        "hosts": None if fitted.hosts is None else {h: len(c) for h, c in fitted.hosts.items()},
    }
    FORM.write(path, own | header, arrays)


def read_half(path: PathLike, estimator: str) -> tuple[Fitted, dict[str, Any]]:
    """Return what `write_half` wrote, and the parameters.

    Raises
    ------
    StorageError
        When the file cannot be read.
    DataError
        When it holds no such bins, or is damaged.
    """
    return FORM.read(path, lambda header, arrays: _of(estimator, header, arrays))


def _of(estimator: str, header: dict[str, Any], arrays: Arrays) -> tuple[Fitted, dict[str, Any]]:
    if header["estimator"] != estimator or not isinstance(header["params"], dict):
        raise ValueError(f"it is of {header['estimator']}")
    return _checked(header, arrays), header["params"]


def _checked(header: dict[str, Any], arrays: Arrays) -> Fitted:
    names, hosts = header["names"], header["hosts"]
    bins = [ColumnBins.from_json(each) for each in header["bins"]]
    iv = arrays["iv"]
    if (
        not (names is None or (isinstance(names, list) and len(names) == len(bins)))
        or not all(isinstance(name, str) for name in names or ())
        or type(header["woe"]) is not bool
        or iv.dtype != np.float64
        or iv.ndim != 2
        or len(iv) != len(bins)
        or not iv.shape[1]
    ):
        raise ValueError("its parts do not fit together")
    rows = [_array(arrays, f"rows-{at}", np.int64, (b.count,)) for at, b in enumerate(bins)]
    shapes = [(b.count, iv.shape[1]) for b in bins]
    woe = None
    if header["woe"]:
        woe = [_array(arrays, f"woe-{at}", np.float64, s) for at, s in enumerate(shapes)]
    order = header["order"]
    if (
        not isinstance(order, list)
        or not all(type(at) is int and 0 <= at < len(bins) for at in order)
        or len(set(order)) != len(order)
    ):
        raise ValueError("its order of columns is none")
    if hosts is not None and not (
        not order  # which is a host's
        and isinstance(hosts, dict)
        and all(type(n) is int and n >= 0 for n in hosts.values())
    ):
        raise ValueError("its numbers of hosts' columns are none")
    named = None if names is None else tuple(names)
    stability = arrays.get("stability")
    if stability is not None and (stability.ndim != 2 or len(stability) != len(bins)):
        raise ValueError("its stability is not of its columns")
    training = header["training"]
    if not isinstance(training, str):
        raise ValueError("its training has no fingerprint")
    fitted = Fitted(
        named, bins, rows, iv, woe, order=tuple(order), stability=stability, training=training
    )
    if hosts is None:
        return fitted
    own = [_evidence(arrays, f"own-{at}", iv.shape[1]) for at in range(len(bins))]
    return Fitted(
        fitted.names,
        bins,
        rows,
        iv,
        fitted.woe,
        arrays["classes"],
        own,
        {
            host: [_evidence(arrays, f"{host}-{at}", iv.shape[1]) for at in range(count)]
            for host, count in hosts.items()
        },
        stability=stability,
        training=training,
        host_stability={host: arrays[f"stability-{host}"] for host in hosts}
        if stability is not None
        else None,
    )


def _array(
    arrays: Arrays, name: str, dtype: type[np.generic], shape: tuple[int, ...]
) -> NDArray[Any]:
    array = arrays[name]
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape} and type {array.dtype}")
    return array


def _evidence(arrays: Arrays, name: str, outputs: int) -> list[Evidence]:
    array = arrays[name]
    if array.dtype != np.float64 or array.ndim != 3 or array.shape[:2] != (outputs, 4):
        raise ValueError(f"{name} has shape {array.shape} and type {array.dtype}")
    found = []
    for events, others, woe, terms in array:
        counted = evidence_of(events, others)
        found.append(
            Evidence(
                events,
                others,
                woe,
                terms,
                float(terms.sum()),
                counted.ks,
                counted.chi_square,
            )
        )
    return found
