# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu run`` and ``predict``: all parties of a job, as processes of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    run_job(Job.load(job), _show)


def predict(
    job: Annotated[Path, typer.Argument(help="TOML file of a job that `run` has trained.")],
) -> None:
    """Predict the rows of the job's [predict] tables by the halves that parties have; the guest gets the scores."""
    run_job(Job.load(job), _show, predict=True)


def _show(line: str) -> None:
    Console(soft_wrap=True).print(line, markup=False, highlight=False)
