# SPDX-License-Identifier: Apache-2.0
"""A result file as a table: on the terminal by rich, in the README by ``python -m bench.report FILE``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.machine import has_ifma

Result = dict[str, Any]

FILE_WIDTH = 132
README_KEY_BITS = 2048


def print_result(result: Result, console: Console | None = None) -> None:
    """One table a key size, a warning where the targets do not apply, and what each peer does."""
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, FILE_WIDTH)
    for key_bits in sorted({line["key_bits"] for line in result["lines"]}):
        table = Table(title=f"n = {key_bits} bits, {describe(result['machine'])}")
        for number, heading in enumerate(header(result)):
            if number:
                table.add_column(heading, justify="right", no_wrap=True)
            else:
                table.add_column(heading, min_width=24)
        for cells in rows(result, key_bits):
            table.add_row(*map(escape, cells))
        console.print(table)
    console.print(footnote(result))


def markdown(result: Result, key_bits: int) -> str:
    """The table of one key size in Markdown, with the command that repeats it."""
    what = f"n = {key_bits} bits, {describe(result['machine'])}, {result['machine']['date']}"
    table = [head := header(result), ["---"] * len(head), *rows(result, key_bits)]
    lines = [f"| {' | '.join(cells)} |" for cells in table]
    return "\n\n".join([f"{what}, `{result['command']}`:", "\n".join(lines), footnote(result)])


def into_readme(result: Result, readme: str) -> str:
    """The README with the figures of `result` between its two marks."""
    begin, end = "<!-- figures -->\n", "<!-- end of figures -->"
    before, _, rest = readme.partition(begin)
    return f"{before}{begin}{markdown(result, README_KEY_BITS)}\n{end}{rest.partition(end)[2]}"


def header(result: Result) -> list[str]:
    """Column titles: ours, and two columns a peer."""
    peers = [title for peer in result["peers"] for title in (f"{peer}/s", f"x {peer}")]
    return ["operation", "per second", *peers, "target"]


def rows(result: Result, key_bits: int) -> Iterator[list[str]]:
    """One row of cells for each routine that ran with that key size."""
    for line in result["lines"]:
        if line["key_bits"] != key_bits:
            continue
        figures = {figure["name"]: figure for figure in line["figures"]}
        cells = [line["title"], _rate(figures.get("ours"))]
        for peer in result["peers"]:
            share = line["ratios"].get(peer)
            cells += [_rate(figures.get(peer)), f"{share:.1f}" if share else "-"]
        target = line["target"]
        yield [*cells, f"{target['at_least']:g} x {target['peer']}" if target else ""]


def describe(machine: Result) -> str:
    """The machine and what ran, in half a line."""
    ran = f"{machine['backend']}:{machine['isa']}" if machine["isa"] else machine["backend"]
    return f"{machine['processor']}, {ran}, {machine['threads']} thread(s)"


def footnote(result: Result) -> str:
    """How to read the columns."""
    text = "Medians, ± half the range of the turns; ratios are medians of neighbouring turns."
    if not has_ifma(result["machine"]):
        text += " Targets are for processors with AVX-512 IFMA, which this one lacks; the portable engine's is for all."
    return text


def _rate(figure: Result | None) -> str:
    if figure is None:
        return "-"
    if figure["failure"]:
        return str(figure["failure"]).upper()
    return f"{figure['median']:,.0f} ± {figure['spread'] / 2:.0%}"


if __name__ == "__main__":
    path = Path("README.md")
    path.write_text(into_readme(json.loads(Path(sys.argv[1]).read_text()), path.read_text()))
