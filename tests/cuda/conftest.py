# SPDX-License-Identifier: Apache-2.0
"""The CUDA kernels compiled for the host, once for each change of their sources."""

from __future__ import annotations

from types import ModuleType

import pytest

from pyfate_gpu.backends.cuda.device import Device
from tests.cuda.emulated_device import EmulatedDevice
from tests.cuda.emulated_module import emulated_module


@pytest.fixture(scope="session")
def narrow() -> ModuleType:
    """The device with limbs of 8 bits: rare carries are common."""
    return emulated_module(8)


@pytest.fixture(scope="session")
def wide() -> ModuleType:
    """The device with the limbs of the real one."""
    return emulated_module(32)


@pytest.fixture(scope="session")
def emulated(wide: ModuleType) -> Device:
    """The emulated device as the engine sees a GPU."""
    return EmulatedDevice(wide)
