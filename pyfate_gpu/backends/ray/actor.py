# SPDX-License-Identifier: Apache-2.0
"""The actor: one process of a cluster that holds shards and computes on them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from pyfate_gpu.backends.base import Backend, EngineOptions
from pyfate_gpu.backends.cpu.engine import CpuBackend
from pyfate_gpu.backends.cuda.engine import CudaBackend
from pyfate_gpu.backends.sharded.workers import holder_of
from pyfate_gpu.config import environment

DEVICES: dict[str, type[Backend]] = {"cpu": CpuBackend, "cuda": CudaBackend}


class ShardActor:
    """A `Holder` in a process of its own.

    Parameters
    ----------
    device : "cpu" or "cuda"
    threads : int
    """

    def __init__(self, device: str, threads: int) -> None:
        backend = DEVICES[device]()
        options = EngineOptions(
            threads=threads if device == "cpu" else None, table_mb=environment().table_mb
        )
        self._holder = holder_of(backend, backend.resolve(options))

    def release(self) -> str:
        """Release of this package at the worker."""
        return version("pyfate-gpu")

    def call(self, method: str, lengths: Sequence[int], *pieces: Any) -> Any:
        """Have the holder do it with operands that came in so many pieces each."""
        rest = iter(pieces)
        operands = [[next(rest) for _ in range(length)] for length in lengths]
        whole = [each[0] if len(each) == 1 else np.concatenate(each) for each in operands]
        return getattr(self._holder, method)(*whole)
