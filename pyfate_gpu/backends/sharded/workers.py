# SPDX-License-Identifier: Apache-2.0
"""Workers as a driver sees them, and those that are threads of this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from pyfate_gpu.backends.base import Backend, EngineOptions
from pyfate_gpu.backends.sharded.holder import Holder


class Workers(Protocol):
    """Several holders; each does what it is told in the order it is told.

    A result that is not there yet may be an operand of a later call, of another worker too.
    """

    count: int
    name: str
    gone: deque[int]
    """Keys whose driver is no more; the next one tells the workers."""
    garbage: list[deque[int]]
    """Results at each worker that nobody refers to: with the next call, by whatever key, it drops them."""

    def call(self, worker: int, method: str, *operands: Any) -> Any:
        """Have a worker call a method of its `Holder`; returns a result that will be there."""
        ...

    def wait(self, results: Sequence[Any]) -> list[Any]:
        """The results once all are there; raises what a worker raised."""
        ...


def holder_of(backend: Backend, options: EngineOptions) -> Holder:
    """A holder that computes by a backend; `options` come from its `resolve`."""
    return Holder(lambda numbers: backend.public_engine(numbers, options), backend.private_engine)


class LocalWorkers:
    """Workers in threads of this process, each with its engine: the GPUs of one machine.

    Parameters
    ----------
    backends : sequence of Backend
        What makes the engines of each worker.
    options : EngineOptions
    name : str
        What engines and arrays say their device is.
    """

    def __init__(self, backends: Sequence[Backend], options: EngineOptions, name: str) -> None:
        self.count = len(backends)
        self.name = name
        self.gone: deque[int] = deque()
        self.garbage: list[deque[int]] = [deque() for _ in range(self.count)]
        self._holders = [holder_of(backend, options) for backend in backends]
        self._threads = [ThreadPoolExecutor(1, f"{name}-{i}") for i in range(self.count)]

    def call(self, worker: int, method: str, *operands: Any) -> Future[Any]:
        """Enqueue the call."""
        holder = self._holders[worker]

        def work() -> Any:
            found = [each.result() if isinstance(each, Future) else each for each in operands]
            return getattr(holder, method)(*found)

        return self._threads[worker].submit(work)

    def wait(self, results: Sequence[Future[Any]]) -> list[Any]:
        """All results, or the first error once every call has ended."""
        for result in results:
            result.exception()
        return [result.result() for result in results]
