# SPDX-License-Identifier: Apache-2.0
"""What parties find together is what one finds on the joined table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu.data.binning.binner import Binner, class_matrix, count_classes
from pyfate_gpu.data.information_value import SMOOTHINGS, evidence_of, evidence_of_classes
from tests.binning.conftest import PLANTED


def same_up_to_order(column, bins, X, y, weights=None, smoothing="fate"):
    """Whether the guest's evidence of a host's column is that of a plain computation."""
    matrix = class_matrix(y, np.unique(y), weights)
    plain = evidence_of_classes(count_classes(bins, X, matrix), smoothing=smoothing)
    for found, expected in zip(column, plain, strict=True):
        there = expected.events + expected.others > 0
        assert sorted(zip(found.events, found.others, strict=True)) == sorted(
            zip(expected.events[there], expected.others[there], strict=True)
        )
        assert found.iv == pytest.approx(expected.iv, abs=1e-12)
        assert found.ks == pytest.approx(expected.ks, abs=1e-12)
        assert found.chi_square == pytest.approx(expected.chi_square, rel=1e-12)
    return plain


def find(columns, bins, X, y, weights=None):
    """The column among those that travelled, in an order of their own, that has these counts."""
    matrix = class_matrix(y, np.unique(y), weights)
    counts = count_classes(bins, X, matrix)
    wanted = sorted(map(tuple, counts[counts.sum(axis=1) > 0]))
    for column in columns:
        if len(column) == 1:
            found = np.stack([column[0].others, column[0].events], axis=1)
        else:
            found = np.stack([each.events for each in column], axis=1)
        if sorted(map(tuple, found)) == wanted:
            return column
    raise AssertionError("no column has these counts")


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_planted_table(bin_together, planted, smoothing):
    column, y = planted
    guest, (host,) = bin_together(y, [column.reshape(-1, 1)], rules={"smoothing": smoothing})
    expected = evidence_of(*np.transpose(PLANTED), smoothing=smoothing)
    (found,) = guest.host_evidence_["host-0"][0]
    order, wanted = np.argsort(found.woe), np.argsort(expected.woe)
    np.testing.assert_allclose(found.woe[order], expected.woe[wanted], rtol=0, atol=1e-12)
    if smoothing == "none":
        assert found.iv == np.inf
        assert host.iv_[0] == np.inf
    else:
        assert found.iv == pytest.approx(expected.iv, abs=1e-12)
        assert host.iv_[0] == round(expected.iv, 4)


@pytest.fixture
def tables(rng):
    n = 240
    host = rng.normal(size=(n, 5)).round(1)
    host[:, 1] = rng.integers(0, 3, n)
    host[rng.random(n) < 0.3, 2] = np.nan
    host[:, 3] = np.where(rng.random(n) < 0.7, 0.0, host[:, 3])
    guest = rng.normal(size=(n, 2))
    score = host[:, 0] + host[:, 1] + np.isnan(host[:, 2]) + guest[:, 0]
    return guest, host, np.digitize(score, np.quantile(score, [0.4, 0.8]))


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("classes", [2, 3])
def test_any_number_of_hosts_and_classes(bin_together, tables, count, classes):
    guest_x, host_x, y = tables
    y = np.minimum(y, classes - 1)
    parts = np.array_split(host_x, count, axis=1)
    guest, hosts = bin_together(y, parts, guest_x, rules={"max_bins": 4})
    own = Binner(max_bins=4).fit(guest_x, y)
    np.testing.assert_allclose(guest.iv_, own.iv_, rtol=0, atol=1e-12)
    for at, (host, part) in enumerate(zip(hosts, parts, strict=True)):
        columns = guest.host_evidence_[f"host-{at}"]
        assert len(columns) == part.shape[1]
        values = []
        for bins, X in zip(host.bins_, part.T, strict=True):
            column = find(columns, bins, X, y)
            same_up_to_order(column, bins, X, y)
            values.append([round(each.iv, 4) for each in column])
        values = np.array(values)[:, 0] if classes == 2 else np.array(values)
        np.testing.assert_array_equal(host.iv_, values)


def test_the_order_of_rows_does_not_matter(bin_together, tables, rng):
    guest_x, host_x, y = tables
    order = rng.permutation(len(y))
    first = bin_together(y, [host_x], guest_x)
    second = bin_together(y[order], [host_x[order]], guest_x[order])
    np.testing.assert_array_equal(first[1][0].iv_, second[1][0].iv_)
    np.testing.assert_allclose(first[0].iv_, second[0].iv_, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["whole", "real", "zeros"])
def test_weights_of_rows(bin_together, tables, rng, kind):
    _, host_x, y = tables
    weights = {
        "whole": rng.integers(1, 1000, len(y)).astype(float),
        "real": rng.random(len(y)) * 7 + 0.01,
        "zeros": rng.integers(0, 2, len(y)).astype(float),
    }[kind]
    guest, (host,) = bin_together(
        y, [host_x], host_x, weights=weights, rules={"max_bins": 3, "min_rows": 1}
    )
    expected = Binner(max_bins=3).fit(host_x, y, sample_weight=weights)
    exact = kind != "real"  # those are rounded to 65,535 parts of the largest
    np.testing.assert_allclose(guest.iv_, expected.iv_, rtol=0, atol=1e-12 if exact else 1e-4)
    np.testing.assert_allclose(host.iv_, guest.iv_, rtol=0, atol=0.5001e-4)


def test_texts_special_values_and_cuts_at_a_host(bin_together, rng):
    n = 300
    frame = pd.DataFrame(
        {
            "city": rng.choice(["Rome", "Oslo", "Bern", None], n, p=[0.4, 0.3, 0.02, 0.28]),
            "debt": rng.choice([-999.0, 1.0, 2.0, 3.0], n),
            "age": rng.integers(18, 90, n),
        }
    )
    y = np.where((frame["city"] == "Oslo") | (frame["debt"] == -999), "bad", "good")
    rules = {"special": {"debt": [-999]}, "cuts": {"age": [30, 60]}}
    guest, (host,) = bin_together(
        y, [frame], at_hosts=rules | {"output": "woe"}, at_guest={"share_woe": True}
    )
    assert host.bins_[0].names() == ["Bern, Oslo", "Rome", "missing"]  # of Bern there are few
    assert "special -999" in host.bins_[1].names()
    assert host.bins_[2].names()[:3] == ["below 30", "30 to 60", "60 and above"]
    for at, name in enumerate(frame):
        column = find(guest.host_evidence_["host-0"], host.bins_[at], frame[name], y)
        plain = same_up_to_order(column, host.bins_[at], frame[name], y)
        np.testing.assert_allclose(host.woe_[at][:, 0], plain[0].woe, rtol=0, atol=1e-12)
        where = host.bins_[at].assign(frame[name])
        np.testing.assert_array_equal(host.transform(frame)[:, at], host.woe_[at][where, 0])
    assert host.get_feature_names_out().tolist() == list(frame)
    assert guest.classes_.tolist() == ["bad", "good"]


def test_a_host_and_a_guest_may_call_columns_alike(bin_together, tables):
    guest_x, host_x, y = tables
    y = (y > 0).astype(int)
    own, other = pd.DataFrame({"x": guest_x[:, 0]}), pd.DataFrame({"x": host_x[:, 0]})
    guest, (host,) = bin_together(y, [other], own)
    assert guest.result()["iv"]["x"] != host.result()["iv"]["x"]


def test_keys_of_the_short_subgroup(bin_together, planted):
    column, y = planted
    _, (host,) = bin_together(
        y,
        [column.reshape(-1, 1)],
        rules={
            "scheme": "paillier-short-subgroup",
            "key_bits": 2048,
            "allow_insecure_key_size": False,
        },
    )
    assert host.iv_[0] == round(evidence_of(*np.transpose(PLANTED)).iv, 4)
