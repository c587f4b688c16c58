# SPDX-License-Identifier: Apache-2.0
"""The plots of a result as SVG: told apart in grey too, by markers, dashes and order of brightness."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pyfate_gpu.bench.report import Result, key_sizes
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.extras import install_line

#: Told apart with any colour vision, and from dark to light in print (after Paul Tol).
COLOURS = ("#222255", "#aa3377", "#4477aa", "#228833", "#ee6677", "#ccbb44", "#66ccee", "#999999")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":", "-", "--", "-.", ":")
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,
}
WIDTH, ROW, HEAD = 7.0, 0.24, 1.3  # inches

Draw = Callable[[Any], None]


def check_drawing() -> None:
    """Raise ConfigurationError where matplotlib is not installed."""
    try:
        import matplotlib as _  # noqa: F401
    except ImportError:
        raise ConfigurationError(
            f"the page of a result takes matplotlib: {install_line('plot')}; --json works without"
        ) from None


def figures(result: Result) -> Iterator[tuple[str, str]]:
    """Title and SVG of every plot that the result has data for."""
    check_drawing()
    from matplotlib import figure, rc_context

    for title, height, draw in _plots(result):
        with rc_context(STYLE | {"svg.hashsalt": title}):
            canvas = figure.Figure(figsize=(WIDTH, height), layout="constrained")
            draw(canvas.add_subplot())
            yield title, _svg(canvas)


def _plots(result: Result) -> Iterator[tuple[str, float, Draw]]:
    for key_bits in key_sizes(result):
        lines = [line for line in result["lines"] if line["key_bits"] == key_bits]
        compared = [line for line in lines if line["ratios"]]
        limited = [line for line in lines if line["share"]]
        if compared:
            height = HEAD + ROW * len(compared)
            yield (
                f"Times as fast as each peer, n = {key_bits} bits", height,
                partial(_draw_ratios, lines=compared, peers=result["peers"]),
            )  # fmt: skip
        if limited:
            height = HEAD + ROW * len(limited)
            yield (
                f"Share of the limit, n = {key_bits} bits", height,
                partial(_draw_shares, lines=limited),
            )  # fmt: skip
    series: dict[str, list[Any]] = {}
    for curve in result["scaling"]:
        if len(curve["points"]) > 1:
            series.setdefault(curve["series"], []).append(curve)
    for name, curves in series.items():
        title = f"Over {name}" if len(curves) > 1 else curves[0]["title"]
        yield title, 3.6, partial(_draw_curves, curves=curves)


def _draw_ratios(axes: Any, lines: list[Any], peers: list[str]) -> None:
    """A row an operation, a mark a peer; right of the line at 1 we are faster."""
    for number, peer in enumerate(peers):
        places = [(line["ratios"][peer], -row) for row, line in enumerate(lines) if peer in line["ratios"]]  # fmt: skip
        if places:
            x, y = zip(*places, strict=True)
            marker, colour = MARKERS[number % 8], COLOURS[number % 8]
            axes.plot(x, y, linestyle="", marker=marker, color=colour, markersize=6, label=peer)
    axes.axvline(1, color="#222222", linewidth=1)
    _logarithmic(axes, "x")
    axes.set_xlabel("ours / theirs, logarithmic; left of 1 the peer is faster")
    _name_rows(axes, lines)
    axes.legend(frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(0, 1), fontsize=8)


def _draw_shares(axes: Any, lines: list[Any]) -> None:
    shares = [100 * line["share"] for line in lines]
    places = [-row for row in range(len(lines))]
    axes.barh(places, shares, color=COLOURS[2], height=0.65)
    for place, share in zip(places, shares, strict=True):
        axes.text(share + 1, place, f"{share:.0f}", va="center", fontsize=7)
    axes.axvline(85, color="#222222", linewidth=1, linestyle="--")
    axes.set(
        xlim=(0, max(105, 8 + max(shares))),
        xlabel="% of the products of limbs that the same core makes a second",
    )
    _name_rows(axes, lines)


def _name_rows(axes: Any, lines: list[Any]) -> None:
    axes.set_yticks([-row for row in range(len(lines))], [line["title"] for line in lines])
    axes.tick_params(axis="y", labelsize=7, length=0)
    axes.set_ylim(0.7 - len(lines), 0.7)


def _draw_curves(axes: Any, curves: list[Any]) -> None:
    for number, curve in enumerate(curves):
        x, y = zip(*curve["points"], strict=True)
        label = curve["title"].partition(" over ")[0]
        if curve["exponent"] is not None:
            label += f": power {curve['exponent']:.2f}"
        axes.plot(x, y, color=COLOURS[number % 8], marker=MARKERS[number % 8],
                  linestyle=DASHES[number % 8], markersize=5, label=label)  # fmt: skip
    _logarithmic(axes, "x")
    _logarithmic(axes, "y")
    axes.set_xticks(sorted({x for curve in curves for x, _ in curve["points"]}))
    units = {curve["y"] for curve in curves}
    axes.set(xlabel=curves[0]["x"], ylabel=units.pop() if len(units) == 1 else "operations/s")
    axes.legend(frameon=False, fontsize=7)


def _logarithmic(axes: Any, name: str) -> None:
    """A logarithmic axis with plain numbers at its ticks."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set(**{f"{name}scale": "log"})
    axis = getattr(axes, f"{name}axis")
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.7g}"))
    axis.set_minor_formatter(NullFormatter())


def _svg(canvas: Any) -> str:
    buffer = io.StringIO()
    canvas.savefig(
        buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
    )
    text = buffer.getvalue()
    return text[text.index("<svg") :]
