# SPDX-License-Identifier: Apache-2.0
"""What goes on around trees: validation, warm starts, recovery, files, importances, reports."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu import HeteroBoostedTreesClassifier, HeteroBoostedTreesRegressor, simulate
from pyfate_gpu.errors import ConfigurationError, DataError, DisagreementError
from pyfate_gpu.protocol.report import JobReport
from pyfate_gpu.trees.plaintext import joined
from tests.trees.conftest import check_bits, in_clear, run_parties


def fit(model, toy, y=None, **options):
    return run_parties(model, toy.parts[0], toy.y if y is None else y, toy.parts[1:], **options)


def halves(toy):
    """Rows to train with, and rows to judge by."""
    train = [part[:60] for part in toy.parts]
    return train, [(toy.parts[0][60:], toy.y[60:]), toy.parts[1][60:], toy.parts[2][60:]]


def test_rows_of_validation_change_nothing(classifier, toy):
    train, tested = halves(toy)
    model = classifier()
    found = run_parties(
        model, train[0], toy.y[:60], train[1:], validation=tested, predict="decision_function"
    )
    assert found.trees() == in_clear(model, train, toy.y[:60]).trees
    history = found.guest.validation_history_
    assert [next(iter(metrics)) for metrics in history] == ["log_loss", "log_loss"]
    again = simulate(
        guest=lambda session: found.guest.decision_function(toy.parts[0][60:], session=session),
        hosts=[
            lambda session, host=host, part=part: host.decision_function(part[60:], session=session)
            for host, part in zip(found.hosts, toy.parts[1:], strict=True)
        ],
    )["guest"]
    assert found.guest.evaluate(toy.y[60:], again) == history[-1]


def test_the_best_rounds_are_kept(classifier, toy):
    train, tested = halves(toy)
    tested[0] = (tested[0][0], 1 - tested[0][1])  # the more is learned, the worse
    model = classifier(n_estimators=8, early_stopping_rounds=2)
    found = run_parties(model, train[0], toy.y[:60], train[1:], validation=tested)
    best = int(np.argmin([m["log_loss"] for m in found.guest.validation_history_])) + 1
    assert len(found.guest.validation_history_) == best + 2 < 8
    assert {m.n_iter_ for m in (found.guest, *found.hosts)} == {best}
    assert found.trees() == in_clear(model, train, toy.y[:60]).trees[:best]
    sizes = [len(host._half.table) for host in found.hosts]
    assert sizes == found.guest._half.forest.sizes


def test_early_stopping_without_rows_to_judge_by(classifier, toy):
    with pytest.raises(ConfigurationError, match="pass validation"):
        fit(classifier(early_stopping_rounds=2), toy)


@pytest.mark.parametrize("kind", ["y", "classes"])
def test_a_warm_start_goes_on(classifier, toy, kind):
    """Without draws, so many rounds and then some are all at once."""
    y = getattr(toy, kind)
    first = fit(classifier(n_estimators=2), toy, y)
    found = fit(classifier(n_estimators=4, warm_start=True), toy, y, start=first)
    assert found.trees() == in_clear(classifier(n_estimators=4), toy.parts, y).trees
    assert found.guest.n_iter_ == 4
    assert len(found.guest.loss_history_) == 2


def test_a_warm_start_on_other_rows_keeps_bins_and_trees(classifier, toy):
    first = fit(classifier(), toy)
    trees = first.trees()
    fewer = [part[:50] for part in toy.parts]
    model = classifier(n_estimators=3, warm_start=True)
    found = run_parties(model, fewer[0], toy.y[:50], fewer[1:], start=first)
    assert found.trees()[:2] == trees
    assert len(found.trees()) == 3


def test_fewer_rounds_than_there_are(classifier, toy):
    first = fit(classifier(), toy)
    with pytest.raises(ConfigurationError, match="n_estimators is 1, there are 2 rounds already"):
        fit(classifier(n_estimators=1, warm_start=True), toy, start=first)


def test_parties_that_are_set_differently(classifier, toy):
    with pytest.raises(DisagreementError, match="max_depth 3 there, 4 here"):
        simulate(
            guest=lambda session: classifier().fit(toy.parts[0], toy.y, session=session),
            hosts=[lambda session: classifier(max_depth=4).fit(toy.parts[1], session=session)],
        )


def test_what_each_party_may_choose(classifier, toy):
    """Bins, samples of columns and penalties are each party's own business."""
    simulate(
        guest=lambda session: classifier(gamma=0.1).fit(toy.parts[0], toy.y, session=session),
        hosts=[lambda session: classifier(max_bin=3).fit(toy.parts[1], session=session)],
    )


class Memory:
    """A recovery in memory."""

    def __init__(self):
        self.states, self.iteration = {}, 0

    def is_due(self, iteration):
        return True

    def save(self, iteration, state):
        self.states[iteration] = {
            k: v.copy() if hasattr(v, "copy") else v for k, v in state.items()
        }

    def load(self):
        return self.states[self.iteration]


@pytest.mark.parametrize("goes_on", [1, 2, 3])
def test_recovery_ends_with_the_same_trees(classifier, toy, goes_on):
    memories = [Memory() for _ in range(3)]
    train, tested = halves(toy)

    def run():
        model = classifier(n_estimators=4, subsample=0.8, colsample_bytree=0.7)

        def party(index, X, y=None):
            def act(session):
                session.recovery = memories[index]
                own = HeteroBoostedTreesClassifier(**model.get_params())
                return own.fit(X, y, session=session, validation=tested[index])

            return act

        return simulate(
            guest=party(0, train[0], toy.y[:60]),
            hosts=[party(i, X) for i, X in enumerate(train[1:], 1)],
        )

    first = run()
    for memory in memories:
        memory.iteration = goes_on
    second = run()
    names = ("guest", "host-0", "host-1")
    tables = [[found[name]._half.table for name in names] for found in (first, second)]
    forests = [found["guest"]._half.forest for found in (first, second)]
    assert joined(forests[0], tables[0]) == joined(forests[1], tables[1])
    assert first["guest"].loss_history_ == second["guest"].loss_history_
    assert first["guest"].validation_history_ == second["guest"].validation_history_


@pytest.mark.parametrize("kind", ["names", "one tree a class", "numbers"])
def test_halves_in_files_predict_the_same(tmp_path, classifier, regressor, toy, kind):
    y = {"names": np.array(["no", "yes"])[toy.y], "numbers": toy.target}.get(kind, toy.classes)
    model = regressor(objective="huber") if kind == "numbers" else classifier()
    if kind == "one tree a class":
        model.set_params(multi_strategy="one_output_per_tree")
    frames = [pd.DataFrame(part).add_prefix(f"p{at} ") for at, part in enumerate(toy.parts)]
    found = run_parties(model, frames[0], y, frames[1:], predict="predict")
    loaded = []
    for at, own in enumerate((found.guest, *found.hosts)):
        own.save(tmp_path / str(at))
        loaded.append(type(model).load(tmp_path / str(at)))
    assert loaded[0].get_params() == found.guest.get_params()
    assert loaded[1].feature_names_in_.tolist() == list(frames[1].columns)
    result = simulate(
        guest=lambda session: loaded[0].predict(frames[0], session=session),
        hosts=[
            lambda session, own=own, frame=frame: own.predict(frame, session=session)
            for own, frame in zip(loaded[1:], frames[1:], strict=True)
        ],
    )
    assert result["guest"].tolist() == found.predicted.tolist()
    assert result["host-0"] is None


def test_files_that_are_no_half(tmp_path, classifier, toy):
    found = fit(classifier(), toy)
    path = tmp_path / "half"
    found.guest.save(path)
    with pytest.raises(DataError, match="holds a HeteroBoostedTreesClassifier"):
        HeteroBoostedTreesRegressor.load(path)
    data = bytearray(path.read_bytes())
    with ZipFile(path) as file:
        member = file.infolist()[0]
    data[data.index(member.filename.encode()) + len(member.filename) + 8] ^= 1  # of what it holds
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="is no pyfate-gpu trees"):
        HeteroBoostedTreesClassifier.load(path)
    with pytest.raises(ConfigurationError, match="not fitted"):
        classifier().save(path)


def test_importances(classifier, toy):
    found = fit(classifier(n_estimators=3), toy)
    forest = found.guest._half.forest
    own = [split.column for split in forest.table.splits]
    weight = found.guest.importances("weight")
    assert list(weight.values()) == [own.count(0), own.count(1)]
    gains = [
        tree.gain[node]
        for tree in forest.trees
        for node, owner in enumerate(tree.owner)
        if owner == 0 and own[tree.split[node]] == 0
    ]
    assert found.guest.importances()["column 0"] == pytest.approx(np.mean(gains))
    assert sum(found.hosts[0].importances("weight").values()) == forest.sizes[0]
    with pytest.raises(ConfigurationError, match="known to the guest alone"):
        found.hosts[0].importances("gain")
    with pytest.raises(ConfigurationError, match="kind"):
        found.guest.importances("size")


def test_reports_say_what_was_shown(classifier, toy):
    found = fit(classifier(), toy, predict="decision_function")
    report = JobReport.of([found.guest], toy.y, found.predicted)
    document = json.loads(report.to_json())
    tables = document["tables"]["guest"]
    shown = {row["what"]: row["value"] for row in tables["what this fit has shown"]}
    assert shown["rows of the smallest node with sums of hosts"] == found.guest.smallest_node_
    tree = [row["node"] for row in tables["tree 1"]]
    assert len(tree) == len(found.guest._half.forest.trees[0])
    assert any("leaf" in line for line in tree)
    assert document["metrics"]["auc"] > 0.7
    own = json.loads(JobReport.of([found.hosts[0]]).to_json())["tables"]["host-0"]
    assert [*own] == ["what this fit has shown", "own splits, the first ones"]
    pytest.importorskip("matplotlib")
    assert "importance of own columns" in report.to_html()


def test_rounds_are_reported(classifier, toy):
    reports, lock = [], threading.Lock()

    class Listener:
        def on_iteration(self, report):
            with lock:
                reports.append((report.party, report.iteration, report.loss))

    found = fit(classifier(callbacks=[Listener()]), toy)
    assert sorted(r[:2] for r in reports) == [
        (p, n) for p in ("guest", "host-0", "host-1") for n in (1, 2)
    ]
    losses = [loss for party, _, loss in sorted(reports) if party == "guest"]
    assert losses == found.guest.loss_history_


def test_probabilities(classifier, toy):
    found = fit(classifier(), toy, toy.classes, predict="predict_proba")
    assert found.predicted.shape == (80, 3)
    np.testing.assert_allclose(found.predicted.sum(axis=1), 1, rtol=1e-12)
    assert (found.guest.classes_ == [0, 1, 2]).all()


@pytest.mark.slow
def test_a_short_soak(tmp_path):
    """In a process of its own: pytest's has had other memory before."""
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "tests.trees.soak", "--trees", "150", "--json", str(result)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(result.read_text())
    assert found["memory_mib_at_the_end"] <= found["memory_mib_after_warm_up"] + 32


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_trees_of_a_forest_share_one_encryption(classifier, toy, transcript, share):
    """Each row that any tree has is encrypted once a round, however many trees there are."""
    model = classifier(num_parallel_tree=4, subsample=share, n_estimators=1, colsample_bytree=0.7)
    found = check_bits(model, toy.parts, toy.y)
    encrypted = found.guest.report_.usage.operations["encrypt"]
    assert len(found.trees()) == 4
    assert encrypted == 80 if share == 1 else 60 < encrypted < 80
    nodes = [m for m in transcript if m.name.endswith("/nodes") and m.to.name == "host-0"]
    assert len(nodes) < 4 * 3  # a level of all trees shares messages
