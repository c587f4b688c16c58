# SPDX-License-Identifier: Apache-2.0
"""An array encrypted, added, decrypted: seconds, and memory beside that of the arrays themselves."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pyfate_gpu.bench.machine import memory
from pyfate_gpu.bench.scaling.base import Curve, Point
from pyfate_gpu.bench.scaling.peak import Peak
from pyfate_gpu.bench.world import World
from pyfate_gpu.errors import ConfigurationError

ROWS = 20_000
ROOM = 16 << 20
"""Bytes that a step may take beside an array, whatever its rows: work space of the threads."""


def curves(options: argparse.Namespace) -> list[Curve]:
    """Memory that each step takes beyond what it starts with; more than one result is a failure."""
    world = World.create(options.key_bits[0])
    rows = options.rows or ROWS
    array = rows * world.public_key.key_bits // 4
    if 3 * array > (available := memory("MemAvailable")) > 0:
        raise ConfigurationError(
            f"--scaling round_trip with {rows:,} rows takes {3 * array / 2**30:.1f} GiB and "
            f"{available / 2**30:.1f} GiB are free; ask for fewer: --rows {available * rows // (4 * array)}"
        )
    values = world.integers(rows, bits=32)
    world.private_key.decrypt(world.public_key.encrypt(values[:1]))  # makes the tables of the keys
    points: list[Point] = []
    notes: list[str] = []

    def step(name: str, run: Callable[[], Any]) -> Any:
        with Peak() as peak:
            start = time.perf_counter()
            result = run()
            seconds = time.perf_counter() - start
        points.append((float(rows), peak.bytes / 1e6))
        notes.append(f"{name} {seconds:.1f} s, {peak.bytes / rows:.0f} bytes a ciphertext")
        return result

    c = step("encrypt", lambda: world.public_key.encrypt(values))
    total = step("add", lambda: c + c)
    found = step("decrypt", lambda: world.private_key.decrypt(total))
    most = max(megabytes for _, megabytes in points)
    failure = ""
    if not np.array_equal(found, 2 * values):
        failure = "wrong result"
    elif 1e6 * most > 1.05 * array + ROOM:
        failure = f"a step took {most:.0f} MB of memory, where an array takes {array / 1e6:.0f} MB"
    title = "encrypt, add and decrypt, each step's memory"
    note = f"{rows:,} ciphertexts; " + "; ".join(notes)
    return [Curve(title, "ciphertexts", "MB", points, note=note, failure=failure)]
