# SPDX-License-Identifier: Apache-2.0
"""On a GPU a call counts when the device is done, and our CPU engine stands beside it."""

import contextlib
from types import SimpleNamespace

import pytest

from pyfate_gpu import available_backends, use_backend
from pyfate_gpu.bench import roofline, runner
from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.routines import ROUTINES, Size
from pyfate_gpu.bench.world import World


class Device(contextlib.nullcontext):
    """A GPU in name; it notes how often somebody waited for it."""

    multiprocessors = 2

    def __init__(self):
        super().__init__()
        self.waited, self.launched = 0, []
        launch = lambda *arguments: self.launched.append(arguments)  # noqa: E731
        self.native = SimpleNamespace(wide_rate=launch, wide_products=7)
        self.empty = self.address = lambda value: value
        self.memory = lambda: (32 << 30, 64 << 30)
        self.stream = lambda: 0

    def wait(self):
        self.waited += 1


@pytest.fixture
def gpu(monkeypatch):
    """A world whose engine is on such a device."""
    device = Device()
    engine = SimpleNamespace(on=device, ring=SimpleNamespace(limbs=64))
    for module in (runner, roofline):
        monkeypatch.setattr(module, "backend_info", lambda: SimpleNamespace(name="cuda", isa=None))
    world = World.create(256)
    key = SimpleNamespace(engine=lambda: engine, key_bits=2048, numbers=world.public_key.numbers)
    return SimpleNamespace(world=SimpleNamespace(public_key=key), device=device)


def test_a_call_waits_for_the_device(gpu):
    job = runner.settled(gpu.world, Job(lambda: "sum", 1, lambda _: True))
    assert job.run() == "sum"
    assert gpu.device.waited == 1


def test_the_limit_of_a_gpu_is_what_its_kernel_multiplies(gpu):
    assert roofline.work_of(gpu.world).multiply == 5 * 64**2
    job = roofline.roof(gpu.world, 1).prepare()
    assert job.run()
    assert gpu.device.waited == 1
    ((_, blocks, turns, _),) = gpu.device.launched
    assert job.operations == blocks * 32 * turns * 7


@pytest.mark.skipif("cpu" not in available_backends(), reason="needs the cpu backend")
def test_the_cpu_engine_runs_beside_another_backend():
    world = World.create(256)
    with use_backend("reference"):
        job = runner.on_cpu(ROUTINES["encrypt"], Size(8), world)
        result = job.run()
        assert result.backend == "cpu"
        assert job.check(result)
        assert world.public_key.encrypt([1]).backend == "reference"
