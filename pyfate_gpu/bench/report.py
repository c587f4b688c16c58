# SPDX-License-Identifier: Apache-2.0
"""A result as tables: on the terminal by rich, and in Markdown."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pyfate_gpu.bench.machine import has_ifma
from pyfate_gpu.bench.peers import PEERS

Result = dict[str, Any]

PEER_WIDTH, OTHER_WIDTH = 17, 110  # columns of text that a table takes
EXPLAINED = ("encrypt", "decrypt", "matvec")  # operations where peers differ in what they do


def print_result(result: Result, console: Console | None = None) -> None:
    """One table a key size, what each peer does, what failed, and one table a curve."""
    console = console or Console()
    needed = OTHER_WIDTH + PEER_WIDTH * len(result["peers"])
    if not console.is_terminal:
        console.width = max(console.width, needed)
    brief = console.width < needed
    for key_bits in key_sizes(result):
        table = Table(title=f"n = {key_bits} bits, {describe(result['machine'])}")
        for number, heading in enumerate(header(result, brief=brief)):
            if number:
                table.add_column(heading, justify="right", no_wrap=True)
            else:
                table.add_column(heading, min_width=24)
        for cells in rows(result, key_bits, brief=brief):
            table.add_row(*map(escape, cells))
        console.print(table)
    if result["lines"]:
        for text in [*notes(result), footnote(result)]:
            console.print(text, markup=False, highlight=False)
    for curve in result["scaling"]:
        print_curve(curve, console)


def print_curve(curve: dict[str, Any], console: Console) -> None:
    """The points of one curve, and how it grows."""
    table = Table(title=escape(curve["title"]), title_justify="left")
    for heading in (curve["x"], curve["y"]):
        table.add_column(heading, justify="right")
    for x, y in curve["points"]:
        table.add_row(f"{x:,.0f}", number(y))
    console.print(table)
    console.print(growth(curve), markup=False, highlight=False, soft_wrap=True)


def growth(curve: dict[str, Any]) -> str:
    """What the curve says, in words: failure, fitted exponent, remark."""
    if curve["failure"]:
        return str(curve["failure"])
    fitted = curve["exponent"]
    told = [] if fitted is None else [f"grows like {curve['x']} to the power {fitted:.2f}"]
    return "; ".join([*told, curve["note"]] if curve["note"] else told)


def markdown(result: Result, key_bits: int, chosen: Container[str] | None = None) -> str:
    """The table of one key size in Markdown, of all routines or of the chosen ones."""
    if chosen is not None:
        result = {**result, "lines": [ln for ln in result["lines"] if ln["routine"] in chosen]}
    what = f"n = {key_bits} bits, {describe(result['machine'])}, {result['machine']['date']}"
    table = [head := header(result), ["---"] * len(head), *rows(result, key_bits)]
    lines = [f"| {' | '.join(cells)} |" for cells in table]
    parts = [f"{what}, `{result['command']}`:", "\n".join(lines), *notes(result), footnote(result)]
    return "\n\n".join(parts)


def key_sizes(result: Result) -> list[int]:
    """The key sizes that were measured, in order."""
    return sorted({line["key_bits"] for line in result["lines"]})


def header(result: Result, *, brief: bool = False) -> list[str]:
    """Column titles: ours, its share of the limit, a column a peer, targets unless it is to be brief."""
    return ["operation", "per second", "limit", *result["peers"], *([] if brief else ["target"])]


def rows(result: Result, key_bits: int, *, brief: bool = False) -> Iterator[list[str]]:
    """One row of cells for each line of that key size; brief ones give ratios to peers only."""
    several = len({line["threads"] for line in result["lines"]}) > 1
    for line in result["lines"]:
        if line["key_bits"] != key_bits:
            continue
        figures = {figure["name"]: figure for figure in line["figures"]}
        threads = f", {line['threads']} thread(s)" if several else ""
        share = f"{line['share']:.0%}" if line["share"] else "-"
        cells = [line["title"] + threads, _rate(figures["ours"]), share]
        cells += [
            _beside(figures.get(peer), line["ratios"].get(peer), brief) for peer in result["peers"]
        ]
        wanted = [t for t in line["targets"] if t["peer"] in figures]
        targets = ", ".join(f"{t['at_least']:g} x {t['peer']}" for t in wanted)
        yield cells if brief else [*cells, targets]


def describe(machine: Result) -> str:
    """The machine and what ran, in half a line."""
    ran = f"{machine['backend']}:{machine['isa']}" if machine["isa"] else machine["backend"]
    return f"{machine['device'] or machine['processor']}, {ran}"


def notes(result: Result) -> Iterator[str]:
    """What each peer does where they differ, and what went wrong."""
    others = [
        f"{n} ({PEERS[n].scheme})"
        for n in result["peers"]
        if n in PEERS and PEERS[n].scheme != "Paillier"
    ]
    if others:
        yield f"Not Paillier, another assumption: {', '.join(others)}."
    for operation in EXPLAINED:
        lines = [line for line in result["lines"] if line["routine"] == operation]
        told = [f"{f['name']}: {f['note']}" for line in lines[:1] for f in line["figures"][1:]]
        if told:
            yield f"{operation}: {'; '.join(told)}."
    for line in result["lines"]:
        for figure in line["figures"]:
            if figure["failure"]:
                name, where = figure["name"], f"{line['title']}, {line['key_bits']} bits"
                yield f"FAILED, no figure: {name}, {where}: {figure['failure']}"


def footnote(result: Result) -> str:
    """How to read the columns."""
    text = (
        "Medians, ± half the range of the turns. limit: share of the products of limbs that this core makes "
        "a second. Peers: their rate, and ours over it in neighbouring turns."
    )
    if not has_ifma(result["machine"]):
        text += (
            " Targets are for processors with AVX-512 IFMA, which this one lacks; the portable "
            "engine's are for all."
        )
    return text


def number(value: float) -> str:
    """Three digits and a unit that a reader takes in at a glance."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{_digits(value / size)}{unit}"
    return _digits(value)


def _digits(value: float) -> str:
    places = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{places}f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


def _beside(figure: Result | None, factor: float | None, brief: bool) -> str:
    """A peer's rate and ours over it."""
    if figure is None:
        return "-"
    if figure["failure"]:
        return "FAILED"
    if factor is None:  # ours failed
        return number(figure["median"])
    return f"{number(factor)}x" if brief else f"{number(figure['median'])} ({number(factor)}x)"


def _rate(figure: Result) -> str:
    if figure["failure"]:
        return "FAILED"
    return f"{number(figure['median'])} ± {figure['spread'] / 2:.0%}"
