# SPDX-License-Identifier: Apache-2.0
"""Prove the FATE 2.2 adapter against pyfate 2.2.0: python tests/interop/run_fate2.py --python python3.10

Makes an environment with pyfate (Python 3.10, some minutes and 2 GB at the first run) beside the
others, installs this package into it, compares every operation with FATE's own engine, looks at what
tables hold inside a party and when they leave it, and trains FATE's coordinated logistic and linear
regression and SecureBoost on breast cancer data by both. Scores must agree.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from environments import build, versions
from parts import ROOT, Outcome, Part

HERE = Path(__file__).parent
PARTNER = ("pyfate==2.2.0", "torch==1.13.1", "numpy<2", "gmpy2>=2.2")
PARTIES = ("guest:9999", "host:10000", "arbiter:10001")
JOBS = {"lr": PARTIES, "linr": PARTIES, "secureboost": PARTIES[:2]}
"""Parties of each job."""
TOLERANCE = 1e-4
"""Of a score: FATE computes in float32."""


def add_tables(parser: argparse.ArgumentParser) -> None:
    """Options for other tables than breast cancer data."""
    parser.add_argument("--tables", type=Path, nargs=2, metavar=("GUEST", "HOST"),
                        help="CSV with id, and y of two classes in the guest's")  # fmt: skip
    parser.add_argument("--rows", type=int, help="of these tables, from the first on")


def write_tables(folder: Path, options: argparse.Namespace) -> None:
    """The tables of a job, guest.csv and host.csv."""
    if options.tables is None:
        write_data(folder)
        return
    for source, party in zip(options.tables, ("guest", "host"), strict=True):
        lines = source.read_text().splitlines(keepends=True)
        (folder / f"{party}.csv").write_text("".join(lines[: options.rows and 1 + options.rows]))


def write_data(folder: Path) -> None:
    """Breast cancer data of scikit-learn, standardised: label and ten features, twenty features."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    for name, first, last, label in (("guest", 0, 10, True), ("host", 10, 30, False)):
        names = ["id", *(["y"] if label else []), *(f"x{column}" for column in range(first, last))]
        lines = [",".join(names)]
        for row in range(len(x)):
            values = [str(row), *([str(y[row])] if label else [])]
            lines.append(",".join([*values, *map(str, np.round(x[row, first:last], 6))]))
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def train(python: Path, folder: Path, job: str, engine: str, options: argparse.Namespace) -> dict:
    """One run of a job; its result."""
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    kind = "mock" if engine == "mock" else "paillier"
    command = [
        str(python), "-W", "ignore", str(HERE / "fate2/job.py"), "--parties", *JOBS[job], "--log_level", "ERROR",
        "--job", job, "--folder", str(folder), "--engine", engine, "--kind", kind,
        "--key", str(options.key), "--epochs", str(options.epochs), "--seed", str(options.seed),
    ]  # fmt: skip
    if options.data_dir:
        command += ["--data_dir", str(options.data_dir)]
    # One thread a process, as FATE's engine has; PYTHONPATH would bring another Python's packages.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1", "PYFATE_GPU_THREADS": "1"}
    environment.setdefault("PYFATE_GPU_TABLE_MB", "8")
    subprocess.run(command, env=environment, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    return json.loads(result.read_text())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default="python3.10", help="Python 3.10, which pyfate needs")
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv-fate2")
    parser.add_argument("--no-build", action="store_true", help="the environment is as wanted")
    parser.add_argument("--key", type=int, default=2048)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument(
        "--seed", type=int, default=1, help="of the order that a host puts its splits in"
    )
    parser.add_argument("--rounds", type=int, default=1, help="runs of each engine, alternating")
    parser.add_argument("--engines", nargs="+", default=["fate", "ours"],
                        choices=["fate", "blinded", "ours", "mock"])  # fmt: skip
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS))
    parser.add_argument("--no-operations", action="store_true", help="train only")
    parser.add_argument("--measure", action="store_true", help="time every operation of both, too")
    parser.add_argument("--data-dir", type=Path,
                        help="where FATE writes its tables, on a disk unless you name /dev/shm/...")  # fmt: skip
    parser.add_argument("--again", action="store_true", help="though it passed at this commit")
    add_tables(parser)
    options = parser.parse_args()
    part = Part("fate2", options.again)
    # Other engines, tables or rounds are measurements: they are printed and not recorded.
    recorded = options == parser.parse_args(
        [word for word in sys.argv[1:] if word in ("--again", "--no-build", "--measure")]
        + ["--python", options.python, "--environment", str(options.environment)]
    )
    python = options.environment / "bin/python"
    if not options.no_build:
        python = build(options.python, options.environment, PARTNER)
    if not options.no_operations:
        for name in ("check_evaluator.py", "check_border.py"):
            run_step(part, recorded, name, partial(check, python, name))
    if options.measure:
        subprocess.run(
            [str(python), "-W", "ignore", str(HERE / "fate2/measure.py")],
            check=True, env=os.environ | {"PYTHONPATH": str(HERE)},
        )  # fmt: skip
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        write_tables(Path(name), options)
        for job in options.jobs:
            work = partial(run_job, python, Path(name), job, options)
            failed |= run_step(part, recorded, job, work)
    if recorded:
        return part.finish(versions(python, ["pyfate", "torch", "numpy"]))
    return failed


def run_step(part: Part, recorded: bool, name: str, work: Callable[[], Outcome]) -> int:
    """A step of the part, or something to be looked at; 1 if it failed."""
    if not recorded:
        return int(work().failed > 0)
    part.step(name, work)
    return 0


def check(python: Path, name: str) -> Outcome:
    """One of the scripts of checks, which print a line for each."""
    command = [str(python), "-W", "ignore", str(HERE / "fate2" / name)]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    print(run.stdout, end="", flush=True)
    return Outcome(
        len(run.stdout.splitlines()) - run.stdout.count("DIFFERENT"), int(run.returncode != 0)
    )


def run_job(python: Path, folder: Path, job: str, options: argparse.Namespace) -> Outcome:
    """A job by all engines, as often as was asked for."""
    runs: dict[str, list[dict]] = {engine: [] for engine in options.engines}
    for _ in range(options.rounds):
        for engine in options.engines:
            runs[engine].append(train(python, folder, job, engine, options))
            print(f"{job} {engine}: {runs[engine][-1]['seconds']:.1f} s", flush=True)
    return compare(runs)


def compare(runs: dict[str, list[dict]]) -> Outcome:
    """Print seconds and quality; every score of every run must be the first engine's.

    Scores of SecureBoost compare because all runs have one seed: the first of the splits of equal
    gain wins, in the order that the host shuffled them to.
    """
    import numpy as np
    from sklearn.metrics import roc_auc_score

    first = next(iter(runs.values()))[0]
    passed = failed = 0
    for engine, results in runs.items():
        differences = np.concatenate(
            [np.abs(np.subtract(result["scores"], first["scores"])) for result in results]
        )
        auc = roc_auc_score(results[0]["labels"], results[0]["scores"])
        seconds = np.median([result["seconds"] for result in results])
        passed += int(np.count_nonzero(differences <= TOLERANCE))
        failed += int(np.count_nonzero(~(differences <= TOLERANCE)))
        print(
            f"{engine:8} {seconds:7.1f} s  AUC {auc:.6f}  largest difference of a score "
            f"{differences.max():.1e}"
        )
    return Outcome(passed, failed)


if __name__ == "__main__":
    sys.exit(main())
