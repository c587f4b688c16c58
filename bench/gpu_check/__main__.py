# SPDX-License-Identifier: Apache-2.0
"""``python -m bench.gpu_check``: the parts in order, and the result file."""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.gpu_check.check import Check
from bench.gpu_check.equality import equality
from bench.gpu_check.job import GUEST_COLUMNS, HOST_COLUMNS, logistic_job
from bench.gpu_check.limits import wide_products_a_second
from bench.gpu_check.rates import rates
from pyfate_gpu.backends.cuda.device import Device
from pyfate_gpu.backends.cuda.engine import CudaBackend, _device
from pyfate_gpu.bench.machine import commit

ROOT = Path(__file__).parents[2]
KEY_BITS = (2048, 3072, 4096, 1024)
SECONDS = 440.0  # no part begins later, so that a run ends within 9 minutes
TEST_SECONDS = 120
QUERY = "driver_version,clocks.sm,clocks.max.sm,power.draw,temperature.gpu"


@dataclass(frozen=True)
class Sizes:
    """Rows of each part."""

    cheap: int = 100_000
    costly: int = 1_000
    timed: int = 400_000
    job: int = 100_000
    columns: tuple[int, int] = (GUEST_COLUMNS, HOST_COLUMNS)


class Run:
    """All parts on one device, and the file that keeps what they found."""

    def __init__(self, device: Device, name: str, path: Path, sizes: Sizes) -> None:
        self.device, self.path, self.sizes = device, path, sizes
        self.result: dict[str, Any] = (
            json.loads(path.read_text()) if path.exists() else {"device": name, "parts": {}}
        )
        self.result |= {
            "commit": commit(),
            "cuda of the driver": device.native.driver_version(),
            "cuda of the build": device.native.toolkit_version(),
            "multiprocessors": device.multiprocessors,
        }
        self._check: Check | None = None

    def parts(self, key_bits: Sequence[int]) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
        """Titles and what to do, the most wanted first."""
        sizes = self.sizes
        yield "device", self.hardware
        for place, bits in enumerate(key_bits):
            yield (
                f"equality {bits}",
                lambda b=bits: equality(self.check(b), sizes.cheap, sizes.costly),  # type: ignore[misc]
            )
            yield (
                f"rates {bits}",
                lambda b=bits: rates(self.check(b), sizes.timed * 1024 // max(1024, b), self.limit),  # type: ignore[misc]
            )
            if place == 0:
                yield (
                    f"logistic job {bits}",
                    lambda b=bits: logistic_job(b, sizes.job, sizes.columns, self.device.name),  # type: ignore[misc]
                )
                yield "tests", _tests

    def check(self, bits: int) -> Check:
        """The engines of a key, kept for the next part of the same size."""
        if self._check is None or self._check.key_bits != bits:
            self._check = None  # its memory goes first
            self._check = Check(self.device, bits)
        return self._check

    @cached_property
    def limit(self) -> float:
        """Wide products a second: measured once a run, the clock may have changed since the last."""
        return wide_products_a_second(self.device)

    def hardware(self) -> dict[str, Any]:
        """What every rate is compared with."""
        on_paper = "32 a clock and multiprocessor"
        return {
            "wide products a second": float(f"{self.limit:.4g}"),
            "on paper": on_paper,
        } | _clocks()

    def run(self, key_bits: Sequence[int]) -> int:
        """Every part that the file does not have yet; the exit status of `main`."""
        started = time.monotonic()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for title, part in self.parts(key_bits):
            if title in self.result["parts"]:
                continue
            if time.monotonic() - started > SECONDS:
                print(f"time is up before {title!r}; run again to go on from there")
                return 3
            begun = time.monotonic()
            found = part()
            found["seconds"] = round(time.monotonic() - begun, 1)
            _print(title, found)
            self.result["parts"][title] = found
            self.path.write_text(json.dumps(self.result, indent=2) + "\n")
        wrong = [part["wrong"] for part in self.result["parts"].values() if "wrong" in part]
        return int(any(sum(counts.values()) for counts in wrong))


def main(arguments: list[str]) -> int:
    """Exit status: 0 all right, 1 a result wrong, 2 no GPU to check, 3 time was up before the end."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_check", description=__doc__)
    parser.add_argument("--key-bits", nargs="+", type=int, default=KEY_BITS, metavar="BITS")
    parser.add_argument("--results", type=Path, default=Path("bench/results"), metavar="FOLDER")
    options = parser.parse_args(arguments)
    found = CudaBackend().availability()
    if not found.available:
        print(f"no GPU to check: {found.reason}")
        return 2
    device = _device(0)
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    name = device.native.device_names()[device.index]
    path = options.results / f"{name.replace(' ', '-').lower()}-{today}.json"
    return Run(device, name, path, Sizes()).run(options.key_bits)


def _tests() -> dict[str, Any]:
    """Those that need a GPU: streams, memory that runs out, compute-sanitizer."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/cuda/test_on_gpu.py",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, capture_output=True, text=True, timeout=TEST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"wrong": {"tests": 1}, "said": f"not done after {TEST_SECONDS} s"}
    return {"wrong": {"tests": int(done.returncode != 0)}, "said": done.stdout[-2000:].splitlines()}


def _clocks() -> dict[str, str]:
    """Driver, clocks and power as nvidia-smi tells them; nothing where it is missing."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return {}
    done = subprocess.run(  # noqa: S603
        [tool, f"--query-gpu={QUERY}", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
    )
    first = (done.stdout.splitlines() or [""])[0].split(", ")
    return dict(zip(QUERY.split(","), first, strict=False))


def _print(title: str, found: dict[str, Any]) -> None:
    print(f"\n{title}")
    for name, value in found.items():
        if isinstance(value, dict) and "share" in value:
            rate, limit = f"{value['per_second']:,.0f}", f"{value['limit']:,.0f}"
            print(f"  {name:28} {rate:>15}/s  {value['share']:6.1%} of {limit}")
        else:
            print(f"  {name:28} {value}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
