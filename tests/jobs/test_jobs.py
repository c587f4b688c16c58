# SPDX-License-Identifier: Apache-2.0
"""Whole jobs: parties as processes over mutual TLS; what they make, how they fail."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pyfate_gpu.errors import ConfigurationError, PartyFailedError, StorageError
from pyfate_gpu.federation.mailbox import Address
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.transcript import Transcript
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from pyfate_gpu.jobs.party import run_party
from pyfate_gpu.storage.files import locked
from tests.jobs.conftest import PORTS


@pytest.fixture
def run():
    def job(path):
        lines = []
        run_job(Job.load(path), lines.append)
        return lines

    return job


def result(path, party):
    return json.loads((path.parent / "out" / party / "result.json").read_text())


def check_equal(path, models):
    guest, host = models
    for party, model in (("guest", guest), ("host-0", host)):
        np.testing.assert_array_equal(result(path, party)["coef"], model.coef_)
    assert result(path, "guest")["intercept"] == guest.intercept_
    assert result(path, "guest")["loss"] == guest.loss_history_


def test_processes_make_the_weights_that_threads_make(small_job, run, in_process):
    path = small_job({"engine": {"hardened": True}})
    lines = run(path)
    check_transcripts(path)
    check_permissions(path)
    check_equal(path, in_process())
    assert any("guest: iteration 3 of 3, loss 0." in line for line in lines)
    assert sum("1 thread(s), hardened" in line for line in lines) == 3
    assert all(result(path, party)["report"]["hardened"] for party in ("guest", "host-0"))
    assert result(path, "guest")["columns"] == ["a", "b"]
    assert result(path, "host-0")["columns"] == ["c", "d", "e"]
    assert "coef" not in result(path, "arbiter")
    assert "loss" not in result(path, "host-0")


def check_transcripts(path):
    """Sender and recipient noted the same messages, and no contents."""
    noted = {}
    for party in ("guest", "host-0", "arbiter"):
        text = (path.parent / "out" / party / "transcript.jsonl").read_text()
        noted[party] = [json.loads(line) for line in text.splitlines()]
    keys = ("name", "iteration", "batch", "bytes", "sha256")
    sent, received = set(), set()
    for party, entries in noted.items():
        for entry in entries:
            assert set(entry) <= {"time", "sent", "received", *keys}
            what = tuple(entry[key] for key in keys)
            if "sent" in entry:
                sent.add((party, entry["sent"], *what))
            else:
                received.add((entry["received"], party, *what))
    assert sent == received
    assert {name for _, _, name, *_ in sent} >= {"align-3/ids", "fit-4/residual"}


def check_permissions(path):
    """Private files are for their owner."""
    out = path.parent / "out"
    for each in (out, *out.rglob("*")):
        private = stat.S_IMODE(each.stat().st_mode) == (0o700 if each.is_dir() else 0o600)
        assert private or each.parent.name == "certificates", each
    assert stat.S_IMODE((out / "certificates" / "guest.key").stat().st_mode) == 0o600
    assert not (path.parent / "out" / "certificates" / "ca.key").exists()


@pytest.mark.parametrize(
    ("changes", "keep", "text"),
    [
        ({}, slice(1, None), r"host-0 failed: .* same ids \(the guest has 40, host-0 has 39\)"),
        ({"data.host-0": {"id": "nr"}}, slice(None), "host-0 failed: .* has no column 'nr'"),
    ],
    ids=["other ids", "no id column"],
)
def test_the_party_that_failed_is_named_with_its_reason(small_job, run, changes, keep, text):
    with pytest.raises(PartyFailedError, match=text):
        run(small_job(changes, keep))


def test_rows_that_only_some_have_are_left_out(small_job, run, in_process):
    pytest.importorskip("private_set_intersection")
    keep = slice(3, 38)
    path = small_job({"alignment": {"method": "psi"}, "job": {"checkpoint_every": 2}}, keep)
    lines = run(path)
    assert any("guest shares 35 of its 40 ids" in line for line in lines)
    assert any("host-0 shares 35 of its 35 ids" in line for line in lines)
    check_equal(path, in_process(keep))


def test_parameters_are_checked_before_anything_starts(small_job, run):
    path = small_job({"model": {"alpha": -1}})
    with pytest.raises(ConfigurationError, match="alpha is -1"):
        run(path)
    assert not (path.parent / "out").exists()


def test_different_parameters_are_named(small_job, run, monkeypatch):
    path = small_job()
    original = Job.configurations

    def differ(self, ports):
        found = original(self, ports)
        host = next(party for party in found if party.name == "host-0")
        parameters = {**found[host].parameters, "alpha": 0.5, "max_iter": 4}
        found[host] = replace(found[host], parameters=parameters)
        return found

    monkeypatch.setattr(Job, "configurations", differ)
    with pytest.raises(
        PartyFailedError,
        match=r"host-0 and the guest are set differently: alpha .* there, 0.5 here; max_iter 3 there, 4 here",
    ):
        run(path)


def test_a_run_that_is_told_to_end_leaves_no_party_behind(small_job):
    path = small_job({"model": {"max_iter": 100_000}})
    command = [sys.executable, "-m", "pyfate_gpu.cli", "run", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert any("iteration 2 of" in line for line in process.stdout)
        process.terminate()
        process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM
    for party in ("guest", "host-0", "arbiter"):
        with locked(path.parent / "out" / party):  # which a party that lives would not let go
            pass


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"data.guest": {"label": None}}, r"\[data\] of the guest lacks label"),
        (
            {"validation.guest": {"path": "guest.csv"}, "validation.host-0": {"path": "host.csv"}},
            r"\[validation\] of the guest lacks label",
        ),
        ({"data.host-0": {"label": "c"}}, r"\[data\] of host-0 has label: labels, .* the guest's"),
        ({"data.host-0": {"weight": "c"}}, r"\[data\] of host-0 has weight"),
    ],
)
def test_the_guest_has_the_labels(small_job, changes, text):
    with pytest.raises(ConfigurationError, match=text):
        run_party(Job.load(small_job(changes)).configurations(PORTS)[GUEST])


def test_exposure_is_for_poisson(small_job):
    path = small_job({"data.guest": {"exposure": "a"}})
    with pytest.raises(
        ConfigurationError,
        match="is the column of exposure, which HeteroLogisticRegression does not take",
    ):
        run_party(Job.load(path).configurations(PORTS)[GUEST])


def test_a_poisson_job_takes_weights_and_exposures(small_job, run, rows, tmp_path):
    path = small_job(
        {
            "model": {"type": "poisson", "max_iter": 1},
            "data.guest": {"weight": "w", "exposure": "t"},
        }
    )
    lines = (tmp_path / "guest.csv").read_text().splitlines()
    columns = [f"{index % 3 + 1},{index % 5 + 1}" for index in range(len(lines))]
    columns[0] = "w,t"
    text = "\n".join(f"{line},{more}" for line, more in zip(lines, columns, strict=True))
    (tmp_path / "guest.csv").write_text(text)
    run(path)
    assert result(path, "guest")["columns"] == ["a", "b"]
    assert result(path, "guest")["model"] == "poisson"


def test_one_job_at_a_time_in_a_folder(small_job, run):
    path = small_job()
    (path.parent / "out").mkdir()
    with locked(path.parent / "out"), pytest.raises(ConfigurationError, match="another process"):
        run(path)


def test_a_folder_is_free_again_afterwards(tmp_path):
    for _ in range(2):
        with locked(tmp_path):
            pass


def test_a_transcript_that_cannot_be_written_ends_the_job():
    transcript = Transcript(Path("/dev/full"))
    address = Address(GUEST, "fit-1/residual", 1, 0)
    with pytest.raises(StorageError, match="transcript cannot be written: .*No space left"):
        transcript.record("sent", GUEST, address, bytes(32))
    transcript.close()  # what could not be written then is not tried again
