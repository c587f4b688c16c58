# SPDX-License-Identifier: Apache-2.0
"""Prove the FATE 1 adapter against FATE v1.11.4: python tests/interop/run_fate1.py --fate1 CHECKOUT

CHECKOUT is a clone of FATE at v1.11.4 (git clone --branch v1.11.4 https://github.com/FederatedAI/FATE);
nothing of it is part of this project. Makes an environment with what its package needs and runs
fate1/check.py there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from environments import ROOT, build

HERE = Path(__file__).parent
PARTNER = (
    "numpy<2", "gmpy2>=2.2", "pycryptodomex", "scipy", "pandas", "scikit-learn", "lmdb", "cloudpickle", "cachetools",
    "ruamel.yaml<0.18", "filelock", "peewee", "requests", "beautifultable", "apsw", "pymysql",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--fate1", type=Path, help="checkout of FATE v1.11.4; without it nothing is run"
    )
    parser.add_argument("--python", default="python3.10", help="Python 3.10")
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv-fate1")
    parser.add_argument("--no-build", action="store_true", help="the environment is as wanted")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.fate1 is None:
        print("skipped: FATE 1 is not on the registry; name a checkout of v1.11.4 by --fate1")
        return 0
    checkout = options.fate1.resolve()
    if not (checkout / "python/federatedml/secureprotol/fate_paillier.py").is_file():
        sys.exit(f"{checkout} is no checkout of FATE 1: it has no python/federatedml/secureprotol")
    python = options.environment / "bin/python"
    if not options.no_build:
        python = build(options.python, options.environment, PARTNER)
    environment = os.environ | {
        "PYTHONPATH": str(checkout / "python"), "FATE_PROJECT_BASE": str(checkout),
        "PYFATE_GPU_THREADS": "1", "PYFATE_GPU_TABLE_MB": "8",
    }  # fmt: skip
    command = [
        str(python),
        "-W",
        "ignore",
        str(HERE / "fate1/check.py"),
        "--rounds",
        str(options.rounds),
    ]
    return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
