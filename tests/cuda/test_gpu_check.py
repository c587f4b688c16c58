# SPDX-License-Identifier: Apache-2.0
"""The check of a GPU, on the emulated one: it finds nothing wrong, and finds what is wrong."""

from __future__ import annotations

import json

from bench import gpu_check


def few_rows(monkeypatch):
    for name, rows in (("CHEAP_ROWS", 5), ("COSTLY_ROWS", 2), ("TIMED_ROWS", 10)):
        monkeypatch.setattr(gpu_check, name, rows)
    monkeypatch.setattr(gpu_check.Check._seconds, "__defaults__", (0.0,))


def test_nothing_is_wrong_and_a_second_run_has_nothing_to_do(emulated, monkeypatch, tmp_path):
    few_rows(monkeypatch)
    path = tmp_path / "result.json"
    assert gpu_check.check_all(emulated, [512], path, "emulation") == 0
    parts = json.loads(path.read_text())["parts"]
    assert list(parts) == ["equality 512", "rates 512"]
    assert set(parts["equality 512"]["wrong"]) == {
        "multiply",
        "square",
        "scale",
        "encrypt",
        "blind",
    }
    monkeypatch.delattr(gpu_check, "Check")
    assert gpu_check.check_all(emulated, [512], path, "emulation") == 0


def test_a_wrong_product_is_found(emulated, monkeypatch, tmp_path):
    few_rows(monkeypatch)
    right = gpu_check.CudaPublicEngine.add

    def wrong(self, a, b, a_index=None, b_index=None):
        out = right(self, a, b, a_index, b_index)
        out[0, 0, 0] ^= 1
        return out

    monkeypatch.setattr(gpu_check.CudaPublicEngine, "add", wrong)
    assert gpu_check.check_all(emulated, [512], tmp_path / "result.json", "emulation") == 1


def test_a_run_that_takes_too_long_goes_on_the_next_time(emulated, monkeypatch, tmp_path, capsys):
    few_rows(monkeypatch)
    path = tmp_path / "results" / "result.json"
    monkeypatch.setattr(gpu_check, "SECONDS", -1)
    assert gpu_check.check_all(emulated, [512], path, "emulation") == 3
    assert "time is up before equality 512" in capsys.readouterr().out
    monkeypatch.setattr(gpu_check, "SECONDS", 480)
    assert gpu_check.check_all(emulated, [512], path, "emulation") == 0


def test_without_a_gpu_it_says_why(monkeypatch, capsys):
    found = gpu_check.CudaBackend().availability()
    if not found.available:
        assert gpu_check.main([]) == 2
        assert f"no GPU to check: {found.reason}" in capsys.readouterr().out
