# SPDX-License-Identifier: Apache-2.0
"""Curves are measured on small sizes, their powers fitted, and drawn on one page."""

import itertools
import json
import subprocess
import sys
import time

import pytest

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
    workers,
)

SMALL = ["--key-bits", "512", "--budget", "0.5", "--memory-mb", "8", "--features", "4"]
MIB = 1 << 20


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
    monkeypatch.setattr(workers, "OPERATIONS", {"add": Size(100), "decrypt": Size(100)})
    monkeypatch.setattr(workers, "TURNS", 1)
    for module in (batch, key_size, training):
        monkeypatch.setattr(module, "seconds_of", lambda run, **_: (run(), 0.1)[1])
    monkeypatch.setattr(out_of_core, "TIMES", 2)
    # What this process takes depends on the tests before; the true figures are those of a process of its own, below.
    monkeypatch.setattr(peak.Peak, "_look", lambda self: setattr(self, "bytes", MIB))


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


def test_memory_is_that_of_the_ciphertexts(tmp_path):
    """In a process of its own. Half an array more would be seen, and a file that is read at once."""
    path = tmp_path / "result.json"
    command = [
        sys.executable, "-m", "bench", "--scaling", "memory", "out_of_core",
        "--key-bits", "512", "--memory-mb", "32", "--json", str(path),
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    arrays, file = json.loads(path.read_text())["scaling"]
    rows, megabytes = arrays["points"][-1]
    assert (rows, arrays["name"]) == (200_000, "memory")
    assert 0.75 * 128 < 1e6 * megabytes / rows < 1.5 * 128
    ((size, most),) = file["points"]
    assert 0 < most < 32 * 1.05 < 128 < size


def test_the_most_memory_is_seen(monkeypatch):
    held = iter([5 * MIB, 40 * MIB])
    monkeypatch.setattr(peak, "resident", lambda: next(held, 6 * MIB))
    with peak.Peak() as seen:
        deadline = time.monotonic() + 300
        while seen.bytes == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert seen.bytes == 35 * MIB


def test_too_much_memory_is_a_failure(small, monkeypatch, capsys, call):
    monkeypatch.setattr(peak.Peak, "_look", lambda self: setattr(self, "bytes", 9 * MIB))
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
