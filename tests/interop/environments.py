# SPDX-License-Identifier: Apache-2.0
"""Environments with the partners' packages, which pip brings at run time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(python: str, folder: Path, packages: Sequence[str]) -> Path:
    """Interpreter of an environment; ours goes in without dependencies that would change the partner's."""
    inside = folder / "bin/python"
    if not inside.exists():
        if shutil.which(python) is None:
            sys.exit(f"{python} is not there; this partner needs Python 3.10: name one by --python")
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *packages], check=True)
    subprocess.run([*pip, "--no-deps", "--force-reinstall", str(ROOT)], check=True)
    return inside
