# SPDX-License-Identifier: Apache-2.0
"""CPU seconds of a tree of SecretFlow's SGB on one core, with Paillier and with OU.

``python tests/interop/measure_sgb_trees.py --environment DIR --json FILE``, with secretflow-lite in DIR, as run_hess.py
makes it; not a test. Breast cancer data, two processes, three levels, 32 bins, keys of 2,048 bits: the job of
measure_fate2_trees.py, which measures ours. CPU seconds are those of both processes while they train, without start.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from parts import ROOT, write_measured
from run_fate2 import write_data

from pyfate_gpu.bench.peers.processes import SCRIPTS

SCHEMAS = ("ou", "zpaillier")


def measure(schema, folder, port, options):
    """Return CPU seconds of a tree."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    python = options.environment / "bin/python"
    parties = [
        subprocess.Popen(
            [
                str(python), "-W", "ignore", str(SCRIPTS / "sgb.py"), party, "--folder", str(folder),
                "--ports", f"{port},{port + 1}", "--key", str(options.key), "--schema", schema,
                "--trees", str(options.trees), "--depth", "3", "--bins", "32",
            ],
            env=environment, cwd=folder, stdout=subprocess.DEVNULL,
        )
        for party in ("alice", "bob")
    ]  # fmt: skip
    codes = [party.wait() for party in parties]
    if any(codes):
        sys.exit(f"the run with {schema} failed")
    results = [json.loads((folder / f"{name}.json").read_text()) for name in ("alice", "bob")]
    return sum(each["cpu_seconds"] for each in results) / options.trees


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv-secretflow")
    parser.add_argument("--key", type=int, default=2048)
    parser.add_argument("--trees", type=int, default=2)
    parser.add_argument("--schemas", nargs="+", default=list(SCHEMAS))
    parser.add_argument("--port", type=int, default=24600, help="first of two for each scheme")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    seconds = {}
    with tempfile.TemporaryDirectory() as name:
        write_data(Path(name))
        for turn, schema in enumerate(options.schemas):
            port = options.port + 2 * turn
            seconds[schema] = round(measure(schema, Path(name), port, options), 2)
            print(f"{schema}: {seconds[schema]:.2f} s CPU a tree", flush=True)
    if options.json:
        found = {
            "tables": "breast cancer, 569 x (10 + 20)",
            "key_bits": options.key,
            "trees": options.trees,
            "cpu_seconds_of_a_tree": seconds,
        }
        write_measured(options.json, "python tests/interop/measure_sgb_trees.py", found)


if __name__ == "__main__":
    main()
