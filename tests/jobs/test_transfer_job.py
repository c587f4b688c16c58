# SPDX-License-Identifier: Apache-2.0
"""Transfer learning as jobs of two processes over mutual TLS: common ids, training, kills, prediction, estimates."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from pyfate_gpu.errors import ConfigurationError, PartyFailedError
from pyfate_gpu.jobs.calibration import Calibration
from pyfate_gpu.jobs.estimate import estimate, shape_of
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from pyfate_gpu.nn.transfer import FederatedTransfer
from pyfate_gpu.storage.toml import dump_toml
from tests.jobs.conftest import write_csv
from tests.jobs.mortal_party import mortal
from tests.jobs.test_without_arbiter import noted, result, run
from tests.nn.transfer_rule import rule
from tests.sshe.oracle import prepared

#: Rows of the guest, and of the host: those between are common.
GUEST, HOST, ALL = slice(0, 60), slice(30, 80), 110
STEPS = 6


@pytest.fixture
def world(rng):
    """Features of both parties for all rows, the labels, and ids."""
    hidden = rng.normal(size=(ALL, 2))
    own = hidden @ rng.normal(size=(2, 3)) + 0.1 * rng.normal(size=(ALL, 3))
    other = hidden @ rng.normal(size=(2, 4)) + 0.1 * rng.normal(size=(ALL, 4))
    labels = np.where(hidden[:, 0] > 0, "up", "down")
    return [f"u{row:03d}" for row in range(ALL)], own, other, labels


@pytest.fixture
def transfer_job(tmp_path, rng, world):
    """Write tables and ``job.toml``; return a function that does so with changes by table."""
    ids, own, other, labels = world

    def table(name, rows, values, label=None):
        letter = "g" if label is not None else "h"
        head = ["id", *(["y"] if label is not None else [])]
        head += [f"{letter}{column}" for column in range(values.shape[1])]
        lines = [
            [
                ids[row],
                *([label[row]] if label is not None else []),
                *map(repr, values[row].tolist()),
            ]
            for row in rng.permutation(np.arange(ALL)[rows])
        ]
        write_csv(tmp_path / f"{name}.csv", head, lines)

    def write(changes=None, *, without=()):
        known = np.where(np.arange(ALL) % 7 == 0, "", labels)  # some rows have no label
        table("guest", GUEST, own, known)
        table("host", HOST, other)
        table("guest-common", slice(30, 60), own, known)
        table("guest-alone", slice(0, 30), own, known)
        table("host-common", slice(30, 60), other)
        table("new", slice(80, ALL), other)
        tables = {
            "job": {
                "name": "transfer", "directory": "out", "timeout": 300.0, "peer_timeout": 60.0, "report": False,
            },
            "model": {
                "type": "transfer", "features": 3, "max_iter": STEPS, "random_state": 3, "key_bits": 512,
                "allow_insecure_key_size": True,
            },
            "engine": {"backend": "cpu", "threads": 1},
            "alignment": {"method": "psi"},
            "data.guest": {"path": "guest.csv", "label": "y"},
            "data.host-0": {"path": "host.csv"},
            "predict.host-0": {"path": "new.csv"},
        }  # fmt: skip
        for name, changed in (changes or {}).items():
            tables[name] = {**tables.get(name, {}), **changed}
        path = tmp_path / "job.toml"
        path.write_text(dump_toml({k: v for k, v in tables.items() if k not in without}))
        return path

    return write


def expected(world, host=HOST):
    """The weights, losses and centres of the same descent in the clear."""
    _, own, other, labels = world
    signs = np.where(labels[GUEST] == "up", 1.0, -1.0)
    signs[np.arange(60) % 7 == 0] = 0.0
    common = np.arange(30, 60), np.arange(30) + 30 - host.start
    inputs = prepared(own[GUEST], 4.0), prepared(other[host], 4.0)
    return rule(*inputs, signs[:, None], common, iterations=STEPS, seeds=(3, 3))


def weights(path, party):
    return FederatedTransfer.load(path.parent / "out" / party / "half.model").weights_


def predictions(path):
    with (path.parent / "out" / "host-0" / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_two_processes_train_and_the_host_predicts(transfer_job, world, tmp_path):
    """Rows outside of the intersection stay at home and are used; the host's new rows get their classes there."""
    ids, _, other, labels = world
    path = transfer_job({"job": {"report": True}})
    run(path)
    W, V, losses, centres = expected(world)
    np.testing.assert_allclose(weights(path, "guest"), W, atol=1e-6)
    np.testing.assert_allclose(weights(path, "host-0"), V, atol=1e-6)
    guest, host = result(path, "guest"), result(path, "host-0")
    np.testing.assert_allclose(guest["loss"], losses, atol=1e-6)
    assert "loss" not in host
    assert (guest["common_rows"], guest["inputs"], guest["inputs_of_the_other"]) == (30, 3, 4)
    assert guest["training"] == host["training"]
    assert noted(path, "guest", "sent") == noted(path, "host-0", "received")
    assert noted(path, "host-0", "sent") == noted(path, "guest", "received")
    about = json.loads((tmp_path / "out" / "host-0" / "report.json").read_text())["about"]
    assert (about["rows"], about["rows of its own"]) == (30, 20)
    about = json.loads((tmp_path / "out" / "guest" / "report.json").read_text())["about"]
    known = labels[GUEST][np.arange(60) % 7 > 0].tolist()
    counts = {name: int(text.split()[0]) for name, text in about["classes"].items()}
    assert counts == {name: known.count(name) for name in ("down", "up")}
    page = (tmp_path / "out" / "guest" / "report.html").read_text()
    assert "What each party learns" in page
    assert "Loss by iteration" in page
    run(path, predict=True)
    found = predictions(path)
    assert [row["id"] for row in found] == ids[80:]
    mean, scale = other[HOST].mean(axis=0), other[HOST].std(axis=0)
    scores = np.clip((other[80:] - mean) / scale, -4, 4) @ V @ centres[0]
    np.testing.assert_allclose([float(row["score"]) for row in found], scores, atol=1e-4)
    assert [row["prediction"] for row in found] == np.where(scores > 0, "up", "down").tolist()
    assert np.mean([row["prediction"] for row in found] == labels[80:]) > 0.8
    assert not (tmp_path / "out" / "guest" / "predictions.csv").exists()
    told = json.loads((tmp_path / "out" / "host-0" / "prediction.json").read_text())["about"]
    assert set(told["predicted"]) == {"up", "down"}


@pytest.mark.slow
def test_killed_parties_go_on_and_end_with_the_same_weights(transfer_job):
    path = transfer_job({"job": {"checkpoint_every": 1}})
    run(path)
    parties = ("guest", "host-0")
    before = [weights(path, party) for party in parties], result(path, "guest")["loss"]
    for party in parties:
        for file in (path.parent / "out" / party).glob("*.*"):
            file.unlink()
    for victim, messages in (("guest", 45), ("host-0", 50)):
        text = f"{victim} was killed by SIGKILL"
        with pytest.raises(PartyFailedError, match=text), mortal(victim, messages):
            run(path)
    run(path)
    for party, expect in zip(parties, before[0], strict=True):
        np.testing.assert_array_equal(weights(path, party), expect)
    assert result(path, "guest")["loss"] == before[1]
    lines = (path.parent / "out" / "guest" / "transcript.jsonl").read_text().splitlines()
    steps = [m["iteration"] for m in map(json.loads, lines) if m["name"].endswith("/proceed")]
    assert sorted(set(steps)) == list(range(1, STEPS + 1))
    assert len(steps) < 2 * STEPS  # none began anew


@pytest.mark.slow
def test_rows_of_ones_own_in_a_table_of_theirs(transfer_job, world):
    """As those of an intersection are."""
    path = transfer_job(SAME | {"alone.guest": {"path": "guest-alone.csv", "label": "y"}})
    run(path)
    W, V, losses, _ = expected(world, slice(30, 60))
    np.testing.assert_allclose(weights(path, "guest"), W, atol=1e-6)
    np.testing.assert_allclose(weights(path, "host-0"), V, atol=1e-6)
    np.testing.assert_allclose(result(path, "guest")["loss"], losses, atol=1e-6)


#: Who knows which ids are common names their rows.
SAME = {
    "alignment": {"method": "same"},
    "data.guest": {"path": "guest-common.csv"},
    "data.host-0": {"path": "host-common.csv"},
}
ERRORS = {
    "too few rows": (
        {"data.host-0": {"path": "new-and-few.csv"}},
        "there are 3 common rows.*more common rows or fewer inputs",
    ),
    "alone beside psi": (
        {"alone.guest": {"path": "guest-alone.csv", "label": "y"}},
        "these are found among .data., leave it out",
    ),
    "rows of one's own that are in common": (
        SAME | {"alone.host-0": {"path": "host.csv"}},
        r"30 of the 50 ids of \[alone\] are in \[data\] too, and would count twice",
    ),
    "other columns of one's own": (
        SAME | {"alone.host-0": {"path": "new.csv", "columns": ["h1", "h0", "h2", "h3"]}},
        r"\[alone\] has columns h1, h0, h2, h3, \[data\] has h0, h1, h2, h3",
    ),
    "missing values of one's own": (
        SAME | {"alone.host-0": {"path": "new-lacking.csv"}},
        r"NaN .*set impute where the model has it",
    ),
    "validation": (
        {
            "validation.guest": {"path": "guest.csv", "label": "y"},
            "validation.host-0": {"path": "host.csv"},
        },
        "takes no validation rows",
    ),
    "a net in a file": ({"model": {"bottom": "net.pt"}}, "bottom is 'net.pt'"),
    "no ids": ({"data.host-0": {"path": "new.csv"}}, "no id in common"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_trained_on_is_told(transfer_job, tmp_path, name):
    changes, text = ERRORS[name]
    path = transfer_job(changes)
    lines = (tmp_path / "host.csv").read_text().splitlines()
    kept = [line for line in lines if line[:4] in ("id,h", "u030", "u031", "u032")]
    (tmp_path / "new-and-few.csv").write_text("\n".join(kept) + "\n")
    head, first, *lines = (tmp_path / "new.csv").read_text().splitlines()
    lacking = [head, first.rpartition(",")[0] + ",", *lines]
    (tmp_path / "new-lacking.csv").write_text("\n".join(lacking) + "\n")
    with pytest.raises((PartyFailedError, ConfigurationError), match=text):
        run_job(Job.load(path), lambda line: None)


@pytest.mark.slow
def test_rows_to_predict_are_the_hosts(transfer_job):
    path = transfer_job({"model": {"max_iter": 1}})
    run(path)
    path = transfer_job({"model": {"max_iter": 1}, "predict.guest": {"path": "guest.csv"}})
    with pytest.raises(PartyFailedError, match=r"guest has \[predict\].*rows of the host alone"):
        run(path, predict=True)
    path = transfer_job({"model": {"max_iter": 1}}, without=("predict.host-0",))
    with pytest.raises(ConfigurationError, match="no rows to predict"):
        run(path, predict=True)


def test_an_estimate_knows_it(transfer_job):
    job = Job.load(transfer_job())
    steps = ("encrypt", "mask", "check", "decrypt")
    rates = Calibration(dict.fromkeys(steps, 1e-3), {"make key": 0.5, "make tables": 0.25}, 1e-5)
    shape = shape_of(job)
    assert shape.columns == {"guest": 3, "host-0": 4}
    assert (shape.rows, shape.tables) == (50, {"guest": 60, "host-0": 50})
    found = estimate(job, shape, rates)
    assert found.iterations == STEPS
    assert set(found.work) == set(found.sent) == set(found.memory) == {"guest", "host-0"}
    work = found.work["guest"]
    assert found.sent["guest"] == (work["encrypt"] + work["mask"]) * 128


def test_other_models_take_no_rows_alone(small_job):
    path = small_job({"alone.guest": {"path": "guest.csv", "label": "y"}})
    with pytest.raises(PartyFailedError, match="trains on rows that all have: leave it out"):
        run_job(Job.load(path), lambda line: None)
