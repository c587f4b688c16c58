# SPDX-License-Identifier: Apache-2.0
"""How many products of limbs a machine makes a second: the limit that figures stand beside."""

from __future__ import annotations

import time
from typing import Any

from pyfate_gpu import backend_info
from pyfate_gpu.backends.cuda.device import Device
from pyfate_gpu.backends.cuda.engine import table_bytes as bytes_of_a_table
from pyfate_gpu.bench.harness import Contestant, Job
from pyfate_gpu.bench.work import Work
from pyfate_gpu.bench.world import World
from pyfate_gpu.config import environment

ROOF = "products of limbs"
CALL_SECONDS = 0.01


def work_of(world: World) -> Work | None:
    """The counts for the engine that runs now; None for one whose limbs are not ours."""
    info, key, bits = backend_info(), world.public_key, world.public_key.key_bits
    exponent_bits = key.numbers.blinding.exponent_bits + 1 if key.numbers.blinding else 0
    table_bytes = environment().table_mb << 20
    if info.name == "cpu":
        from pyfate_gpu.backends import _cpu

        assert info.isa is not None
        limbs = _cpu.limbs_for(info.isa, bits)
        halves = 64 if info.isa == "avx2" else 128  # two limbs of 28 bits share a word
        prime_limbs = _cpu.limbs_for(info.isa, bits // 2)
        return Work(bits, limbs, prime_limbs, limbs * halves // 8, table_bytes, exponent_bits)
    if info.name.startswith("cuda"):
        engine: Any = key.engine()
        limbs = engine.ring.limbs
        table_bytes = bytes_of_a_table(engine.on)
        return Work(bits, limbs, -(-bits // 64), 8 * limbs, table_bytes, exponent_bits)
    return None


#: Of the kernel that multiplies limbs and does nothing else: blocks on each multiprocessor, and its loop.
BLOCKS, TURNS = 96, 2000


def roof(world: World, threads: int) -> Contestant | None:
    """A contestant that multiplies limbs and does nothing else, on the core where ours runs."""
    info = backend_info()
    if info.name == "cpu" and info.isa is not None:
        return Contestant(ROOF, f"{info.isa}, in registers", lambda: _multiplier(info.isa, threads))
    if info.name.startswith("cuda"):
        engine: Any = world.public_key.engine()
        return Contestant(ROOF, "IMAD.WIDE, in registers", lambda: gpu_products(engine.on))
    return None


def gpu_products(device: Device) -> Job:
    """Products of 32-bit limbs on all of a GPU, by a kernel that does nothing else, until they are done."""
    native = device.native
    blocks, turns = BLOCKS * device.multiprocessors, TURNS
    with device:
        out = device.empty(blocks * 32)

    def run() -> bool:
        with device:
            native.wide_rate(device.address(out), blocks, turns, device.stream())
            device.wait()
        return True

    return Job(run, blocks * 32 * turns * native.wide_products, bool)


def _multiplier(isa: str | None, threads: int) -> Job:
    from pyfate_gpu.backends import _cpu

    assert isa is not None
    rounds = 64
    while True:
        start = time.perf_counter()
        products = _cpu.multiply_limbs(isa, rounds)
        if time.perf_counter() - start >= CALL_SECONDS:
            break
        rounds *= 2
    return Job(lambda: _cpu.multiply_limbs(isa, rounds), products * threads, lambda made: made > 0)
