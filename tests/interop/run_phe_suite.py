# SPDX-License-Identifier: Apache-2.0
"""Run the test-suite of python-paillier 1.5.0 on our module: python tests/interop/run_phe_suite.py [--again]

The suite is GPL-3 and no part of this project: pip brings the published source package into a
temporary folder, its tests run there with our module in the place of phe, and it goes away again.
Needs pytest, click (its runner of commands) and the network.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from parts import Outcome, Part

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


class Counter:
    """A plugin of pytest's that counts."""

    def __init__(self) -> None:
        self.passed = self.failed = 0

    def pytest_runtest_logreport(self, report: Any) -> None:
        """One phase of a test; of set-up and tear-down only failures count."""
        self.passed += report.when == "call" and report.passed
        self.failed += report.failed

    def pytest_collectreport(self, report: Any) -> None:
        """A file that does not load is a failure, too."""
        self.failed += report.failed


def suite() -> Outcome:
    """Their tests."""
    import pytest

    replace_phe()
    counter = Counter()
    with tempfile.TemporaryDirectory() as folder:
        tests = download(Path(folder))
        warnings.simplefilter("ignore")
        pytest.main(
            [str(tests), f"--rootdir={folder}", "-c", "/dev/null", "--import-mode=importlib",
             "-p", "no:cacheprovider", "-o", "python_files=*_test.py", "-q"],
            plugins=[counter],
        )  # fmt: skip
    return Outcome(counter.passed, counter.failed)


def main() -> int:
    part = Part("phe", again="--again" in sys.argv[1:])
    part.step("suite", suite)
    return part.finish({"python": platform.python_version(), "phe": VERSION})


if __name__ == "__main__":
    sys.exit(main())
