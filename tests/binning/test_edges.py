# SPDX-License-Identifier: Apache-2.0
"""Tables and parameters at the edge, and models in files."""

from __future__ import annotations

import zipfile

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.binning import HeteroBinning
from pyfate_gpu.errors import ConfigurationError, DataError, StorageError
from tests.binning.conftest import SMALL

Y = np.tile([0, 1], 50)


def test_columns_of_which_nothing_can_be_said(bin_together):
    x = np.full((100, 4), 5.0)
    x[:, 1] = np.nan
    x[0, 2] = 9.0  # one other value, merged
    x[:, 3] = np.where(np.arange(100) < 99, 1.0, 2.0)
    guest, (host,) = bin_together(Y, [x])
    assert host.iv_.tolist() == [0, 0, 0, 0]
    assert guest.host_evidence_ == {"host-0": []}
    assert guest.report_.usage.operations.get("decrypt", 0) == 0


def test_one_host_without_usable_columns_beside_another(bin_together):
    guest, hosts = bin_together(Y, [np.ones((100, 2)), Y.reshape(-1, 1) * 1.0], Y.reshape(-1, 1))
    assert hosts[0].iv_.tolist() == [0, 0]
    assert hosts[1].iv_[0] == round(guest.iv_[0], 4)
    assert hosts[1].iv_[0] > 5


def test_a_host_without_columns(bin_together):
    guest, (host,) = bin_together(Y, [np.empty((100, 0))])
    assert host.iv_.shape == (0,)
    assert host.transform(np.empty((3, 0))).shape == (3, 0)
    assert guest.host_evidence_ == {"host-0": []}


def test_a_guest_without_columns(bin_together):
    for table in (None, np.empty((100, 0))):
        guest, _ = bin_together(Y, [Y.reshape(-1, 1)], table)
        assert guest.iv_.shape == (0,)
        assert len(guest.host_evidence_["host-0"]) == 1


def test_infinite_and_equal_values(bin_together):
    x = np.repeat([-np.inf, 0.0, np.inf], [30, 40, 30])
    _, (host,) = bin_together(Y, [x.reshape(-1, 1)])
    assert np.bincount(host.transform(x.reshape(-1, 1)).ravel()).tolist() == [30, 40, 30]


def test_one_value_among_missing_ones(bin_together):
    """Too few to be shown: it shares the bin of missing values. Where one row may be shown it has its own."""
    x = np.full((100, 1), np.nan)
    x[3] = 7.0
    guest, (host,) = bin_together(Y, [x])
    assert (host.iv_.tolist(), guest.host_evidence_) == ([0], {"host-0": []})
    guest, _ = bin_together(Y, [x], at_hosts={"min_rows": 1})
    (column,) = guest.host_evidence_["host-0"]
    assert sorted(column[0].events + column[0].others) == [1, 99]


def test_groups_by_hand_that_no_row_is_in(bin_together):
    """A category of the list that training lacks has a bin all the same, of which labels say nothing."""
    frame = pd.DataFrame({"code": np.where(Y, "a", "b")})
    rules = {"categories": {"code": [["a"], ["never"], ["b"]]}}
    consent = {"share_woe": True}
    guest, (host,) = bin_together(Y, [frame], frame, rules=rules, at_guest=consent)
    assert host.transform(pd.DataFrame({"code": ["never", "b", "else"]})).tolist() == [
        [1],
        [2],
        [3],
    ]
    assert host.woe_[0][1] == guest.woe_[0][1] == 0
    assert host.iv_[0] == round(guest.iv_[0], 4) > 5


def test_types_of_numbers_have_the_same_bins(bin_together, rng):
    """float32 beside float64, and whole numbers that float64 does not tell apart."""
    x = rng.normal(size=(100, 1)).astype(np.float32)
    single, double = (bin_together(Y, [table])[1][0] for table in (x, x.astype(np.float64)))
    assert single.transform(x).tolist() == double.transform(x).tolist()
    assert single.iv_.tolist() == double.iv_.tolist()
    large = (2**60 + np.arange(100)).reshape(-1, 1)
    with pytest.raises(DataError, match=r"2\*\*53"):
        bin_together(Y, [large])


def test_fewer_rows_than_bins(bin_together):
    x = np.arange(4.0).reshape(-1, 1)
    y = [0, 1, 1, 0]
    assert bin_together(y, [x])[1][0].iv_.tolist() == [0]
    guest, _ = bin_together(y, [x], at_hosts={"min_rows": 1})
    assert len(guest.host_evidence_["host-0"][0][0].events) == 4


def test_one_row_has_one_class(bin_together):
    with pytest.raises(DataError, match="1 distinct values"):
        bin_together([1], [np.ones((1, 1))])


@pytest.mark.parametrize(
    "y",
    [np.where(Y, 1, -1), Y + 1, Y.astype(bool), Y.astype(float), np.where(Y, "b", "a")],
    ids=["-1 1", "1 2", "bool", "float", "texts"],
)
def test_labels_of_any_two_values(bin_together, y):
    x = np.arange(100.0).reshape(-1, 1)
    expected = bin_together(Y, [x])[1][0].iv_
    assert bin_together(y, [x])[1][0].iv_.tolist() == expected.tolist()


def test_rows_and_terms_have_to_be_alike(bin_together):
    x = np.arange(100.0).reshape(-1, 1)
    with pytest.raises(ConfigurationError, match="the guest has 100 rows, host-0 has 99"):
        bin_together(Y, [x[:99]])
    with pytest.raises(ConfigurationError, match="smoothing 'fate' there, 'laplace' here"):
        bin_together(Y, [x], at_hosts={"smoothing": "laplace"})
    # What concerns one party's columns may differ.
    bin_together(Y, [x], at_hosts={"method": "width", "max_bins": 3, "special": [1.0]})


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        ({"at_hosts": {"method": "optimal"}}, ConfigurationError, "which a host has none of"),
        ({"at_hosts": {"min_rows": 0}}, ConfigurationError, "min_rows"),
        ({"at_hosts": {"cuts": {0: [2, 1]}}}, ConfigurationError, "must increase"),
        ({"rules": {"scheme": "elgamal"}}, ConfigurationError, "scheme"),
        ({"at_guest": {"share_woe": "yes"}}, ConfigurationError, "true or false"),
        ({"at_guest": {"output": "onehot"}}, ConfigurationError, "bins, woe"),
        ({"weights": np.full(100, -1.0)}, DataError, "0 or more"),
        ({"weights": 1.0 * Y}, DataError, "without weight"),
        ({"weights": np.where(Y, 1e-9, 1.0)}, DataError, "would count as 0"),
        ({"weights": np.ones(3)}, DataError, "100 numbers"),
    ],
)
def test_what_makes_no_sense(bin_together, call, error, text):
    with pytest.raises(error, match=text):
        bin_together(Y, [np.arange(100.0).reshape(-1, 1)], **call)


def test_more_classes_than_a_ciphertext_has_room_for(bin_together):
    with pytest.raises(ConfigurationError, match="100 classes, a key of 512 bits has room for 63"):
        bin_together(np.arange(100), [np.ones((100, 1))])


def test_roles_have_their_own_data():
    x = np.arange(100.0).reshape(-1, 1)

    def fit(**data):
        return lambda session: HeteroBinning(**SMALL).fit(session=session, **data)

    with pytest.raises(DataError, match="a host has no labels"):
        simulate(guest=fit(y=Y), hosts=[fit(X=x, y=Y)])
    with pytest.raises(ConfigurationError, match="takes one guest and hosts; this job has"):
        simulate(guest=fit(y=Y), hosts=[fit(X=x)], arbiter=fit())
    with pytest.raises(DataError, match="a host has no labels"):
        simulate(guest=fit(y=Y), hosts=[fit(X=x, validation=(x, Y))])
    with pytest.raises(DataError, match="no rows"):
        simulate(guest=fit(X=np.empty((0, 1)), y=[]), hosts=[fit(X=x)])


def test_before_fit_and_what_bins_do_not_do(bin_together):
    for call in ("transform", "save"):
        with pytest.raises(ConfigurationError, match="call fit"):
            getattr(HeteroBinning(), call)("x")
    guest, _ = bin_together(Y, [np.ones((100, 1))])
    with pytest.raises(ConfigurationError, match="calls transform by itself"):
        guest.score_rows(session=None)


def test_transform_of_other_tables(bin_together):
    frame = pd.DataFrame({"a": np.arange(100.0), "b": np.where(Y, "x", "y")})
    _, (host,) = bin_together(Y, [frame])
    assert host.transform(frame.iloc[:0]).shape == (0, 2)
    new = pd.DataFrame({"a": [-1e9, np.nan], "b": ["z", "x"]})
    assert host.transform(new).tolist() == [[0, 2], [5, 0]]
    with pytest.raises(DataError, match="missing: b; not known: c"):
        host.transform(frame.rename(columns={"b": "c"}))
    with pytest.raises(DataError, match="column 'a'"):
        host.transform(frame.assign(a="text"))
    with pytest.raises(DataError, match="column 'b': .*use the type of training"):
        host.transform(frame.assign(b=1.0))


@pytest.fixture
def saved(bin_together, tmp_path):
    frame = pd.DataFrame({"a": np.arange(100.0), "b": np.where(Y, "x", "y")})
    rules = {"output": "woe", "cuts": {"a": np.array([30.5, 60])}, "special": (np.int64(7),)}
    y = np.arange(100) % 3
    parties = bin_together(y, [frame], frame, at_guest={"share_woe": True}, rules=rules)
    paths = [tmp_path / "guest.model", tmp_path / "host.model"]
    for model, path in zip((parties[0], parties[1][0]), paths, strict=True):
        model.save(path)
    return frame, (parties[0], parties[1][0]), paths


def test_models_in_files(saved):
    frame, models, paths = saved
    for model, path in zip(models, paths, strict=True):
        again = HeteroBinning.load(path)
        np.testing.assert_array_equal(again.transform(frame), model.transform(frame))
        np.testing.assert_array_equal(again.iv_, model.iv_)
        assert again.output == "woe"
        assert again.min_rows == 20
        assert again.feature_names_in_.tolist() == ["a", "b"]
        assert again._half.as_json() == model._half.as_json()
        assert path.stat().st_mode & 0o77 == 0
    assert again.get_feature_names_out().tolist()[:3] == ["a 0", "a 1", "a 2"]


def test_files_that_are_no_models(saved, tmp_path):
    _, _, (path, _) = saved
    with pytest.raises(StorageError, match="cannot read"):
        HeteroBinning.load(tmp_path / "none")
    data = path.read_bytes()
    for damaged in (b"", data[:-30], data.replace(b'"woe": true', b'"woe": 1   '), data[:200]):
        (tmp_path / "damaged").write_bytes(damaged)
        with pytest.raises(DataError, match="is no pyfate-gpu bins 1"):
            HeteroBinning.load(tmp_path / "damaged")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for lacking in ("iv.npy", "woe-0.npy", "rows-1.npy", "own-0.npy", "classes.npy", "bins.json"):
        with zipfile.ZipFile(tmp_path / "lacks", "w") as archive:
            for name, content in members.items():
                if name != lacking:
                    archive.writestr(name, content)
        with pytest.raises(DataError, match="is no pyfate-gpu bins 1"):
            HeteroBinning.load(tmp_path / "lacks")
