# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu info``: what runs here, and why the rest does not."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pyfate_gpu.backends import backend_info
from pyfate_gpu.backends.base import Availability, IsaStatus
from pyfate_gpu.config import environment

_DEPENDENCIES = ("pyfate-gpu", "numpy", "gmpy2", "scikit-learn", "phe", "cryptography")


def info() -> None:
    """Show backends, instruction sets, key sizes and versions."""
    console = Console(soft_wrap=True)
    found = backend_info()
    isa = f", instruction set {found.isa}" if found.isa else ""
    hardened = ", hardened" if found.hardened else ""
    console.print(
        f"[bold]{found.name}[/bold] on {found.device}{isa}, {found.threads} thread(s){hardened}"
    )
    table = Table("backend", "instruction set", "here", title="Backends, the preferred one first")
    for name, availability in found.availability.items():
        table.add_row(name, "", _here(availability))
        for entry in availability.instruction_sets:
            table.add_row("", entry.name, _here(entry))
    console.print(table)
    console.print(
        "Keys: even sizes from 2048 to 8192 bits, 3072 by default (about 128-bit security)."
    )
    chosen = environment()
    console.print(
        f"Environment: PYFATE_GPU_BACKEND {chosen.backend or 'unset'}, "
        f"PYFATE_GPU_ISA {chosen.isa or 'unset'}, PYFATE_GPU_THREADS {chosen.threads or 'unset'}, "
        f"PYFATE_GPU_TABLE_MB {chosen.table_mb}, PYFATE_GPU_HARDENED {int(chosen.hardened)}",
        highlight=False,
    )
    versions = ", ".join(f"{name} {_version(name)}" for name in _DEPENDENCIES)
    console.print(f"Versions: Python {platform.python_version()}, {versions}", highlight=False)


def _here(found: Availability | IsaStatus) -> Text:
    return Text("yes" if found.available else found.reason)  # extras in it are no markup


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
