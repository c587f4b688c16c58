# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu estimate``: what a job will take, before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.jobs.calibration import calibrate
from pyfate_gpu.jobs.estimate import Estimate, Network, shape_of
from pyfate_gpu.jobs.estimate import estimate as estimate_job
from pyfate_gpu.jobs.job import Job


def estimate(
    job: Annotated[Path, typer.Argument(help="TOML file of the job; see docs/parties.md.")],
    rows: Annotated[int | None, typer.Option(help="Rows, in place of those of the tables.")] = None,
    columns: Annotated[
        list[int] | None,
        typer.Option(help="Columns of a party, guest first; once for each."),
    ] = None,
    rtt: Annotated[float, typer.Option(min=0, help="Round trip between parties, ms.")] = 0.0,
    bandwidth: Annotated[
        float | None, typer.Option(min=0.001, help="Between two parties, Mbit/s; by default any.")
    ] = None,
) -> None:
    """Say what a job will take: time by operation and party, bytes, memory; from two seconds of measuring."""
    found = Job.load(job)
    model = make_estimator(found.model, found.parameters)
    shape = shape_of(found, rows=rows, columns=columns or None)
    with found.engine.use():
        calibration = calibrate(
            model.key_bits, allow_insecure_key_size=model.allow_insecure_key_size
        )
        estimated = estimate_job(found, shape, calibration)
        _print(Console(soft_wrap=True), estimated, Network(rtt / 1000, bandwidth))


def _print(console: Console, found: Estimate, network: Network) -> None:
    sizes = ", ".join(f"{name} {count}" for name, count in found.shape.columns.items())
    isa = f", {found.engine.isa}" if found.engine.isa else ""
    hardened = ", hardened" if found.engine.hardened else ""
    console.print(
        f"{found.shape.rows:,} rows, columns: {sizes}; key of {found.key_bits} bits; backend "
        f"{found.engine.name}{isa}, {found.engine.threads} thread(s){hardened}",
        highlight=False,
    )
    table = Table("step", title="Seconds of an iteration")
    for name in found.work:
        table.add_column(name, justify="right")
    table.add_column("operations", justify="right")
    for step in dict.fromkeys(step for steps in found.seconds.values() for step in steps):
        cells = [found.seconds[name].get(step) for name in found.work]
        count = sum(steps[step] for steps in found.work.values())
        texts = ["" if cell is None else f"{cell:.3f}" for cell in cells]
        table.add_row(step, *texts, f"{count:,}")
    table.add_row("all", *(f"{sum(found.seconds[name].values()):.3f}" for name in found.work), "")
    for title, values in (
        ("once", [f"{found.setup[name]:.2f}" for name in found.work]),
        ("MB sent", [f"{found.sent[name] / 1e6:.2f}" for name in found.work]),
        ("MB of memory", [f"{found.memory[name] / 1e6:.0f}" for name in found.work]),
    ):
        table.add_row(title, *values, "")
    console.print(table)
    for words, seconds in (
        ("a machine for each party", found.apart),
        ("all parties on this one", found.together),
    ):
        seconds += network.seconds(found)
        total = max(found.setup.values()) + seconds * found.iterations
        apart = "reading" if network.known else "network and reading"
        console.print(
            f"{words}: {seconds:.2f} s an iteration, {total:.0f} s for {found.iterations}; {apart} apart",
            highlight=False,
        )
