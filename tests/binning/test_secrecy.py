# SPDX-License-Identifier: Apache-2.0
"""What travels: which messages, how many ciphertexts, in which order, and nothing else."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from pyfate_gpu.binning import HeteroBinning
from pyfate_gpu.binning.shuffle import Shuffle
from pyfate_gpu.errors import ConfigurationError, DataError, ProtocolError
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.he.array.bin_sums import BinSums


@pytest.fixture
def table(rng):
    x = rng.normal(size=(400, 3))
    return x, (x.sum(axis=1) > 0).astype(int)


def names(frames, sender):
    return Counter(
        frame.name.partition("/")[2] for party, _, frame in frames if party.role.value == sender
    )


def test_messages_and_nothing_else(bin_together, table, frames):
    x, y = table
    bin_together(y, [x])
    assert set(names(frames, "guest")) == {"terms", "public_key", "plan", "label_rows", "values"}
    assert names(frames, "host") == {"bin_counts": 1, "bin_sums": 1}
    values = next(f for _, _, f in frames if f.name.endswith("/values")).payload
    assert set(values) == {"iv"}
    assert values["iv"].shape == (3, 1)
    np.testing.assert_array_equal(values["iv"], values["iv"].round(4))
    counts = next(f for _, _, f in frames if f.name.endswith("/bin_counts")).payload
    assert {key: each.tolist() for key, each in counts.items()} == {"counts": [10, 10, 10]}


def test_bins_share_ciphertexts(bin_together, table, frames):
    x, y = table
    guest, _ = bin_together(y, [x])
    sums = next(f for _, _, f in frames if f.name.endswith("/bin_sums")).payload["sums"]
    array = guest._keys[0].from_wire(sums.data)
    width = (400).bit_length() + 1
    room = (512 - 2) // (2 * width)
    assert array.slots.width == width
    assert array.slots.count == 2 * room
    assert array.shape == (-(-3 * 9 // room),)  # of ten bins one is not sent
    assert guest.report_.usage.operations["decrypt"] == array.size
    assert guest.report_.usage.operations["encrypt"] == 400


def test_ten_columns_of_ten_bins_are_two_decryptions():
    """The layout of 30,000 rows and 2,048 bits, without encrypting them."""
    from pyfate_gpu.binning.plan import Plan

    class Key:
        plaintext_bound = 1 << 2047

    layout = Plan(30_000, 2, weighted=False, consent=False).squeezed(Key())
    assert layout.groups(10 * 10 * 2) == 2


def test_no_two_ciphertexts_share_their_randomness(bin_together, table, frames):
    x, y = table
    guest, _ = bin_together(y, [x, x[:, :1]])
    key = guest._keys[0]
    payloads = {v.data for _, _, f in frames for v in f.payload.values() if isinstance(v, Sealed)}
    traces = Counter(
        int(c) % key.n
        for data in payloads
        for c in key.from_wire(data).to_ints(reblind=False).ravel()
    )
    assert len(traces) > 400
    assert max(traces.values()) == 1
    assert 1 not in traces


def test_labels_are_encrypted_once_for_all_hosts(bin_together, table, frames):
    x, y = table
    guest, _ = bin_together(y, [x, x, x])
    rows = [f.payload["rows"].data for _, _, f in frames if f.name.endswith("/label_rows")]
    assert len(rows) == 3
    assert len(set(rows)) == 1
    assert guest.report_.usage.operations["encrypt"] == 400


def test_orders_are_drawn_anew():
    rows = [np.full(6, 30)] * 20
    drawn = [Shuffle.draw(rows) for _ in range(4)]
    assert len({tuple(each.columns) for each in drawn}) == 4
    assert len({tuple(map(tuple, each.bins)) for each in drawn}) == 4
    sizes = Shuffle.draw([np.array([5, 90, 0, 7]), np.array([9]), np.array([0, 3])])
    assert sizes.columns.tolist() == [0]
    assert sizes.bins[0][-1] == 1  # the largest is not sent
    assert sorted(sizes.bins[0].tolist()) == [0, 1, 3]


@pytest.mark.parametrize("least", [1, 20, 50])
def test_bins_of_few_rows_are_merged_before_anything_is_sent(bin_together, rng, least):
    x = np.repeat([0.0, 1.0, 2.0, 3.0, np.nan], [300, 4, 60, 19, 17])
    y = rng.integers(0, 2, 400)
    guest, (host,) = bin_together(y, [x.reshape(-1, 1)], at_hosts={"min_rows": least})
    (found,) = guest.host_evidence_["host-0"][0]
    sizes = sorted((found.events + found.others).tolist())
    # 4 joins 60, 19 joins both, and the missing ones the bin with the fewest rows.
    assert sizes == {1: [4, 17, 19, 60, 300], 20: [100, 300], 50: [100, 300]}[least]
    assert host.bins_[0].counted(x).sum() == 400


def test_weights_of_evidence_take_the_guests_consent(bin_together, table, frames, tmp_path):
    x, y = table
    _, (host,) = bin_together(y, [x], rules={"output": "woe"})
    assert not hasattr(host, "woe_")
    with pytest.raises(ConfigurationError, match="guest has not given"):
        host.transform(x)
    assert "evidence" not in names(frames, "guest")
    assert "woe" not in json.dumps(host.result()["bins"])
    path = tmp_path / "host.model"
    host.save(path)
    again = HeteroBinning.load(path)
    assert not hasattr(again, "woe_")
    assert again.iv_.tolist() == host.iv_.tolist()
    # A host that asks for it does not get it either.
    _, (host,) = bin_together(y, [x], at_hosts={"share_woe": True})
    assert not hasattr(host, "woe_")
    _, (host,) = bin_together(y, [x], at_guest={"share_woe": True})
    assert [each.shape for each in host.woe_] == [(11, 1)] * 3  # with the bin of missing values


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (np.zeros(400), "1 distinct"),
        (np.r_[np.nan, np.ones(399)], "NaN"),
        (np.full(400, 0.5), "whole"),
        (np.ones(399), "one value for each row"),
        (None, "pass y"),
    ],
    ids=["one class", "NaN", "fractions", "too few", "none"],
)
def test_labels_are_checked_before_anything_is_sent(bin_together, table, frames, y, text):
    x, _ = table
    with pytest.raises(DataError, match=text):
        bin_together(y, [x], x)
    assert not frames


def test_sums_that_cannot_be(bin_together, table, monkeypatch):
    """A host whose sums are none of the labels is found out where they are too large or too small."""
    x, y = table
    original = BinSums.of
    monkeypatch.setattr(BinSums, "of", lambda self, c, first: -original(self, c, first))
    with pytest.raises(ProtocolError, match="more than all labels"):
        bin_together(y, [x])


@pytest.mark.parametrize("sizes", [np.array([1]), np.array([2.0]), np.array([[2]]), np.array([-3])])
def test_numbers_of_bins_that_are_none(bin_together, table, monkeypatch, sizes):
    x, y = table
    monkeypatch.setattr(Shuffle, "sizes", property(lambda self: sizes))
    with pytest.raises(ProtocolError, match="host-0 sent no numbers of bins"):
        bin_together(y, [x])


@pytest.mark.parametrize(
    "values", [np.ones((2, 1)), np.ones(3), np.full((3, 1), np.nan), np.ones((3, 1), dtype=int)]
)
def test_answers_of_the_guest_that_are_none(bin_together, table, monkeypatch, values):
    from pyfate_gpu.federation import Session

    x, y = table
    original = Session.send

    def send(self, to, name, **payload):
        if name == "values":
            payload = {"iv": values}
        return original(self, to, name, **payload)

    monkeypatch.setattr(Session, "send", send)
    with pytest.raises(ProtocolError, match="information values of shape"):
        bin_together(y, [x])


def test_no_message_is_larger_than_two_megabytes(bin_together, frames, rng):
    """300 columns at a host, many rows, ciphertexts of full length."""
    x = rng.normal(size=(60, 300))
    y = rng.integers(0, 2, 60)
    bin_together(y, [x], rules={"key_bits": 2048}, at_hosts={"max_bins": 3, "min_rows": 1})
    sizes = [
        len(value.data)
        for _, _, f in frames
        for value in f.payload.values()
        if isinstance(value, Sealed)
    ]
    assert max(sizes) < 2e6
    from pyfate_gpu.binning.plan import Plan

    class Key:
        ciphertext_words = 64

    chunks = Plan(30_000, 2, weighted=False, consent=False).chunks(Key())
    assert max(last - first for first, last in chunks) * 512 < 2e6
    assert chunks[0][0] == 0
    assert chunks[-1][1] == 30_000
