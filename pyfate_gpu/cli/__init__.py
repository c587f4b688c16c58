# SPDX-License-Identifier: Apache-2.0
"""The command line, ``pyfate-gpu``."""

from __future__ import annotations


def main() -> None:
    """Run the command line; the only thing that loads typer and rich."""
    from pyfate_gpu.cli.app import run

    run()
