# SPDX-License-Identifier: Apache-2.0
"""Halves in files: what was saved is loaded, exactly; what is damaged is refused."""

from __future__ import annotations

import io
import json
import stat
import zipfile

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu import HeteroLinearRegression, HeteroLogisticRegression, simulate
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.errors import ConfigurationError, DataError, StorageError
from pyfate_gpu.glm.model import FittedHalf


@pytest.fixture
def kinds(toy):
    return np.array(["bus", "car", "van"])[np.digitize(toy.y, [-1.0, 1.0])]


def test_saved_halves_predict_as_before(federate, logistic, toy, kinds, tmp_path):
    guest = pd.DataFrame(toy.guest, columns=["age", "income", "debt"])
    outcome = federate(
        logistic(), guest, pd.Series(kinds), toy.hosts[:1], predict="decision_function"
    )
    outcome.guest.save(tmp_path / "guest")
    outcome.hosts[0].save(tmp_path / "host")
    own = HeteroLogisticRegression.load(tmp_path / "guest")
    other = HeteroLogisticRegression.load(tmp_path / "host")
    assert own.get_params() == outcome.guest.get_params()
    assert own.feature_names_in_.tolist() == ["age", "income", "debt"]
    assert own.classes_.tolist() == ["bus", "car", "van"]
    assert own.n_iter_ == 3
    np.testing.assert_array_equal(own.coef_, outcome.guest.coef_)
    np.testing.assert_array_equal(own.intercept_, outcome.guest.intercept_)
    result = simulate(
        guest=lambda session: own.decision_function(guest, session=session),
        hosts=[lambda session: other.decision_function(toy.hosts[0], session=session)],
        arbiter=lambda session: logistic().decision_function(session=session),
    )
    np.testing.assert_allclose(result["guest"], outcome.predicted, atol=1e-9)


@pytest.fixture
def two_trainings(federate, linear, toy, tmp_path):
    """Files of the halves of two trainings, by a key that both have in common."""
    model = linear(max_iter=1)
    for number in (1, 2):
        outcome = federate(model, toy.guest, toy.y, toy.hosts[:1])
        outcome.guest.save(tmp_path / f"guest-{number}")
        outcome.hosts[0].save(tmp_path / f"host-{number}")
    return tmp_path


def work_together(folder, toy, guest, host, **options):
    """Load two halves, then predict or go on by them."""

    def party(path, *data):
        def run(session):
            model = HeteroLinearRegression.load(folder / path).set_params(**options)
            if options:
                return model.fit(*data, session=session)
            return model.predict(data[0], session=session)

        return run

    def arbiter(session):
        model = HeteroLinearRegression.load(folder / "guest-1").set_params(**options)
        return model.fit(session=session) if options else model.predict(session=session)

    data = (party(guest, toy.guest, toy.y), [party(host, toy.hosts[0])])
    return simulate(guest=data[0], hosts=data[1], arbiter=arbiter)["guest"]


@pytest.mark.parametrize("options", [{}, {"warm_start": True}])
def test_halves_of_two_trainings_do_not_work_together(two_trainings, toy, options):
    work_together(two_trainings, toy, "guest-1", "host-1", **options)
    with pytest.raises(
        ConfigurationError,
        match=r"halves of different trainings: guest has [0-9a-f]{8}, host-0 has [0-9a-f]{8}; take those of one",
    ):
        work_together(two_trainings, toy, "guest-1", "host-2", **options)


def test_halves_of_older_releases_work_with_a_warning(two_trainings, toy, caplog):
    for path in (two_trainings / "guest-1", two_trainings / "host-1"):
        header = json.loads(_members(path)["model.json"])
        assert len(header.pop("training")) == 32
        _change(path, header | {"training": ""})
    work_together(two_trainings, toy, "guest-1", "host-1")
    assert "whether they belong together is not known" in caplog.text
    with pytest.raises(ConfigurationError, match="host-0 has one without a fingerprint"):
        work_together(two_trainings, toy, "guest-2", "host-1")


def test_training_goes_on_from_files(federate, linear, agrees, toy, tmp_path):
    settings = {"optimizer": "sgd", "learning_rate": 0.2}
    outcome = federate(linear(max_iter=2, **settings), toy.guest, toy.y, toy.hosts[:1])
    outcome.guest.save(tmp_path / "guest")
    outcome.hosts[0].save(tmp_path / "host")

    def go_on(path, X, y=None):
        def run(session):
            model = HeteroLinearRegression.load(path).set_params(warm_start=True)
            return model.fit(X, y, session=session)

        return run

    result = simulate(
        guest=go_on(tmp_path / "guest", toy.guest, toy.y),
        hosts=[go_on(tmp_path / "host", toy.hosts[0])],
        arbiter=lambda session: linear(max_iter=2, warm_start=True, **settings).fit(
            session=session
        ),
    )
    once = federate(linear(max_iter=4, **settings), toy.guest, toy.y, toy.hosts[:1])
    np.testing.assert_allclose(result["guest"].coef_, once.guest.coef_, atol=1e-6)


@pytest.fixture
def saved(tmp_path):
    """A half of two columns in a file."""
    model = HeteroLinearRegression(alpha=0.5)
    half = FittedHalf(FeaturePipeline(np.zeros(2), np.ones(2), 3.0), np.ones((3, 1)), True, None)
    model._keep({"_half": half, "n_iter_": 7})
    model.save(tmp_path / "half")
    return tmp_path / "half"


def test_parameters_of_a_search_are_saved(saved):
    model = HeteroLinearRegression.load(saved).set_params(max_iter=np.int64(5))
    model.save(saved)
    assert HeteroLinearRegression.load(saved).max_iter == 5


def test_only_the_owner_reads_the_file(saved):
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert [path.name for path in saved.parent.iterdir()] == ["half"]
    HeteroLinearRegression.load(saved).save(saved)  # in place of the old one
    assert HeteroLinearRegression.load(saved).get_params()["alpha"] == 0.5


def test_halves_of_other_models_are_refused(saved):
    with pytest.raises(DataError, match="holds a HeteroLinearRegression: load it by that class"):
        HeteroLogisticRegression.load(saved)


def _members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _change(path, header=None, **arrays):
    members = _members(path)
    if header:
        members["model.json"] = json.dumps(json.loads(members["model.json"]) | header).encode()
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=True)
        members[f"{name}.npy"] = buffer.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"header": {"version": 2}}, "it is pyfate-gpu model 2"),
        ({"header": {"format": "other"}}, "it is other 1"),
        ({"header": {"version": True}}, "it is pyfate-gpu model True"),
        ({"header": {"clip": -1}}, "not of this form"),
        ({"header": {"clip": True}}, "not of this form"),
        ({"header": {"intercept": "no"}}, "not of this form"),
        ({"header": {"names": "ab"}}, "not of this form"),
        ({"header": {"names": [1, 2]}}, "not of this form"),
        ({"header": {"n_iter": 1.5}}, "not of this form"),
        ({"header": {"params": []}}, "not of this form"),
        ({"header": {"training": "abc"}}, "fingerprint of the training is none"),
        ({"header": {"training": None}}, "fingerprint of the training is none"),
        ({"other": np.zeros(3)}, "not of this form"),
        ({"header": {"intercept": False}}, "do not fit together"),
        ({"header": {"names": ["a"]}}, "do not fit together"),
        ({"mean": np.zeros(3)}, "do not fit together"),
        ({"scale": np.array([1.0, 0.0])}, "do not fit together"),
        ({"weights": np.full((3, 1), np.nan)}, "do not fit together"),
        ({"weights": np.ones(3)}, "do not fit together"),
        ({"weights": np.ones((3, 1), dtype=np.float32)}, "do not fit together"),
        ({"classes": np.arange(3)}, "do not fit together"),
        ({"weights": np.array([[object()]] * 3)}, "an array is of type object"),
    ],
)
def test_files_that_are_no_halves(saved, change, text):
    _change(saved, **change)
    with pytest.raises(DataError, match=text):
        HeteroLinearRegression.load(saved)


def test_small_files_ask_for_no_memory(saved):
    members = _members(saved)
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(DataError, match="a member is compressed"):
        HeteroLinearRegression.load(saved)
    wide = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 50, 1)}
    np.lib.format.write_array_header_1_0(wide, header)
    with zipfile.ZipFile(saved, "w") as archive:
        for name, data in (members | {"weights.npy": wide.getvalue()}).items():
            archive.writestr(name, data)
    with pytest.raises(DataError, match="does not have 0 bytes"):
        HeteroLinearRegression.load(saved)


def test_damaged_files_are_refused(saved):
    whole = saved.read_bytes()
    for damaged in (b"", b"text", whole[:-30], whole[:200] + b"\0\0\0\0" + whole[204:]):
        saved.write_bytes(damaged)
        with pytest.raises(DataError, match="it is damaged or of another release"):
            HeteroLinearRegression.load(saved)
    with pytest.raises(StorageError, match="cannot read"):
        HeteroLinearRegression.load(saved.with_name("missing"))
    saved.write_bytes(whole)
    model = HeteroLinearRegression.load(saved)
    with pytest.raises(StorageError, match="cannot write"):
        model.save(saved.with_name("no folder") / "half")


def test_there_must_be_a_half(federate, logistic, toy, tmp_path):
    outcome = federate(logistic(max_iter=1), toy.guest, toy.labels, toy.hosts[:1])
    with pytest.raises(ConfigurationError, match="the arbiter keeps no weights"):
        outcome.arbiter.save(tmp_path / "half")
    with pytest.raises(ConfigurationError, match="is not fitted: call fit first$"):
        logistic().save(tmp_path / "half")
    assert not list(tmp_path.iterdir())


def test_classes_are_numbers_or_texts(saved):
    model = HeteroLogisticRegression()
    half = HeteroLinearRegression.load(saved)._half
    classes = np.array([("a",), ("b",), None], dtype=object)[:2]
    vars(half)["classes"] = classes
    model._keep({"_half": half, "n_iter_": 1})
    with pytest.raises(ConfigurationError, match="use numbers or texts as labels"):
        model.save(saved)
