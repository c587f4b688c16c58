# SPDX-License-Identifier: Apache-2.0
"""The commands, and how errors end them: one clear line and a non-zero exit code."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer
from rich.console import Console

from pyfate_gpu import __version__
from pyfate_gpu.cli import keys, logs, phe
from pyfate_gpu.cli.bench import PASS_ON, bench
from pyfate_gpu.cli.certs import certs
from pyfate_gpu.cli.demo import demo
from pyfate_gpu.cli.estimate import estimate
from pyfate_gpu.cli.info import info
from pyfate_gpu.cli.party import party
from pyfate_gpu.cli.report import report
from pyfate_gpu.cli.run import predict
from pyfate_gpu.cli.run import run as run_job
from pyfate_gpu.cli.words import in_options
from pyfate_gpu.errors import PyFateError
from pyfate_gpu.jobs.exits import code_of

app = typer.Typer(
    name="pyfate-gpu",
    help="Paillier encryption on arrays, and vertical federated learning on top of it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(demo)
app.command()(info)
app.command()(certs)
app.command()(party)
app.command("run")(run_job)
app.command(context_settings=PASS_ON)(bench)
app.command()(predict)
app.command()(estimate)
app.command()(report)
app.add_typer(keys.app, name="keys")
app.add_typer(phe.app, name="phe")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pyfate-gpu {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
    quiet: logs.Quiet = False,
    verbose: logs.Verbose = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the release."),
    ] = False,
) -> None:
    context.obj = {"debug": debug, "quiet": quiet, "verbose": verbose}
    logs.begin(context, logging.WARNING)


def run() -> None:
    """Run the command line and exit."""
    try:
        app()
    except (PyFateError, MemoryError) as error:
        if "--debug" in sys.argv:
            raise
        if isinstance(error, PyFateError):
            text = in_options(str(error), typer.main.get_command(app), sys.argv[1:])
        else:
            text = f"no memory left ({error}): take smaller batches or fewer rows, or free some"
        Console(stderr=True, soft_wrap=True).print(f"error: {text}", markup=False, highlight=False)
        sys.exit(code_of(error))
