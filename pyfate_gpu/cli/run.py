# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu run`` and ``predict``: all parties of a job, as processes of this machine."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job


def run(
    job: Annotated[Path, typer.Argument(help="TOML file of the job; see docs/parties.md.")],
) -> None:
    """Run a job on this machine: each party a process, talking over mutual TLS.

    After a failure the same command goes on from the last checkpoint that all parties have.
    """
    _run(job)


def predict(
    job: Annotated[Path, typer.Argument(help="TOML file of a job that `run` has trained.")],
) -> None:
    """Predict the rows that the job names for it, by the halves that parties have; the guest gets the scores."""
    _run(job, predict=True)


def _run(path: Path, *, predict: bool = False) -> None:
    before = signal.signal(signal.SIGTERM, _end)
    try:
        run_job(Job.load(path), _show, predict=predict)
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, frame: object) -> NoReturn:
    """End as by an error: a process that a signal ends would leave the parties' processes behind."""
    sys.exit(128 + number)


def _show(line: str) -> None:
    Console(soft_wrap=True).print(line, markup=False, highlight=False)
