# SPDX-License-Identifier: Apache-2.0
"""Networks as jobs of two processes over mutual TLS: training, kills, prediction; takes PyTorch."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from pyfate_gpu.errors import PartyFailedError
from tests.jobs.mortal_party import mortal
from tests.jobs.test_without_arbiter import noted, result, run

pytest.importorskip("torch", reason="networks take PyTorch: make test-torch")
pytestmark = pytest.mark.torch

MODEL = {
    "type": "network_classifier",
    "width": 4,
    "max_iter": 8,
    "batch_size": 20,
    "tol": None,
    "net_learning_rate": 0.05,
    "random_state": 1,
}


def job_of(small_job, **changes):
    path = small_job({"model": MODEL, **changes})
    text = [line for line in path.read_text().splitlines() if not line.startswith("tol =")]
    path.write_text("\n".join(text) + "\n")
    return path


@pytest.mark.slow
def test_two_processes_train_and_predict(small_job, rows, tmp_path):
    ids, _, y = rows
    new = {
        "predict.guest": {"path": "guest.csv", "label": "y"},
        "predict.host-0": {"path": "host.csv", "id": "key"},
    }
    path = job_of(small_job, **new)
    run(path)
    losses = result(path, "guest")["loss"]
    assert len(losses) == 8
    assert losses[-1] < losses[0]
    assert "loss" not in result(path, "host-0")
    assert noted(path, "guest", "sent") == noted(path, "host-0", "received")
    assert noted(path, "host-0", "sent") == noted(path, "guest", "received")
    run(path, predict=True)
    with (tmp_path / "out" / "guest" / "predictions.csv").open(newline="") as file:
        found = {row["id"]: int(row["prediction"]) for row in csv.DictReader(file)}
    assert np.mean([found[name] == label for name, label in zip(ids, y, strict=True)]) > 0.7


@pytest.mark.slow
def test_killed_parties_go_on_from_their_shares(small_job):
    path = job_of(small_job, job={"checkpoint_every": 1})
    for victim, messages in (("guest", 60), ("host-0", 50)):
        text = f"{victim} was killed by SIGKILL"
        with pytest.raises(PartyFailedError, match=text), mortal(victim, messages):
            run(path)
    run(path)
    lines = (path.parent / "out" / "guest" / "transcript.jsonl").read_text().splitlines()
    first = [line for line in lines if '"batches"' in line or "/batches" in line]
    assert len(first) >= 3
    losses = result(path, "guest")["loss"]
    assert len(losses) == 8
    assert losses[-1] < losses[0]
