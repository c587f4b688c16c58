# SPDX-License-Identifier: Apache-2.0
"""Arrays from the host to a GPU and back: a copy and a change of the Montgomery form."""

from __future__ import annotations

from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.routines.base import Routine, Size
from pyfate_gpu.bench.world import World


def to_host(world: World, size: Size) -> Job:
    a = world.integers(size.rows)
    c = world.ciphertexts(a)
    return Job(lambda: c.to_device("cpu"), size.rows, world.decrypts_to(a))


def to_device(world: World, size: Size) -> Job:
    a = world.integers(size.rows)
    c = world.ciphertexts(a)
    device, host = c.device, c.to_device("cpu")
    return Job(lambda: host.to_device(device), size.rows, world.decrypts_to(a))


TO_HOST = Routine("device to host", "ciphertexts", to_host, 65536, device="cuda")
TO_DEVICE = Routine("host to device", "ciphertexts", to_device, 65536, device="cuda")
