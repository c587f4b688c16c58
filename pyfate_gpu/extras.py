# SPDX-License-Identifier: Apache-2.0
"""Packages that some things take and others do not, and the command that installs them, wherever ours came from."""

from __future__ import annotations

#: What the extras of pyproject.toml install, by name of the extra.
EXTRAS: dict[str, tuple[str, ...]] = {
    "cuda12": ("cupy-cuda12x>=14,<15",),
    "cuda13": ("cupy-cuda13x>=14,<15",),
    "plot": ("matplotlib>=3.8",),
    "keys": ("cryptography>=42",),
    "grpc": ("grpcio>=1.60", "cryptography>=42"),
    "arrow": ("pyarrow>=15",),
    "homo": ("cryptography>=42",),
    "ray": ("ray>=2.42",),
    "torch": ("torch>=2.4",),
    "psi": ("openmined-psi>=2.0.6",),
}


def install_line(extra: str) -> str:
    """Return the command that installs what an extra takes.

    Examples
    --------
    >>> from pyfate_gpu.extras import install_line
    >>> install_line("plot")
    "pip install 'matplotlib>=3.8'"
    """
    return "pip install " + " ".join(f"'{package}'" for package in EXTRAS[extra])
