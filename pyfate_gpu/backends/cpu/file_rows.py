# SPDX-License-Identifier: Apache-2.0
"""Rows of ciphertexts in a file that has no name: gone with the last array on it, or with the process."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from pyfate_gpu.config import environment
from pyfate_gpu.errors import ConfigurationError, HostMemoryError


class FileRows(np.ndarray[tuple[int, ...], np.dtype[np.uint64]]):
    """Rows uint64 ``[rows, 2, h]`` that the system may write out and read again. Only whole arrays can be written."""

    descriptor: int

    def write(self, start: int, part: npt.NDArray[np.uint64]) -> None:
        """Put rows in their place: by the file, where every page of the memory would be asked for by itself."""
        data: Any = np.ascontiguousarray(part).reshape(-1).view(np.uint8)
        offset = start * self.strides[0]
        while len(data):
            written = os.pwrite(self.descriptor, data, offset)
            data, offset = data[written:], offset + written


class Files:
    """The files of an engine, and how much of them is in memory.

    Examples
    --------
    >>> from pyfate_gpu.backends.cpu.file_rows import Files
    >>> rows = Files().rows(3, 8)
    >>> rows.shape, int(rows.sum())
    ((3, 2, 8), 0)
    """

    def __init__(self) -> None:
        self._maps: WeakSet[mmap.mmap] = WeakSet()

    def rows(self, count: int, words: int) -> FileRows:
        """Rows of zeros, with room on the disk for all of them.

        Raises
        ------
        HostMemoryError
            If the disk has no room.
        ConfigurationError
            If PYFATE_GPU_MEMORY_FOLDER is no folder that files can be written to.
        """
        file, size = _nameless(count * 16 * words), count * 16 * words
        memory = mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ)
        self._maps.add(memory)
        rows = np.frombuffer(memory, dtype=np.uint64).reshape(count, 2, words).view(FileRows)
        rows.descriptor = file.fileno()
        weakref.finalize(memory, file.close)
        return rows

    def leave_memory(self) -> None:
        """Let go of what was read or written; the system keeps as much of it as it has room for."""
        for memory in list(self._maps):
            memory.madvise(mmap.MADV_DONTNEED)


def _nameless(size: int) -> Any:
    """A file of `size` bytes, all of them allocated."""
    folder = environment().memory_folder or tempfile.gettempdir()
    try:
        file: Any = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with its last array
    except OSError as error:
        raise ConfigurationError(
            f"no file can be written to {folder!r} ({error.strerror}), where arrays beyond "
            "PYFATE_GPU_MEMORY_MB lie; name another folder in PYFATE_GPU_MEMORY_FOLDER"
        ) from None
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        file.close()
        raise HostMemoryError(
            f"{folder!r} has no room for {size / 2**20:,.0f} MiB of ciphertexts ({error.strerror}); "
            "free some, name another folder in PYFATE_GPU_MEMORY_FOLDER, or raise "
            "PYFATE_GPU_MEMORY_MB"
        ) from None
    return file
