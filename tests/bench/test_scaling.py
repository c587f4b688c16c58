# SPDX-License-Identifier: Apache-2.0
"""Curves are measured on small sizes, their powers fitted, and drawn on one page."""

import itertools
import json

import pytest

from pyfate_gpu.bench.command import parse
from pyfate_gpu.bench.routines import Size
from pyfate_gpu.bench.scaling import (
    SCALINGS,
    base,
    batch,
    key_size,
    memory,
    out_of_core,
    peak,
    round_trip,
    threads,
    training,
)

SMALL = ["--key-bits", "512", "--budget", "0.5", "--memory-mb", "8", "--features", "4"]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(batch, "LARGEST", 1)
    monkeypatch.setattr(memory, "ROWS", (100_000, 200_000, 400_000))
    monkeypatch.setattr(training, "ROWS", (20, 40, 80))
    monkeypatch.setattr(training, "FEATURES", (2, 4))
    monkeypatch.setattr(key_size, "KEY_BITS", (256, 384, 512))
    monkeypatch.setattr(key_size, "OPERATIONS", {"add": Size(8), "decrypt": Size(8)})
    monkeypatch.setattr(threads, "OPERATIONS", {"add": Size(8)})
    monkeypatch.setattr(threads, "TURNS", 1)
    for module in (batch, key_size, training):
        monkeypatch.setattr(module, "seconds_of", lambda run, **_: (run(), 0.1)[1])
    monkeypatch.setattr(out_of_core, "TIMES", 2)


def test_every_curve_runs_and_is_drawn(small, tmp_path, call):
    pytest.importorskip("matplotlib")
    path, page = tmp_path / "result.json", tmp_path / "page.html"
    arguments = ["--scaling", *SMALL, "--rows", "40", "--json", str(path), "--html", str(page)]
    assert call(arguments) == 0
    curves = json.loads(path.read_text())["scaling"]
    assert {curve["name"] for curve in curves} == set(SCALINGS)
    assert [curve["failure"] for curve in curves] == [""] * len(curves)
    assert all(curve["points"] for curve in curves)
    text = page.read_text()
    assert text.count("<svg") == len({c["series"] for c in curves if len(c["points"]) > 1})
    assert "http://" not in text.replace("http://www.w3.org/", "")  # one file, nothing fetched


def test_a_ciphertext_takes_little_more_than_its_bytes(small):
    (curve,) = SCALINGS["memory"](parse(["--key-bits", "512"], "bench"))
    rows, megabytes = curve.points[-1]
    assert 120 <= 1e6 * megabytes / rows < 140
    assert curve.exponent == pytest.approx(1, abs=0.1)


def test_too_much_memory_is_a_failure(small, monkeypatch, capsys, call):
    steps = itertools.count(0, 9 << 20)  # the process grows whenever somebody looks
    monkeypatch.setattr(peak, "resident", lambda: next(steps))
    assert call(["--scaling", "out_of_core", *SMALL]) == 1
    assert "8 MB were allowed" in capsys.readouterr().out


def test_a_copy_beyond_one_result_is_a_failure(small, monkeypatch, capsys, call):
    arguments = ["--scaling", "round_trip", *SMALL, "--rows", "400"]
    assert call(arguments) == 0
    monkeypatch.setattr(round_trip, "ROOM", -(1 << 30))
    assert call(arguments) == 1
    assert "a step took" in capsys.readouterr().out


def test_more_rows_than_fit_are_refused_before_they_are_made(monkeypatch, capsys, call):
    monkeypatch.setattr(round_trip, "memory", lambda name: 1 << 20)
    assert call(["--scaling", "round_trip", *SMALL, "--rows", "100000"]) != 0
    assert "ask for fewer: --rows 2048" in "".join(capsys.readouterr())


def test_exponents_are_those_of_powers():
    assert base.fit_exponent([(1, 5), (2, 20), (4, 80)]) == pytest.approx(2)
    assert base.fit_exponent([(1, 5), (2, 20)]) is None


def test_sizes_end_when_the_next_would_take_too_long(monkeypatch):
    clock = itertools.count(0, 1.0)
    monkeypatch.setattr(base.time, "perf_counter", lambda: next(clock))
    assert list(base.within(12.5, [1, 10, 100])) == [1, 10]
