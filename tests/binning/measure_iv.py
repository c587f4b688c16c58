# SPDX-License-Identifier: Apache-2.0
"""CPU seconds, decryptions and bytes of information values of default_credit's host columns; no test.

``python -m tests.binning.measure_iv [--runs N] [--key-bits N] [--json PATH]``: 30,000 rows, ten columns at the host,
one class and the other; guest and host in one process, a key made before. All rows have to be at hand:
PYFATE_GPU_DATA names their folder.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np

from pyfate_gpu import backend_info, simulate
from pyfate_gpu.binning import HeteroBinning
from pyfate_gpu.config import environment
from pyfate_gpu.data.binning.binner import count_classes
from pyfate_gpu.data.information_value import evidence_of_classes
from tests.glm.real_data import load_whole


def measure(guest, host, x, y):
    """Fit once by models that have their key and tables already; return what it took."""
    begin = time.process_time()
    models = simulate(
        guest=lambda session: guest.fit(y=y, session=session),
        hosts=[lambda session: host.fit(x, session=session)],
        timeout=3600,
    )
    seconds = time.process_time() - begin
    reports = [model.report_ for model in models.values()]
    return {
        "cpu_seconds": round(seconds, 3),
        "wall_seconds": round(max(report.seconds for report in reports), 3),
        "decryptions": reports[0].usage.operations["decrypt"],
        "additions": reports[1].usage.operations["add"],
        "seconds": {r.party: {k: round(v, 3) for k, v in r.usage.seconds.items()} for r in reports},
        "megabytes_sent": round(sum(report.usage.bytes_sent for report in reports) / 1e6, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--key-bits", type=int, default=2048)
    parser.add_argument("--scheme", default="paillier")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    _, y, x = load_whole("default_credit")
    parameters = {"key_bits": options.key_bits, "scheme": options.scheme}
    guest, host = HeteroBinning(**parameters), HeteroBinning(**parameters)
    measure(guest, host, x[:2000], y[:2000])  # makes key and tables
    runs = [measure(guest, host, x, y) for _ in range(options.runs)]
    for value, bins, column in zip(host.iv_, host.bins_, x.T, strict=True):
        counts = count_classes(bins, column, np.stack([1 - y, y], axis=1))
        assert abs(value - evidence_of_classes(counts)[0].iv) <= 0.5e-4 + 1e-12
    best = min(runs, key=lambda run: run["cpu_seconds"])
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    found = {
        "command": "python -m tests.binning.measure_iv",
        "commit": commit.strip(),
        "engine": str(backend_info()).partition("\n")[0],
        **vars(options),
        "json": None,
        "table_mb": environment().table_mb,
        "load": round(os.getloadavg()[0], 1),
        "rows": len(x),
        "columns": x.shape[1],
        "cpu_seconds": [run["cpu_seconds"] for run in runs],
        "best": best,
    }
    text = json.dumps(found, indent=1) + "\n"
    print(text)
    if options.json:
        options.json.write_text(text)


if __name__ == "__main__":
    main()
