# SPDX-License-Identifier: Apache-2.0
"""Jobs of two processes over mutual TLS, with no third: training, kills, prediction, estimates."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from pyfate_gpu.errors import PartyFailedError
from pyfate_gpu.jobs.calibration import Calibration
from pyfate_gpu.jobs.estimate import estimate, shape_of
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from tests.jobs.mortal_party import mortal
from tests.sshe.oracle import Descent, prepared

SHARED = {"model": {"type": "sshe_logistic", "learning_rate": 0.2, "max_iter": 6, "batch_size": 20}}


def run(path, **options):
    run_job(Job.load(path), lambda line: None, **options)


def result(path, party):
    return json.loads((path.parent / "out" / party / "result.json").read_text())


def weights(path):
    guest, host = result(path, "guest"), result(path, "host-0")
    return np.concatenate([guest["coef"], [guest["intercept"]], host["coef"]])


def noted(path, party, direction):
    lines = (path.parent / "out" / party / "transcript.jsonl").read_text().splitlines()
    keys = ("name", "iteration", "batch", "sha256")
    found = map(json.loads, lines)
    return {tuple(line[key] for key in keys) for line in found if direction in line}


@pytest.fixture
def expected(rows):
    _, x, y = rows
    rule = Descent("linear", 6, batch_size=20, learning_rate=0.2)
    return rule.run(prepared(x[:, :2], 2.0), prepared(x[:, 2:], 2.0), y)


@pytest.mark.slow
def test_two_processes_train_and_predict(small_job, rows, expected, tmp_path):
    ids, x, _ = rows
    new = {
        "predict.guest": {"path": "guest.csv", "label": "y"},
        "predict.host-0": {"path": "host.csv", "id": "key"},
    }
    path = small_job({**SHARED, **new})
    run(path)
    found, losses = expected
    np.testing.assert_allclose(weights(path), found, atol=1e-6)
    np.testing.assert_allclose(result(path, "guest")["loss"], losses, atol=1e-6)
    assert "loss" not in result(path, "host-0")
    assert not (tmp_path / "out" / "arbiter").exists()
    assert noted(path, "guest", "sent") == noted(path, "host-0", "received")
    assert noted(path, "host-0", "sent") == noted(path, "guest", "received")
    run(path, predict=True)
    with (tmp_path / "out" / "guest" / "predictions.csv").open(newline="") as file:
        scores = {row["id"]: float(row["score"]) for row in csv.DictReader(file)}
    X = np.hstack([prepared(x[:, :2], 2.0), np.ones((len(ids), 1)), prepared(x[:, 2:], 2.0)])
    np.testing.assert_allclose([scores[name] for name in ids], X @ found, atol=1e-5)


@pytest.mark.slow
def test_killed_parties_go_on_from_their_shares(small_job, expected):
    """Killed one after the other: what one kept of an attempt that the other did not is gone by the next."""
    path = small_job(SHARED | {"job": {"checkpoint_every": 1}})
    for victim, messages in (("guest", 60), ("host-0", 50)):
        text = f"{victim} was killed by SIGKILL"
        with pytest.raises(PartyFailedError, match=text), mortal(victim, messages):
            run(path)
    run(path)
    np.testing.assert_allclose(weights(path), expected[0], atol=1e-6)
    lines = (path.parent / "out" / "guest" / "transcript.jsonl").read_text().splitlines()
    first = [json.loads(line)["iteration"] for line in lines if "/batches" in line]
    assert len(first) == 3
    assert 1 == first[0] < first[1] < first[2]


def test_an_estimate_knows_two_parties(small_job):
    job = Job.load(small_job(SHARED))
    steps = ("encrypt", "mask", "blind", "check", "add", "weigh", "squeeze", "decrypt")
    rates = Calibration(dict.fromkeys(steps, 1e-3), {"make key": 0.5, "make tables": 0.25}, 1e-5)
    found = estimate(job, shape_of(job), rates)
    assert set(found.work) == set(found.sent) == set(found.memory) == {"guest", "host-0"}
    assert found.setup == {"guest": 0.75, "host-0": 0.75}
    assert found.iterations == 6
    assert found.apart == max(sum(found.seconds[name].values()) for name in found.work)
    # Encrypted shares of weights and residuals, masked results: of 512 bits each ciphertext has 128 bytes.
    work = found.work["guest"]
    assert found.sent["guest"] == (work["encrypt"] + work["mask"]) * 128


@pytest.mark.slow
def test_two_processes_find_their_common_ids(small_job, rows, tmp_path):
    """The host lacks some rows, and nobody else helps."""
    _, x, y = rows
    kept = slice(5, 38)
    changes = SHARED | {"alignment": {"method": "psi"}}
    path = small_job(changes | {"model": SHARED["model"] | {"batch_size": 33}}, kept)
    run(path)
    assert not (tmp_path / "out" / "arbiter").exists()
    rule = Descent("linear", 6, batch_size=33, learning_rate=0.2)
    expected, _ = rule.run(prepared(x[kept, :2], 2.0), prepared(x[kept, 2:], 2.0), y[kept])
    np.testing.assert_allclose(weights(path), expected, atol=1e-6)
