# SPDX-License-Identifier: Apache-2.0
"""The machine: its fingerprint for the head of a result file, its memory, its cores."""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import os
import platform
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gmpy2
import numpy as np

from pyfate_gpu import backend_info
from pyfate_gpu.config import available_cores, environment

FLAGS = ("bmi2", "adx", "avx2", "avx512f", "avx512ifma")
TASKS = Path("/proc/self/task")


def fingerprint() -> dict[str, Any]:
    """Processor, software and the backend that runs now. No host name, no user, no path."""
    model, flags = _processor()
    info = backend_info()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": model,
        "flags": [flag for flag in FLAGS if flag in flags],
        "cores": os.cpu_count(),
        "cores_allowed": available_cores(),
        "load": round(os.getloadavg()[0], 1),
        "memory_gib": round(memory("MemTotal") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "gmpy2": f"{gmpy2.version()}, {gmpy2.mp_version()}",
        "pyfate_gpu": version("pyfate-gpu"),
        "commit": commit(),
        "backend": info.name,
        "isa": info.isa,
        "table_mb": environment().table_mb,
        "device": device_name(),
    }


def has_ifma(machine: dict[str, Any]) -> bool:
    """Whether the targets of the fast engine apply to this machine."""
    return "avx512ifma" in machine["flags"]


def memory(name: str) -> int:
    """Bytes, from Linux' own table: ``MemTotal``, ``MemAvailable``; 0 where there is no table."""
    return _kilobytes(Path("/proc/meminfo"), name) * 1024


def resident() -> int:
    """Bytes of this process in memory; 0 where Linux does not tell."""
    return _kilobytes(Path("/proc/self/status"), "VmRSS") * 1024


def trim() -> None:
    """Give freed memory back to the system where the C library can, so that `resident` tells what is held."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def device_name() -> str | None:
    """The GPU that computes, or None."""
    info = backend_info()
    if not info.name.startswith("cuda"):
        return None
    from pyfate_gpu.backends import _cuda

    return str(_cuda.device_names()[int(info.device.partition(":")[2])])


@contextlib.contextmanager
def pinned(count: int) -> Iterator[None]:
    """Keep this process, the threads of peers included, on the last `count` of its cores.

    So that a peer that starts threads of its own has no more cores than we, and the limit is
    measured on the core where the work is done. Nothing where there is no such call.
    """
    if not (hasattr(os, "sched_setaffinity") and TASKS.exists()):
        yield
        return
    allowed = os.sched_getaffinity(0)
    _pin(set(sorted(allowed)[-count:]))
    try:
        yield
    finally:
        _pin(allowed)


def _pin(cores: set[int]) -> None:
    for task in TASKS.iterdir():
        with contextlib.suppress(ProcessLookupError):  # a thread that ended meanwhile
            os.sched_setaffinity(int(task.name), cores)


def _kilobytes(table: Path, name: str) -> int:
    if not table.exists():
        return 0
    fields = (line.partition(":") for line in table.read_text().splitlines())
    return next((int(value.split()[0]) for key, _, value in fields if key == name), 0)


def _processor() -> tuple[str, set[str]]:
    """Model name and feature flags, as Linux tells them."""
    table = Path("/proc/cpuinfo")
    if not table.exists():
        return platform.processor() or "unknown", set()
    lines = (line.partition(":") for line in table.read_text().splitlines())
    first: dict[str, str] = {}
    for name, _, value in lines:
        first.setdefault(name.strip(), value.strip())
    family = ", ".join(f"{k} {first[k]}" for k in ("cpu family", "model") if k in first)
    return f"{first.get('model name', 'unknown')} ({family})", set(first.get("flags", "").split())


def commit() -> str | None:
    """The commit of the checkout that holds this file; None for an installed package."""
    root = Path(__file__).parents[2]
    if not (root / "pyproject.toml").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
