# SPDX-License-Identifier: Apache-2.0
"""What operations cost at least, in products of 32-bit limbs, and how many the device does a second.

A cost is in squares of the limbs of n, so that it hardly depends on the size of the key: 5 for a
multiplication mod n^2, 3.5 for a squaring (docs/algorithms/gpu-kernels.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pyfate_gpu.backends.cuda.device import Device
from pyfate_gpu.bench.roofline import gpu_products

MULTIPLY, SQUARE = 5.0, 3.5
WINDOW = 6  # of a power without a table, on paper


def power(bits: int) -> float:
    """A power by an exponent of so many bits, in windows."""
    return bits * (SQUARE + MULTIPLY / WINDOW)


def encrypt(exponent_bits: int, window: int) -> float:
    """One table entry a window, and the plaintext: one half product."""
    return (-(-exponent_bits // window) - 1) * MULTIPLY + 2


def decrypt(key_bits: int) -> float:
    """Two powers of half the exponent, modulo numbers of half the limbs."""
    return 2 * power(key_bits // 2) / 4


def scale(bits: int) -> float:
    """A power by a short exponent: windows of three bits."""
    return bits * SQUARE + (-(-bits // 3) + 5) * MULTIPLY


def matmul_entry(bits: int, rows: int) -> float:
    """One product for each digit of the entry, and a share of the buckets, at the best window."""
    digits = (-(-bits // window) * (1 + (2 << window) / rows) for window in range(1, 25))
    return min(digits) * MULTIPLY


def wide_products_a_second(device: Device) -> float:
    """Measured: a kernel that does nothing else, on all multiprocessors."""
    job = gpu_products(device)
    return job.operations / seconds_of(device, job.run)


def seconds_of(device: Device, run: Callable[[], Any], least: float = 0.3) -> float:
    """Seconds of one call: after a first one, as many as take `least` seconds together."""
    run()
    device.finish()
    calls, started = 0, time.perf_counter()
    while True:
        run()
        device.finish()
        calls += 1
        if (spent := time.perf_counter() - started) >= least:
            return spent / calls
