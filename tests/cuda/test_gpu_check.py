# SPDX-License-Identifier: Apache-2.0
"""The check of a GPU, on the emulated one: it finds nothing wrong, and finds what is wrong."""

from __future__ import annotations

import json

import pytest

from bench.gpu_check import __main__ as gpu_check
from bench.gpu_check import limits, rates
from pyfate_gpu.backends.base import Availability
from pyfate_gpu.backends.cuda import availability as cuda_availability
from pyfate_gpu.backends.cuda import engine as cuda

TINY = gpu_check.Sizes(cheap=6, costly=1, timed=8, job=40, columns=(2, 3))


@pytest.fixture
def run(emulated, monkeypatch, tmp_path):
    """Run all parts but the tests with tiny sizes; a second one goes on with the file of the first."""
    monkeypatch.setattr(limits.seconds_of, "__defaults__", (0.0,))
    monkeypatch.setattr(rates, "OUTPUTS", 2)
    monkeypatch.setattr(rates, "BINS", 2)
    monkeypatch.setattr(gpu_check, "_tests", lambda: {"wrong": {"tests": 0}})
    monkeypatch.setattr(cuda, "_device", lambda index: emulated)
    monkeypatch.setattr(cuda_availability, "availability", lambda index: Availability(True))
    path = tmp_path / "results" / "emulation.json"
    return lambda: (gpu_check.Run(emulated, "emulation", path, TINY).run([512]), path)


def test_nothing_is_wrong_and_a_second_run_has_nothing_to_do(run, monkeypatch, capsys):
    status, path = run()
    assert status == 0
    parts = json.loads(path.read_text())["parts"]
    assert list(parts) == ["device", "equality 512", "rates 512", "logistic job 512", "tests"]
    wrong = parts["equality 512"]["wrong"]
    assert {"multiply", "square", "scale", "segmented sum", "encrypt, decrypt"} <= set(wrong)
    assert {"encrypt as cpu", "textbook encrypt as cpu", "decrypt as cpu", "matmul as cpu"} <= set(
        wrong
    )
    assert {"limit", "share", "per_second"} == set(parts["rates 512"]["encrypt"])
    assert parts["rates 512"]["milliseconds"]["encrypt"] > 0
    assert parts["logistic job 512"]["device"] == "cuda:0"
    assert "% of" in capsys.readouterr().out
    monkeypatch.delattr(gpu_check, "Check")
    assert run()[0] == 0


def test_a_wrong_product_is_found(run, monkeypatch):
    right = cuda.CudaPublicEngine.add

    def wrong(self, a, b, a_index=None, b_index=None):
        out = right(self, a, b, a_index, b_index)
        out[0, 0, 0] ^= 1
        return out

    monkeypatch.setattr(cuda.CudaPublicEngine, "add", wrong)
    monkeypatch.setattr(gpu_check, "logistic_job", lambda *arguments: {})
    monkeypatch.setattr(gpu_check, "rates", lambda *arguments: {})
    status, path = run()
    assert status == 1
    assert json.loads(path.read_text())["parts"]["equality 512"]["wrong"]["multiply"] == 1


def test_a_run_that_takes_too_long_goes_on_the_next_time(run, monkeypatch, capsys):
    monkeypatch.setattr(gpu_check, "SECONDS", -1)
    status, path = run()
    assert status == 3
    assert "time is up before 'device'" in capsys.readouterr().out
    assert not path.exists()


def test_limits_of_an_h200_are_those_of_the_page():
    limit = 132 * 32 * 1.98e9 / 64**2
    for cost, millions in (
        (limits.MULTIPLY, 408),
        (limits.SQUARE, 583),
        (limits.encrypt(1024, 16), 6.44),
        (limits.power(2048) + 2, 0.230),
        (limits.decrypt(2048), 0.921),
        (limits.scale(53), 6.8),
        (limits.matmul_entry(53, 100_000), 78.3),
        (limits.matmul_entry(24, 100_000), 188),
    ):
        assert limit / cost / 1e6 == pytest.approx(millions, rel=0.01)


def test_without_a_gpu_it_says_why(capsys):
    found = cuda.CudaBackend().availability()
    if not found.available:
        assert gpu_check.main([]) == 2
        assert f"no GPU to check: {found.reason}" in capsys.readouterr().out
