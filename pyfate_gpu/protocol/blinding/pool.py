# SPDX-License-Identifier: Apache-2.0
"""Processes that put a party's secret exponent on ids and points, a core each.

They are this Python with this program, started anew, not copies of this process: nothing but the secret, by a pipe,
goes to them, and no objects do, bytes alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

from pyfate_gpu.errors import WorkerLostError
from pyfate_gpu.protocol.blinding import worker


class Pool:
    """Workers for one curve and one secret.

    Parameters
    ----------
    curve : str
        The module's name.
    size : int
        How many workers there are.

    Examples
    --------
    >>> from pyfate_gpu.protocol.blinding import worker
    >>> from pyfate_gpu.protocol.blinding.pool import Pool
    >>> pool = Pool("curve25519", bytes(range(32)), 1)
    >>> len(pool.submit(worker.IDS, worker.join_ids([b"ann", b"bob"])).result())
    64
    >>> pool.close()
    """

    def __init__(self, curve: str, secret: bytes, size: int) -> None:
        self._free: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._all: list[subprocess.Popen[bytes]] = []
        self._threads = ThreadPoolExecutor(size, "blinding")
        paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        try:
            for _ in range(size):
                process = subprocess.Popen(  # noqa: S603 # this Python and a module of ours
                    [sys.executable, "-m", worker.__name__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,  # what it says of an error may hold what it worked on
                    env=os.environ | {"PYTHONPATH": paths},
                )
                self._all.append(process)
                self._free.put(process)
                assert process.stdin is not None
                worker.write(process.stdin, worker.SECRET, curve.encode() + b"\0" + secret)
        except OSError as error:
            self.close()
            raise _lost(error.strerror) from None

    def __len__(self) -> int:
        return len(self._all)

    def submit(self, kind: bytes, data: bytes) -> Future[bytes]:
        """Have the next free worker do something; the result raises as `_do` does."""
        return self._threads.submit(self._do, kind, data)

    def close(self) -> None:
        """End the workers; what they have not done stays undone."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._all:
            process.kill()
        for process in self._all:
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):  # of what was left to write
                        stream.close()

    def _do(self, kind: bytes, data: bytes) -> bytes:
        """Return what a worker makes of ids or points.

        Raises
        ------
        ValueError
            When a point is none.
        WorkerLostError
            When the worker has ended.
        """
        process = self._free.get()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            worker.write(process.stdin, kind, data)
            answer = worker.read(process.stdout)
        except (OSError, ValueError) as error:  # ValueError: closed meanwhile
            raise _lost(error) from None
        finally:
            self._free.put(process)
        if answer is None:
            raise _lost("it ended")
        if answer[0] != worker.DONE:
            raise ValueError("a blinded id is no point of the curve")
        return answer[1]


def parts_of(count: int, size: int) -> Sequence[slice]:
    """Return at most `size` slices of as many of `count` things each.

    Examples
    --------
    >>> from pyfate_gpu.protocol.blinding.pool import parts_of
    >>> parts_of(5, 2)
    [slice(0, 3, None), slice(3, 6, None)]
    """
    step = max(1, -(-count // size))
    return [slice(start, start + step) for start in range(0, count, step)]


def _lost(reason: object) -> WorkerLostError:
    return WorkerLostError(
        f"a process that blinds ids is gone ({reason}): is there memory for one a core? fewer threads in [engine] "
        "take fewer of them"
    )
