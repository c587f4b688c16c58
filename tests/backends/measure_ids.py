# SPDX-License-Identifier: Apache-2.0
"""Memory of a driver whose workers read a table of 10^7 rows, and that finds its common rows.

``python -m tests.backends.measure_ids --rows 10000000 --json tests/results/ids.json``. The table lies in Parquet files.
Workers read them; the driver gets ids and labels, puts the rows in order, shuffles them for the private set
intersection, hashes all ids as parties do to compare them, and has the workers make features of the half of rows that
all parties are said to have. What the driver's process needs at most beyond what it had is set beside the bytes of one
result: an encrypted number a row.
"""

from __future__ import annotations

import argparse
import json
import secrets
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from pyfate_gpu import use_backend
from pyfate_gpu.backends import workers
from pyfate_gpu.backends.sharded.tables import read_at_workers
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.sources import DataSource
from pyfate_gpu.jobs.alignment import _Together, digest_of
from pyfate_gpu.protocol.psi import _order
from tests.backends.measure_out_of_core import peak

CIPHERTEXT = 512
"""Bytes, of 2048 bits."""
FILE_ROWS = 500_000
GROUP_ROWS = 50_000


def write(folder: Path, rows: int) -> None:
    """Files of ids of twelve characters in no order, labels and two columns."""
    rng = np.random.default_rng(0)
    numbers = rng.permutation(rows)
    for start in range(0, rows, FILE_ROWS):
        some = numbers[start : start + FILE_ROWS]
        table = pa.table(
            {
                "id": np.char.add("u", np.char.zfill(some.astype("U11"), 11)),
                "y": some % 2,
                "a": rng.random(len(some)),
                "b": rng.random(len(some)),
            }
        )
        parquet.write_table(table, folder / f"{start:09d}.parquet", row_group_size=GROUP_ROWS)


def measure(rows: int, count: int) -> dict:
    """Read, align and prepare; what it took."""
    seconds: dict[str, float] = {}

    def step(name, call):
        start = time.perf_counter()
        found = call()
        seconds[name] = round(time.perf_counter() - start, 1)
        return found

    with (
        tempfile.TemporaryDirectory(prefix="pyfate-gpu-ids-") as folder,
        use_backend("ray", workers=count),
    ):
        write(Path(folder), rows)
        everybody = step("start", workers)
        before = peak()
        source = DataSource(Path(folder), label="y")
        table = step("read and sort", lambda: read_at_workers(source, everybody))
        right = list(table.ids[:2]) == ["u00000000000", "u00000000001"]
        order = step("shuffle", lambda: _order(rows, secrets.token_bytes(32)))
        step("compare", lambda: digest_of(_Together({"data": table}), b"a secret"))
        common = np.sort(order[: rows // 2])
        table = step("take", lambda: table.take(common))
        pipeline = FeaturePipeline.fit(table.values, standardize=True, clip=None)
        features = step("features", lambda: pipeline.transform(table.values))
        right = right and features.rows == rows // 2
        found = peak() - before
    return {
        "rows": rows,
        "workers": count,
        "right": right,
        "peak_mib": found >> 20,
        "bytes_a_row": round(found / rows, 1),
        "of_one_result": round(found / (rows * CIPHERTEXT), 3),
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = {
        "command": f"python -m tests.backends.measure_ids --rows {options.rows}",
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        **measure(options.rows, options.workers),
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
