# SPDX-License-Identifier: Apache-2.0
"""Reports: tables of bins and pictures, at the guest of hosts' columns without names."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu.protocol.report import JobReport


@pytest.fixture
def models(bin_together, rng):
    y = rng.integers(0, 2, 200)
    own = pd.DataFrame({"<age>": y + rng.normal(size=200), "noise": rng.normal(size=200)})
    secret = pd.DataFrame({"income": y * 2 + rng.normal(size=200)})
    guest, (host,) = bin_together(y, [secret], own)
    return guest, host


def test_tables_and_bars(models):
    guest, host = models
    report = json.loads(JobReport.of([guest]).to_json())
    tables, bars = report["tables"]["guest"], report["bars"]["guest"]
    shown = {row["what"]: row["value"] for row in tables["what this fit has shown"]}
    assert shown["rows, or weights, of the smallest bin of a host"] >= 20
    assert shown["hosts hear weights of evidence"] == "no"
    assert list(tables) == [
        "what this fit has shown",
        "bins of <age>",
        "bins of noise",
        "columns of host-0, in an order of its own",
    ]
    rows = tables["bins of <age>"]
    assert sum(row["events"] + row["others"] for row in rows) == 200
    assert [row["bin"] for row in rows] == guest.bins_[0].names()
    assert bars["information values"] == dict(zip(["<age>", "noise"], guest.iv_, strict=True))
    assert set(bars) > {"information values of host-0", "weight of evidence of <age>"}
    assert "income" not in json.dumps(report)
    of_host = json.loads(JobReport.of([host]).to_json())
    own = of_host["tables"]["host-0"]
    assert list(own) == ["what this fit has shown", "bins of income"]
    smallest = min(row["rows"] for row in own["bins of income"] if row["rows"])
    assert own["what this fit has shown"][0]["value"] == smallest
    assert own["what this fit has shown"][1]["value"] == "not told"
    assert set(of_host["tables"]["host-0"]["bins of income"][0]) == {"bin", "rows"}
    assert list(of_host["bars"]["host-0"]) == ["information values"]


def test_the_page(models):
    page = JobReport.of([models[0]]).to_html()
    assert "guest: bins of &lt;age&gt;" in page
    assert "<th>events</th>" in page
    assert "guest: information values of host-0" in page
    assert page.count("<svg") == 6


def test_numbers_that_are_infinite(bin_together):
    y = np.tile([0, 1], 50)
    guest, _ = bin_together(y, [y.reshape(-1, 1)], y.reshape(-1, 1), rules={"smoothing": "none"})
    report = JobReport.of([guest])
    assert "inf" in report.to_json()
    assert "guest: bins of column 0" in report.to_html()
