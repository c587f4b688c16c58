# SPDX-License-Identifier: Apache-2.0
"""A `JobReport` as one HTML page that needs no other file: tables, and pictures by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.extras import install_line
from pyfate_gpu.protocol.report_diagrams import Diagram, size_of
from pyfate_gpu.protocol.report_diagrams import draw as draw_diagram

if TYPE_CHECKING:
    from pyfate_gpu.protocol.progress import FitReport
    from pyfate_gpu.protocol.report import JobReport

#: Paul Tol's bright scheme: told apart with any colour vision, and in print.
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
SHOWN_WEIGHTS = 25
#: What a job says of its task.
TRAINING, PREDICTION = "training", "prediction"
FIGURE_SIZE = (5.4, 3.2)

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
td.date { white-space: nowrap; } td.metrics { min-width: 16rem; } body.jobs { max-width: 84rem; }
.figures { margin-top: 2rem; display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; }
figure.wide { grid-column: 1 / -1; } figure.wide svg { width: auto; max-width: 100%; }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem .15rem 0; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } .quiet { color: #666; }
"""


def render(report: JobReport) -> str:
    """Return the page.

    Raises
    ------
    ConfigurationError
        Without matplotlib.
    """
    try:
        from matplotlib import figure, rc_context
    except ImportError:
        raise ConfigurationError(
            f"the page of a report takes matplotlib: {install_line('plot')}; to_json() works without"
        ) from None
    drawn = []
    style: dict[Any, Any] = {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "svg.fonttype": "none",  # text stays text
        "text.parse_math": False,  # names of columns are no formulas
    }
    for title, draw, size in [*_figures(report), *_diagrams(report)]:
        with rc_context(style | {"svg.hashsalt": title}):
            canvas = figure.Figure(figsize=size, layout="constrained")
            draw(canvas.add_subplot(), report)
            kind = "figure" if size == FIGURE_SIZE else 'figure class="wide"'
            drawn.append(f"<{kind}><figcaption>{escape(title)}</figcaption>{_svg(canvas)}</figure>")
    first, about = report.parties[0], report.about
    hardened = ", hardened" if first.hardened else ""
    title = escape(", ".join(str(about[name]) for name in ("job", "party") if name in about))
    what = report.estimator
    if about.get("task", TRAINING) != TRAINING:
        what = f"{about['task']}, {what}"
    title = f"{title}: {what}" if title else what
    rounds = _iterations(first.iterations) if about.get("task") != PREDICTION else ""
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>{title}</title><style>{STYLE}</style>\n"
        f"<h1>{title}</h1>\n"
        f"<p>{escape(_outcome(first))}</p>\n"
        f'<p class="quiet">{rounds}backend {escape(first.engine)} on {first.device}{hardened}; '
        f"key of {first.key_bits} bits, fingerprint {first.key_fingerprint}</p>\n"
        + _table("Job", [(name, said(value)) for name, value in about.items()])
        + _table("Training rows", _trained_loss(report))
        + _table(escape(report.judged_on or ("Metrics" if report.metrics else "Validation rows")), _judged(report))
        + '<div class="figures">\n' + "\n".join(drawn) + "\n</div>\n"
        + "".join(
            _wide_table(f"{party}: {title}", rows)
            for party, tables in report.tables.items()
            for title, rows in tables.items()
        )
        + "".join(_wide_table(name, rows) for name, rows in report.judged.items())
        + _weights_table(report)
        + _table("Cost", _costs(report))
        + _table("Parameters", [(name, repr(value)) for name, value in report.parameters.items()])
        + "</html>\n"
    )  # fmt: skip


Draw = Callable[[Any, "JobReport"], None]


def _diagrams(report: JobReport) -> Iterable[tuple[str, Draw, tuple[float, float]]]:
    for party, diagrams in report.diagrams.items():
        for title, nodes in diagrams.items():
            yield f"{party}: {title}", partial(_draw_diagram, nodes=nodes), size_of(nodes)


def _figures(report: JobReport) -> Iterable[tuple[str, Draw, tuple[float, float]]]:
    for title, draw in _drawn(report):
        yield title, draw, FIGURE_SIZE


def _drawn(report: JobReport) -> Iterable[tuple[str, Draw]]:
    if report.losses:
        yield "Loss by iteration", _draw_losses
    if report.validation:
        yield "Validation rows by iteration", _draw_validation
    if report.roc:
        yield "Receiver operating characteristic", _draw_roc
    if "Calibration" in report.judged:
        yield "Calibration", _draw_calibration
    if report.judged.get("Lift"):
        yield "Lift", _draw_lift
    if any(any(weights) for weights in report.weights.values()):
        yield "Largest weights, of prepared columns", _draw_weights
    for party, bars in report.bars.items():
        for title, values in bars.items():
            yield f"{party}: {title}", partial(_draw_bars, values=values)
    if any(any(each.usage.seconds.values()) for each in report.parties):
        yield "Seconds by step", _draw_seconds
    if any(each.usage.bytes_sent for each in report.parties):
        yield "Megabytes sent by message", _draw_bytes


def _draw_diagram(axes: Any, report: JobReport, nodes: Diagram) -> None:
    draw_diagram(axes, nodes)


def _draw_losses(axes: Any, report: JobReport) -> None:
    axes.plot(range(1, len(report.losses) + 1), report.losses, color=COLOURS[0])
    axes.set(xlabel="iteration", ylabel="mean loss with penalty")
    axes.xaxis.get_major_locator().set_params(integer=True)


def _draw_validation(axes: Any, report: JobReport) -> None:
    """Draw the metric that is judged by on the left axis, where it is of another size than the others."""
    iterations = range(1, len(report.validation) + 1)
    first, *others = report.validation[0]
    values = {name: [metrics[name] for metrics in report.validation] for name in (first, *others)}
    apart = bool(others) and max(map(abs, values[first])) > 2
    right = axes.twinx() if apart else axes
    for colour, name in zip(COLOURS, values, strict=False):
        chosen = axes if name == first else right
        chosen.plot(iterations, values[name], color=colour, label=name)
    axes.set(xlabel="iteration", ylabel=first if apart else "")
    axes.xaxis.get_major_locator().set_params(integer=True)
    lines = axes.get_lines() + (right.get_lines() if apart else [])
    if apart:
        right.set(ylabel=", ".join(others))
        right.spines["right"].set_visible(True)
    place = {"loc": "upper left", "bbox_to_anchor": (1.15 if apart else 1, 1)}
    axes.legend(handles=lines, frameon=False, fontsize=7, **place)


def _draw_roc(axes: Any, report: JobReport) -> None:
    axes.plot(report.roc["false_positives"], report.roc["true_positives"], color=COLOURS[0])
    axes.plot([0, 1], [0, 1], color=COLOURS[-1], linestyle="--", linewidth=1)
    axes.set(xlabel="false positives", ylabel="true positives", aspect="equal")
    axes.text(0.95, 0.08, f"AUC {report.metrics['auc']:.4f}", ha="right")


def _draw_calibration(axes: Any, report: JobReport) -> None:
    rows = report.judged["Calibration"]
    points = [row["probability"] for row in rows], [row["share"] for row in rows]
    axes.plot(*points, color=COLOURS[0], marker="o", markersize=3)
    axes.plot([0, 1], [0, 1], color=COLOURS[-1], linestyle="--", linewidth=1)
    axes.set(xlabel="mean probability of a tenth of the rows", ylabel="share of positives")


def _draw_lift(axes: Any, report: JobReport) -> None:
    rows = report.judged["Lift"]
    axes.plot(
        [row["share of rows"] for row in rows], [row["lift"] for row in rows], color=COLOURS[0]
    )
    axes.axhline(1, color=COLOURS[-1], linestyle="--", linewidth=1)
    axes.set(xlabel="share of rows, highest scores first", ylabel="lift")


def _draw_weights(axes: Any, report: JobReport) -> None:
    bars = [
        (float(np.abs(values).max()), f"{party}: {name:.24}", values, colour)
        for colour, (party, weights) in zip(COLOURS * 9, report.weights.items(), strict=False)
        for name, values in weights.items()
    ]
    bars = sorted(bars, key=lambda bar: bar[0])[-SHOWN_WEIGHTS:]
    for place, (_, _, values, colour) in enumerate(bars):
        height = 0.8 / len(values)
        places = [place + height * (i - (len(values) - 1) / 2) for i in range(len(values))]
        axes.barh(places, values, height=height, color=colour)
    axes.set_yticks(range(len(bars)), [name for _, name, _, _ in bars], fontsize=_size(bars))
    axes.axvline(0, color="#222222", linewidth=0.8)


def _draw_bars(axes: Any, report: JobReport, values: dict[str, float]) -> None:
    """Draw a bar for each name, from the top down."""
    names = list(values)[:SHOWN_WEIGHTS]
    axes.barh(range(len(names)), [values[name] for name in names], color=COLOURS[0])
    axes.set_yticks(range(len(names)), [f"{name:.24}" for name in names], fontsize=_size(names))
    axes.axvline(0, color="#222222", linewidth=0.8)
    axes.invert_yaxis()


def _size(names: Sequence[Any]) -> float:
    """Return a size of letters that so many lines have room for."""
    return 8 if len(names) <= 12 else 6


def _draw_seconds(axes: Any, report: JobReport) -> None:
    _draw_stacks(axes, {each.party: each.usage.seconds for each in report.parties})


def _draw_bytes(axes: Any, report: JobReport) -> None:
    sent = {
        each.party: {name: count / 1e6 for name, count in each.usage.sent.items()}
        for each in report.parties
    }
    _draw_stacks(axes, sent)


def _draw_stacks(axes: Any, parts: dict[str, Any]) -> None:
    """Draw a bar for each party, of the seven largest parts and the sum of the others."""
    totals: dict[str, float] = {}
    for values in parts.values():
        for name, value in values.items():
            totals[name] = totals.get(name, 0.0) + value
    names = sorted(totals, key=lambda name: -totals[name])
    shown, others = names[: len(COLOURS) - 1], names[len(COLOURS) - 1 :]
    left = np.zeros(len(parts))
    for colour, name in zip(COLOURS, [*shown, "others"], strict=False):
        members = others if name == "others" else [name]
        widths = np.array([sum(v.get(m, 0.0) for m in members) for v in parts.values()])
        if widths.any():
            axes.barh(list(parts), widths, left=left, color=colour, label=name)
            left += widths
    axes.invert_yaxis()
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))


def _outcome(first: FitReport) -> str:
    """Return one sentence: why training ended, and what is kept."""
    ended = (
        f"Training ended after iteration {first.iterations}: {first.ended}." if first.ended else ""
    )
    kept = f" Iteration {first.kept} is kept." if first.kept else ""
    return ended + kept


def _iterations(count: int) -> str:
    return "1 iteration; " if count == 1 else f"{count} iterations; "


def _trained_loss(report: JobReport) -> list[tuple[str, str]]:
    return [("loss with penalty", f"{report.losses[-1]:.4f}")] if report.losses else []


def _judged(report: JobReport) -> list[tuple[str, str]]:
    """Return metrics: of the rows that were judged, or of validation rows by the weights that are kept."""
    found = report.metrics
    if not found and report.validation:
        at = report.parties[0].kept or len(report.validation)
        found = report.validation[min(at, len(report.validation)) - 1]
    return [(name, f"{value:.4f}") for name, value in found.items()]


def _weights_table(report: JobReport) -> str:
    """Return weights of prepared columns beside those in the columns' own unit."""
    rows = [
        {"party": party, "column": column, "weight, prepared": _listed(weights)}
        | ({"weight, own unit": _listed(own)} if (own := units.get(column)) else {})
        for party, named in report.weights.items()
        for units in (report.units.get(party, {}),)
        for column, weights in named.items()
    ]
    heads = dict.fromkeys(name for row in rows for name in row)
    return _wide_table("Weights", [{name: row.get(name, "") for name in heads} for row in rows])


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


def said(value: Any) -> str:
    """Return what a job says of itself in words."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {said(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _costs(report: JobReport) -> list[tuple[str, str]]:
    return [
        (
            each.party,
            f"{each.seconds:.2f} s, {each.usage.bytes_sent / 1e6:.2f} MB sent, "
            f"{each.usage.bytes_received / 1e6:.2f} MB received",
        )
        for each in report.parties
    ]


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f'<tr><td>{escape(name)}</td><td class="number">{escape(value)}</td></tr>\n'
        for name, value in rows
    )
    return f"<h2>{title}</h2>\n<table>\n{cells}</table>\n"


def _wide_table(title: str, rows: list[dict[str, Any]]) -> str:
    """Return a table whose rows name their cells; the first one has the heads of columns."""
    if not rows:
        return ""
    heads = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    lines = "".join(
        "<tr>" + "".join(_cell(row.get(name, "")) for name in rows[0]) + "</tr>\n" for row in rows
    )
    return f"<h2>{escape(title)}</h2>\n<table>\n<tr>{heads}</tr>\n{lines}</table>\n"


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return f'<td class="number">{escape(", ".join(map(_shown, value)))}</td>'
    kind = "" if isinstance(value, str) else ' class="number"'
    return f"<td{kind}>{escape(_shown(value))}</td>"


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _svg(canvas: Any) -> str:
    buffer = io.StringIO()
    canvas.savefig(
        buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
    )
    text = buffer.getvalue()
    return text[text.index("<svg") :]
