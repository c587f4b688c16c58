# SPDX-License-Identifier: Apache-2.0
"""The fingerprint of a machine and of what ran on it, for the head of a result file."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gmpy2
import numpy as np

from pyfate_gpu import backend_info

FLAGS = ("bmi2", "adx", "avx2", "avx512f", "avx512ifma")


def fingerprint() -> dict[str, Any]:
    """Processor, software and the backend that runs now. No host name, no user, no path."""
    model, flags = _processor()
    info = backend_info()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": model,
        "flags": [flag for flag in FLAGS if flag in flags],
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "gmpy2": f"{gmpy2.version()}, {gmpy2.mp_version()}",
        "pyfate_gpu": version("pyfate-gpu"),
        "commit": _commit(),
        "backend": info.name,
        "isa": info.isa,
        "threads": info.threads,
    }


def has_ifma(machine: dict[str, Any]) -> bool:
    """Whether the targets of the fast engine apply to this machine."""
    return "avx512ifma" in machine["flags"]


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


def _commit() -> str | None:
    """The commit of the checkout that holds this file, if it is one."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
