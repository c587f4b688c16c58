# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: read back exactly, refused when they are others', and what a killed job goes on from."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from pyfate_gpu import HeteroLogisticRegression, simulate
from pyfate_gpu.data.sources import read_rows
from pyfate_gpu.errors import ConfigurationError, PartyFailedError, ProtocolError, StorageError
from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.jobs import launcher
from pyfate_gpu.jobs.checkpoints import Checkpoints, agree_on_iteration
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.party import checkpoints_of, run_party
from tests.jobs.conftest import PORTS
from tests.jobs.mortal_party import mortal

STATE = {
    "weights": np.array([[0.1], [np.nextafter(1, 2)]]),
    "batches": np.arange(3),
    "losses": [0.1, 1 / 3],
    "generator": {"state": 2**127, "name": "PCG64"},
    "steps": 3,
    "velocity": 0.0,
}


@pytest.fixture
def checkpoints(tmp_path):
    def make(job="a", every=2):
        return Checkpoints(tmp_path / "checkpoints", every, job)

    return make


def test_states_are_read_back_exactly(checkpoints, tmp_path):
    checkpoints().save(4, STATE)
    found = checkpoints()
    found.iteration = 4
    state = found.load()
    assert list(state) == list(STATE)
    for name, value in STATE.items():
        np.testing.assert_array_equal(state[name], value)
        assert type(state[name]) is type(value)
    names = zipfile.ZipFile(tmp_path / "checkpoints" / "iteration-00000004.zip").namelist()
    assert names == ["state.json", "weights.npy", "batches.npy"]


def test_the_last_two_are_kept(checkpoints):
    found = checkpoints()
    assert [found.is_due(iteration) for iteration in (1, 2, 3, 4)] == [False, True, False, True]
    for iteration in (2, 4, 6):
        found.save(iteration, STATE)
    assert checkpoints().iterations() == [4, 6]
    found.clear()
    assert checkpoints().iterations() == []


def test_checkpoints_of_another_job_are_refused(checkpoints):
    checkpoints("a").save(2, STATE)
    checkpoints("a").check()
    with pytest.raises(ConfigurationError, match="of another job, .*remove .* to begin anew"):
        checkpoints("b").check()


@pytest.mark.parametrize("spoil", [lambda d: d[:-40], lambda d: b"", lambda d: b"x" * 99])
def test_broken_files_are_named(checkpoints, tmp_path, spoil):
    checkpoints().save(2, STATE)
    path = tmp_path / "checkpoints" / "iteration-00000002.zip"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(
        ConfigurationError, match=r"iteration-00000002.zip is no checkpoint.*remove it"
    ):
        checkpoints().check()


def test_altered_and_renamed_files_are_named(checkpoints, tmp_path):
    found = checkpoints()
    found.save(2, STATE)
    path = tmp_path / "checkpoints" / "iteration-00000002.zip"
    data = bytearray(path.read_bytes())
    data[data.index(b"0.3333")] ^= 1
    path.with_name("iteration-00000004.zip").write_bytes(path.read_bytes())
    path.write_bytes(data)
    found.iteration = 2
    with pytest.raises(ConfigurationError, match="CRC-32"):
        found.load()
    found.iteration = 4
    with pytest.raises(ConfigurationError, match="it was renamed"):
        found.load()
    found.iteration = 6
    with pytest.raises(ConfigurationError, match="cannot read"):
        found.load()


def test_objects_are_never_unpickled(checkpoints, tmp_path):
    with pytest.raises(ValueError, match="pickle"):
        checkpoints().save(2, {"weights": np.array([object()])})
    assert checkpoints().iterations() == []


def test_a_full_disk_leaves_the_last_checkpoint(checkpoints, monkeypatch):
    checkpoints().save(2, STATE)

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyfate_gpu.storage.files.os.fsync", full)
    with pytest.raises(StorageError, match="No space left on device; make room"):
        checkpoints().save(4, STATE)
    assert checkpoints().iterations() == [2]
    checkpoints().check()


class _Kept:
    """Checkpoints by name only."""

    def __init__(self, iterations):
        self.iteration = None
        self.iterations = lambda: iterations
        self.forgotten = 0

    def forget_later(self):
        self.forgotten += 1


@pytest.mark.parametrize(
    ("guest", "host", "arbiter", "common"),
    [([2, 4], [2, 4], [4, 6], 4), ([4], [6], [4], 0), ([], [2], [2], 0), ([2, 4], [2], [2, 4], 2)],
)
def test_all_go_on_from_what_all_have(guest, host, arbiter, common):
    def party(iterations):
        def run(session):
            kept = _Kept(iterations)
            agree_on_iteration(session, kept)
            assert kept.forgotten == 1
            return kept.iteration

        return run

    result = simulate(guest=party(guest), hosts=[party(host)], arbiter=party(arbiter))
    assert set(result.values()) == {common}


def test_those_after_the_agreed_iteration_are_gone(checkpoints):
    for iteration in (2, 4):
        checkpoints().save(iteration, STATE)
    again = checkpoints()
    again.iteration = 2
    again.forget_later()
    assert checkpoints().iterations() == [2]


def test_an_iteration_that_is_not_here_is_refused():
    def guest(session):
        session.begin("resume")
        session.send(session.peers, "resume", iteration_to_resume=8)

    def other(session):
        agree_on_iteration(session, _Kept([2]))

    with pytest.raises(ProtocolError, match=r"goes on after iteration 8, .* checkpoints of \[2\]"):
        simulate(guest=guest, hosts=[other], arbiter=other)


class _Memory:
    """A recovery that keeps everything."""

    def __init__(self, iteration=0, states=None):
        self.iteration = iteration
        self.states = {} if states is None else states

    def load(self):
        return self.states[self.iteration]

    def is_due(self, iteration):
        return True

    def save(self, iteration, state):
        self.states[iteration] = {
            name: value.copy() if isinstance(value, np.ndarray) else json.loads(json.dumps(value))
            for name, value in state.items()
        }


@pytest.mark.parametrize("optimizer", ["newton", "sgd", "nesterov", "adagrad", "rmsprop", "adam"])
def test_training_goes_on_as_if_nothing_had_happened(rows, optimizer):
    _, x, y = rows

    def train(recoveries):
        def party(name, X=None, labels=None, validation=None):
            def run(session):
                session.recovery = recoveries[name]
                model = HeteroLogisticRegression(
                    max_iter=6,
                    tol=0.0,
                    optimizer=optimizer,
                    batch_size=None if optimizer == "newton" else 20,
                    batch_strategy="random",
                    early_stopping_rounds=5,
                    decay=0.1,
                    key_bits=512,
                    allow_insecure_key_size=True,
                )
                return model.fit(X, labels, validation=validation, session=session)

            return run

        return simulate(
            guest=party("guest", x[:, :2], y, (x[:9, :2], y[:9])),
            hosts=[party("host-0", x[:, 2:], None, x[:9, 2:])],
            arbiter=party("arbiter"),
        )

    names = ("guest", "host-0", "arbiter")
    first = {name: _Memory() for name in names}
    whole = train(first)
    assert sorted(first["guest"].states) == [1, 2, 3, 4, 5]
    again = train({name: _Memory(3, first[name].states) for name in names})
    for name in ("guest", "host-0"):
        np.testing.assert_array_equal(again[name].coef_, whole[name].coef_)
        assert again[name].n_iter_ == whole[name].n_iter_ == again["arbiter"].n_iter_
    assert again["guest"].loss_history_ == whole["guest"].loss_history_
    assert again["guest"].validation_history_ == whole["guest"].validation_history_


@pytest.mark.slow
def test_a_job_survives_the_death_of_each_party(small_job, in_process, tmp_path):
    iterations = 24  # a third of them take each party more messages than it lives for
    path = small_job(
        {"job": {"checkpoint_every": 2}, "model": {"max_iter": iterations, "optimizer": "adam"}}
    )
    for turn, victim in enumerate(("guest", "host-0", "arbiter")):
        lines = []
        with (
            mortal(victim, messages=40),
            pytest.raises(PartyFailedError, match=f"{victim} was killed by SIGKILL"),
        ):
            launcher.run_job(Job.load(path), lines.append)
        assert any("guest: iteration 1 of" in line for line in lines) == (turn == 0)
        assert not (tmp_path / "out" / "guest" / "result.json").exists()
    lines = []
    launcher.run_job(Job.load(path), lines.append)
    assert not any("guest: iteration 1 of" in line for line in lines)
    guest, host = in_process(max_iter=iterations, optimizer="adam")
    for party, model in (("guest", guest), ("host-0", host)):
        found = json.loads((tmp_path / "out" / party / "result.json").read_text())
        np.testing.assert_array_equal(found["coef"], model.coef_)
        assert found["iterations"] == iterations
    assert found["party"] == "host-0"
    assert not list((tmp_path / "out").glob("*/checkpoints/*"))


def test_a_party_refuses_checkpoints_of_another_job(small_job, tmp_path):
    guest = Job.load(small_job({"job": {"checkpoint_every": 1}})).configurations(PORTS)[GUEST]
    (tmp_path / "out" / "guest").mkdir(parents=True)
    Checkpoints(tmp_path / "out" / "guest" / "checkpoints", 1, "another").save(2, STATE)
    model = make_estimator(guest.model, guest.parameters)
    with pytest.raises(ConfigurationError, match="of another job, other parameters or other data"):
        checkpoints_of(guest, model, {"data": read_rows(guest.data)})


def test_masked_rows_would_be_told_apart(small_job):
    path = small_job({"job": {"checkpoint_every": 1}, "model": {"masked_rate": 0.5}})
    with pytest.raises(
        ConfigurationError, match="checkpoint_every and masked_rate exclude each other"
    ):
        run_party(Job.load(path).configurations(PORTS)[GUEST])


def test_what_makes_a_job_another_one(small_job):
    def fingerprint(changes=None, **own):
        guest = Job.load(small_job(changes)).configurations(PORTS)[GUEST]
        guest = replace(guest, checkpoint_every=1, **own)
        model = make_estimator(guest.model, guest.parameters)
        return checkpoints_of(guest, model, {"data": read_rows(guest.data)}).job

    same = fingerprint()
    assert fingerprint({"job": {"timeout": 5.0}}) == same
    assert fingerprint(job="other") != same
    assert fingerprint({"model": {"learning_rate": 0.5}}) != same
    assert fingerprint({"data.guest": {"columns": ["a"]}}) != same
    assert fingerprint({"data.guest": {"label": "a"}}) != same
