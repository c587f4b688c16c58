# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu bench``: throughput beside that of other libraries."""

from __future__ import annotations

import typer

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def bench(context: typer.Context) -> None:
    """Measure throughput beside that of other libraries; `bench --help` lists the options."""
    from pyfate_gpu.bench.command import main  # loads scipy, which no other command needs

    raise typer.Exit(main(context.args, program="pyfate-gpu bench"))
