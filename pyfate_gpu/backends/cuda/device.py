# SPDX-License-Identifier: Apache-2.0
"""A GPU as the CUDA engine sees it: arrays of CuPy, a stream, and errors in words."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
        `pyfate_gpu.backends._cuda`.
    arrays : module
        `cupy`.
    index : int
        Which GPU, in the order of the CUDA runtime.
    """

    def __init__(self, native: Any, arrays: Any, index: int = 0) -> None:
        self.native = native
        self.arrays = arrays
        self.index = index
        self.name = f"cuda:{index}"
        self.multiprocessors = int(native.multiprocessors(index))
        shared = native.shared_memory(index)
        self.sizes = tuple(limbs for limbs, bytes_ in native.sizes().items() if bytes_ <= shared)
        self._streams: list[Any] = []
        self._entered = threading.local()

    def __enter__(self) -> Device:
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
        if error is None or isinstance(error, BackendError):
            return
        failed = isinstance(error, self._failures)
        if isinstance(error, MemoryError) or (failed and "MemoryAllocation" in str(error)):
            raise DeviceMemoryError(
                f"{self.name} has no memory left ({self._memory_text()}); take fewer rows at a "
                "time, or free arrays and call cupy.get_default_memory_pool().free_all_blocks()"
            ) from error
        if failed:
            raise BackendError(
                f"{self.name} failed: {error}; the fault may lie in anything enqueued before, and "
                "where it stays the process must start anew"
            ) from error

    @cached_property
    def _failures(self) -> tuple[type[Exception], ...]:
        """What the extension and CuPy raise when the GPU or its driver refuses."""
        cuda = self.arrays.cuda
        return (
            self.native.DeviceError,
            cuda.runtime.CUDARuntimeError,
            cuda.driver.CUDADriverError,
        )

    def _stack(self) -> list[Any]:
        """What this thread has entered: each thread has a current GPU of its own."""
        if not hasattr(self._entered, "stack"):
            self._entered.stack = []
        stack: list[Any] = self._entered.stack
        return stack

    def wait(self) -> None:
        """Return when everything enqueued in the current stream is done."""
        self.arrays.cuda.get_current_stream().synchronize()

    def finish(self) -> None:
        """Return when everything in any stream of the device is done."""
        self.arrays.cuda.Device(self.index).synchronize()

    def stream(self) -> int:
        """The current stream of CuPy, in which everything is enqueued."""
        return int(self.arrays.cuda.get_current_stream().ptr)

    @contextmanager
    def streams(self, count: int) -> Iterator[list[Any]]:
        """Streams beside the current one, as context managers; they begin after what is there.

        At the end the current stream waits for them, the host does not. Arrays made in one of them
        are for later work of the current stream, or of the same one.
        """
        current = self.arrays.cuda.get_current_stream()
        while len(self._streams) < count:
            self._streams.append(self.arrays.cuda.Stream(non_blocking=True))
        used = self._streams[:count]
        begin = current.record()
        for stream in used:
            stream.wait_event(begin)
        try:
            yield used
        finally:
            for stream in used:
                current.wait_event(stream.record())

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
        halves = np.ascontiguousarray(words).view(np.uint32).reshape(len(words), 2 * words.shape[1])
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
        copy: npt.NDArray[np.uint32] = limbs.get()
        return copy

    def host_empty(self, *shape: int) -> npt.NDArray[np.uint32]:
        """Uninitialised limbs on the host, in pinned memory where there is enough of it."""
        import cupyx

        refused: tuple[type[Exception], ...] = (MemoryError, *self._failures)
        with suppress(*refused):
            pinned: npt.NDArray[np.uint32] = cupyx.empty_pinned(shape, dtype=np.uint32)
            return pinned
        return np.empty(shape, dtype=np.uint32)

    def copy_in(self, host: npt.NDArray[np.uint32]) -> Limbs:
        """Limbs of the host, C-contiguous, on the device.

        The current stream copies from pinned memory, which must last until it has; the host waits for
        nothing but copies from other memory.
        """
        out = self.empty(*host.shape)
        self._copy(self.address(out), host.ctypes.data, out.nbytes, "memcpyHostToDevice")
        return out

    def copy_out(self, limbs: Limbs, host: npt.NDArray[np.uint32]) -> None:
        """Limbs of the device into `host`, both C-contiguous, as `copy_in` does; not there until `wait`."""
        self._copy(host.ctypes.data, self.address(limbs), limbs.nbytes, "memcpyDeviceToHost")

    def _copy(self, to: int, source: int, count: int, kind: str) -> None:
        runtime = self.arrays.cuda.runtime
        runtime.memcpyAsync(to, source, count, getattr(runtime, kind), self.stream())

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
        return self.memory()[1] // ARRAY_SHARE

    def memory(self) -> tuple[int, int]:
        """Bytes of memory of the device: free ones, all."""
        with self.arrays.cuda.Device(self.index):
            free, total = self.arrays.cuda.runtime.memGetInfo()
        return int(free), int(total)

    def _memory_text(self) -> str:
        free, total = self.memory()
        return (
            f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free, and CuPy's pool; arrays of up to "
            f"{self.array_bytes / 2**30:.3g} GiB are kept there"
        )


class Erased:
    """Arrays that are overwritten at the end of a `with` block, whatever happens in it."""

    def __init__(self) -> None:
        self._arrays: list[Limbs] = []

    def __call__(self, array: Limbs) -> Limbs:
        """Take an array in; returns it."""
        self._arrays.append(array)
        return array

    def __enter__(self) -> Erased:
        return self

    def __exit__(self, *unused: object) -> None:
        for array in self._arrays:
            array.fill(0)
