# SPDX-License-Identifier: Apache-2.0
"""Validation rows compared with those that bins were learned of, and labels that are sent once a session."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.binning import HeteroBinning
from pyfate_gpu.data.binning.binner import class_matrix, count_classes
from pyfate_gpu.data.information_value import stability_of
from pyfate_gpu.errors import ConfigurationError, DataError, ProtocolError
from tests.binning.conftest import SMALL


@pytest.fixture
def samples(rng):
    """Columns and labels of training, and of later rows whose second column has moved."""

    def draw(n, shift):
        y = rng.integers(0, 2, n)
        x = np.column_stack([rng.normal(size=n) + y, rng.normal(size=n) + shift * y])
        return np.hstack([x, rng.integers(0, 3, (n, 1))]), y

    return draw(300, 0.0), draw(250, 2.0)


def fit_both(old, new, **parameters):
    rules = SMALL | {"max_bins": 4, "min_rows": 5} | parameters

    def guest(session):
        model = HeteroBinning(**rules)
        return model.fit(*old, session=session, validation=new)

    def host(session):
        return HeteroBinning(**rules).fit(old[0], session=session, validation=new[0])

    return simulate(guest=guest, hosts=[host])


def by_hand(bins, old, new, classes):
    """Stability over all and within each class, in plain."""
    counts = [count_classes(bins, *pair) for pair in (old, new)]
    pairs = [tuple(each.sum(axis=1) for each in counts)]
    pairs += [(counts[0][:, c], counts[1][:, c]) for c in range(classes)]
    return [stability_of(*pair) for pair in pairs]


@pytest.mark.parametrize("classes", [2, 3])
def test_stability_is_that_of_plain_rows(samples, tmp_path, classes):
    (x, y), (x2, y2) = samples
    if classes == 3:
        y, y2 = y + (x[:, 2] == 0), y2 + (x2[:, 2] == 0)
    found = fit_both((x, y), (x2, y2))
    guest, host = found["guest"], found["host-0"]
    known = np.unique(y)
    expected = np.array(
        [
            by_hand(
                bins,
                (x[:, at], class_matrix(y, known)),
                (x2[:, at], class_matrix(y2, known)),
                classes,
            )
            for at, bins in enumerate(guest.bins_)
        ]
    )
    np.testing.assert_allclose(guest.stability_, expected, atol=1e-12)
    np.testing.assert_allclose(host.stability_[:, 0], expected[:, 0], atol=1e-12)
    assert guest.stability_[1, 0] > 0.2
    of_host = guest.host_stability_["host-0"]
    order = list(host.fitted().order)
    there = ~np.isnan(of_host[:, 0])
    assert there.sum() >= 2
    np.testing.assert_allclose(of_host[there], expected[order][there], atol=1e-12)
    text = json.dumps(guest.result())
    assert '"stability"' in text
    assert '"stability"' in json.dumps(host.result())
    for name, model in found.items():
        model.save(tmp_path / name)
        again = HeteroBinning.load(tmp_path / name)
        np.testing.assert_array_equal(again.stability_, model.stability_)
    again = HeteroBinning.load(tmp_path / "guest")
    np.testing.assert_array_equal(again.host_stability_["host-0"], of_host)


def test_columns_with_few_rows_in_a_bin_are_left_out(samples):
    (x, y), (x2, y2) = samples
    x2 = x2[:60].copy()
    x2[:3, 2], x2[3:, 2] = 0, 1  # three rows in a bin
    x2[0, 0] = np.nan  # a bin without rows before
    found = fit_both((x, y), (x2, y2[:60]))
    left = np.isnan(found["guest"].host_stability_["host-0"]).all(axis=1)
    columns = np.array(found["host-0"].fitted().order)
    assert set(columns[left]) >= {0, 2}
    assert np.isfinite(found["host-0"].stability_).all()


def test_validation_rows_that_do_not_fit(samples):
    (x, y), (x2, y2) = samples
    with pytest.raises(DataError, match="none of the 2 classes"):
        fit_both((x, y), (x2, y2 + 1))
    with pytest.raises(DataError, match="X has 2 columns"):
        fit_both((x, y), (x2[:, :2], y2))

    def host(rows):
        return lambda s: HeteroBinning(**SMALL).fit(x, session=s, validation=rows)

    def guest(rows):
        return lambda s: HeteroBinning(**SMALL).fit(y=y, session=s, validation=rows)

    for one, other in ((None, x2), ((None, y2), x2[:100]), ((None, y2), None)):
        with pytest.raises(ConfigurationError, match="validation rows, host-0 has"):
            simulate(guest=guest(one), hosts=[host(other)])


def weigh_twice(x, y, first, second, *, y2=None, at_host=None):
    """Two fits of one session; return the models of the second, and what the guest has encrypted."""

    def party(X, labels, own):
        def run(session):
            rules = SMALL | {"keep_labels": True}
            for more, data in ((first, labels[0]), (second, labels[1])):
                model = HeteroBinning(**rules | more | own).fit(X, data, session=session)
            return model, session.statistics.usage().operations.get("encrypt", 0)

        return run

    labels = (y, y if y2 is None else y2)
    found = simulate(guest=party(None, labels, {}), hosts=[party(x, (None, None), at_host or {})])
    return found["guest"][0], found["host-0"][0], found["guest"][1]


def test_labels_are_sent_once_a_session(samples):
    (x, y), _ = samples
    guest, host, encrypted = weigh_twice(x, y, {"max_bins": 4}, {"method": "width", "max_bins": 6})
    assert encrypted == len(y)
    alone = simulate(
        guest=lambda s: HeteroBinning(**SMALL).fit(y=y, session=s),
        hosts=[lambda s: HeteroBinning(method="width", max_bins=6, **SMALL).fit(x, session=s)],
    )
    np.testing.assert_array_equal(host.iv_, alone["host-0"].iv_)
    assert len(guest.host_evidence_["host-0"]) == 3


def test_other_labels_are_sent(samples):
    (x, y), _ = samples
    _, host, encrypted = weigh_twice(x, y, {}, {}, y2=1 - y)
    assert encrypted == 2 * len(y)
    assert host.iv_[0] > 0
    _, _, encrypted = weigh_twice(x, y, {}, {"key_bits": 520})
    assert encrypted == 2 * len(y)
    _, _, encrypted = weigh_twice(x, y, {"keep_labels": False}, {})
    assert encrypted == 2 * len(y)


def test_labels_that_are_not_kept(samples, monkeypatch):
    from pyfate_gpu.binning import kept

    (x, y), _ = samples
    with pytest.raises(ConfigurationError, match="keep_labels True there, False here"):
        weigh_twice(x, y, {}, {}, at_host={"keep_labels": False})
    original = kept.keep

    def forget(session, what):
        if session.party.name == "guest":
            original(session, what)

    monkeypatch.setattr(kept, "keep", forget)
    with pytest.raises(ProtocolError, match="none are kept here"):
        weigh_twice(x, y, {}, {})
