# SPDX-License-Identifier: Apache-2.0
"""Files of halves that nobody wrote are refused; no PyTorch."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.errors import DataError, StorageError
from pyfate_gpu.nn.layer import LayerShape
from pyfate_gpu.nn.model_file import read_half, write_half
from pyfate_gpu.storage.archive import pack, unpack


@pytest.fixture
def written(tmp_path):
    x = np.random.default_rng(0).normal(size=(30, 2))
    fitted = {
        "_pipeline": FeaturePipeline.fit(x, standardize=True, clip=8.0),
        "_layer_state": {
            name: np.full((inputs, 3, 2), 7, dtype=np.uint64)
            for name, inputs in (("guest_weights", 2), ("host_weights", 4), ("velocity", 4))
        },
        "net_": None,
        "_classes": np.array(["a", "b"]),
        "_names": ("u", "v"),
        "_layer_shape": LayerShape(2, 4, 3),
        "n_iter_": 2,
        "training_": "a" * 32,
    }
    write_half(tmp_path / "half", fitted, {"estimator": "X", "params": {}, "made_here": True})
    return tmp_path / "half", fitted


def test_what_was_written_is_read(written):
    path, fitted = written
    header, _, kept = read_half(path)
    assert header["estimator"] == "X"
    assert kept["_layer_shape"] == fitted["_layer_shape"]
    assert kept["_names"] == ("u", "v")
    assert (kept["_layer_state"]["host_weights"] == 7).all()
    np.testing.assert_array_equal(kept["_pipeline"].mean, fitted["_pipeline"].mean)


@pytest.mark.parametrize(
    "change",
    [
        {"clip": None}, {"clip": 64}, {"names": ["u"]}, {"names": [1, 2]}, {"n_iter": True}, {"n_iter": -1},
        {"training": "b"},
        {"targets": {"mean": 0, "exponent": 0}}, {"targets": {"mean": 0.0, "exponent": 10**6}}, {"params": []},
        {"estimator": None}, {"imputation": {}}, {"shape.guest": -1}, {"shape.outputs": 0}, {"shape.input_bits": 63},
        {"shape.gradient_bits": "30"}, {"shape.host_gradient": 1}, {"shape.host": 5},
    ],
    ids=str,
)  # fmt: skip
def test_headers_that_nobody_wrote(written, change):
    path, _ = written
    header, arrays = unpack(path.read_bytes(), "model.json", "pyfate-gpu network", 1)
    broken = copy.deepcopy(header)
    for key, value in change.items():
        table, _, name = key.rpartition(".")
        (broken[table] if table else broken)[name] = value
    path.write_bytes(pack("model.json", json.dumps(broken), arrays))
    with pytest.raises(DataError, match="it is damaged or of another release"):
        read_half(path)


@pytest.mark.parametrize(
    "name", ["mean", "scale", "layer.velocity", "layer.guest_weights", "classes"]
)
def test_arrays_that_nobody_wrote(written, name):
    path, _ = written
    header, arrays = unpack(path.read_bytes(), "model.json", "pyfate-gpu network", 1)
    for array in (np.zeros(1), np.zeros((2, 3, 1), dtype=np.uint64), np.array(["a", "a"])):
        path.write_bytes(pack("model.json", json.dumps(header), arrays | {name: array}))
        with pytest.raises(DataError, match="it is damaged or of another release"):
            read_half(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StorageError, match="cannot read"):
        read_half(tmp_path / "nothing")
