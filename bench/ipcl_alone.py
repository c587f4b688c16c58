# SPDX-License-Identifier: Apache-2.0
"""ipcl-python by itself: its wheels are for Python 3.8, which this package does not run on.

In an environment of Python 3.8 with numpy==1.23.1 gmpy2==2.1.5 pycryptodomex cachetools, and
ipcl-python==2.0.0 installed with --no-deps: ``taskset -c 0 python bench/ipcl_alone.py``. One key of 2048
bits, fresh randomness for each ciphertext, results compared, medians of the turns; to be read beside
``python -m bench --routine encrypt decrypt add`` on the same machine.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"
ROWS, TURNS, SECONDS = 256, 7, 0.3


def rate(call: Callable[[], object], operations: int) -> float:
    """Operations a second: the median of turns that repeat the call for SECONDS."""
    call()
    rates = []
    for _ in range(TURNS):
        calls, started = 0, time.perf_counter()
        while time.perf_counter() - started < SECONDS:
            call()
            calls += 1
        rates.append(calls * operations / (time.perf_counter() - started))
    return statistics.median(rates)


def main() -> None:
    from ipcl_python import PaillierKeypair

    public_key, private_key = PaillierKeypair.generate_keypair(2048, True)
    values = [random.randrange(1 << 53) for _ in range(ROWS)]
    c = public_key.encrypt(values)
    assert private_key.decrypt(c) == values
    assert private_key.decrypt(c + c) == [2 * value for value in values]
    print(f"encrypt {rate(lambda: public_key.encrypt(values), ROWS):8.0f}/s")
    print(f"decrypt {rate(lambda: private_key.decrypt(c), ROWS):8.0f}/s")
    print(f"add     {rate(lambda: c + c, ROWS):8.0f}/s")


if __name__ == "__main__":
    main()
