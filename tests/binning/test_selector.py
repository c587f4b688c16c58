# SPDX-License-Identifier: Apache-2.0
"""Selection of all parties' columns: verdicts at both sides, names at home, correlations under encryption."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.binning import HeteroBinning, HeteroSelector
from pyfate_gpu.binning.between import FRACTION_BITS, Products
from pyfate_gpu.errors import ConfigurationError, DataError, ProtocolError
from tests.binning.conftest import SMALL


def select(y, hosts, guest=None, *, at_guest=None, at_hosts=None, **data):
    def party(own, X, **more):
        model = HeteroSelector(**SMALL | (own or {}))
        return lambda session: model.fit(X, session=session, **more)

    found = simulate(
        guest=party(at_guest, guest, y=y, **data),
        hosts=[party(at_hosts, X) for X in hosts],
        timeout=120,
    )
    return found["guest"], [found[f"host-{at}"] for at in range(len(hosts))]


@pytest.fixture
def tables(rng):
    n = 400
    y = rng.integers(0, 2, n)
    own = pd.DataFrame({"good": y + rng.normal(size=n), "noise": rng.normal(size=n)})
    other = pd.DataFrame(
        {
            "secret_good": y + 0.5 * rng.normal(size=n),
            "secret_noise": rng.normal(size=n),
            "secret_constant": np.ones(n),
            "secret_holes": np.where(rng.random(n) < 0.7, np.nan, y),
        }
    )
    return own, other, y


IV = {"metric": "iv", "at_least": 0.4}
MISSING = {"metric": "missing", "at_most": 0.5}


def test_verdicts_at_both_sides(tables, frames):
    own, other, y = tables
    guest, (host,) = select(
        y, [other], own, at_guest={"rules": [IV]}, at_hosts={"rules": [MISSING]}
    )
    assert [each.kept for each in guest.verdicts_] == [True, False]
    assert guest.verdicts_[1].reason.endswith("is below 0.4")
    reasons = {each.column: each.reason for each in host.verdicts_}
    assert reasons["secret_good"] == ""
    assert reasons["secret_noise"] == "the guest's rule: iv at least 0.4"
    assert reasons["secret_constant"] == "one bin: labels say nothing"
    assert reasons["secret_holes"].startswith("missing 0.")
    assert host.get_feature_names_out().tolist() == ["secret_good"]
    assert list(host.transform(other).columns) == ["secret_good"]
    # The guest has the same verdicts, by number and without names.
    known = guest.host_verdicts_["host-0"]
    assert sorted(each.kept for each in known) == [False, False, True]
    assert {each.reason.partition(":")[0] for each in known} >= {"", "the host's rule"}
    told = json.dumps(guest.result())
    assert "secret" not in told
    for _, _, frame in frames:
        assert "secret" not in repr(frame.payload)
        if frame.name.endswith("/verdicts"):  # rules, no numbers of columns and no names
            assert json.loads(frame.payload["rules"]).count("iv at least 0.4") == 1


def test_order_of_the_hosts_columns_is_that_of_the_evidence(tables):
    own, other, y = tables
    guest, (host,) = select(y, [other], own, at_guest={"rules": [IV]})
    evidence = guest.binning_.host_evidence_["host-0"]
    for at, verdict in zip(
        host.binning_.fitted().order, guest.host_verdicts_["host-0"], strict=True
    ):
        assert verdict.kept == host.verdicts_[at].kept
        assert round(verdict.values["iv"], 4) == host.binning_.iv_[at]
    assert [v.values["iv"] for v in guest.host_verdicts_["host-0"]] == [e[0].iv for e in evidence]


def test_the_largest_of_all_parties(tables):
    own, other, y = tables
    rules = [{"metric": "iv", "top": 2}]
    guest, hosts = select(y, [other, other[["secret_noise"]]], own, at_guest={"rules": rules})
    kept = sum(model.get_support().sum() for model in (guest, *hosts))
    assert kept == 2
    assert hosts[0].get_support()[0]
    assert not hosts[1].get_support().any()


def test_by_hand_at_a_host(tables):
    own, other, y = tables
    _, (host,) = select(
        y,
        [other],
        own,
        at_guest={"rules": [IV]},
        at_hosts={"keep": ["secret_noise"], "drop": ["secret_good"]},
    )
    reasons = {each.column: each.reason for each in host.verdicts_}
    assert reasons["secret_noise"] == "kept by name"
    assert reasons["secret_good"] == "dropped by name"


@pytest.fixture
def wide(rng):
    n = 1200
    shared = rng.normal(size=n)
    own = np.column_stack([shared, rng.normal(size=n), rng.integers(0, 3, n)])
    other = np.column_stack([shared + 0.2 * rng.normal(size=n), rng.normal(size=n)])
    y = (shared + rng.normal(size=n) > 0).astype(int)
    return own, other, y


BETWEEN = {"metric": "correlation_between", "at_most": 0.9}


def test_correlations_between_parties(wide, frames):
    own, other, y = wide
    guest, (host,) = select(
        y, [other], own, at_guest={"rules": [BETWEEN]}, at_hosts={"share_correlations": True}
    )
    expected = np.corrcoef(own[:, 0], other[:, 0])[0, 1]
    # The guest's column says more of the labels, so the host's goes.
    dropped = [each for each in guest.host_verdicts_["host-0"] if not each.kept]
    assert len(dropped) == 1
    assert dropped[0].values["correlation_between"] == pytest.approx(expected, abs=1e-5)
    assert [each.kept for each in host.verdicts_] == [False, True]
    assert host.verdicts_[0].reason == "the guest's rule: correlation_between at most 0.9"
    assert guest.get_support().all()
    shapes = {
        frame.name.partition("/")[2]: guest.binning_._keys[0].from_wire(value.data).slots
        for _, _, frame in frames
        for value in frame.payload.values()
        if frame.name.partition("/")[2] in ("column_rows", "column_products")
    }
    assert shapes["column_rows"] == shapes["column_products"]
    assert shapes["column_rows"].count == 3


def test_correlations_with_several_hosts(wide, rng):
    """One of them has nothing left to compare; many columns of the guest take more than one ciphertext a row."""
    own, other, y = wide
    own = np.hstack([own, rng.normal(size=(len(y), 8))])
    hosts = [other[:, 1:], np.ones((len(y), 1)), other]
    guest, models = select(
        y, hosts, own, at_guest={"rules": [BETWEEN]}, at_hosts={"share_correlations": True}
    )
    assert [model.get_support().tolist() for model in models] == [[True], [False], [False, True]]
    assert guest.host_verdicts_["host-1"] == []
    dropped = [v for v in guest.host_verdicts_["host-2"] if not v.kept]
    expected = np.corrcoef(own[:, 0], other[:, 0])[0, 1]
    assert dropped[0].values["correlation_between"] == pytest.approx(expected, abs=1e-5)
    assert Products(len(y), 11).slots(guest.binning_._keys[0]).count < 11


def test_correlations_take_consent_and_rows(wide):
    own, other, y = wide
    rules = {"rules": [BETWEEN]}
    with pytest.raises(ConfigurationError, match="host-0 does not share correlations"):
        select(y, [other], own, at_guest=rules)
    with pytest.raises(ConfigurationError, match="999 rows and 3 columns of the guest take 1000"):
        select(
            y[:999],
            [other[:999]],
            own[:999],
            at_guest=rules,
            at_hosts={"share_correlations": True},
        )
    with pytest.raises(ConfigurationError, match="take 2000 rows"):
        Products(1999, 200).check("guest")


def test_columns_that_single_out_rows_are_not_compared(wide):
    _, other, y = wide
    one = np.zeros((len(y), 1))
    one[7] = 1.0
    guest, _ = select(y, [other], one, at_guest={"rules": [BETWEEN]})  # no consent is asked for
    assert guest.get_support().all()


def test_sums_at_their_bounds():
    """The largest entry, and the largest sum, fit a slot."""

    class Key:
        plaintext_bound = 1 << 2047

    for rows in (1000, 1024, 30_000, 1 << 24):
        products = Products(rows, 500)
        slots = products.slots(Key())
        assert products.bound >= rows**0.5 * 2**FRACTION_BITS
        assert slots.bound >= products.bound**2 * rows
        assert slots.bits <= 2046


def test_a_host_that_sends_no_correlations(wide, monkeypatch):
    from pyfate_gpu.binning import standing

    own, other, y = wide
    monkeypatch.setattr(
        standing, "standardized", lambda columns: np.full((1200, len(columns)), 30.0)
    )
    with pytest.raises(ProtocolError, match="correlations beyond 1"):
        select(
            y, [other], own, at_guest={"rules": [BETWEEN]}, at_hosts={"share_correlations": True}
        )


def test_with_bins_that_are_there(tables):
    own, other, y = tables

    def party(X, **data):
        def run(session):
            binning = HeteroBinning(**SMALL).fit(X, session=session, **data)
            selector = HeteroSelector(rules=[IV], **SMALL)
            return selector.fit(X, session=session, binning=binning, **data), session

        return run

    found = simulate(guest=party(own, y=y), hosts=[party(other)])
    guest, session = found["guest"]
    assert guest.get_support().tolist() == [True, False]
    assert session.statistics.usage().operations["encrypt"] == len(y)  # once
    with pytest.raises(DataError, match="binning is of 2 columns, X has 1"):
        simulate(
            guest=lambda s: HeteroSelector(**SMALL).fit(
                own[["good"]], y, session=s, binning=guest.binning_
            ),
            hosts=[lambda s: None],
        )


@pytest.mark.parametrize(
    "text", ["[", "{}", "[1]", '["", "", ""]'], ids=["broken", "no list", "numbers", "too many"]
)
def test_verdicts_that_are_none(tables, monkeypatch, text):
    from pyfate_gpu.federation import Session

    own, other, y = tables
    original = Session.send

    def send(self, to, name, **payload):
        if name == "standing":
            payload = {"rules": text if text != '["", "", ""]' else '["","","","",""]'}
        return original(self, to, name, **payload)

    monkeypatch.setattr(Session, "send", send)
    with pytest.raises(ProtocolError, match="sent no verdicts on 3 columns"):
        select(y, [other], own)


def test_models_in_files(tables, tmp_path):
    own, other, y = tables
    guest, (host,) = select(
        y, [other], own, at_guest={"rules": [IV]}, at_hosts={"rules": [MISSING]}
    )
    for model, table, name in ((guest, own, "guest"), (host, other, "host")):
        path = tmp_path / name
        model.save(path)
        again = HeteroSelector.load(path)
        assert again.get_support().tolist() == model.get_support().tolist()
        assert list(again.transform(table).columns) == list(model.transform(table).columns)
        assert [v.as_json() for v in again.verdicts_] == [v.as_json() for v in model.verdicts_]
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(DataError, match="no pyfate-gpu selection 1"):
            HeteroSelector.load(path)
    assert "secret" not in (tmp_path / "guest").read_text()


@pytest.mark.parametrize(
    "parameters",
    [{"rules": [{"metric": "iv"}]}, {"keep": "x"}, {"share_correlations": 1}, {"max_bins": 0}],
)
def test_parameters_that_make_no_sense(parameters):
    with pytest.raises(ConfigurationError):
        HeteroSelector(**parameters).check()


def test_rules_of_what_is_not_known(tables):
    own, other, y = tables
    rules = {"rules": [{"metric": "importance", "at_least": 1}]}
    with pytest.raises(ConfigurationError, match="'importance', which is not known"):
        select(y, [other], own, at_hosts=rules)
    guest, _ = select(y, [other], own, at_guest=rules, metrics={"importance": [3, 0]})
    assert guest.get_support().tolist() == [True, False]
    with pytest.raises(ConfigurationError, match="call fit"):
        HeteroSelector().transform(own)


def test_columns_that_have_changed(rng):
    """Stability between the rows and those of validation, by each party's own rule."""
    x, later = rng.normal(size=(300, 4)), rng.normal(size=(300, 4))
    later[:, [1, 3]] += 1.5
    y, after = rng.integers(0, 2, 300), rng.integers(0, 2, 300)
    rules = [{"metric": "stability", "at_most": 0.25}]

    def party(columns, labels=None, tested=None):
        model = HeteroSelector(rules=rules, **SMALL)
        return lambda session: model.fit(columns, labels, session=session, validation=tested)

    found = simulate(
        guest=party(x[:, :2], y, (later[:, :2], after)),
        hosts=[party(x[:, 2:], tested=later[:, 2:])],
    )
    for name in ("guest", "host-0"):
        assert found[name].get_support(indices=True).tolist() == [0]
        assert found[name].verdicts_[1].reason.startswith("stability")
