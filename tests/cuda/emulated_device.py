# SPDX-License-Identifier: Apache-2.0
"""A device for the engine whose kernels run on the host: its arrays are NumPy's, its memory is small."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager, nullcontext

import numpy as np

from pyfate_gpu.backends.cuda.device import Device

MEMORY = 1 << 22


class EmulatedDevice(Device):
    """What a `Device` asks of CuPy and the driver, answered on the host; parameters as in `Device`."""

    def __init__(self, native, index=0):
        super().__init__(native, np, index)

    def __enter__(self):
        return self

    @property
    def _failures(self):
        return (self.native.DeviceError,)

    def wait(self):
        """Nothing is ever under way."""

    finish = wait

    def stream(self):
        return 0

    @contextmanager
    def streams(self, count):
        yield [nullcontext()] * count

    def to_host_limbs(self, limbs):
        return limbs.copy()

    def host_empty(self, *shape):
        return np.empty(shape, dtype=np.uint32)

    def _copy(self, to, source, count, kind):
        ctypes.memmove(to, source, count)

    def address(self, array):
        return 0 if array is None else int(array.ctypes.data)

    def memory(self):
        return MEMORY, MEMORY
