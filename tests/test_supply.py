# SPDX-License-Identifier: Apache-2.0
"""What the package is made of: dependencies and their licences, pinned builds, an sdist that is the same each time."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyfate_gpu.extras import EXTRAS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TABLE = {
    name: licence.strip()
    for name, licence in re.findall(
        r"^\| ([a-z0-9-]+) \| ([^|]+)\|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE
    )
    if name != "package"
}


def requirements():
    lists = [PROJECT["build-system"]["requires"], PROJECT["project"]["dependencies"]]
    lists += PROJECT["project"]["optional-dependencies"].values()
    lists += PROJECT["dependency-groups"].values()
    return [requirement for each in lists for requirement in each]


def test_every_dependency_is_listed_with_its_licence():
    assert {re.match(r"[\w-]+", r)[0] for r in requirements()} == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_licences_are_those_of_the_packages(name):
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed here")
    own = [metadata.get("License-Expression") or "", metadata.get("License") or ""]
    own += [c for c in metadata.get_all("Classifier", []) if c.startswith("License")]
    family = re.match(r"[A-Za-z]+", TABLE[name])[0].replace("proprietary", "Proprietary")
    spelled = {"GPL": "GPL|General Public", "LGPL": "LGPL", "PSF": "Python Software|matplotlib"}
    assert re.search(spelled.get(family, family), " ".join(own)), own


def test_errors_name_what_the_extras_install():
    extras = PROJECT["project"]["optional-dependencies"]
    everywhere = {
        name: tuple(package for package in packages if ";" not in package)
        for name, packages in extras.items()
    }
    assert everywhere == EXTRAS
    assert set(re.findall(r"`(\w+)`", _table_of_extras())) == set(EXTRAS)


def _table_of_extras():
    """The first column of the table in the quickstart."""
    page = (ROOT / "docs/quickstart.md").read_text()
    table = page.split("| extra | for | brings |")[1].split("\n\n")[0]
    return " ".join(line.split("|")[1] for line in table.splitlines() if line)


def test_builds_are_pinned():
    """Releases are built with exact versions, inside the ranges that everybody builds with."""
    pins = dict(
        line.split("==")
        for line in (ROOT / ".ci/build-constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    ranges = [*PROJECT["build-system"]["requires"], *PROJECT["dependency-groups"]["build"]]
    for requirement in ranges:
        name, *limits = re.split(r"(>=|,<)", requirement)
        version = tuple(map(int, pins[name].split(".")))
        for sign, limit in zip(limits[::2], limits[1::2], strict=True):
            edge = tuple(map(int, limit.split(".")))
            assert version >= edge if sign == ">=" else version < edge, requirement


def test_the_build_fetches_nothing():
    for path in [
        ROOT / "CMakeLists.txt",
        *ROOT.glob("csrc/**/CMakeLists.txt"),
        *ROOT.glob("cuda/**/CMakeLists.txt"),
    ]:
        found = re.search(
            r"FetchContent|ExternalProject|file\(DOWNLOAD|https?://", path.read_text()
        )
        assert found is None, path


@pytest.mark.slow
def test_the_sdist_is_the_same_each_time(tmp_path):
    pytest.importorskip("scikit_build_core")
    ran = subprocess.run(
        [sys.executable, ".ci/build_sdist.py", str(tmp_path)],
        env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^[0-9a-f]{64}  \S+\.tar\.gz$", ran.stdout, re.MULTILINE)
