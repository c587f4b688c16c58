# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu party``: take part in a job as one of its parties."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pyfate_gpu.cli import logs
from pyfate_gpu.cli.signals import end_with_parent, ending_well
from pyfate_gpu.jobs.connection import load_party
from pyfate_gpu.jobs.party import run_party
from pyfate_gpu.jobs.prediction import predict_party


def party(
    context: typer.Context,
    config: Annotated[Path, typer.Option(help="TOML file of this party; see docs/parties.md.")],
    predict: Annotated[
        bool, typer.Option("--predict/--train", help="Predict by the half trained before.")
    ] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Talk in plaintext, on this machine only.")
    ] = False,
    quiet: logs.Quiet = False,
    verbose: logs.Verbose = False,
    tied: Annotated[bool, typer.Option("--tied", hidden=True)] = False,
) -> None:
    """Train, or predict, together with the other parties of a job, each a process of its own."""
    logs.begin(context, logging.INFO, quiet=quiet, verbose=verbose)
    task = predict_party if predict else run_party
    with ending_well():
        if tied:
            end_with_parent()
        result = task(load_party(config, insecure=insecure), insecure=insecure)
    Console(soft_wrap=True).print(f"result: {result}", markup=False, highlight=False)
