# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu party``: take part in a job as one of its parties."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pyfate_gpu.errors import PartyFailedError
from pyfate_gpu.jobs.configuration import PartyConfiguration
from pyfate_gpu.jobs.launcher import ECHO
from pyfate_gpu.jobs.party import run_party
from pyfate_gpu.jobs.prediction import predict_party


def party(
    config: Annotated[Path, typer.Option(help="TOML file of this party; see docs/parties.md.")],
    predict: Annotated[
        bool, typer.Option("--predict/--train", help="Predict by the half trained before.")
    ] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Talk in plaintext, on this machine only.")
    ] = False,
) -> None:
    """Train, or predict, together with the other parties of a job, each a process of its own."""
    task = predict_party if predict else run_party
    try:
        result = task(PartyConfiguration.load(config), insecure=insecure)
    except PartyFailedError as error:
        Console(stderr=True, soft_wrap=True).print(f"error: {error}", markup=False, highlight=False)
        raise typer.Exit(ECHO) from None
    Console(soft_wrap=True).print(f"result: {result}", markup=False, highlight=False)
