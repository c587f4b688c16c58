# SPDX-License-Identifier: Apache-2.0
"""Rules of the house that a linter does not know: what may be used where. The import layers are import-linter's."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON_FOLDERS = ["pyfate_gpu", "tests", "bench", "docs"]
NATIVE_FOLDERS = ["csrc", "cuda", "tests/native"]
SCRIPTS = ["Makefile", "CMakeLists.txt", "pyproject.toml", ".ci/run"]
LICENCE = "SPDX-License-Identifier: Apache-2.0"
LONGEST_FILE = 500
# csrc/ from the ground up: a folder includes itself and those before it.
NATIVE_FLOORS = ["bigint", "rng", "cpu", "group", "paillier", "sharing", "bindings"]


def files(folders: list[str], *suffixes: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    return sorted(path for path in found if path.suffix in suffixes and "_build" not in path.parts)


PYTHON = files(PYTHON_FOLDERS, ".py", ".pyi")
PACKAGE = files(["pyfate_gpu"], ".py")
NATIVE = files(NATIVE_FOLDERS, ".cpp", ".h", ".inl", ".def", ".cu", ".cuh")


def naming(pattern: str, paths: list[Path]) -> list[str]:
    """Where a pattern occurs, as path:line."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]


def outside(*folders: str) -> list[Path]:
    return [path for path in NATIVE if not any(path.is_relative_to(ROOT / f) for f in folders)]


def test_every_source_names_its_licence():
    sources = PYTHON + NATIVE + [ROOT / name for name in SCRIPTS]
    assert [p for p in sources if LICENCE not in "".join(p.read_text().splitlines()[:2])] == []


def test_no_source_outgrows_its_room():
    assert [p for p in PYTHON + NATIVE if len(p.read_text().splitlines()) > LONGEST_FILE] == []


def test_python_headers_stay_in_the_bindings():
    paths = outside("csrc/bindings", "cuda/bindings")
    assert naming(r"#include\s*[<\"](pybind11/|Python\.h)", paths) == []


def test_cuda_headers_stay_out_of_the_cpu_module():
    assert naming(r"#include\s*[<\"](cuda|cooperative_groups)", outside("cuda", "tests")) == []


def test_every_native_folder_stands_on_a_floor():
    sources = [path.relative_to(ROOT / "csrc") for path in files(["csrc"], ".cpp", ".h")]
    assert {path.parts[0] for path in sources} == {*NATIVE_FLOORS, "include"}


@pytest.mark.parametrize("folder", NATIVE_FLOORS)
def test_native_includes_point_down_only(folder):
    above = "|".join(NATIVE_FLOORS[NATIVE_FLOORS.index(folder) + 1 :]) or "cuda"
    paths = [path for path in NATIVE if path.is_relative_to(ROOT / "csrc" / folder)]
    assert paths
    assert naming(rf"#include\s*[<\"]({above})/", paths) == []


def test_intrinsics_stay_in_the_folder_of_their_instruction_set():
    paths = [p for p in outside("cuda", "tests") if not p.parent.name.startswith("avx")]
    paths.remove(ROOT / "csrc/cpu/portable/words.h")  # the carry flag, which every x86-64 has
    assert naming(r"#include\s*<\w*intrin\.h>", paths) == []


def test_environment_is_read_in_one_place():
    others = [path for path in PACKAGE if path != ROOT / "pyfate_gpu/config.py"]
    reading = r"\bos\.(getenv|environ\.get|environ\[)|from os import .*(environ|getenv)"
    assert naming(reading, others) == []


def test_nothing_unpickles():
    assert naming(r"^\s*(import|from) (pickle|cloudpickle|dill|joblib|marshal)\b", PACKAGE) == []


def test_no_randomness_but_the_operating_systems_in_the_crypto():
    folders = ["pyfate_gpu/he", "pyfate_gpu/backends", "pyfate_gpu/encoding"]
    assert (
        naming(r"^\s*(import|from) random\b|np\.random|random_state", files(folders, ".py")) == []
    )
    assert naming(r"\b(mt19937|std::rand|srand)\b", outside("tests")) == []


@pytest.mark.parametrize("heavy", ["sklearn", "scipy", "pandas", "narwhals", "rich", "typer"])
def test_importing_the_package_stays_light(heavy):
    question = f"import pyfate_gpu, sys; print({heavy!r} in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, check=True)
    assert answer.stdout.strip() == b"False"
