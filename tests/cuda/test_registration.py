# SPDX-License-Identifier: Apache-2.0
"""The cuda backend among the others, with the emulated device in place of two GPUs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from pyfate_gpu import backend_info, generate_keypair, use_backend
from pyfate_gpu import backends as registry
from pyfate_gpu.backends.base import Availability
from pyfate_gpu.backends.cuda import availability as cuda_availability
from pyfate_gpu.backends.cuda import engine as cuda
from pyfate_gpu.backends.numbers import PublicNumbers
from pyfate_gpu.backends.sharded import driver as sharded
from pyfate_gpu.config import environment
from pyfate_gpu.errors import BackendUnavailableError, DeviceMismatchError
from tests.cuda.emulated_device import EmulatedDevice

GPUS = 2


@pytest.fixture
def gpus(wide, monkeypatch):
    """A machine with two GPUs, both emulated, on which nobody has chosen a backend."""
    devices = [EmulatedDevice(wide, index) for index in range(GPUS)]
    monkeypatch.setattr(cuda, "_device", lambda index: devices[index])
    monkeypatch.setattr(
        cuda_availability,
        "availability",
        lambda index: Availability(index < GPUS, "" if index < GPUS else "there are two"),
    )
    monkeypatch.setattr(registry, "_passed_over", set())
    monkeypatch.delenv("PYFATE_GPU_BACKEND", raising=False)
    environment.cache_clear()
    with use_backend(None):
        yield
    environment.cache_clear()


@pytest.fixture
def fresh_keypair():
    """Its engines are those of one test."""
    return generate_keypair(512, allow_insecure_key_size=True)


def test_a_gpu_comes_first(gpus, fresh_keypair):
    public, private = fresh_keypair
    info = backend_info()
    assert (info.name, info.device, info.isa, info.threads) == ("cuda", "cuda:0", None, 1)
    assert "cuda: available" in str(info)
    c = public.encrypt([1.5, -2.0, 3.0])
    assert (c.backend, c.device) == ("cuda", "cuda:0")
    assert private.decrypt(c * 2 + 1).tolist() == [4.0, -3.0, 7.0]
    assert private.decrypt(np.array([[1, -1, 2]]) @ c).tolist() == [9.5]


def test_each_gpu_by_its_index(gpus, fresh_keypair):
    public, private = fresh_keypair
    first = public.encrypt([1.5, -2.0])
    second = first.to_device("cuda:1")
    assert second.device == "cuda:1"
    with pytest.raises(DeviceMismatchError, match=r"cuda:0.*cuda:1.*to_device"):
        first + second
    assert private.decrypt(second + second).tolist() == [3.0, -4.0]
    assert private.decrypt(second.to_device("cpu") + first.to_device("cpu")).tolist() == [3.0, -4.0]
    with use_backend("cuda:1"):
        assert backend_info().device == "cuda:1"
        assert public.encrypt(1).device == "cuda:1"
    with use_backend("cuda:0"):
        assert public.encrypt(1).device == "cuda:0"


def test_a_gpu_that_is_not_there(gpus, fresh_keypair):
    with pytest.raises(BackendUnavailableError, match="'cuda' is not available: there are two"):
        use_backend("cuda:2")
    c = fresh_keypair[0].encrypt(1)
    with pytest.raises(BackendUnavailableError, match=r"'cuda:2' is not served.*there are two.*"):
        c.to_device("cuda:2")
    for name in ("cuda:", "cuda:x", "cuda:-1", "cuda:1000"):
        with pytest.raises(BackendUnavailableError, match=f"'{name}' is unknown"):
            use_backend(name)


def test_a_key_that_no_kernel_takes_is_computed_elsewhere_with_one_warning(gpus):
    numbers = PublicNumbers((1 << 1100) + 1)
    with pytest.warns(RuntimeWarning, match=r"moduli of 1101 bits.*computing on backend '"):
        engine = registry.public_engine(numbers)
    assert engine.device == "cpu"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert registry.public_engine(numbers).backend == engine.backend


@pytest.mark.parametrize("by", ["use_backend", "environment", "device"])
def test_a_key_that_no_kernel_takes_is_refused_where_cuda_was_named(gpus, monkeypatch, by):
    numbers = PublicNumbers((1 << 1100) + 1)
    if by == "environment":
        monkeypatch.setenv("PYFATE_GPU_BACKEND", "cuda")
        environment.cache_clear()
    with (
        use_backend("cuda:0" if by == "use_backend" else None),
        pytest.raises(BackendUnavailableError, match="no kernels for moduli of 1101 bits"),
    ):
        registry.public_engine(numbers, "cuda:0" if by == "device" else None)


def test_two_gpus_as_one(gpus, fresh_keypair, monkeypatch):
    monkeypatch.setattr(sharded, "SMALL", 1)
    public, private = fresh_keypair
    with use_backend("cuda:0,1"):
        c = public.encrypt(np.arange(7.0))
        assert (c.backend, c.device) == ("cuda:0,1", "cuda:0,1")
        assert [part.rows for part in c._rows.parts] == [3, 4]
        assert (
            private.decrypt(c[::-1] * 2 + c).tolist()
            == (np.arange(7.0)[::-1] * 2 + range(7)).tolist()
        )
        assert private.decrypt(np.ones((2, 7)) @ c).tolist() == [21.0, 21.0]
        assert private.decrypt(private.encrypt([1.0, 2.0]).to_device("cpu")).tolist() == [1.0, 2.0]


def test_gpus_that_are_not_there_or_named_twice(gpus):
    with pytest.raises(BackendUnavailableError, match="there are two"):
        use_backend("cuda:1,2")
    with pytest.raises(BackendUnavailableError, match="names a GPU twice"):
        use_backend("cuda:1,1")
