# SPDX-License-Identifier: Apache-2.0
"""Proof on a GPU: is every result right, and how fast is it? ``python -m bench.gpu_check``.

Runs part by part and writes the result file after each, so that a run which was interrupted goes on
where it stopped. Each rate stands beside the limit of the device: its wide multiplications a second
over those the operation needs (docs/algorithms/gpu-kernels.md).
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt

from pyfate_gpu import PrivateKey, PublicKey, generate_keypair
from pyfate_gpu.backends.cuda import CudaBackend, CudaPrivateEngine, CudaPublicEngine
from pyfate_gpu.backends.cuda_device import Device
from pyfate_gpu.backends.words import integers_to_words, unsigned_to_integers, unsigned_to_words

KEY_BITS = (1024, 2048, 3072, 4096)
CHEAP_ROWS, COSTLY_ROWS, TIMED_ROWS = 100_000, 1_000, 200_000
SECONDS = 480  # no part begins later, so that a run ends within 9 minutes
WIDE_PER_CLOCK = 32  # products of 32-bit limbs that a multiprocessor does a cycle
MULTIPLY, SQUARE = 5.0, 3.5  # limb products, in squares of the limbs of n


class Check:
    """One key on one device, and what is asked of it."""

    def __init__(self, device: Device, key_bits: int, keys: tuple[PublicKey, PrivateKey]) -> None:
        self.device, self.key_bits = device, key_bits
        self.public, self.private = keys
        self.engine = CudaPublicEngine(self.public.numbers, device)
        self.owner = CudaPrivateEngine(self.private._numbers, self.engine)
        self.rng = np.random.default_rng(1)

    def equality(self, cheap: int, costly: int) -> dict[str, Any]:
        """Products, squares and powers against gmpy2, and what decryption gives back."""
        square = gmpy2.mpz(self.public.n) ** 2
        words = self._canonical(cheap)
        values = [gmpy2.mpz(int(v)) for v in unsigned_to_integers(words)]
        rows = self.engine.import_words(words)
        turned = np.roll(np.arange(cheap), 1)
        scalars = self.rng.integers(-(2**53), 2**53, costly)
        plain = self.rng.integers(-(2**62), 2**62, costly)
        few = self.engine.take(rows, np.arange(costly))
        fresh = self.engine.encrypt(integers_to_words(plain))
        products = {
            "multiply": (self.engine.add(rows, rows, None, turned), values[-1:] + values[:-1]),
            "square": (self.engine.add(rows, rows), values),
        }
        wrong = {
            name: self._differing(
                got, [a * b % square for a, b in zip(values, others, strict=True)]
            )
            for name, (got, others) in products.items()
        }
        powers = [
            gmpy2.powmod(v, int(s), square) for v, s in zip(values[:costly], scalars, strict=True)
        ]
        scaled = self.engine.scale(few, integers_to_words(scalars))
        wrong["scale"] = self._differing(scaled, powers)
        expected = [int(v) % self.public.n for v in plain]
        for name, ciphertexts in (("encrypt", fresh), ("blind", self.engine.blind(fresh))):
            decrypted = unsigned_to_integers(self.owner.decrypt(ciphertexts))
            wrong[name] = sum(int(v) != e for v, e in zip(decrypted, expected, strict=True))
        return {"rows": [cheap, costly], "wrong": wrong}

    def rates(self, rows: int) -> dict[str, Any]:
        """Operations a second, and the limit of the device for those whose cost is a plain count."""
        engine, limbs = self.engine, self.engine.ring.limbs
        few = max(1, rows // 10)
        c = engine.encrypt(np.zeros((rows, 1), dtype=np.int64))
        plain = integers_to_words(self.rng.integers(-(2**52), 2**52, rows))
        matrix = integers_to_words(self.rng.integers(-(2**52), 2**52, (max(1, few // 100), rows)))
        index, offsets = self.rng.permutation(rows), np.arange(0, rows + 1, max(1, rows // 100))
        jobs: dict[str, tuple[Callable[[], Any], int, float | None]] = {
            "add": (lambda: engine.add(c, c), rows, MULTIPLY),
            "add_plain": (lambda: engine.add_plain(c, plain), rows, 4.0),
            "encrypt": (lambda: engine.encrypt(plain), rows, None),
            "scale 53 bits": (lambda: engine.scale(c, plain), rows, 53 * SQUARE + 23 * MULTIPLY),
            "matmul entries 53 bits": (lambda: engine.matmul(matrix, c, 1), matrix.size, None),
            "segment_sum": (lambda: engine.segment_sum(c, index, offsets), rows, MULTIPLY),
            "decrypt": (lambda: self.owner.decrypt(c[:few]), few, None),
        }
        limit = self._wide_products_a_second() / limbs**2
        found: dict[str, Any] = {}
        for name, (run, count, cost) in jobs.items():
            rate = count / self._seconds(run)
            found[name] = {"per_second": round(rate)}
            if cost is not None:
                found[name] |= {
                    "limit": round(limit / cost),
                    "share": round(rate * cost / limit, 3),
                }
        return found

    def _canonical(self, rows: int) -> npt.NDArray[np.uint64]:
        n = self.public.n
        size = n.bit_length() // 4  # bytes of n^2
        values = (int.from_bytes(self.rng.bytes(size), "little") for _ in range(rows))
        return unsigned_to_words([v % (n * n - 1) + 1 for v in values], 2 * self.engine.words)

    def _differing(self, rows: Any, expected: list[Any]) -> int:
        found = unsigned_to_integers(self.engine.export_words(rows))
        return sum(int(v) != e for v, e in zip(found, expected, strict=True))

    def _seconds(self, run: Callable[[], Any], least: float = 0.5) -> float:
        """Of one call: after a first one, as many as take `least` seconds together."""
        run()
        self._wait()
        calls, started = 0, time.perf_counter()
        while True:
            run()
            self._wait()
            calls += 1
            if (spent := time.perf_counter() - started) >= least:
                return spent / calls

    def _wait(self) -> None:
        if not self.device.emulated:
            self.device.arrays.cuda.Device(self.device.index).synchronize()

    def _wide_products_a_second(self) -> float:
        if self.device.emulated:
            return 1.0
        clock = clocks(self.device)["ClockRate"] * 1e3
        return float(self.device.multiprocessors * WIDE_PER_CLOCK * clock)


def clocks(device: Device) -> dict[str, int]:
    """Highest clocks of the device and its memory, in kHz; none of an emulated one."""
    if device.emulated:
        return {}
    attributes = device.arrays.cuda.Device(device.index).attributes
    return {name: int(attributes[name]) for name in ("ClockRate", "MemoryClockRate")}


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
    device = _device()
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    name = device.native.device_names()[device.index]
    path = options.results / f"{name.replace(' ', '-').lower()}-{today}.json"
    return check_all(device, options.key_bits, path, name)


def check_all(device: Device, key_bits: list[int], path: Path, name: str) -> int:
    """Run every part that the result file does not have yet; the exit status of `main`."""
    started = time.monotonic()
    result: dict[str, Any] = (
        json.loads(path.read_text()) if path.exists() else {"device": name, "parts": {}}
    )
    result |= {
        "driver": device.native.driver_version(),
        "toolkit": device.native.toolkit_version(),
        "multiprocessors": device.multiprocessors,
        "clocks_khz": clocks(device),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    for bits in key_bits:
        keys: tuple[PublicKey, PrivateKey] | None = None
        for part in ("equality", "rates"):
            if (title := f"{part} {bits}") in result["parts"]:
                continue
            if time.monotonic() - started > SECONDS:
                print(f"time is up before {title}; run again to go on from there")
                return 3
            keys = keys or generate_keypair(bits, allow_insecure_key_size=True)
            check = Check(device, bits, keys)
            rows = (CHEAP_ROWS, COSTLY_ROWS) if part == "equality" else (TIMED_ROWS,)
            found = getattr(check, part)(*rows)
            print(title, json.dumps(found))
            result["parts"][title] = found
            path.write_text(json.dumps(result, indent=2) + "\n")
    wrong = [part["wrong"] for part in result["parts"].values() if "wrong" in part]
    return int(any(sum(counts.values()) for counts in wrong))


def _device() -> Device:
    import cupy

    from pyfate_gpu.backends import _cuda

    return Device(_cuda, cupy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
