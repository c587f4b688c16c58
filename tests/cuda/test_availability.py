# SPDX-License-Identifier: Apache-2.0
"""Every way not to have a GPU is an answer in words, never a crash."""

from __future__ import annotations

import importlib.util
import re
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from pyfate_gpu.backends.base import EngineOptions
from pyfate_gpu.backends.cuda import availability as cuda_availability
from pyfate_gpu.backends.cuda import engine as cuda
from pyfate_gpu.errors import BackendUnavailableError


class NoDeviceError(RuntimeError):
    pass


def machine(driver: int, names: list[str] | None) -> SimpleNamespace:
    """What `_cuda` says on a machine with this driver and these GPUs; None: it cannot tell."""

    def device_names() -> list[str]:
        if names is None:
            raise NoDeviceError("cudaErrorNoDevice: no CUDA-capable device is detected")
        return names

    return SimpleNamespace(
        DeviceError=NoDeviceError,
        driver_version=lambda: driver,
        toolkit_version=lambda: 13000,
        device_names=device_names,
    )


def cupy_for(version: int, capability: str = "90") -> SimpleNamespace:
    runtime = SimpleNamespace(runtimeGetVersion=lambda: version)
    device = SimpleNamespace(compute_capability=capability)
    return SimpleNamespace(cuda=SimpleNamespace(runtime=runtime, Device=lambda index: device))


@pytest.mark.parametrize(
    ("driver", "names", "cupy", "index", "reason"),
    [
        (0, None, None, 0, r"no NVIDIA driver"),
        (12040, ["H200"], None, 0, r"driver supports CUDA 12\.4, this build needs 13\.0; update"),
        (13010, None, None, 0, r"no GPU can be used \(cudaErrorNoDevice"),
        (13010, ["H200"], None, 1, r"no device cuda:1; this machine has 1"),
        (13010, ["H200"], None, 0, r"CuPy does not load .*pip install 'cupy-cuda13x"),
        (
            13010,
            ["H200"],
            cupy_for(14000),
            0,
            r"CuPy is built for CUDA 14\.0, the driver supports 13\.1",
        ),
        (13010, ["V100"], cupy_for(13000, "70"), 0, r"cuda:0 has compute capability 7\.0; .* 7\.5"),
        (13010, ["H200"], cupy_for(13000), 0, r"^$"),
        (13010, ["H200"], cupy_for(12090), 0, r"^$"),
    ],
)
def test_reasons(monkeypatch, driver, names, cupy, index, reason):
    monkeypatch.setattr(cuda_availability, "native", lambda: machine(driver, names))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    cuda_availability.availability.cache_clear()
    try:
        found = cuda.CudaBackend(index).availability()
    finally:
        cuda_availability.availability.cache_clear()
    assert found.available == (reason == "^$")
    assert re.search(reason, found.reason)


def test_code_for_other_gpus(monkeypatch):
    """Found when the GPU is first used: such a build has no PTX, or one too new for the driver."""

    def check_kernels():
        raise NoDeviceError("cudaErrorNoKernelImageForDevice: no kernel image is available")

    native = machine(13010, ["A100"])
    native.check_kernels, native.emulated = check_kernels, False
    native.multiprocessors = native.shared_memory = lambda index: 108
    native.sizes = dict
    monkeypatch.setattr(cuda_availability, "native", lambda: native)
    cupy = SimpleNamespace(cuda=SimpleNamespace(Device=lambda index: nullcontext()))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    cuda._device.cache_clear()
    with pytest.raises(
        BackendUnavailableError, match=r"cuda:0 .*NoKernelImage.*=native make build"
    ):
        cuda._device(0)


@pytest.mark.parametrize(
    ("built", "reason"),
    [
        ("no NVIDIA device was found", r"^built without CUDA, no NVIDIA device .*CUDA=ON"),
        ("", r"^the extension module _cuda does not load"),
    ],
)
def test_a_module_that_was_not_built(monkeypatch, built, reason):
    def missing():
        raise ImportError("No module named '_cuda'")

    monkeypatch.setattr(cuda_availability, "native", missing)
    monkeypatch.setattr(cuda_availability, "not_built", lambda: built)
    cuda_availability.availability.cache_clear()
    try:
        found = cuda.CudaBackend().availability()
    finally:
        cuda_availability.availability.cache_clear()
    assert not found.available
    assert re.search(reason, found.reason)


def test_the_build_says_whether_it_has_the_module():
    built = importlib.util.find_spec("pyfate_gpu.backends._cuda") is not None
    assert built == (cuda_availability.not_built() == "")


def test_there_is_no_instruction_set_to_choose():
    backend = cuda.CudaBackend(2)
    assert (backend.name, backend.device) == ("cuda", "cuda:2")
    assert backend.resolve(EngineOptions(threads=7)).threads == 1
    with pytest.raises(BackendUnavailableError, match="'avx2' is unknown to backend 'cuda'"):
        backend.resolve(EngineOptions(isa="avx2"))


def test_the_built_module_answers_without_a_gpu():
    module = pytest.importorskip("pyfate_gpu.backends._cuda")
    assert module.limb_bits == 32
    assert not module.emulated
    assert tuple(module.sizes()) == (16, 32, 48, 64, 96, 128)
    if module.driver_version() == 0:
        with pytest.raises(module.DeviceError, match="cudaError"):
            module.device_names()
