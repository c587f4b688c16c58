# SPDX-License-Identifier: Apache-2.0
"""A result as one HTML page that needs no other file: tables, and plots by matplotlib."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from pyfate_gpu.bench.plots import figures
from pyfate_gpu.bench.report import (
    Result,
    describe,
    footnote,
    growth,
    header,
    key_sizes,
    notes,
    number,
    rows,
)

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(28rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; }
td, th { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
td:first-child, th:first-child { text-align: left; } tr:hover td { background: #f4f4f4; }
.quiet { color: #595959; } code { font-size: 12px; } .commands td { text-align: left; white-space: normal; }
"""


def render(result: Result) -> str:
    """Return the page.

    Raises
    ------
    ConfigurationError
        Without matplotlib.
    """
    drawn = [
        f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>"
        for title, svg in figures(result)
    ]
    parts = [
        f'<h1>pyfate_gpu: throughput</h1>\n<p class="quiet">{escape(describe(result["machine"]))}; '
        f"{escape(result['machine']['date'])}<br><code>{escape(result['command'])}</code></p>",
        *_tables(result),
        f'<div class="figures">\n{"".join(drawn)}\n</div>' if drawn else "",
        *_curves(result),
        _section("Machine", ["", ""], [[k, _plain(v)] for k, v in result["machine"].items()]),
        *_commands(result),
    ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>pyfate_gpu: throughput</title><style>{_STYLE}</style>\n{body}\n</html>\n"
    )


def _tables(result: Result) -> Iterator[str]:
    for key_bits in key_sizes(result):
        yield _section(f"n = {key_bits} bits", header(result), list(rows(result, key_bits)))
    if result["lines"]:
        for text in [footnote(result), *notes(result)]:
            yield f'<p class="quiet">{escape(text)}</p>'


def _curves(result: Result) -> Iterator[str]:
    for curve in result["scaling"]:
        points = [[f"{x:,.0f}", number(y)] for x, y in curve["points"]]
        yield _section(curve["title"], [curve["x"], curve["y"]], points)
        yield f'<p class="quiet">{escape(growth(curve))}</p>'


def _commands(result: Result) -> Iterator[str]:
    lines = [[line["title"], f"{line['command']}"] for line in result["lines"]]
    if lines:
        yield _section("One line again", ["operation", "command"], lines, look="wide commands")


def _section(title: str, heads: list[str], cells: list[list[str]], look: str = "wide") -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in cells
    )
    return (
        f"<h2>{escape(title)}</h2>\n"
        f'<div class="{look}"><table>\n<tr>{top}</tr>\n{body}</table></div>'
    )


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
