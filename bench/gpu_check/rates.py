# SPDX-License-Identifier: Apache-2.0
"""How fast each operation is, beside the limit of the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.gpu_check import limits
from bench.gpu_check.check import Check
from bench.gpu_check.limits import MULTIPLY, SQUARE, seconds_of
from pyfate_gpu.backends.words import integers_to_words

FEW = 1_000
OUTPUTS, BINS = 100, 32  # features of a gradient, and of a histogram with so many bins each


@dataclass(frozen=True)
class Job:
    """`count` operations, each of which costs so many squares of the limbs of n at least."""

    run: Callable[[], Any]
    count: int
    cost: float


def rates(check: Check, rows: int, wide_products_a_second: float) -> dict[str, Any]:
    """Operations a second, the limit, the share of it; and how long few rows take."""
    device, limbs = check.device, check.engine.ring.limbs
    limit = wide_products_a_second / limbs**2
    found: dict[str, Any] = {"rows": rows, "window": _window(check)}
    for name, job in _jobs(check, rows).items():
        rate = job.count / seconds_of(device, job.run)
        found[name] = {
            "per_second": _rounded(rate),
            "limit": _rounded(limit / job.cost),
            "share": round(rate * job.cost / limit, 3),
        }
    few = min(FEW, rows)
    found["milliseconds"] = {"rows": few} | {
        name: round(1e3 * seconds_of(device, run), 3) for name, run in _few(check, few).items()
    }
    return found


def _jobs(check: Check, rows: int) -> dict[str, Job]:
    engine, device, bits = check.engine, check.device, check.key_bits
    some, few = max(1, rows // 4), max(1, rows // 20)
    c = engine.encrypt(np.zeros((rows, 1), dtype=np.int64))
    other = engine.blind(c)
    plain = integers_to_words(check.integers(rows, 52))
    words = engine.export_words(c[:some])
    assert check.public.numbers.blinding is not None
    encrypt = limits.encrypt(check.public.numbers.blinding.exponent_bits, _window(check))

    def square() -> Any:
        with device:
            return engine.ring.square(c)

    jobs = {
        "multiply": Job(lambda: engine.add(c, other), rows, MULTIPLY),
        "square": Job(square, rows, SQUARE),
        "add plaintexts": Job(lambda: engine.add_plain(c, plain), rows, 2.0),
        "encrypt": Job(lambda: engine.encrypt(plain), rows, encrypt),
        "textbook encrypt": Job(
            lambda: check.textbook.encrypt(plain[:few]), few, limits.power(bits) + 2
        ),
        "decrypt": Job(lambda: check.owner.decrypt(c[:some]), some, limits.decrypt(bits)),
        "scale by 53 bits": Job(
            lambda: engine.scale(c[:some], plain[:some]), some, limits.scale(53)
        ),
        "to the host": Job(lambda: engine.export_words(c[:some]), some, 7.0),
        "from the host": Job(lambda: engine.import_words(words), some, 10.0),
    }
    for width in (53, 24):
        matrix = integers_to_words(check.integers(OUTPUTS * some, width).reshape(OUTPUTS, some))
        jobs[f"matmul entries of {width} bits"] = Job(
            lambda matrix=matrix: engine.matmul(matrix, c[:some], 1),  # type: ignore[misc]
            matrix.size,
            limits.matmul_entry(width, some),
        )
    index, offsets = _histogram(check, some)
    jobs["segmented sum"] = Job(
        lambda: engine.segment_sum(c[:some], index, offsets), OUTPUTS * some, MULTIPLY
    )
    return jobs


def _few(check: Check, rows: int) -> dict[str, Callable[[], Any]]:
    engine = check.engine
    plain = integers_to_words(check.integers(rows, 52))
    c = engine.encrypt(plain)
    return {
        "encrypt": lambda: engine.encrypt(plain),
        "textbook encrypt": lambda: check.textbook.encrypt(plain),
        "multiply": lambda: engine.add(c, c),
        "scale by 53 bits": lambda: engine.scale(c, plain),
        "decrypt": lambda: check.owner.decrypt(c),
    }


def _histogram(check: Check, rows: int) -> tuple[Any, Any]:
    """All rows in the bins of each feature, the index on the device as a booster keeps it."""
    bins = check.rng.integers(0, BINS, (OUTPUTS, rows))
    index = np.concatenate([np.argsort(of_feature, kind="stable") for of_feature in bins])
    counts = np.concatenate([np.bincount(of_feature, minlength=BINS) for of_feature in bins])
    with check.device:
        return (
            check.device.index_array(index),
            check.device.index_array(np.append(0, np.cumsum(counts))),
        )


def _window(check: Check) -> int:
    table = check.engine._ready_table()
    assert table is not None
    return table.window


def _rounded(value: float) -> float:
    """Four digits."""
    return float(f"{value:.4g}")
