# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu run`` and ``predict``: all parties of a job, as processes of this machine."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pyfate_gpu.cli import logs
from pyfate_gpu.cli.signals import ending_well
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job

#: How parties are told to log, by the level asked for.
_FLAGS = {logging.DEBUG: ["--verbose"], logging.WARNING: ["--quiet"]}


def run(
    context: typer.Context,
    job: Annotated[Path, typer.Argument(help="TOML file of the job; see docs/parties.md.")],
    quiet: logs.Quiet = False,
    verbose: logs.Verbose = False,
) -> None:
    """Run a job on this machine: each party a process, talking over mutual TLS.

    After a failure the same command goes on from the last checkpoint that all parties have.
    """
    _run(job, logs.begin(context, logging.INFO, quiet=quiet, verbose=verbose))


def predict(
    context: typer.Context,
    job: Annotated[Path, typer.Argument(help="TOML file of a job that `run` has trained.")],
    quiet: logs.Quiet = False,
    verbose: logs.Verbose = False,
) -> None:
    """Predict the rows that the job names for it, by the halves that parties have; the guest gets the scores."""
    _run(job, logs.begin(context, logging.INFO, quiet=quiet, verbose=verbose), predict=True)


def _run(path: Path, level: int, *, predict: bool = False) -> None:
    with ending_well():
        run_job(Job.load(path), _show, predict=predict, flags=_FLAGS.get(level, []))


def _show(line: str) -> None:
    Console(soft_wrap=True).print(line, markup=False, highlight=False)
