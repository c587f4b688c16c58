# SPDX-License-Identifier: Apache-2.0
"""How much commands say while they run: one line an event, on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler

Quiet = Annotated[bool, typer.Option("--quiet", help="Log warnings only.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Log more: of a party, each message.")]


def begin(context: typer.Context, usual: int, *, quiet: bool = False, verbose: bool = False) -> int:
    """Log from now on, at the level asked for before or after the command's name, or else the usual one.

    Parameters
    ----------
    usual : int
        `logging.INFO` of commands that take long; one level more with ``--verbose``.

    Returns
    -------
    int
        The level.
    """
    asked = context.find_root().obj or {}
    level = usual
    if verbose or asked.get("verbose"):
        level = usual - 10
    if quiet or asked.get("quiet"):
        level = logging.WARNING
    if asked.get("debug"):
        level = logging.DEBUG
    if sys.stderr.isatty():
        handler: logging.Handler = RichHandler(console=Console(stderr=True), show_path=False)
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:  # a file: one line an event, whatever its length
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    own = logging.getLogger("pyfate_gpu")  # what other packages say is theirs to switch on
    for old in list(own.handlers):
        own.removeHandler(old)
    own.addHandler(handler)
    own.setLevel(level)
    return level
