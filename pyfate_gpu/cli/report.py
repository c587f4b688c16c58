# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu report``: one page over the jobs of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pyfate_gpu.jobs.index import write_index


def report(
    folder: Annotated[Path, typer.Argument(help="Folder that jobs have their directories in.")],
) -> None:
    """Write index.html over all reports below a folder: what each job came to, with links."""
    path, count = write_index(folder)
    Console(soft_wrap=True).print(f"{count} reports: {path}", markup=False, highlight=False)
