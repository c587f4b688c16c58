# SPDX-License-Identifier: Apache-2.0
"""On a GPU a call counts when the device is done, and our CPU engine stands beside it."""

from types import SimpleNamespace

import pytest

from pyfate_gpu import available_backends, use_backend
from pyfate_gpu.bench import roofline, runner
from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.routines import ROUTINES, Size
from pyfate_gpu.bench.world import World


@pytest.fixture
def gpu(monkeypatch):
    """A world whose engine is a GPU's in name; it notes how often somebody waited for it."""
    waited = []
    device = SimpleNamespace(
        wait=lambda: waited.append(1), emulated=True, total_memory=lambda: 64 << 30
    )
    engine = SimpleNamespace(on=device, ring=SimpleNamespace(limbs=64))
    for module in (runner, roofline):
        monkeypatch.setattr(module, "backend_info", lambda: SimpleNamespace(name="cuda", isa=None))
    world = World.create(256)
    key = SimpleNamespace(engine=lambda: engine, key_bits=2048, numbers=world.public_key.numbers)
    return SimpleNamespace(world=SimpleNamespace(public_key=key), waited=waited)


def test_a_call_waits_for_the_device(gpu):
    job = runner.settled(gpu.world, Job(lambda: "sum", 1, lambda _: True))
    assert job.run() == "sum"
    assert gpu.waited == [1]


def test_the_limit_of_a_gpu_is_that_of_its_clock(gpu):
    assert roofline.work_of(gpu.world).multiply == 5 * 64**2
    job = roofline.roof(gpu.world, 1).prepare()
    assert job.operations == pytest.approx(roofline.CALL_SECONDS)  # an emulated one does 1 a second


@pytest.mark.skipif("cpu" not in available_backends(), reason="needs the cpu backend")
def test_the_cpu_engine_runs_beside_another_backend():
    world = World.create(256)
    with use_backend("reference"):
        job = runner.on_cpu(ROUTINES["encrypt"], Size(8), world)
        result = job.run()
        assert result.backend == "cpu"
        assert job.check(result)
        assert world.public_key.encrypt([1]).backend == "reference"
