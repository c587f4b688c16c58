# SPDX-License-Identifier: Apache-2.0
"""Models and checkpoints, a ZIP of JSON and arrays each: what is accepted is what the file says, by other means."""

from __future__ import annotations

import io
import json
import os
import zipfile

import numpy as np

from pyfate_gpu.data.tables import read_table
from pyfate_gpu.glm import HeteroLogisticRegression
from pyfate_gpu.jobs.checkpoints import Checkpoints
from pyfate_gpu.nn.transfer import FederatedTransfer
from pyfate_gpu.trees import HeteroBoostedTreesClassifier
from pyfate_gpu.trees.prediction import Walk
from tests.fuzz.target import SCRATCH, Target, from_file

_MAGIC = b"\x93NUMPY"
ITERATION = 10


def _split(data):
    """The header with the names of the arrays, and these one after the other."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        first, *others = archive.namelist()
        return {"header": json.loads(archive.read(first)), "names": [first, *others]}, b"".join(
            map(archive.read, others)
        )


def _join(document, rest):
    """A ZIP with checksums put right, whatever its members became."""
    document = document if isinstance(document, dict) else {}
    names = document.get("names")
    names = (
        [str(name).replace("\0", "")[:100] or "_" for name in names]
        if isinstance(names, list)
        else []
    )
    members = [json.dumps(document.get("header")).encode()]
    members += [_MAGIC + part for part in rest.split(_MAGIC)[1:]]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, member in zip(dict.fromkeys(names), members, strict=False):
            archive.writestr(name.encode("utf-8", "replace").decode(), member)
    return buffer.getvalue()


def _contents(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        header, *others = archive.namelist()
        arrays = {
            name: np.load(io.BytesIO(archive.read(name)), allow_pickle=False) for name in others
        }
        return json.loads(archive.read(header)), arrays


def _same(array, other):
    return array.dtype == other.dtype and np.array_equal(
        array, other, equal_nan=array.dtype.kind == "f"
    )


def _model_holds(data, model):
    header, arrays = _contents(data)
    half = model._half
    names, intercept, clip = header["names"], header["intercept"], header["clip"]
    columns = len(arrays["mean.npy"])
    return (
        _same(half.weights, arrays["weights.npy"])
        and _same(half.pipeline.mean, arrays["mean.npy"])
        and _same(half.pipeline.scale, arrays["scale.npy"])
        and ("classes.npy" not in arrays or _same(half.classes, arrays["classes.npy"]))
        and intercept in (True, False)
        and half.weights.shape[0] == columns + intercept
        and (clip is None or (type(clip) in (int, float) and half.pipeline.clip == clip > 0))
        and (names is None or (list(half.names) == names and len(names) == columns))
        and type(header["n_iter"]) is int
        and model.n_iter_ == header["n_iter"] >= 0
        and all(getattr(model, name) == value for name, value in header["params"].items())
    )


def _load_checkpoint(data):
    folder = SCRATCH / f"{os.getpid()}-checkpoints"
    folder.mkdir(exist_ok=True)
    (folder / f"iteration-{ITERATION:08d}.zip").write_bytes(data)
    checkpoints = Checkpoints(folder, every=5, job="fuzzing")
    checkpoints.check()
    checkpoints.iteration = ITERATION
    return checkpoints.load()


def _checkpoint_holds(data, state):
    header, arrays = _contents(data)
    return (
        header["job"] == "fuzzing"
        and header["iteration"] == ITERATION
        and list(state) == header["order"]
        and len(state) == len(header["state"]) + len(arrays)
        and all(_same(state[name.removesuffix(".npy")], array) for name, array in arrays.items())
        and all(repr(state[name]) == repr(value) for name, value in header["state"].items())
    )


def _trees_hold(data, model):
    header, arrays = _contents(data)
    half = model._half
    if half.forest is not None:  # all rows find a leaf, wherever hosts send them
        codes = np.zeros((3, half.columns), dtype=np.int16)
        walk = Walk(half.forest, half.bins, codes)
        while waiting := walk.advance():
            for steps in waiting.values():
                for tree, node, rows in steps:
                    walk.step(tree, node, rows, rows % 2 == 0)
        if not _same(half.forest.base, arrays["base.npy"]) or walk.scores().shape != (
            3,
            len(half.forest.base),
        ):
            return False
        model.to_xgboost()
    return (
        np.array_equal(half.table.as_array(), arrays["splits.npy"].reshape(-1, 3))
        and np.array_equal(half.bins.counts - 1, arrays["cuts_of_column.npy"])
        and set(model.importances("weight").values()) <= set(range(len(half.table) + 1))
        and model.n_iter_ == header["n_iter"] >= 0
        and all(getattr(model, name) == value for name, value in header["params"].items())
    )


def _transfer_holds(data, model):
    header, arrays = _contents(data)
    half = model._half
    rows = np.zeros((3, len(arrays["mean.npy"])))
    bottom = (lambda v: np.zeros((len(v), len(half.weights)))) if half.bottom else None
    found = half.representations(read_table(rows), bottom)
    return (
        _same(half.weights, arrays["weights.npy"])
        and _same(half.pipeline.mean, arrays["mean.npy"])
        and _same(half.pipeline.scale, arrays["scale.npy"])
        and ("centres.npy" not in arrays or (found @ arrays["centres.npy"].T).shape[0] == 3)
        and ("classes.npy" not in arrays or _same(model.classes_, arrays["classes.npy"]))
        and np.isfinite(found).all()
        and model.n_iter_ == header["n_iter"] >= 0
        and all(getattr(model, name) == value for name, value in header["params"].items())
    )


TRANSFER = Target(
    "transfer", from_file("half", FederatedTransfer.load), _transfer_holds, _split, _join
)
TREES = Target(
    "trees", from_file("half", HeteroBoostedTreesClassifier.load), _trees_hold, _split, _join
)
MODEL = Target(
    "model", from_file("half", HeteroLogisticRegression.load), _model_holds, _split, _join
)
CHECKPOINT = Target("checkpoint", _load_checkpoint, _checkpoint_holds, _split, _join)
