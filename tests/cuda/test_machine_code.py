# SPDX-License-Identifier: Apache-2.0
"""The gate of the machine code for sm_90: no spills, registers, and the speed it allows an H200."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cuda.emulated_module import BUILD, CUDA
from tests.cuda.machine_code import (
    Kernel,
    cuobjdump,
    cycles,
    kernels,
    microseconds_alone,
    operations_per_second,
)

REGISTERS = 168  # three warps a scheduler
SLACK = 4
LEAST_AT_2048_BITS = {
    ("multiply_kernel", "BaseN"): 375e6,
    ("square_kernel", "BaseN"): 525e6,
    ("multiply_kernel", "Team"): 200e6,
}


@pytest.fixture(scope="module")
def compiled() -> list[Kernel]:
    """The kernels of the built module; without one, the arithmetic at 2048 bits compiled here."""
    if cuobjdump() is None:
        pytest.skip("cuobjdump is missing: pip install nvidia-cuda-cuobjdump")
    module = importlib.util.find_spec("pyfate_gpu.backends._cuda")
    if module is not None and module.origin is not None:
        return kernels(Path(module.origin))
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("there is neither a built _cuda nor nvcc")
    BUILD.mkdir(parents=True, exist_ok=True)
    cubin = BUILD / "multiply.cubin"
    include = [f"-I{Path(__file__).parent / 'one_size'}", f"-I{CUDA}", f"-I{CUDA / 'include'}"]
    code = "-gencode=arch=compute_75,code=sm_90"  # as cuda/CMakeLists.txt
    command = [nvcc, "-std=c++20", code, "-cubin", *include, "-o", str(cubin)]
    subprocess.run([*command, str(CUDA / "kernels" / "multiply.cu")], check=True)
    return kernels(cubin)


def test_nothing_spills(compiled: list[Kernel]) -> None:
    assert {k.title: k.spills for k in compiled if k.spills} == {}


def test_registers_leave_room_for_three_warps(compiled: list[Kernel]) -> None:
    assert {k.title: k.registers for k in compiled if k.registers > REGISTERS} == {}


def test_registers_have_not_grown(compiled: list[Kernel]) -> None:
    """More registers by accident cost warps: say so by writing the file anew."""
    baseline = json.loads((Path(__file__).parent / "registers.json").read_text())
    toolkit = re.search(r"release (\d+)\.(\d+)", _nvcc("--version"))
    if toolkit is None or baseline.pop("toolkit") != int(toolkit[1]) * 1000 + int(toolkit[2]) * 10:
        pytest.skip("the registers were counted with another nvcc than this one")
    grown = {
        k.title: (k.registers, baseline.get(k.title))
        for k in compiled
        if k.registers > baseline.get(k.title, 0) + SLACK
    }
    assert grown == {}, "python -m tests.cuda.machine_code > tests/cuda/registers.json"


@pytest.mark.parametrize(("name", "layout"), LEAST_AT_2048_BITS)
def test_bound_of_an_h200_at_2048_bits(compiled: list[Kernel], name: str, layout: str) -> None:
    kernel = next(k for k in compiled if (k.name, k.layout, k.limbs) == (name, layout, 64))
    bound, least = operations_per_second(kernel), LEAST_AT_2048_BITS[name, layout]
    assert bound >= least, f"{kernel.title}: at most {bound / 1e6:.0f} M/s"
    squares = (name, layout) == ("square_kernel", "BaseN")
    ideal = 132 * 32 * 1.98e9 / ((3.5 if squares else 5) * 64**2)
    assert bound <= ideal, "the model counts fewer multiplications than the algorithm has"


def test_a_team_is_done_sooner(compiled: list[Kernel]) -> None:
    """A product of 2048 bits by a warp with a scheduler for itself: what few rows wait for."""
    thread, team = (
        microseconds_alone(next(k for k in compiled if k.title == f"multiply_kernel<{layout}, 64>"))
        for layout in ("BaseN", "Team")
    )
    assert thread < 60
    assert team < thread / 3


def test_the_measured_limit_is_one_of_wide_multiplications(compiled: list[Kernel]) -> None:
    found = [k for k in compiled if k.name == "wide_rate_kernel"]
    if not found:
        pytest.skip("there is no built _cuda")
    loop = max(found[0].loops, key=lambda loop: loop.last - loop.first)
    mix = found[0].mix(found[0].own(loop))
    assert mix["wide"] == 128
    assert cycles(mix) == 4 * 128


def _nvcc(option: str) -> str:
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        return ""
    return subprocess.run([nvcc, option], capture_output=True, text=True, check=True).stdout
