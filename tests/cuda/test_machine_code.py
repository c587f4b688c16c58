# SPDX-License-Identifier: Apache-2.0
"""The gate of the machine code for sm_90: no spills, registers, and the speed it allows an H200."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cuda.emulated_module import BUILD, CUDA
from tests.cuda.machine_code import Kernel, cuobjdump, kernels, operations_per_second

REGISTERS = 168  # three warps a scheduler
LEAST_AT_2048_BITS = {"multiply_kernel": 375e6, "square_kernel": 525e6}


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
    command = [nvcc, "-std=c++20", "-arch=sm_90", "-cubin", *include, "-o", str(cubin)]
    subprocess.run([*command, str(CUDA / "kernels" / "multiply.cu")], check=True)
    return kernels(cubin)


def test_nothing_spills(compiled: list[Kernel]) -> None:
    assert {f"{k.name}<{k.limbs}>": k.spills for k in compiled if k.spills} == {}


def test_registers_leave_room_for_three_warps(compiled: list[Kernel]) -> None:
    assert {f"{k.name}<{k.limbs}>": k.registers for k in compiled if k.registers > REGISTERS} == {}


@pytest.mark.parametrize("name", LEAST_AT_2048_BITS)
def test_bound_of_an_h200_at_2048_bits(compiled: list[Kernel], name: str) -> None:
    kernel = next(k for k in compiled if (k.name, k.limbs) == (name, 64))
    bound = operations_per_second(kernel)
    assert bound >= LEAST_AT_2048_BITS[name], f"{name}: at most {bound / 1e6:.0f} M/s"
    ideal = 132 * 32 * 1.98e9 / (5 * 64**2 if name == "multiply_kernel" else 3.5 * 64**2)
    assert bound <= ideal, "the model counts fewer multiplications than the algorithm has"
