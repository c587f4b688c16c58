# SPDX-License-Identifier: Apache-2.0
"""Jobs of trees: processes over TLS, checkpoints and what they lead to, predictions by halves from files."""

from __future__ import annotations

import csv
import subprocess
import sys

import numpy as np
import pytest

from pyfate_gpu.errors import PartyFailedError
from pyfate_gpu.jobs import launcher
from pyfate_gpu.jobs.job import Job
from tests.jobs.mortal_party import mortal
from tests.trees import default_credit
from tests.trees.jobs import PARTIES, ROWS, SmallJob


def test_three_processes_train_and_predict(tmp_path):
    job = SmallJob(tmp_path)
    job.run()
    assert job.trees() == job.expected()
    guest = job.result("guest")
    assert guest["iterations"] == 6
    assert len(guest["loss"]) == 6
    assert guest["smallest_node"] >= 3
    assert set(job.result("host-1")["importances"]) == {"weight"}
    launcher.run_job(Job.load(job.path), lambda line: None, predict=True)
    with (job.out / "guest" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [f"u{row:03d}" for row in range(ROWS)]
    right = np.mean([int(row["prediction"]) == y for row, y in zip(rows, job.y, strict=False)])
    assert right > 0.7
    scores = [float(row["score"]) for row in rows]
    blinded = job.path.read_text().replace("[model]\n", '[model]\nprediction = "blinded"\n')
    job.path.write_text(blinded)
    launcher.run_job(Job.load(job.path), lambda line: None, predict=True)
    with (job.out / "guest" / "predictions.csv").open() as file:
        again = [float(row["score"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(again, scores, rtol=1e-13)
    report = (job.out / "guest" / "prediction.json").read_text()
    assert "splits of hosts that nobody sees rows at" in report
    seen = (job.out / "host-0" / "transcript.jsonl").read_text().splitlines()
    assert any("/passed" in line or "/partial_scores" in line for line in seen)


def test_real_missing_values_between_three_processes(tmp_path):
    """A tenth of default of credit; all of it by the script."""
    job = default_credit.job(
        tmp_path, "default_credit, sample", n_estimators=2, key_bits=512, allow_insecure_key_size=True
    )  # fmt: skip
    assert [int(np.isnan(part).sum()) > 0 for part in job.parts] == [False, True, True]
    job.run()
    assert job.trees() == job.expected()
    missing = [bins.missing.any() for bins in (m._half.bins for m in job.models())]
    assert missing == [False, True, True]


@pytest.mark.slow
@pytest.mark.parametrize("victim", PARTIES)
def test_a_killed_party_goes_on_where_all_had_been(tmp_path, victim):
    job = SmallJob(tmp_path, n_estimators=5, checkpoint_every=1)
    with pytest.raises(PartyFailedError, match=f"{victim} was killed"), mortal(victim, 50):
        job.run()
    before = len((job.out / "guest" / "transcript.jsonl").read_text().splitlines())
    job.run()
    assert job.trees() == job.expected()
    again = (job.out / "guest" / "transcript.jsonl").read_text().splitlines()[before:]
    assert not any('/round"' in line and '"iteration": 1,' in line for line in again)


@pytest.mark.slow
def test_three_kills_all_over_a_job(tmp_path):
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "tests.trees.kill_at_random", "--kills", "3"]
    ran = subprocess.run(
        [*command, "--json", str(result)], capture_output=True, text=True, timeout=1800, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
