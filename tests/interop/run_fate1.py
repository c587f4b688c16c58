# SPDX-License-Identifier: Apache-2.0
"""Prove the FATE 1 adapter against FATE v1.11.4: python tests/interop/run_fate1.py [--fate1 CHECKOUT]

CHECKOUT is a clone of FATE at v1.11.4, by default one that is made beside the environment (git, 200 MB);
nothing of it is part of this project. Makes an environment with what its package needs and runs
fate1/check.py there.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from environments import build, versions
from parts import ROOT, Outcome, Part

HERE = Path(__file__).parent
VERSION = "v1.11.4"
ADDRESS = "https://github.com/FederatedAI/FATE"
PARTNER = (
    "numpy<2", "gmpy2>=2.2", "pycryptodomex", "scipy", "pandas", "scikit-learn", "lmdb", "cloudpickle", "cachetools",
    "ruamel.yaml<0.18", "filelock", "peewee", "requests", "beautifultable", "apsw", "pymysql",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fate1", type=Path, help="checkout of FATE v1.11.4, by default cloned")
    parser.add_argument("--python", default="python3.10", help="Python 3.10")
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv-fate1")
    parser.add_argument("--no-build", action="store_true", help="the environment is as wanted")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--again", action="store_true", help="though it passed at this commit")
    options = parser.parse_args()
    part = Part("fate1", options.again)
    checkout = options.fate1.resolve() if options.fate1 else clone(options.environment / "FATE")
    if not (checkout / "python/federatedml/secureprotol/fate_paillier.py").is_file():
        return part.not_run(
            f"{checkout.name} is no checkout of FATE {VERSION}, and none could be cloned"
        )
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
    part.step("check", lambda: check(command, environment))
    return part.finish({"fate": VERSION, **versions(python, ["numpy"])})


def clone(folder: Path) -> Path:
    """A clone of FATE's tag, made if it is not there."""
    if not folder.is_dir():
        command = [
            "git",
            "clone",
            "--quiet",
            "--depth",
            "1",
            "--branch",
            VERSION,
            ADDRESS,
            str(folder),
        ]
        subprocess.run(command, check=False)
    return folder


def check(command: list[str], environment: dict[str, str]) -> Outcome:
    """Run the checks, which end with their count."""
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    print(run.stdout, end="")
    count = re.search(r"^(\d+) checks passed$", run.stdout, re.M)
    return Outcome(int(count[1]) if count else 0, int(run.returncode != 0 or count is None))


if __name__ == "__main__":
    sys.exit(main())
