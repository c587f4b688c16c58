# SPDX-License-Identifier: Apache-2.0
"""On a real GPU only: the sanitizer, two streams, pieces, memory that runs out.

Results in bulk are compared by bench/gpu_check, which runs this file too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from bench.gpu_check.check import Check
from bench.gpu_check.equality import equality
from pyfate_gpu.backends.cuda import engine as cuda
from pyfate_gpu.backends.cuda.device import Device
from pyfate_gpu.backends.cuda.streamed import HostRows, StreamedPublicEngine
from pyfate_gpu.backends.words import integers_to_words
from pyfate_gpu.errors import DeviceMemoryError

pytestmark = pytest.mark.gpu

FEW_ROWS = """
from bench.gpu_check.check import Check
from bench.gpu_check.equality import equality
from pyfate_gpu.backends.cuda.engine import _device
assert not any(equality(Check(_device(0), 1024), 70, 3)["wrong"].values())
"""


@pytest.fixture
def gpu() -> Device:
    found = cuda.CudaBackend().availability()
    if not found.available:
        pytest.skip(f"no GPU: {found.reason}")
    return cuda._device(0)


@pytest.fixture
def check(gpu) -> Check:
    return Check(gpu, 1024)


@pytest.mark.parametrize("rows", [1, 31, 33, 1000])
def test_results_are_right(check, rows):
    assert not any(equality(check, 2 * rows, rows)["wrong"].values())


@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "synccheck"])
def test_the_sanitizer_finds_nothing(gpu, tool):
    sanitizer = shutil.which("compute-sanitizer")
    if sanitizer is None:
        pytest.skip("compute-sanitizer is missing; it comes with the CUDA toolkit")
    command = [sanitizer, "--tool", tool, "--error-exitcode", "1", sys.executable, "-c", FEW_ROWS]
    environment = {"PYFATE_GPU_CUDA_TABLE_MB": "1"}  # a small table: the tools are slow
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_two_streams_at_once(gpu, check):
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


def test_pieces_give_what_the_whole_does(gpu, check, monkeypatch):
    """Arrays that do not fit, on a device that is told it is small."""
    words, plain = check.residues(3000), integers_to_words(check.integers(3000, 20))
    index, offsets = check.rng.permutation(3000), np.array([0, 5, 5, 1700, 3000])
    matrix = integers_to_words(check.integers(2 * 3000, 9).reshape(2, 3000))

    def results(engine):
        c = engine.import_words(words)
        yield c
        yield engine.add(c, c, index)
        yield engine.scale(c, plain)
        yield engine.segment_sum(c, index, offsets)
        yield engine.matmul(matrix, c, 1)

    whole = [check.engine.export_words(rows) for rows in results(check.engine)]
    engine = StreamedPublicEngine(check.public.numbers, gpu)
    monkeypatch.setattr(gpu, "array_bytes", 700 * 256)
    pieces = list(results(engine))
    assert isinstance(pieces[0], HostRows)
    for rows, expected in zip(pieces, whole, strict=True):
        assert np.array_equal(engine.export_words(rows), expected)


def test_memory_that_runs_out_leaves_the_process_usable(gpu, check):
    c = check.engine.encrypt(integers_to_words(np.arange(100)))
    free, _ = gpu.memory()
    too_many = gpu.arrays.zeros(2 * free // check.engine.nbytes(c[:1]), dtype=np.int64)
    with pytest.raises(DeviceMemoryError, match="no memory left"):
        check.engine.take(c, too_many)
    assert check.owner.decrypt(check.engine.add(c, c))[:, 0].tolist() == list(range(0, 200, 2))


def test_the_hosts_memory_is_pinned_where_pieces_are_copied(gpu):
    host = gpu.host_empty(4, 2, 16)
    with gpu:
        attributes = gpu.arrays.cuda.runtime.pointerGetAttributes(host.ctypes.data)
        gpu.copy_out(gpu.arrays.full((4, 2, 16), 7, dtype=np.uint32), host)
        assert (gpu.copy_in(host) == 7).all()
    assert attributes.type == gpu.arrays.cuda.runtime.memoryTypeHost
    assert (host == 7).all()
