# SPDX-License-Identifier: Apache-2.0
"""Prove operands of older NumPy, SciPy, pandas, Arrow and Polars: python tests/interop/run_arrays.py

`make test` has the newest releases. Each step puts others in front of them, in a folder of their own, and runs
the tests of what comes from these libraries. NumPy asks them about ciphertexts, and so does SciPy, in ways of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import xml.etree.ElementTree as ET

from parts import ROOT, Outcome, Part

FOLDER = ROOT / "build/interop/arrays"
#: The oldest releases that pyproject.toml takes, and some in between; with the newest Python that has wheels for them.
RELEASES = {
    "numpy 1.26": ((3, 12), "numpy==1.26.4 scipy==1.11.4 pandas==2.1.4 pyarrow==16.1.0 polars==1.9.0 pytz"),
    "scipy 1.13": ((3, 12), "numpy==1.26.4 scipy==1.13.1 pandas==2.1.4 pyarrow==16.1.0 polars==1.9.0 pytz"),
    "numpy 2.1": ((3, 13), "numpy==2.1.3 scipy==1.14.1 pandas==2.2.3 pyarrow==19.0.1 polars==1.20.0 pytz"),
    "scipy 1.15": ((3, 13), "numpy==2.2.6 scipy==1.15.3 pandas==2.3.3 pyarrow==21.0.0 polars==1.33.1 pytz"),
}  # fmt: skip
TESTS = ("encoding", "he/test_foreign_operands.py", "he/test_arrays.py")


def prove(name: str, packages: str) -> Outcome:
    """Run the tests with some releases."""
    folder = FOLDER / name.replace(" ", "-")
    pip = (
        f"-m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target {folder}"
    )
    subprocess.run([sys.executable, *pip.split(), *packages.split()], check=True)
    inherited = filter(None, [os.environ.get("PYTHONPATH")])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT), *inherited])}
    report = FOLDER / f"{folder.name}.xml"
    tests = ["-k", "not emulated", *(f"tests/{test}" for test in TESTS)]
    subprocess.run(
        [sys.executable, *["-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml"], str(report), *tests],
        cwd=ROOT, env=environment, check=False,
    )  # fmt: skip
    suite = ET.parse(report).getroot().find("testsuite")
    counts = {key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")}
    failed = counts["failures"] + counts["errors"]
    return Outcome(counts["tests"] - failed - counts["skipped"], failed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--again", action="store_true", help="though it passed at this commit")
    part = Part("arrays", parser.parse_args().again)
    for name, (newest_python, packages) in RELEASES.items():
        if sys.version_info[:2] <= newest_python:
            part.step(name, lambda name=name, packages=packages: prove(name, packages))
        else:
            print(f"{name}: no wheels for this Python")
    return part.finish(
        {"python": sys.version.split()[0], **{name: text for name, (_, text) in RELEASES.items()}}
    )


if __name__ == "__main__":
    sys.exit(main())
