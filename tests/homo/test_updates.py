# SPDX-License-Identifier: Apache-2.0
"""What updates may be, and that they come back as what they were."""

import sys
import types

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pyfate_gpu.errors import DataError, ProtocolError
from pyfate_gpu.homo import AggregationPlan
from pyfate_gpu.homo.updates import Structure, put_together, take_apart
from tests.homo.conftest import Parties


class Tensor:
    """As little of a tensor of PyTorch as is asked for."""

    def __init__(self, values, dtype="torch.float32"):
        self.values, self.dtype = np.asarray(values), dtype

    def detach(self):
        return self

    def cpu(self):
        return self

    def float(self):
        return Tensor(self.values.astype(np.float32))

    def numpy(self):
        if self.dtype == "torch.bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.values

    def to(self, dtype):
        return Tensor(self.values, dtype)


@pytest.fixture
def torch(monkeypatch):
    module = types.ModuleType("torch")
    module.from_numpy = Tensor
    for dtype in ("float32", "bfloat16", "int64"):
        setattr(module, dtype, f"torch.{dtype}")
    monkeypatch.setitem(sys.modules, "torch", module)


def test_forms_come_back():
    for update in (
        np.ones((2, 3), np.float32),
        [np.ones(2), np.zeros((1, 0), np.float32), np.float64(3)],
        {"b": np.ones(2, np.float16), "a": np.ones((2, 1, 2))},
    ):
        structure, arrays = take_apart(update)
        again = put_together(structure, arrays)
        assert type(again) is type(update)
        assert Structure.read(structure.describe()) == structure
        if isinstance(update, dict):
            assert list(again) == ["a", "b"]
            np.testing.assert_array_equal(again["b"], update["b"])


def test_a_state_dict(torch):
    plan = AggregationPlan(2, 16, integers="sum", rounding="nearest")
    state = {
        "weight": Tensor(np.ones((2, 2), np.float32)),
        "bias": Tensor(np.full(2, 0.5), "torch.bfloat16"),
        "num_batches_tracked": Tensor(np.array(7), "torch.int64"),
    }
    opener, sealed = Parties(plan).run([state, state])
    mean, _ = opener.open(sealed)
    assert {name: tensor.dtype for name, tensor in mean.items()} == {
        "bias": "torch.bfloat16", "num_batches_tracked": "torch.int64", "weight": "torch.float32",
    }  # fmt: skip
    assert mean["num_batches_tracked"].values == 14
    np.testing.assert_array_equal(mean["weight"].values, np.ones((2, 2)))


def test_fitted_linear_models():
    random = np.random.default_rng(3)
    models = []
    for _ in range(2):
        X = random.normal(size=(40, 3))
        models.append(LogisticRegression().fit(X, X[:, 0] > 0))
    opener, sealed = Parties(AggregationPlan(2, 24, clip=8.0)).run(models)
    mean, report = opener.open(sealed)
    expected = (models[0].coef_ + models[1].coef_) / 2
    assert np.abs(mean["coef_"] - expected).max() <= report.rounding_error["coef_"]
    assert mean["intercept_"].shape == (1,)


@pytest.mark.parametrize(
    "wrong",
    [
        3.5, "text", b"bytes", None, [], {}, [np.array(["a"])], [np.ones(2, bool)], {1: np.ones(2)},
        [np.ones(2, complex)], [np.array([None])], [np.ma.masked_array([1.0], [True])], object(),
    ],
    ids=lambda wrong: type(wrong).__name__ + str(wrong)[:12].split(" at ")[0],
)  # fmt: skip
def test_what_is_no_update(wrong):
    with pytest.raises(DataError):
        take_apart(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        None, [], ["list"], ["heap", []], ["list", [["a", [2], "float8"]]], ["list", [["a", [-1], "float32"]]],
        ["list", [["a", ["2"], "float32"]]], ["list", [["a", [2**40], "float32"]]], ["list", [["a", [2]]]],
        ["list", [[3, [2], "float32"]]], ["list", [["a", [1] * 40, "float32"]]],
    ],
)  # fmt: skip
def test_what_is_no_structure(wrong):
    with pytest.raises(ProtocolError):
        Structure.read(wrong)
