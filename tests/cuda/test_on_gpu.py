# SPDX-License-Identifier: Apache-2.0
"""On a real GPU only: equality in bulk, the sanitizer, two streams, memory that runs out."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

from bench.gpu_check import CHEAP_ROWS, COSTLY_ROWS, KEY_BITS, Check
from pyfate_gpu import generate_keypair
from pyfate_gpu.backends import cuda
from pyfate_gpu.backends.cuda_device import Device
from pyfate_gpu.backends.words import integers_to_words
from pyfate_gpu.errors import DeviceMemoryError

pytestmark = pytest.mark.gpu

FEW_ROWS = """
from bench.gpu_check import Check
from pyfate_gpu import generate_keypair
from pyfate_gpu.backends.cuda import _device
check = Check(_device(0), 1024, generate_keypair(1024, allow_insecure_key_size=True))
assert not any(check.equality(70, 3)["wrong"].values())
"""


@pytest.fixture
def gpu() -> Device:
    found = cuda.CudaBackend().availability()
    if not found.available:
        pytest.skip(f"no GPU: {found.reason}")
    return cuda._device(0)


@pytest.mark.parametrize("key_bits", KEY_BITS)
def test_results_are_those_of_gmpy2(gpu, key_bits):
    check = Check(gpu, key_bits, generate_keypair(key_bits, allow_insecure_key_size=True))
    assert not any(check.equality(CHEAP_ROWS, COSTLY_ROWS)["wrong"].values())


@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "synccheck"])
def test_the_sanitizer_finds_nothing(gpu, tool):
    sanitizer = shutil.which("compute-sanitizer")
    if sanitizer is None:
        pytest.skip("compute-sanitizer is missing; it comes with the CUDA toolkit")
    command = [sanitizer, "--tool", tool, "--error-exitcode", "1", sys.executable, "-c", FEW_ROWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_two_streams_at_once(gpu):
    check = Check(gpu, 1024, generate_keypair(1024, allow_insecure_key_size=True))
    engine, plain = check.engine, integers_to_words(np.arange(2000))
    streams = [gpu.arrays.cuda.Stream(non_blocking=True) for _ in range(2)]
    sums = []
    for stream in streams * 3:
        with stream:
            c = engine.encrypt(plain)
            sums.append((stream, engine.add(c, c)))
    for stream, rows in sums:
        with stream:
            residues = check.owner.decrypt(rows)
        assert residues[:, 0].tolist() == list(range(0, 4000, 2))


def test_memory_that_runs_out_leaves_the_process_usable(gpu):
    check = Check(gpu, 1024, generate_keypair(1024, allow_insecure_key_size=True))
    c = check.engine.encrypt(integers_to_words(np.arange(100)))
    free, _ = gpu.arrays.cuda.runtime.memGetInfo()
    too_many = gpu.arrays.zeros(2 * free // check.engine.nbytes(c[:1]), dtype=np.int64)
    with pytest.raises(DeviceMemoryError, match="no memory left"):
        check.engine.take(c, too_many)
    assert check.owner.decrypt(check.engine.add(c, c))[:, 0].tolist() == list(range(0, 200, 2))
