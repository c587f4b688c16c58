# SPDX-License-Identifier: Apache-2.0
"""More ciphertexts than memory: a file of wire frames goes through an operation frame by frame."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pyfate_gpu import CiphertextArray
from pyfate_gpu.bench.scaling.base import Curve
from pyfate_gpu.bench.scaling.peak import Peak
from pyfate_gpu.bench.world import Integers, World

TIMES = 4  # the file is so much larger than the memory allowed
PARTS = 16  # a frame takes so small a part of it: it is bytes, words and rows at once
LENGTH = 8  # bytes before each frame


def curves(options: argparse.Namespace) -> list[Curve]:
    """Sum of a file of ciphertexts `TIMES` as large as ``--memory-mb``; a peak beyond it is a failure."""
    world = World.create(options.key_bits[0])
    limit, row = options.memory_mb << 20, world.public_key.key_bits // 4
    rows = max(1, limit // PARTS // row)
    values = world.integers(rows, bits=32)
    with tempfile.TemporaryDirectory(prefix="pyfate-gpu-bench-") as folder:
        path = Path(folder) / "frames"
        frames = _write(path, world, values, TIMES * limit)
        size = path.stat().st_size
        with Peak() as peak:
            start = time.perf_counter()
            with path.open("rb") as file:
                total = _sum(world, file)
            seconds = time.perf_counter() - start
    right = world.private_key.decrypt(total) == frames * int(values.sum())
    failure = "" if right else "wrong result"
    if peak.bytes > limit:
        failure = f"took {peak.bytes >> 20} MB of memory; {options.memory_mb} MB were allowed"
    count = frames * rows
    note = (
        f"a file of {size / 1e6:,.0f} MB, {count:,} ciphertexts, summed at {count / seconds:,.0f} a second, "
        f"the receiver's checks included, in {peak.bytes / 1e6:.0f} MB of memory "
        f"({options.memory_mb} MiB allowed)"
    )
    points = [(size / 1e6, peak.bytes / 1e6)]
    title = "sum of a file larger than memory"
    return [Curve(title, "MB of file", "MB of memory", points, note=note, failure=failure)]


def _write(path: Path, world: World, values: Integers, size: int) -> int:
    """A file of frames of the same plaintexts, at least `size` bytes; how many frames."""
    data = world.ciphertexts(values).to_wire(reblind=False)  # stays in this process's own folder
    frames = -(-size // len(data))
    with path.open("wb") as file:
        for _ in range(frames):
            file.write(len(data).to_bytes(LENGTH, "little") + data)
    return frames


def _sum(world: World, file: BinaryIO) -> CiphertextArray:
    parts = (world.public_key.from_wire(data).sum() for data in _frames(file))
    total = next(parts)
    for part in parts:
        total = total + part
    return total


def _frames(file: BinaryIO) -> Iterator[bytes]:
    while head := file.read(LENGTH):
        yield file.read(int.from_bytes(head, "little"))
