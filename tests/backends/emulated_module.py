# SPDX-License-Identifier: Apache-2.0
"""Builds the extension module _cpu with the AVX-512 engine in plain C++, for every machine. No product has it."""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pybind11

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "cpu-emulation" / sys.implementation.cache_tag
OPTIONS = {
    "PYFATE_EMULATED": "ON",
    "PYFATE_VECTOR": "OFF",
    "CMAKE_BUILD_TYPE": "Release",
    "CMAKE_CXX_FLAGS_RELEASE": "-O1",
    "Python_EXECUTABLE": sys.executable,
    "pybind11_DIR": pybind11.get_cmake_dir(),
}


@functools.cache
def emulated_module() -> ModuleType:
    """Module _cpu with the instruction set `emulated`; what has changed since the last call is compiled."""
    BUILD.mkdir(parents=True, exist_ok=True)
    options = [f"-D{name}={value}" for name, value in OPTIONS.items()]
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _cmake("-S", str(ROOT / "csrc"), "-B", str(BUILD), *options)
        _cmake("--build", str(BUILD), "--target", "_cpu", "--parallel", "2")
    path = BUILD / f"_cpu{sysconfig.get_config_var('EXT_SUFFIX')}"
    spec = importlib.util.spec_from_file_location("emulated._cpu", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def _cmake(*arguments: str) -> None:
    # Of the environment that runs this, or else whichever is found.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["cmake", *arguments]
    done = subprocess.run(
        command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
