# SPDX-License-Identifier: Apache-2.0
"""One page over the jobs of a folder: what each came to, with links to the reports of their parties."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.protocol.report import FORMAT
from pyfate_gpu.protocol.report_page import PREDICTION, STYLE, TRAINING
from pyfate_gpu.storage.files import write_atomically

INDEX = "index.html"
_HEADS = (
    "date",
    "job",
    "party",
    "task",
    "model",
    "rows",
    "iterations",
    "loss",
    "metrics",
    "report",
)


def write_index(folder: Path) -> tuple[Path, int]:
    """Write ``index.html`` over all reports below a folder; return its path and how many there are.

    Raises
    ------
    ConfigurationError
        When there is none.
    StorageError
        When it cannot be written.
    """
    found = [(path, report) for path in folder.rglob("*.json") if (report := _read(path))]
    if not found:
        raise ConfigurationError(f"{folder} has no report: run a job with its directory in there")
    found.sort(key=_place)
    found.sort(key=lambda pair: str(pair[1]["about"].get("date", "")), reverse=True)
    rows = "".join(f"<tr>{_cells(folder, path, report)}</tr>\n" for path, report in found)
    heads = "".join(f"<th>{head}</th>" for head in _HEADS)
    page = (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Jobs</title>'
        f"<style>{STYLE}</style>\n<body class=jobs><h1>Jobs</h1>\n<table><tr>{heads}</tr>\n{rows}</table></html>\n"
    )
    path = folder / INDEX
    write_atomically(path, page.encode())
    return path, len(found)


def _place(pair: tuple[Path, dict[str, Any]]) -> tuple[bool, str, str]:
    """The guest first, which knows most, and of each party the end before its steps."""
    path, report = pair
    party = str(report["parties"][0]["party"])
    steps = str(report["about"].get("task", "")).startswith("step")
    return party != GUEST.name, party, f"{steps} {path}"


def _read(path: Path) -> dict[str, Any] | None:
    """Return a report of ours, None for any other file."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    ours = isinstance(document, dict) and document.get("format") == FORMAT
    return document | {"about": document.get("about") or {}} if ours else None


def _cells(folder: Path, path: Path, report: dict[str, Any]) -> str:
    about, first = report["about"], report["parties"][0]
    validation = report["validation"]
    judged = report["metrics"] or (validation[first["kept"] - 1] if validation else {})
    page = path.with_suffix(".html")
    shown = page if page.exists() else path
    link = escape(str(shown.relative_to(folder)), quote=True)
    texts = {
        "date": about.get("date", ""),
        "job": about.get("job", path.parent.parent.name),
        "party": first["party"],
        "task": about.get("task", TRAINING),
        "model": report["estimator"],
        "rows": about.get("rows", ""),
        "iterations": "" if about.get("task") == PREDICTION else first["iterations"],
        "loss": f"{report['losses'][-1]:.4g}" if report["losses"] else "",
        "metrics": ", ".join(f"{name} {value:.4f}" for name, value in judged.items()),
    }
    cells = "".join(f'<td class="{head}">{escape(str(texts[head]))}</td>' for head in _HEADS[:-1])
    return f'{cells}<td><a href="{link}">{escape(shown.name)}</a></td>'
