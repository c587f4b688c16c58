# SPDX-License-Identifier: Apache-2.0
"""Bins of hosts that look at labels: those that one party with columns and labels would find."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu import Binner, simulate
from pyfate_gpu.binning import HeteroBinning
from pyfate_gpu.errors import ConfigurationError, DisagreementError, PartyFailedError, ProtocolError
from pyfate_gpu.federation import Session
from tests.binning.conftest import SMALL

CONSENT = {"share_cuts": True}
#: 20 rows or more in each of 16 quantiles of 400 rows.
FINE = {"prebins": 16}


@pytest.fixture
def labelled(rng):
    """Columns that labels follow up, up and down, and not at all; one with special and missing values."""
    x = rng.normal(size=(400, 4))
    share = 1 / (1 + np.exp(-x[:, 0] - 2 + 2 * np.abs(x[:, 1]) - x[:, 3]))
    x[:40, 3] = np.nan
    x[40:90, 3] = -999.0
    return x, (rng.random(400) < share).astype(int)


def cuts_of(model):
    return [each.ordinary.cuts.tolist() for each in model.bins_]


@pytest.mark.parametrize(
    "rules",
    [
        {"method": "optimal", "max_bins": 5},
        {"method": "optimal", "trend": "up"},
        {"method": "optimal", "trend": "down", "min_events": 3},
        {"method": "optimal", "trend": "auto", "min_share": 0.1},
        {"method": "optimal", "trend": "peak", "max_bins": 4},
        {"method": "chi_merge", "max_p": 0.05, "max_bins": 6},
    ],
    ids=lambda rules: "-".join(map(str, rules.values())),
)
def test_bins_are_those_of_one_party(bin_together, labelled, rules):
    x, y = labelled
    rules = {**rules, **FINE, "special": [-999.0]}
    guest, (host,) = bin_together(y, [x], at_hosts=rules | {"min_rows": 15}, at_guest=CONSENT)
    alone = Binner(**rules).fit(x, y)
    assert cuts_of(host) == cuts_of(alone)
    assert host.bins_[3].special == (-999.0,)
    np.testing.assert_allclose(host.iv_, alone.iv_, atol=1e-4)
    assert (
        len(guest.host_evidence_["host-0"]) == sum(len(cuts) > 0 for cuts in cuts_of(host)[:3]) + 1
    )


def test_hosts_differ_and_labels_are_sent_once(bin_together, labelled, frames):
    x, y = labelled

    fine, quantile = {"method": "optimal", **FINE}, {"max_bins": 4}

    def party(X=None, y=None, **rules):
        return lambda session: HeteroBinning(**SMALL, **rules).fit(X, y, session=session)

    got = simulate(
        guest=party(y=y, share_cuts=True),
        hosts=[party(x, **fine), party(x, **quantile)],
        timeout=60,
    )
    assert cuts_of(got["host-0"]) == cuts_of(Binner(**fine).fit(x, y))
    assert cuts_of(got["host-1"]) == cuts_of(Binner(**quantile).fit(x))
    sent = Counter(
        (frame.name.partition("/")[2], to.name) for _, to, frame in frames if to.name != "guest"
    )
    assert sent["label_rows", "host-0"] == sent["label_rows", "host-1"] == 1
    assert sent["merges", "host-0"] == 1
    assert sent["merges", "host-1"] == 0
    forms = {
        frame.name.partition("/")[2]: {key: type(value) for key, value in frame.payload.items()}
        for _, _, frame in frames
    }
    assert forms["merges"] == {"starts": np.ndarray, "counts": np.ndarray}
    assert set(forms["finer_bins"]) == {
        "counts", "method", "max_bins", "trend", "max_p", "min_share", "min_events",
    }  # fmt: skip


@pytest.mark.parametrize("missing", [0, 5, 30])
def test_no_finer_bin_of_few_rows_is_shown(bin_together, rng, frames, missing):
    """Nor missing values, if they are few: they count with the bin that has most rows."""
    x = np.repeat(np.arange(100.0), rng.integers(1, 8, size=100)).reshape(-1, 1)
    x[rng.choice(len(x), missing, replace=False)] = np.nan
    y = rng.integers(0, 2, size=len(x))
    guest, _ = bin_together(
        y, [x], at_hosts={"method": "optimal"}, at_guest={**CONSENT}, rules={"min_rows": 20}
    )
    public, private = guest._keys
    sums = next(
        f for _, _, f in frames if f.name.endswith("/bin_sums") and f.iteration == 2
    ).payload["sums"]
    (count,) = next(f for _, _, f in frames if f.name.endswith("/finer_bins")).payload["counts"]
    table = private.decrypt(public.from_wire(sums.data)).reshape(-1, 2)[: count - 1]
    assert len(table) > 3
    assert table.sum(axis=1).min() >= 20
    rest = len(x) - table.sum()
    assert rest == (missing if missing >= 20 else 0)


def test_weights_and_several_classes(bin_together, rng):
    x = rng.normal(size=(400, 1))
    y = np.digitize(x[:, 0] + rng.normal(size=400), [-0.5, 0.8])
    rules = {"method": "chi_merge", **FINE}
    weights = rng.integers(1, 4, size=400)
    _, (host,) = bin_together(y, [x], at_hosts=rules, at_guest=CONSENT, weights=weights)
    assert cuts_of(host) == cuts_of(Binner(**rules).fit(x, y, sample_weight=weights))
    with pytest.raises(DisagreementError, match="trend is 'up' and there are 3 classes"):
        bin_together(
            y, [x], at_hosts={"method": "optimal", "trend": "up", **FINE}, at_guest=CONSENT
        )


def test_columns_that_nothing_can_be_merged_of(bin_together, rng):
    """Texts, a constant, cuts by hand and few rows stay as other methods have them."""
    table = pd.DataFrame(
        {
            "town": rng.choice(["a", "b"], 100),
            "same": np.ones(100),
            "hand": rng.normal(size=100),
            "free": rng.normal(size=100),
        }
    )
    y = rng.integers(0, 2, size=100)
    rules = {"method": "optimal", "cuts": {"hand": [0.0]}}
    _, (host,) = bin_together(y, [table], at_hosts=rules, at_guest=CONSENT)
    assert sorted(host.bins_[0].names()[:2]) == ["a", "b"]
    assert host.bins_[1].ordinary.count == 1
    assert host.bins_[2].ordinary.cuts.tolist() == [0.0]
    assert host.bins_[3].ordinary.count <= 5
    _, (alone,) = bin_together(
        y, [table[["town", "same"]]], at_hosts={"method": "chi_merge"}, at_guest=CONSENT
    )
    assert len(alone.bins_) == 2


def test_it_takes_the_guests_consent(bin_together, labelled, frames):
    x, y = labelled
    with pytest.raises(ConfigurationError, match="it sets share_cuts"):
        bin_together(y, [x], at_hosts={"method": "optimal"})
    assert not any(f.name.endswith(("/finer_bins", "/bin_sums")) for _, _, f in frames)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("finer_bins", {"method": "some"}, "rules that make no sense"),
        ("finer_bins", {"max_bins": 0}, "rules that make no sense"),
        ("finer_bins", {"counts": np.array([1])}, "no numbers of bins"),
        ("merges", {"starts": np.array([0.0])}, "no bins to merge"),
        ("merges", {"starts": np.array([0, 99]), "counts": np.array([2])}, "none of finer ones"),
        ("merges", {"starts": np.array([1]), "counts": np.array([1])}, "none of finer ones"),
        ("merges", {"starts": np.array([0]), "counts": np.array([0])}, "no bins to merge"),
    ],
)
def test_messages_that_cannot_be(bin_together, labelled, monkeypatch, name, change, words):
    x, y = labelled
    original = Session.send

    def send(self, to, what, **payload):
        return original(self, to, what, **payload | (change if what == name else {}))

    monkeypatch.setattr(Session, "send", send)
    with pytest.raises((ProtocolError, PartyFailedError), match=words):
        bin_together(y, [x[:, :1]], at_hosts={"method": "optimal", **FINE}, at_guest=CONSENT)
