# SPDX-License-Identifier: Apache-2.0
"""Secure sums in the seats of other federations: python tests/interop/run_seats.py flower --python python3.11

Makes an environment with the partner, and runs the same training in the clear and by our components in the partner's
own simulation, each client a process of its own. The models must be equal as far as quantising goes, and what the
server received must hold nothing in the clear.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from environments import build, versions
from parts import ROOT, Outcome, Part

HERE = Path(__file__).parent
OURS = ("gmpy2>=2.2", "scikit-learn>=1.4", "narwhals>=2", "cryptography>=42")
PARTNERS = {
    "flower": (("flwr[simulation]==1.42.0", *OURS), "flwr", 5),
    "nvflare": (("nvflare==2.9.0", *OURS), "nvflare", 4),
}
"""What is installed, what it is called, and how many comparisons its runs make. Flower takes Python 3.11 or later."""


def compare(python: Path, name: str) -> Outcome:
    """Run what is in the partner's folder; it ends with an error at the first difference."""
    with tempfile.TemporaryDirectory() as folder:
        # Beside the installed package, not beside the sources of this checkout.
        shutil.copytree(HERE / name, Path(folder) / "tests/interop" / name)
        environment = os.environ | {"PYTHONPATH": folder, "OMP_NUM_THREADS": "1"}
        command = [str(python), "-m", f"tests.interop.{name}.runs"]
        found = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if found.returncode:
        print(found.stdout[-3000:], found.stderr[-3000:], sep="\n", file=sys.stderr)
        return Outcome(0, 1)
    print(json.loads(found.stdout.splitlines()[-1]))
    return Outcome(PARTNERS[name][2])


def main() -> int:
    """Run the part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("partner", choices=PARTNERS)
    parser.add_argument("--python", default="python3.11")
    parser.add_argument("--environment", type=Path)
    parser.add_argument("--again", action="store_true", help="though it passed at this commit")
    options = parser.parse_args()
    packages, package, _ = PARTNERS[options.partner]
    folder = options.environment or ROOT / f".venv-{options.partner}"
    python = build(options.python, folder, packages)
    part = Part(options.partner, options.again)
    part.step("the same training", lambda: compare(python, options.partner))
    return part.finish(versions(python, [package]))


if __name__ == "__main__":
    sys.exit(main())
