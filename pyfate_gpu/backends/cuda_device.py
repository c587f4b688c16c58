# SPDX-License-Identifier: Apache-2.0
"""A GPU as the CUDA engine sees it: arrays of CuPy, a stream, and errors in words.

On the emulated device of the tests the arrays are NumPy's; nothing else differs.
"""

from __future__ import annotations

import os
import threading
from functools import cached_property
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import BackendError, DeviceMemoryError, DeviceMismatchError

Limbs = Any
"""An array of uint32 on the device: `cupy.ndarray`, or `numpy.ndarray` under emulation."""


ARRAY_SHARE = 8  # an array on the device takes at most this fraction of its memory


class Device:
    """One GPU. As a context manager it makes the GPU current and turns its errors into ours.

    Parameters
    ----------
    native : module
        `pyfate_gpu.backends._cuda`, or its like for the emulated device.
    arrays : module
        `cupy`, or `numpy` for the emulated device.
    index : int
        Which GPU, in the order of the CUDA runtime.
    """

    def __init__(self, native: Any, arrays: Any, index: int = 0) -> None:
        self.native = native
        self.arrays = arrays
        self.index = index
        self.name = f"cuda:{index}"
        self.emulated = bool(native.emulated)
        self.multiprocessors = int(native.multiprocessors(index))
        self._entered = threading.local()

    def __enter__(self) -> Device:
        if not self.emulated:
            current = self.arrays.cuda.Device(self.index)
            current.__enter__()
            self._stack().append(current)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if stack := self._stack():
            stack.pop().__exit__(kind, error, trace)
        if isinstance(error, MemoryError) and not isinstance(error, DeviceMemoryError):
            raise DeviceMemoryError(
                f"{self.name} has no memory left ({self._memory_text()}); take fewer rows at a "
                "time, or free arrays and call cupy.get_default_memory_pool().free_all_blocks()"
            ) from error
        if isinstance(error, self.native.DeviceError):
            raise BackendError(f"{self.name} failed: {error}") from error

    def _stack(self) -> list[Any]:
        """What this thread has entered: each thread has a current GPU of its own."""
        if not hasattr(self._entered, "stack"):
            self._entered.stack = []
        stack: list[Any] = self._entered.stack
        return stack

    def wait(self) -> None:
        """Return when everything enqueued in the current stream is done."""
        if not self.emulated:
            self.arrays.cuda.get_current_stream().synchronize()

    def stream(self) -> int:
        """The current stream of CuPy, in which everything is enqueued."""
        return 0 if self.emulated else int(self.arrays.cuda.get_current_stream().ptr)

    def empty(self, *shape: int) -> Limbs:
        """Uninitialised limbs."""
        return self.arrays.empty(shape, dtype=np.uint32)

    def zeros(self, *shape: int) -> Limbs:
        """Limbs that are 0."""
        return self.arrays.zeros(shape, dtype=np.uint32)

    def index_array(self, index: Any) -> Any:
        """An int64 index on the device, C-contiguous; None stays None."""
        if index is None:
            return None
        return self.arrays.ascontiguousarray(self.arrays.asarray(index, dtype=np.int64))

    def to_device(self, words: npt.NDArray[Any], limbs: int) -> Limbs:
        """64-bit words ``[rows, k]`` as limbs ``[rows, limbs]``, cut or padded with zeros."""
        halves = np.ascontiguousarray(words).view(np.uint32).reshape(len(words), -1)
        if halves.shape[1] == limbs:
            return self.arrays.asarray(halves)
        padded = self.zeros(len(words), limbs)
        taken = min(limbs, halves.shape[1])
        padded[:, :taken] = self.arrays.asarray(np.ascontiguousarray(halves[:, :taken]))
        return padded

    def to_host(self, limbs: Limbs, words: int) -> npt.NDArray[np.uint64]:
        """Limbs ``[rows, k]`` as 64-bit words ``[rows, words]``; waits for the stream."""
        kept = self.arrays.ascontiguousarray(limbs[:, : 2 * words])
        host = self.to_host_limbs(kept)
        return np.ascontiguousarray(host).view(np.uint64).reshape(len(host), words)

    def to_host_limbs(self, limbs: Limbs) -> npt.NDArray[np.uint32]:
        """A copy of limbs on the host; waits for the stream."""
        copy: npt.NDArray[np.uint32] = limbs.copy() if self.emulated else limbs.get()
        return copy

    def random_limbs(self, rows: int, limbs: int) -> Limbs:
        """Uniform limbs ``[rows, limbs]``: a ChaCha20 stream under a new key of the system."""
        out = self.empty(rows, limbs)
        self.native.fill_random(self.address(out), out.size, os.urandom(32), self.stream())
        return out

    def address(self, array: Any) -> int:
        """Where an array lies; 0 for None.

        Raises
        ------
        DeviceMismatchError
            If it does not lie on this device.
        """
        if array is None:
            return 0
        if self.emulated:
            return int(array.ctypes.data)
        lies_on = "the host" if isinstance(array, np.ndarray) else f"cuda:{array.device.id}"
        if lies_on != self.name:
            raise DeviceMismatchError(
                f"an array lies on {lies_on}, the operation runs on {self.name}; move it with "
                "to_device(...)"
            )
        return int(array.data.ptr)

    @cached_property
    def array_bytes(self) -> int:
        """Bytes of the largest array that is kept on the device."""
        return self.total_memory() // ARRAY_SHARE

    def total_memory(self) -> int:
        """Bytes of memory of the device."""
        if self.emulated:
            return 1 << 22
        return int(self.arrays.cuda.runtime.memGetInfo()[1])

    def _memory_text(self) -> str:
        budget = f"arrays of up to {self.array_bytes / 2**30:.3g} GiB are kept there"
        if self.emulated:
            return f"emulated; {budget}"
        free, total = self.arrays.cuda.runtime.memGetInfo()
        return f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free, and CuPy's pool; {budget}"
