# SPDX-License-Identifier: Apache-2.0
"""The counts beside figures are those of docs/algorithms, and the limit they stand beside is a limit."""

import pytest

from pyfate_gpu import use_backend
from pyfate_gpu.backends import BACKENDS
from pyfate_gpu.bench.roofline import roof, work_of
from pyfate_gpu.bench.work import Work
from pyfate_gpu.bench.world import World

IFMA_2048 = Work(2048, limbs=40, prime_limbs=20, entry_bytes=640, table_bytes=64 << 20,
                 exponent_bits=1025)  # fmt: skip
LIMBS = {"avx2": 19, "portable": 8}


def why_not(isa):
    """Return why an instruction set does not run here, as the cpu backend says; empty where it runs."""
    (cpu,) = (backend.availability() for backend in BACKENDS if backend.name == "cpu")
    found = {status.name: status.reason for status in cpu.instruction_sets}
    return found[isa] if cpu.available else cpu.reason


def test_table_is_that_of_the_page():
    assert IFMA_2048.table_windows() == 103
    assert IFMA_2048.blind == (102 * 4 + 2) * 40**2


def test_matrix_products_cost_what_the_page_says():
    def products(bits):
        return IFMA_2048.matrix(20, 2000, bits) / IFMA_2048.multiply / 40_000

    assert products(23) == pytest.approx(3.5, abs=0.1)  # 24 bits with the sign
    assert products(39) == pytest.approx(5.8, abs=0.1)


def test_few_ciphertexts_and_many_outputs_take_tables():
    one_power_an_entry = 1.3 * 26 * IFMA_2048.multiply
    assert IFMA_2048.matrix(2000, 20, 26) / 40_000 < one_power_an_entry / 8


@pytest.mark.parametrize("isa", LIMBS)
def test_the_engine_says_its_limbs(isa):
    if reason := why_not(isa):
        pytest.skip(reason)
    world = World.create(512)
    with use_backend("cpu", isa=isa):
        assert work_of(world).limbs == LIMBS[isa]
        job = roof(world, threads=2).prepare()
        assert job.operations == 2 * job.run()


def test_other_engines_have_no_limit():
    with use_backend("reference"):
        world = World.create(256)
        assert roof(world, 1) is None
        assert work_of(world) is None
