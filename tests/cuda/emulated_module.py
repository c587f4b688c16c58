# SPDX-License-Identifier: Apache-2.0
"""Builds the extension module _cuda for the emulated device, from the sources of the real one."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sysconfig
from pathlib import Path
from types import ModuleType

import pybind11

ROOT = Path(__file__).parents[2]
CUDA = ROOT / "cuda"
FEW_SIZES = Path(__file__).parent / "few_sizes"
BUILD = ROOT / "build" / "cuda-emulation"

COMPILER = os.environ.get("CXX", "c++")
# Jumps between the stacks of fibers are what _FORTIFY_SOURCE takes for a fault.
FLAGS = [
    "-std=c++20",
    "-O1",
    "-fPIC",
    "-fvisibility=hidden",
    "-DPYFATE_EMULATED",
    "-U_FORTIFY_SOURCE",
]
FLAGS += ["-Wall", "-Wextra", "-Werror", f"-I{CUDA}", f"-I{CUDA / 'include'}"]


def emulated_module(limb_bits: int) -> ModuleType:
    """Module _cuda on the emulated device, compiled if its sources have changed."""
    python = [f"-I{pybind11.get_include()}", f"-I{sysconfig.get_path('include')}"]
    width = [f"-DPYFATE_EMULATED_LIMB_BITS={limb_bits}", "-x", "c++"]
    few = [f"-I{FEW_SIZES}"] if limb_bits == 32 else []  # slow to emulate: all sizes narrow only
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        objects = [
            _compile([COMPILER, *few, *FLAGS, *width], source, f"{source.stem}-{limb_bits}")
            for source in sorted(CUDA.rglob("*.cu"))
        ]
        objects += [
            _compile([COMPILER, *FLAGS, "-O0", *python], source, source.stem)
            for source in sorted(CUDA.rglob("*.cpp"))
        ]
        module = _fresh(f"_cuda-{limb_bits}", objects, sysconfig.get_config_var("EXT_SUFFIX"))
        if not module.exists():
            _run([COMPILER, "-shared", "-o", str(module), *map(str, objects)])
    # pybind11 keeps modules by their full names: two widths must have two.
    spec = importlib.util.spec_from_file_location(f"emulated_{limb_bits}._cuda", module)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def library_of(source: str) -> Path:
    """A shared library of one file of this folder and the emulation."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = [Path(__file__).parent / source, CUDA / "emulation" / "fibers.cpp"]
        objects = [_compile([COMPILER, *FLAGS], each, f"library-{each.stem}") for each in sources]
        library = _fresh(f"library-{source}", objects, ".so")
        if not library.exists():
            _run([COMPILER, "-shared", "-o", str(library), *map(str, objects)])
    return library


def _compile(command: list[str], source: Path, name: str) -> Path:
    headers = [*CUDA.rglob("*.h"), *CUDA.rglob("*.def"), *FEW_SIZES.rglob("*.def")]
    out = _fresh(name, [source, *sorted(headers)], ".o", f"{command} {source}")
    if not out.exists():
        _run([*command, "-c", str(source), "-o", str(out)])
    return out


def _fresh(name: str, inputs: list[Path], suffix: str, salt: str = "") -> Path:
    """Where the product of these inputs lies: named by their content, older ones removed."""
    digest = hashlib.sha256(salt.encode())
    for path in inputs:
        digest.update(path.read_bytes())
    out = BUILD / f"{name}.{digest.hexdigest()[:16]}{suffix}"
    if not out.exists():
        for old in BUILD.glob(f"{name}.*{suffix}"):
            old.unlink()
    return out


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
