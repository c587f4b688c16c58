# SPDX-License-Identifier: Apache-2.0
"""Whether there is a GPU to compute on, and in words why not."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from pyfate_gpu.backends.base import Availability
from pyfate_gpu.extras import EXTRAS, install_line

OLDEST_CAPABILITY = 75  # of the PTX in the module


def native() -> Any:
    """The extension module, loaded when first asked for."""
    return import_module("pyfate_gpu.backends._cuda")


def not_built() -> str:
    """Why this build has no `_cuda`, empty if it should."""
    try:
        return str(import_module("pyfate_gpu.backends._cpu").without_cuda())
    except ImportError:
        return ""


@cache
def availability(index: int) -> Availability:
    """Whether the extension, a driver, the GPU of this index and a CuPy are there; asked once."""
    reason = _why_not(index)
    return Availability(not reason, reason)


def _why_not(index: int) -> str:
    """Why the GPU of this index cannot be used, empty if it can."""
    try:
        module = native()
    except ImportError as error:
        if built := not_built():
            return (
                f"built without CUDA, {built}; where nvcc is: make build CUDA=ON, or pip install ."
            )
        return f"the extension module _cuda does not load ({error}); build it with nvcc"
    driver, toolkit = module.driver_version(), module.toolkit_version()
    if driver == 0:
        return "no NVIDIA driver is installed"
    if driver // 1000 < toolkit // 1000:
        return (
            f"the driver supports CUDA {_version(driver)}, this build needs "
            f"{_version(toolkit)}; update the driver"
        )
    try:
        names = module.device_names()
    except module.DeviceError as error:
        return f"no GPU can be used ({error})"
    if index >= len(names):
        return f"there is no device cuda:{index}; this machine has {len(names)}"
    return _why_not_cupy(index, driver)


def _why_not_cupy(index: int, driver: int) -> str:
    """The same for CuPy, and for what only CuPy tells: the age of the GPU."""
    name = f"cuda{driver // 1000}"
    extra = install_line(name) if name in EXTRAS else f"there is none for CUDA {driver // 1000}"
    try:
        import cupy

        found = int(cupy.cuda.runtime.runtimeGetVersion())
        capability = int(cupy.cuda.Device(index).compute_capability)
    except (ImportError, OSError, RuntimeError) as error:
        return f"CuPy does not load ({error}); {extra}"
    if found // 1000 > driver // 1000:
        return (
            f"CuPy is built for CUDA {_version(found)}, the driver supports "
            f"{_version(driver)}; {extra}"
        )
    if capability < OLDEST_CAPABILITY:
        return (
            f"cuda:{index} has compute capability {capability / 10}; the kernels need "
            f"{OLDEST_CAPABILITY / 10} or later"
        )
    return ""


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"
