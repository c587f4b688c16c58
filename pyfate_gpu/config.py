# SPDX-License-Identifier: Apache-2.0
"""Every environment variable of the package and its default, read once.

============================  ==========================================================  ====================
variable                      meaning                                                     default
============================  ==========================================================  ====================
``PYFATE_GPU_BACKEND``        backend to use: one of ``BACKENDS``, or a GPU: ``cuda:1``   the first available
``PYFATE_GPU_ISA``            instruction set of the cpu backend                          the best available
``PYFATE_GPU_THREADS``        threads of a batched operation                              all cores allowed
``PYFATE_GPU_TABLE_MB``       most memory of a fixed-base table of the cpu backend, MiB   64
``PYFATE_GPU_CUDA_TABLE_MB``  the same of the cuda backend, on its device                 a 16th of its memory
``PYFATE_GPU_HARDENED``       1: no memory address depends on a blinding exponent         0
``PYFATE_GPU_MEMORY_MB``      memory of the cpu backend, in MiB: an array of ciphertexts  no limit, no files
                              beyond a quarter of it lies in a file
``PYFATE_GPU_RAY_ADDRESS``    cluster of the ray backend, as of ``ray.init``              one of this machine
``PYFATE_GPU_RAY_WORKERS``    workers of the ray backend                                  the cores of this machine
``PYFATE_GPU_PASSPHRASE``     file whose first line opens the key file of ray workers     the file has none
``PYFATE_GPU_MEMORY_FOLDER``  where these files are, without names                        the system's for them
============================  ==========================================================  ====================
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral
from typing import Any

from pyfate_gpu.errors import ConfigurationError

DEFAULT_TABLE_MB = 64
MAX_TABLE_MB = 65536
MAX_MEMORY_MB = 1 << 30
MAX_THREADS = 1024
MAX_WORKERS = 4096


@dataclass(frozen=True)
class Environment:
    """What the environment asks for; ``None`` means: let the package choose."""

    backend: str | None
    isa: str | None
    threads: int | None
    table_mb: int
    cuda_table_mb: int | None = None
    hardened: bool = False
    memory_mb: int | None = None
    memory_folder: str | None = None
    ray_address: str | None = None
    ray_workers: int | None = None
    passphrase_file: str | None = None


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Read the environment, the first time only.

    Raises
    ------
    ConfigurationError
        If a variable that must be a positive integer, or 0 or 1, is not one.
    """
    return Environment(
        backend=os.environ.get("PYFATE_GPU_BACKEND") or None,
        isa=os.environ.get("PYFATE_GPU_ISA") or None,
        threads=_positive("PYFATE_GPU_THREADS", None, MAX_THREADS),
        table_mb=_positive("PYFATE_GPU_TABLE_MB", DEFAULT_TABLE_MB, MAX_TABLE_MB)
        or DEFAULT_TABLE_MB,
        cuda_table_mb=_positive("PYFATE_GPU_CUDA_TABLE_MB", None, MAX_TABLE_MB),
        hardened=_switch("PYFATE_GPU_HARDENED"),
        memory_mb=_positive("PYFATE_GPU_MEMORY_MB", None, MAX_MEMORY_MB),
        memory_folder=os.environ.get("PYFATE_GPU_MEMORY_FOLDER") or None,
        ray_address=os.environ.get("PYFATE_GPU_RAY_ADDRESS") or None,
        passphrase_file=os.environ.get("PYFATE_GPU_PASSPHRASE") or None,
        ray_workers=_positive("PYFATE_GPU_RAY_WORKERS", None, MAX_WORKERS),
    )


def available_cores() -> int:
    """Cores this process may run on (a container's limit by affinity is respected)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_threads(threads: Any, source: str = "threads") -> int:
    """Return `threads` if it is a sensible number of threads, otherwise raise ConfigurationError."""
    natural = isinstance(threads, Integral) and not isinstance(threads, bool)
    if not natural or not 1 <= threads <= MAX_THREADS:
        raise ConfigurationError(
            f"{source} is {threads!r}; it must be an integer from 1 to {MAX_THREADS}"
        )
    return int(threads)


def _positive(name: str, default: int | None, maximum: int) -> int | None:
    text = os.environ.get(name)
    if not text:
        return default
    if not text.strip().isdecimal() or not 1 <= int(text) <= maximum:
        raise ConfigurationError(
            f"{name} is {text!r}; it must be an integer from 1 to {maximum}, or unset"
        )
    return int(text)


def _switch(name: str) -> bool:
    text = os.environ.get(name) or "0"
    if text not in ("0", "1"):
        raise ConfigurationError(f"{name} is {text!r}; it must be 0 or 1, or unset")
    return text == "1"
