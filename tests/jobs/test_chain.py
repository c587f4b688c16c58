# SPDX-License-Identifier: Apache-2.0
"""Jobs of several steps: bins, selection, regression; each step done once, and all of them again in predictions."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu import (
    HeteroBinning,
    HeteroLogisticRegression,
    HeteroScorecard,
    HeteroSelector,
    Scorecard,
    simulate,
)
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.roles import GUEST, Party
from pyfate_gpu.jobs.chain import load_steps, make_steps, prepare
from pyfate_gpu.jobs.configuration import PartyConfiguration, StepChoice
from pyfate_gpu.jobs.job import Job, as_toml
from pyfate_gpu.jobs.launcher import run_job
from tests.jobs.conftest import PORTS

KEY = {"key_bits": 512, "allow_insecure_key_size": True}
BINS = {"type": "iv", "max_bins": 3, "min_rows": 5, "output": "woe", "share_woe": True, **KEY}
RULES = [{"metric": "iv", "top": 3}, {"metric": "unique", "at_least": 2}]
SELECTION = {"type": "selection", "rules": RULES, "min_rows": 5, **KEY}


@pytest.fixture
def chain(small_job):
    def write(*steps, **changes):
        predict = {
            "predict.guest": {"path": "guest.csv", "label": "y"},
            "predict.host-0": {"path": "host.csv", "id": "key"},
        }
        return small_job({"step": list(steps) or [BINS, SELECTION], **predict, **changes})

    return write


def folder(path, party):
    return path.parent / "out" / party


def in_threads(x, y):
    """The same job within this process: regression on what is selected, and its scores."""
    bins = {name: value for name, value in BINS.items() if name != "type"}
    chosen = {name: value for name, value in SELECTION.items() if name != "type"}

    def prepare(X, **labels):
        def run(session):
            woe = HeteroBinning(**bins).fit(X, session=session, **labels).transform(X)
            return HeteroSelector(**chosen).fit(woe, session=session, **labels).transform(woe)

        return run

    ready = simulate(guest=prepare(x[:, :2], y=y), hosts=[prepare(x[:, 2:])])

    def train(*data):
        def run(session):
            model = HeteroLogisticRegression(max_iter=3, tol=0.0, **KEY)
            model.fit(*data, session=session)
            return model, model.decision_function(*data[:1], session=session)

        return run

    found = simulate(
        guest=train(ready["guest"], y), hosts=[train(ready["host-0"])], arbiter=train()
    )
    return found["guest"], found["host-0"][0]


def test_a_chain_trains_and_predicts(chain, rows):
    path = chain()
    run_job(Job.load(path), lambda line: None)
    _, x, y = rows
    (guest, scores), host = in_threads(x, y)
    results = {
        party: json.loads((folder(path, party) / "result.json").read_text())
        for party in ("guest", "host-0", "arbiter")
    }
    np.testing.assert_allclose(results["guest"]["coef"], guest.coef_, atol=1e-9)
    np.testing.assert_allclose(results["host-0"]["coef"], host.coef_, atol=1e-9)
    assert len(guest.coef_) + len(host.coef_) == 3
    assert set(results["host-0"]["columns"]) < {"c", "d", "e"}
    assert not (folder(path, "arbiter") / "step-1").exists()
    first = json.loads((folder(path, "host-0") / "step-1" / "result.json").read_text())
    assert list(first["iv"]) == ["c", "d", "e"]
    verdicts = json.loads((folder(path, "guest") / "step-2" / "result.json").read_text())["hosts"]
    assert len(verdicts["host-0"]) == 3
    for step, task in (("step-1", "step 1"), ("step-2", "step 2"), (".", "training")):
        about = json.loads((folder(path, "guest") / step / "report.json").read_text())["about"]
        assert about["task"] == task
        assert about.get("ids left out") == (0 if task == "training" else None)
    run_job(Job.load(path), lambda line: None, predict=True)
    with (folder(path, "guest") / "predictions.csv").open() as file:
        found = [float(row["score"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(found, scores, atol=1e-6)
    check_scorecards(path, x, scores)


def check_scorecards(path, x, scores):
    """Each party makes its part of a scorecard of what the job left in its folder."""
    total = 0.0
    for party, own in (("guest", x[:, :2]), ("host-0", x[:, 2:])):
        binning = HeteroBinning.load(folder(path, party) / "step-1" / "half.model")
        selector = HeteroSelector.load(folder(path, party) / "step-2" / "half.model")
        model = HeteroLogisticRegression.load(folder(path, party) / "half.model")
        kept = selector.get_support(indices=True)
        card = Scorecard.of(binning, model, columns=kept)
        total = total + card.points_of(own[:, kept])
    np.testing.assert_allclose(total, 500 - 20 / np.log(2) * scores, atol=1e-4)


def test_a_scorecard_is_a_job(chain, rows):
    """Points of every party's bins add up to the whole scores of the guest; nobody has the points of others."""
    bins = BINS | {"method": "optimal", "prebins": 8, "share_cuts": True}
    model = {"type": "scorecard", "max_iter": 3, "tol": 0.0, "offset": 600, **KEY}
    path = chain(bins, SELECTION, model=model)
    run_job(Job.load(path), lambda line: None)
    _, x, _ = rows
    cards = {p: Scorecard.load(folder(path, p) / "scorecard.json") for p in ("guest", "host-0")}
    assert not (folder(path, "arbiter") / "scorecard.json").exists()
    columns = {"guest": ["a", "b"], "host-0": ["c", "d", "e"]}
    total = 0.0
    for party, card in cards.items():
        assert set(card.names) <= set(columns[party])
        table = pd.DataFrame(x[:, :2] if party == "guest" else x[:, 2:], columns=columns[party])
        total = total + card.points_of(table)
        result = json.loads((folder(path, party) / "result.json").read_text())
        assert result["scorecard"] == card.rows()
        report = json.loads((folder(path, party) / "report.json").read_text())
        assert report["tables"][party]["points of own bins"] == card.rows()
        drawn = {name for name in report["bars"][party] if name.startswith("points of ")}
        assert drawn == {f"points of {name}" for name in card.names}
    halves = [HeteroScorecard.load(folder(path, party) / "half.model") for party in cards]
    steps = [HeteroBinning.load(folder(path, p) / "step-1" / "half.model") for p in cards]
    scores = halves[0].intercept_ + sum(
        half.contributions(step.transform(own)[:, [names.index(n) for n in half.card_.names]]).sum(
            axis=1
        )
        for half, step, own, names in zip(
            halves, steps, (x[:, :2], x[:, 2:]), columns.values(), strict=True
        )
    )
    np.testing.assert_allclose(halves[0].interpret(scores)["points"], total, atol=1e-9)


def test_trees_say_which_columns_a_regression_gets(chain, rows):
    """Importances at each party, by a rule of its own for them; the tables of the steps are the same ones."""
    trees = {
        "type": "boosted_trees_classifier", "n_estimators": 2, "max_depth": 2, "min_samples_leaf": 4, **KEY,
    }  # fmt: skip
    chosen = SELECTION | {"rules": [{"metric": "importance", "at_least": 1}]}
    ids, x, y = rows
    tables = {
        "guest": Rows(ids, ("a", "b"), x[:, :2], y),
        "host-0": Rows(ids, ("c", "d", "e"), x[:, 2:], None),
    }

    def party(configuration):
        configuration.directory.mkdir(parents=True, exist_ok=True)
        own = {"data": tables[configuration.party.name]}
        steps = make_steps(configuration.steps)
        return lambda session: prepare(session, configuration, steps, own)

    every = Job.load(chain(trees, chosen)).configurations(PORTS)
    own = {c.party.name: c for c in every.values() if c.party.name in tables}
    found = simulate(guest=party(own["guest"]), hosts=[party(own["host-0"])])
    kept = 0
    for name, configuration in own.items():
        weights = load_steps(configuration)[0].importances("weight")
        left = list(found[name]["data"].names)
        assert left == [column for column, weight in weights.items() if weight >= 1]
        kept += len(left)
    assert 0 < kept < 5


@pytest.mark.parametrize("steps", [[SELECTION], [BINS | {"output": "bins"}], [BINS, BINS]])
def test_a_scorecard_takes_weights_of_evidence(chain, steps):
    path = chain(*steps, model={"type": "scorecard", **KEY})
    with pytest.raises(ConfigurationError, match='one \\[\\[step\\]\\] of type "iv"'):
        run_job(Job.load(path), lambda line: None)


def test_steps_that_are_done_are_taken_up(chain, rows):
    """One that a party lacks, or that was done on other rows, is done again by all."""
    ids, x, y = rows
    job = Job.load(chain())
    configurations = job.configurations(PORTS)
    tables = {
        "guest": Rows(ids, ("a", "b"), x[:, :2], y),
        "host-0": Rows(ids, ("c", "d", "e"), x[:, 2:], None),
    }

    def party(configuration):
        configuration.directory.mkdir(parents=True, exist_ok=True)
        name = configuration.party.name
        own = {"data": tables[name]} if name in tables else {}
        steps = make_steps(configuration.steps)
        return lambda session: prepare(session, configuration, steps, own)

    def run():
        every = {c.party.name: party(c) for c in configurations.values()}
        found = simulate(guest=every["guest"], hosts=[every["host-0"]], arbiter=every["arbiter"])
        trainings = []
        for configuration in configurations.values():
            if configuration.party.name in tables:
                trainings.append([step.training_ for step in load_steps(configuration)])
        assert trainings[0] == trainings[1]
        assert found["arbiter"] == {}
        return trainings[0], found

    first, found = run()
    again, same = run()
    assert again == first
    for name in tables:
        np.testing.assert_array_equal(found[name]["data"].values, same[name]["data"].values)
    (configurations[GUEST].directory / "step-2" / "half.model").unlink()
    second, _ = run()
    assert (second[0] == first[0], second[1] == first[1]) == (True, False)
    tables["host-0"] = Rows(ids, ("c", "d", "e"), x[:, 2:] * 2, None)
    third, _ = run()
    assert third[0] != first[0]
    (configurations[GUEST].directory / "step-1" / "half.model").write_bytes(b"damaged")
    assert run()[0][0] != third[0]


def test_predicting_takes_steps_that_were_done(chain):
    host = Job.load(chain()).configurations(PORTS)[Party.parse("host-0")]
    with pytest.raises(ConfigurationError, match=r"there is no .*step-1.*half\.model"):
        load_steps(host)


def test_steps_travel_in_files(chain, tmp_path):
    guest = Job.load(chain()).configurations(PORTS)[GUEST]
    path = tmp_path / "guest.toml"
    path.write_text(as_toml(guest))
    read = PartyConfiguration.load(path)
    assert read.steps == guest.steps
    assert [step.model for step in read.steps] == ["iv", "selection"]
    assert read.steps[1].parameters["rules"] == RULES
    assert read.model == "logistic"
    assert StepChoice("iv", {}) not in read.steps


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"type": "logistic"}, "which gives no columns"),
        ({"type": "iv", "bins": 3}, "has no parameter bins"),
        ({"type": "selection", "rules": [{"metric": "iv"}]}, "says nothing"),
        ({"type": "woe"}, "no model is named 'woe'"),
    ],
)
def test_steps_that_make_no_sense(chain, step, text):
    with pytest.raises(ConfigurationError, match=text):
        run_job(Job.load(chain(step)), lambda line: None)


def test_steps_without_a_type(chain):
    with pytest.raises(ConfigurationError, match=r"\[\[step\]\] lacks type"):
        Job.load(chain({"max_bins": 3}))
    path = chain()
    path.write_text(path.read_text().replace("[[step]]", "[step]", 1).split("[[step]]")[0])
    with pytest.raises(ConfigurationError, match="no list of tables"):
        Job.load(path)
