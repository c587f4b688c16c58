# SPDX-License-Identifier: Apache-2.0
"""Build the sdist twice and compare; prints its SHA-256. Takes the folder to put it in."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scikit_build_core.build import build_sdist


def build(folder: Path) -> Path:
    """Build one from the tree in the current folder."""
    return folder / build_sdist(str(folder))


def main() -> None:
    """Build, build again, compare."""
    if "SOURCE_DATE_EPOCH" not in os.environ:
        last = subprocess.run(
            ["git", "log", "-1", "--format=%ct"],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
        )
        os.environ["SOURCE_DATE_EPOCH"] = last.stdout.strip()
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    first = build(target)
    with tempfile.TemporaryDirectory() as other:
        same = build(Path(other)).read_bytes() == first.read_bytes()
    if not same:
        sys.exit(f"{first} is another file each time it is built")
    print(f"{hashlib.sha256(first.read_bytes()).hexdigest()}  {first}")  # noqa: T201


if __name__ == "__main__":
    main()
