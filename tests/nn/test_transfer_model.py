# SPDX-License-Identifier: Apache-2.0
"""Halves of transfer learning: files, later fits and predictions, what they refuse, what a step takes."""

from __future__ import annotations

import copy
import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.errors import ConfigurationError, DataError, DisagreementError, ProtocolError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.nn.transfer import FederatedTransfer
from pyfate_gpu.protocol.cost import JobShape
from pyfate_gpu.storage.archive import pack, unpack
from tests.jobs.test_estimate import Ends
from tests.nn.transfer_rule import rule
from tests.sshe.oracle import prepared

SMALL = {
    "key_bits": 512,
    "allow_insecure_key_size": True,
    "features": 3,
    "max_iter": 4,
    "random_state": 1,
}
COMMON = np.arange(20, 40), np.arange(20)


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(4)
    hidden = generator.normal(size=(60, 2))
    own = hidden @ generator.normal(size=(2, 3)) + 0.1 * generator.normal(size=(60, 3))
    other = hidden @ generator.normal(size=(2, 4)) + 0.1 * generator.normal(size=(60, 4))
    return own[:40], np.where(hidden[:40, 0] > 0, "up", "down"), other[20:]


def fit(data, guest=None, host=None, *, common=COMMON, **params):
    """Fit both models, made here unless given."""
    own, y, other = data
    models = [model or FederatedTransfer(**{**SMALL, **params}) for model in (guest, host)]
    simulate(
        guest=lambda s: models[0].fit(own, y, session=s, common=common[0]),
        hosts=[lambda s: models[1].fit(other, session=s, common=common[1])],
        timeout=60.0,
    )
    return models


def predict(guest, host, rows, method="predict"):
    found = simulate(
        guest=lambda s: getattr(guest, method)(session=s),
        hosts=[lambda s: getattr(host, method)(rows, session=s)],
        timeout=60.0,
    )
    assert found["guest"] is None
    return found["host-0"]


@pytest.fixture(scope="module")
def fitted(data):
    return fit(data)


@pytest.fixture
def written(fitted, tmp_path):
    for name, model in zip(("guest", "host"), fitted, strict=True):
        model.save(tmp_path / name)
    return tmp_path


def test_halves_from_files_predict_as_those_in_memory(data, fitted, written):
    loaded = [FederatedTransfer.load(written / name) for name in ("guest", "host")]
    rows = data[2][20:]
    expected = predict(*fitted, rows, "decision_function")
    np.testing.assert_array_equal(predict(*loaded, rows, "decision_function"), expected)
    np.testing.assert_allclose(
        expected,
        prepared(data[2], 4.0)[20:] @ fitted[1].weights_ @ fitted[0].centres_[0],
        atol=1e-5,
    )
    assert loaded[0].get_params() == fitted[0].get_params()
    assert loaded[0].training_ == loaded[1].training_ == fitted[0].training_
    assert not hasattr(loaded[1], "centres_")
    probability = predict(*loaded, rows, "predict_proba")
    np.testing.assert_allclose(probability[:, 1], 1 / (1 + np.exp(-expected)))
    assert loaded[1].output_names() == ["down", "up"]
    wanted = loaded[1].interpret(expected)["prediction"]
    assert wanted.tolist() == np.where(expected > 0, "up", "down").tolist()
    assert loaded[1].evaluate(wanted, expected)["accuracy"] == 1.0


def test_rows_are_scored_some_at_a_time(data, fitted, monkeypatch):
    expected = predict(*fitted, data[2], "decision_function")
    monkeypatch.setattr("pyfate_gpu.nn.transfer.prediction.CHUNK", 7)
    np.testing.assert_array_equal(predict(*fitted, data[2], "decision_function"), expected)


def test_three_classes_have_probabilities(data):
    own, _, other = data
    y = np.arange(40) % 3
    guest, host = fit((own, y, other))
    found = predict(guest, host, other[20:], "predict_proba")
    assert found.shape == (20, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    scores = predict(guest, host, other[20:], "decision_function")
    assert (host.interpret(scores)["prediction"] == np.argmax(scores, axis=1)).all()
    assert set(host.evaluate(y[:20], scores)) == {"log_loss", "accuracy", "f1"}
    assert guest.outputs_of(y) == 3


def test_another_process_reads_a_half(fitted, written):
    code = (
        "import sys; from pyfate_gpu.nn.transfer import FederatedTransfer as F;"
        "print(F.load(sys.argv[1]).weights_.tobytes().hex())"
    )
    command = [sys.executable, "-c", code, str(written / "host")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == fitted[1].weights_.tobytes().hex()


def test_halves_of_other_trainings_do_not_predict_together(data, fitted):
    again = fit(data)
    with pytest.raises(DisagreementError, match="halves of different trainings"):
        predict(fitted[0], again[1], data[2])


def test_a_warm_start_goes_on_from_both_halves(data, written):
    halves = [
        FederatedTransfer.load(written / name).set_params(warm_start=True)
        for name in ("guest", "host")
    ]
    before = [model.weights_ for model in halves]
    guest, host = fit(data, *halves)
    own, y, other = data
    signs = np.where(y == "up", 1.0, -1.0)[:, None]
    *_, losses, _ = rule(
        prepared(own, 4.0), prepared(other, 4.0), signs, COMMON, iterations=5, seeds=(1, 1)
    )
    assert guest.loss_history_[0] == pytest.approx(losses[4], abs=1e-6)
    assert all((model.weights_ != old).any() for model, old in zip(halves, before, strict=True))
    new = FederatedTransfer(**SMALL, warm_start=True)
    with pytest.raises(ConfigurationError, match="begin with weights of different trainings"):
        fit(data, guest, new)
    for model in (guest, host):
        model.set_params(features=2)
    with pytest.raises(ConfigurationError, match="map 3 inputs to 3 features|map 4 inputs to 3"):
        fit(data, guest, host)


def test_it_ends_where_the_loss_settles(data):
    guest, host = fit(data, max_iter=30, tol=0.02)
    changes = np.abs(np.diff(guest.loss_history_))
    assert guest.n_iter_ == host.n_iter_ == len(guest.loss_history_) < 30
    assert changes[-1] <= 0.02 < changes[:-1].min()
    assert guest.report_.ended == "the loss changed by at most 0.02"


def test_callbacks_hear_of_each_step(data):
    heard = []

    class Listener:
        def on_iteration(self, report):
            heard.append((report.party, report.iteration, report.loss))

        def __deepcopy__(self, memo):
            return self

    guest, _ = fit(data, callbacks=[Listener()])
    assert [(n, loss) for who, n, loss in heard if who == "guest"] == list(
        enumerate(guest.loss_history_, 1)
    )
    assert [(n, loss) for who, n, loss in heard if who == "host-0"] == [
        (n, None) for n in range(1, 5)
    ]


def double(values):
    return np.hstack([values, values**2])


def test_a_net_is_given_again(data, written, tmp_path):
    other = data[2]
    guest, host = fit(data, None, FederatedTransfer(**SMALL, bottom=double))
    host.save(tmp_path / "half")
    again = FederatedTransfer.load(tmp_path / "half", bottom=double)
    expected = predict(guest, host, other, "decision_function")
    np.testing.assert_array_equal(predict(guest, again, other, "decision_function"), expected)
    for bottom, text in (
        (None, "give that net as bottom"),
        (lambda v: v, "puts out 4 numbers a row, in training it was 8"),
        (lambda v: double(v) * np.nan, "a row of finite numbers"),
    ):
        broken = FederatedTransfer.load(tmp_path / "half", bottom=bottom)
        with pytest.raises(DataError, match=text):
            predict(guest, broken, other)
    with pytest.raises(DataError, match="leave bottom out"):
        predict(guest, FederatedTransfer.load(written / "host", bottom=double), other)


@pytest.mark.parametrize(
    ("name", "change", "error", "text"),
    [
        ("guest", {"y": None}, DataError, "the guest has the labels"),
        ("guest", {"y": np.linspace(0, 1, 40)}, DataError, "no whole ones"),
        ("guest", {"y": ["a"] * 40}, DataError, "1 distinct values"),
        ("guest", {"y": [1, "a"] * 20}, DataError, "mixes types"),
        ("guest", {"y": [None] * 40}, DataError, "0 distinct values|type"),
        ("guest", {"y": [0, 1] * 10}, DataError, "40 rows"),
        ("host-0", {"y": [0, 1] * 20}, DataError, "a host has no labels"),
        ("guest", {"sample_weight": np.ones(40)}, DataError, "no sample_weight"),
        ("host-0", {"validation": np.ones((5, 4))}, ConfigurationError, "no validation rows"),
        ("host-0", {"X": np.full((40, 4), np.nan)}, DataError, "NaN"),
    ],
    ids=str,
)
def test_input_that_cannot_be_used(data, name, change, error, text):
    own, y, other = data

    def party(session):
        arguments = {"X": own, "y": y, "common": COMMON[0]}
        if session.party != GUEST:
            arguments = {"X": other, "common": COMMON[1]}
        if session.party.name == name:
            arguments |= change
        FederatedTransfer(**SMALL).fit(session=session, **arguments)

    with pytest.raises(error, match=text):
        simulate(guest=party, hosts=[party], timeout=30.0)


@pytest.mark.parametrize(
    "params",
    [
        {"features": 0}, {"kappa": 16}, {"own": -1}, {"tol": -0.1}, {"momentum": 1.0}, {"clip": 64.0},
        {"learning_rate": 0.0}, {"random_state": -1}, {"random_state": True}, {"warm_start": 1},
        {"squeeze": "yes"}, {"bottom": "net.pt"}, {"callbacks": [1]}, {"scheme": "rsa"},
    ],
    ids=str,
)  # fmt: skip
def test_parameters_that_make_no_sense(params):
    with pytest.raises(ConfigurationError, match=next(iter(params))):
        FederatedTransfer(**params).check()


def test_another_fixed_point_at_the_other_party(data):
    class Other(FederatedTransfer):
        def terms(self):
            found = super().terms()
            return found | {"fixed_point": found["fixed_point"] | {"row": 44}}

    with pytest.raises(DisagreementError, match="fixed_point .*'row': 40.* there, .*'row': 44"):
        fit(data, None, Other(**SMALL))


@pytest.mark.parametrize(
    ("name", "payload", "text"),
    [
        ("outputs", {"count": 0}, "the guest announced 0 outputs"),
        ("score_rows", {"count": 0}, "host-0 asks for scores of 0 rows"),
        ("common", {"inputs": 0}, "announced 0 inputs"),
        *(
            ("classes", {"names": names}, "names of classes that are no sorted list of different")
            for names in (
                '["a", 1]', '["b", "a"]', '["a", "a"]', "[1e400, 1]", "[NaN, 1]", "[[1], 2]", '{"a": 1}', "[1]", "2",
                '["\\ud800", "a"]', "[" * 100_000,
            )
        ),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_the_other_party_cannot_say(data, monkeypatch, name, payload, text):
    original = Session.send

    def send(self, to, message, **values):
        return original(self, to, message, **values | (payload if message == name else {}))

    monkeypatch.setattr(Session, "send", send)
    with pytest.raises(ProtocolError, match=text):
        predict(*fit(data, max_iter=1), data[2])


def test_a_host_that_asks_for_scores_of_endless_rows(data, fitted, monkeypatch):
    """The guest serves them some at a time, and has no memory for a list of them all."""
    original = Session.send

    def send(self, to, message, **values):
        return original(
            self, to, message, **values | ({"count": 1 << 62} if message == "score_rows" else {})
        )

    monkeypatch.setattr(Session, "send", send)
    with pytest.raises(ProtocolError, match=r"shape \(40, 1\)"):
        predict(*fitted, data[2])


def test_a_guest_that_goes_on_without_any_label(data, written):
    halves = [
        FederatedTransfer.load(written / name).set_params(warm_start=True)
        for name in ("guest", "host")
    ]
    with pytest.raises(DataError, match="none of the 40 rows has a label"):
        fit((data[0], [None] * 40, data[2]), *halves)


def test_rows_of_a_guest_are_not_predicted(data, fitted):
    with pytest.raises(DataError, match="predicts no rows of its own"):
        simulate(
            guest=lambda s: fitted[0].predict(data[0], session=s),
            hosts=[lambda s: fitted[1].predict(data[2], session=s)],
            timeout=10.0,
        )
    with pytest.raises(ConfigurationError, match="not fitted"):
        predict(FederatedTransfer(), FederatedTransfer(), data[2])
    with pytest.raises(ConfigurationError, match="hears the names of classes with its first"):
        copy.copy(fit(data)[1]).output_names()


def test_tables_are_judged_before_others_are_waited_for(data):
    own, _, other = data
    names = tuple("abcd")
    model = FederatedTransfer()
    model.check_rows(Role.HOST, Rows(["a"], names, other[:1], None))
    model.check_rows(Role.GUEST, Rows(["a"], names[:3], own[:1], np.array(["up"])))
    mixed = Rows(["a", "b"], names[:3], own[:2], np.array([1, "a"], dtype=object))
    with pytest.raises(DataError, match="mixes types"):
        model.check_rows(Role.GUEST, mixed)
    rows = Rows(["a"], names, other[:1], None)
    with pytest.raises(ConfigurationError, match="no validation rows"):
        model.check_rows(Role.HOST, rows, rows)


def test_labels_of_two_tables_that_do_not_go_together(data):
    own, _, other = data

    def guest(session):
        tables = [
            Rows([name], ("a",), own[:1, :1], np.array([label]))
            for name, label in (("x", 1), ("y", "b"))
        ]
        FederatedTransfer(**SMALL).fit_rows(session, tables[0], alone=tables[1])

    with pytest.raises(DataError, match="types that do not go together"):
        simulate(guest=guest, hosts=[lambda s: fit_host(s, other)], timeout=10.0)


def fit_host(session, other):
    FederatedTransfer(**SMALL).fit(other, session=session)


@pytest.mark.parametrize("squeeze", [True, False])
def test_operations_are_those_of_the_workload(data, squeeze):
    guest, host = fit(data, squeeze=squeeze)
    work = guest.workload(JobShape(rows=20, columns={"guest": 3, "host-0": 4}))
    for name, model in (("guest", guest), ("host-0", host)):
        operations = model.report_.usage.operations
        for step in ("encrypt", "mask", "multiply", "check", "decrypt"):
            assert operations.get(step, 0) == work.iterations * work.steps[name].get(step, 0), step


def test_round_trips_are_those_of_messages(data, monkeypatch):
    ends = Ends(monkeypatch)
    guest, _ = fit(data, callbacks=[ends])
    found = [(after - before) / 2 for before, after in itertools.pairwise(ends[1:])]
    assert max(found) == guest.workload(JobShape(20, {"guest": 3, "host-0": 4})).round_trips


FORM = ("model.json", "pyfate-gpu transfer", 1)


@pytest.mark.parametrize(
    "change",
    [
        {"clip": None}, {"clip": 64}, {"names": ["u"]}, {"names": [1, 2, 3]}, {"n_iter": True}, {"n_iter": -1},
        {"training": "b"},
        {"params": []}, {"bottom": 1}, {"estimator": "X"}, {"params": {"nobody": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_headers_that_nobody_wrote(written, change):
    path = written / "guest"
    header, arrays = unpack(path.read_bytes(), *FORM)
    path.write_bytes(pack("model.json", json.dumps(header | change), arrays))
    with pytest.raises((DataError, ConfigurationError), match=r"damaged|holds a X|nobody"):
        FederatedTransfer.load(path)


@pytest.mark.parametrize("name", ["mean", "scale", "weights", "centres", "classes"])
def test_arrays_that_nobody_wrote(written, name):
    path = written / "guest"
    header, arrays = unpack(path.read_bytes(), *FORM)
    wrong = [
        np.zeros(1),
        np.zeros((3, 1), dtype=np.int64),
        np.full((3, 3), np.inf),
        np.array(["a"] * 2),
    ]
    for array in wrong:
        path.write_bytes(pack("model.json", json.dumps(header), arrays | {name: array}))
        with pytest.raises(DataError, match="it is damaged or of another release"):
            FederatedTransfer.load(path)
    del arrays[name]
    path.write_bytes(pack("model.json", json.dumps(header), arrays))
    with pytest.raises(DataError, match="it is damaged or of another release"):
        FederatedTransfer.load(path)
