# SPDX-License-Identifier: Apache-2.0
"""Environments with the partners' packages, which pip brings at run time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from parts import ROOT, commit

WHEELS = ROOT / "build/interop"


def build(python: str, folder: Path, packages: Sequence[str]) -> Path:
    """Interpreter of an environment; ours goes in without dependencies that would change the partner's.

    What was installed at this commit stays as it is.
    """
    inside, stamp = folder / "bin/python", folder / "interop.json"
    wanted = {"packages": list(packages), "commit": commit()}
    if stamp.is_file() and json.loads(stamp.read_text()) == wanted and "+" not in wanted["commit"]:
        return inside
    if not inside.exists():
        if shutil.which(python) is None:
            sys.exit(f"{python} is not there: name the Python that this partner takes by --python")
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [*pip, *packages], check=True, env=outside
    )  # what lies there is not in the environment
    subprocess.run([*pip, "--no-deps", "--force-reinstall", str(_wheel(inside))], check=True)
    stamp.write_text(json.dumps(wanted))
    return inside


def versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """Of an environment's Python and some of its packages."""
    program = (
        "import json, platform, sys; from importlib.metadata import version;"
        "print(json.dumps({'python': platform.python_version(), **{n: version(n) for n in sys.argv[1:]}}))"
    )
    command = [str(python), "-c", program, *packages]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _wheel(python: Path) -> Path:
    """This package for an interpreter, built once a commit and version for all environments; adapters need no GPU."""
    program = "import sys; print('cp%d%d' % sys.version_info[:2])"
    tag = subprocess.run([str(python), "-c", program], check=True, capture_output=True, text=True)
    folder = WHEELS / commit() / tag.stdout.strip()
    if "+" in folder.parent.name:
        shutil.rmtree(folder, ignore_errors=True)
    if not (found := list(folder.glob("*.whl"))):
        subprocess.run(
            [str(python), "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--wheel-dir", str(folder), "--config-settings=cmake.define.PYFATE_CUDA=OFF", str(ROOT)],
            check=True,
        )  # fmt: skip
        found = list(folder.glob("*.whl"))
    return found[0]
