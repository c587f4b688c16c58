# SPDX-License-Identifier: Apache-2.0
"""Run the test-suite of python-paillier 1.5.0 on our module: python tests/interop/run_phe_suite.py

The suite is GPL-3 and no part of this project: pip brings the published source package into a
temporary folder, its tests run there with our module in the place of phe, and it goes away again.
Arguments are handed to pytest. Needs pytest, click (its runner of commands) and the network.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path
from types import ModuleType

VERSION = "1.5.0"


def download(folder: Path) -> Path:
    """The tests of the published source package, without the package itself."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "phe",
         "--dest", str(folder), f"phe=={VERSION}"],
        check=True,
    )  # fmt: skip
    (archive,) = folder.glob("phe-*.tar.gz")
    tests = folder / "suite"
    tests.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            if "/phe/tests/" in member.name and member.name.endswith("_test.py"):
                source = tar.extractfile(member)
                assert source is not None
                (tests / Path(member.name).name).write_bytes(source.read())
    return tests


def replace_phe() -> None:
    """Put our module in phe's place, its command line included."""
    import typer

    import pyfate_gpu.integrations.phe as phe
    from pyfate_gpu.cli.phe import app

    phe.install()
    command_line = ModuleType("phe.command_line")
    command_line.cli = typer.main.get_command(app)
    sys.modules["phe.command_line"] = command_line


def main() -> int:
    import pytest

    replace_phe()
    with tempfile.TemporaryDirectory() as folder:
        tests = download(Path(folder))
        warnings.simplefilter("ignore")
        return pytest.main(
            [str(tests), f"--rootdir={folder}", "-c", "/dev/null", "--import-mode=importlib",
             "-p", "no:cacheprovider", "-o", "python_files=*_test.py", *sys.argv[1:]]
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
