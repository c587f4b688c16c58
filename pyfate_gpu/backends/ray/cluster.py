# SPDX-License-Identifier: Apache-2.0
"""Connections to clusters: one of this machine alone, or one that runs already."""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from pyfate_gpu.backends.base import ClusterOptions
from pyfate_gpu.backends.ray.workers import RayWorkers, check_process
from pyfate_gpu.config import available_cores
from pyfate_gpu.errors import BackendUnavailableError

STORE_BYTES = 512 << 20
"""Of the object store of a local cluster. Rows pass through it and do not stay there."""

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - where Ray keeps its store

MOST = 16
"""Workers of a machine with fewer cores: beyond its cores they only wait for each other."""

LONGEST_REASON = 300

STARTS = 3
"""Of a cluster of this machine, where it is too busy for one to come up in time."""

_lock = threading.Lock()
_open: WeakValueDictionary[tuple[str | None, int, str, int], RayWorkers] = WeakValueDictionary()
_latest: list[RayWorkers] = []  # stay though no engine has them: others go when their engines go
_names = count()
_processes: list[int] = []  # that connected, the last one this


def workers_of(options: ClusterOptions, threads: int) -> RayWorkers:
    """Workers for these options, the same ones as long as all of them live.

    Raises
    ------
    BackendUnavailableError
        If there is no such cluster, it is of another release of Ray or Python, or has too little room.
    """
    with _lock:
        identity = (options.address, options.workers, options.device, threads)
        workers = _open.get(identity)
        if workers is None or workers.lost:
            if options.address is None:
                _check_cores(options.workers)
            ray = _in_a_lasting_thread(lambda: _connect(options.address))
            name, shared = f"ray:{next(_names)}", options.address is not None
            workers = RayWorkers(ray, options.workers, options.device, threads, name, shared)
            _open[identity] = workers
        _latest[:] = [workers]
        return workers


def _check_cores(workers: int) -> None:
    most = max(MOST, available_cores())
    if workers > most:
        raise BackendUnavailableError(
            f"{workers} workers on this machine alone are too many for its {available_cores()} cores; ask "
            f"for at most {most}, or name a cluster by its address"
        )


def _connect(address: str | None) -> Any:
    import ray

    if ray.is_initialized():
        check_process(_processes[-1] if _processes else os.getpid())
        return ray
    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": "ERROR",
        "configure_logging": False,
    }
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            _warn_of_little_memory()
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            _start(ray, quiet)
    except (RuntimeError, ConnectionError, ValueError, OSError) as error:
        where = address or "this machine"
        raise BackendUnavailableError(
            f"there is no Ray cluster at {where} for this process ({_one_line(error)}); start one "
            "with `ray start --head` by the same releases of Python and Ray, or leave the address out"
        ) from None
    _processes.append(os.getpid())
    return ray


def _start(ray: Any, quiet: dict[str, Any]) -> None:
    """Start a cluster of this machine: parties of a job in turn, as Ray gives each 15 s and takes all cores."""
    with (Path(tempfile.gettempdir()) / f"pyfate-gpu-ray-{os.getuid()}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for tries_left in reversed(range(STARTS)):
            try:
                ray.init(
                    address="local",
                    num_cpus=available_cores(),
                    object_store_memory=STORE_BYTES,
                    include_dashboard=False,
                    **quiet,
                )
            except (RuntimeError, OSError):
                ray.shutdown()
                if not tries_left:
                    raise
            else:
                return


def _one_line(error: Exception) -> str:
    """What Ray says in a paragraph: of two releases, for one, both."""
    text = " ".join(str(error).split())
    return text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON] + " ..."


def _in_a_lasting_thread(connect: Callable[[], Any]) -> Any:
    """What `connect` returns, called in a thread that ends with the process.

    Ray's processes on this machine are killed when the thread that started them ends, and a party may be a thread.
    """
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            outcome.set_result(connect())
        except BaseException as error:  # it is the caller's
            outcome.set_exception(error)
        threading.Event().wait()

    threading.Thread(target=run, name="ray", daemon=True).start()
    return outcome.result()


def _warn_of_little_memory() -> None:
    try:
        found = os.statvfs(SHARED_MEMORY)
    except OSError:
        return
    if found.f_bavail * found.f_frsize < STORE_BYTES:
        warnings.warn(
            f"{SHARED_MEMORY} has room for {found.f_bavail * found.f_frsize >> 20} MiB and Ray wants "
            f"{STORE_BYTES >> 20}: it will use the disk, which is slow; give the container more (--shm-size)",
            RuntimeWarning,
            stacklevel=4,
        )
