# SPDX-License-Identifier: Apache-2.0
"""Blinded prediction: the scores of ordinary prediction to the integer, and what each party sees on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from pyfate_gpu import HeteroBoostedTreesRegressor, simulate
from pyfate_gpu.data.binning.splits import TableBins
from pyfate_gpu.errors import ConfigurationError, PartyFailedError, ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.trees.blinded import host
from pyfate_gpu.trees.blinded.questions import Answers, Leaves, questions_of
from pyfate_gpu.trees.blinded.slots import VALUE_BITS, value_bits
from pyfate_gpu.trees.blinded.ways import Ways
from pyfate_gpu.trees.forest import Forest
from pyfate_gpu.trees.tree import Tree
from tests.trees.conftest import SMALL, run_parties

#: Every message of a blinded prediction with everything that it may hold.
FORMS = {
    "terms": {"terms": str},
    "public_key": {"key": str},
    "shape": {"rows": int, "validation": int, "candidates": int, "training": str},
    "errands": {
        "terms": int, "outputs": int, "step": int, "groups": int, "chunk": int, "before": int, "after": int,
        "sources": np.ndarray, "targets": np.ndarray, "counts": np.ndarray, "lengths": np.ndarray,
        "turns": np.ndarray,
    },
    "questions": {"numbers": Sealed},
    "passed": {"numbers": Sealed},
    "partial_scores": {"sums": Sealed},
    "blinded_scores": {"sums": Sealed},
}  # fmt: skip


@dataclass
class Fitted:
    """A model of three parties, with nodes of each host below those of the other, and their tables."""

    outcome: Any
    parts: list[Any]


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    rng = np.random.default_rng(3)
    parts = [rng.normal(size=(80, columns)).round(1) for columns in (2, 2, 2)]
    parts[1][rng.random(80) < 0.3, 0] = np.nan
    mine, one, other = parts[0][:, 0] > 0, parts[1][:, 1] > 0, parts[2][:, 0] > 0
    y = 9 * mine + np.where(mine, one * (3 + other), other * (3 + one)) + parts[2][:, 1]
    model = HeteroBoostedTreesRegressor(**SMALL | {"max_depth": 4})
    outcome = run_parties(model, parts[0], y, parts[1:])
    owners = {question.owners for question in questions_of(outcome.guest._half.forest)}
    assert owners == {(1,), (2,), (1, 2)}
    return Fitted(outcome, parts)


@pytest.fixture(params=["narrow", "wide"])
def packed(request, monkeypatch):
    """Numbers alone in their ciphertexts, as cheap encryptions would have it, or as many together as have room."""
    cost = {"narrow": 0, "wide": 10**6}[request.param]
    monkeypatch.setattr("pyfate_gpu.trees.blinded.slots.ENCRYPTION", cost)
    return request.param


def name_of(message):
    return message.name.partition("/")[2]


def predict(outcome, new, prediction="blinded", key_bits=512):
    """Predict rows by the halves of a training; return what the guest gets."""

    def party(model, X):
        model.set_params(prediction=prediction, key_bits=key_bits)
        return lambda session: model.decision_function(X, session=session)

    hosts = [party(model, X) for model, X in zip(outcome.hosts, new[1:], strict=True)]
    return simulate(guest=party(outcome.guest, new[0]), hosts=hosts, timeout=30)["guest"]


def walk(outcome, tables):
    """Scores by the joined trees, one row after the other, from leaves rounded as blinded prediction does.

    Reads values of columns against the nodes of `Outcome.trees`, and nothing of the code under test.
    """
    bins = [each._half.bins for each in (outcome.guest, *outcome.hosts)]
    forest = outcome.guest._half.forest
    scale = 2.0 ** Leaves.of(forest, VALUE_BITS).exponent
    found = np.zeros((len(tables[0]), len(forest.base)), dtype=object)
    for tree, outputs in zip(outcome.trees(), forest.outputs, strict=True):
        for row in range(len(found)):
            node = tree
            while "value" not in node:
                column = node["column"]
                value = tables[node["party"]][row, column]
                code = int(
                    np.searchsorted(bins[node["party"]].bins[column].cuts, value, side="right")
                )
                left = node["missing_left"] if np.isnan(value) else code <= node["cut"]
                node = node["left"] if left else node["right"]
            for place, output in enumerate(outputs):
                found[row, output] += round(node["value"][place] / scale)
    return forest.base + found.astype(float) * scale


def check(outcome, new, **options):
    """Blinded scores are the sum of rounded leaves exactly, and ordinary ones as near as float64 adds them up."""
    blinded = predict(outcome, new, **options)
    plain = predict(outcome, new, "paths", **options)
    assert blinded.tolist() == walk(outcome, new).reshape(blinded.shape).tolist()
    np.testing.assert_allclose(blinded, plain, rtol=1e-13, atol=1e-14)
    return blinded


def test_scores_are_those_of_ordinary_prediction(fitted, packed, rng):
    new = [part[rng.permutation(80)] for part in fitted.parts]
    check(fitted.outcome, new, key_bits=1024 if packed == "wide" else 512)


@pytest.mark.parametrize("hosts", [1, 3])
def test_other_numbers_of_hosts(regressor, toy, rng, hosts, packed):
    parts = [*toy.parts, rng.normal(size=(80, 2)).round(1)][: hosts + 1]
    y = toy.target + 2 * (parts[-1][:, 0] > 0) * parts[0][:, 0]
    check(run_parties(regressor(max_depth=4), parts[0], y, parts[1:]), parts)


@pytest.mark.parametrize("strategy", ["multi_output_tree", "one_output_per_tree"])
def test_several_outputs(classifier, toy, strategy):
    model = classifier(multi_strategy=strategy, max_depth=2, num_parallel_tree=2)
    found = run_parties(model, toy.parts[0], toy.classes, toy.parts[1:])
    assert check(found, toy.parts).shape == (80, 3)


def test_hosts_without_splits(regressor, toy, transcript):
    constant = np.ones((80, 1))
    parts = [toy.parts[0], constant, toy.parts[1], constant]
    found = run_parties(regressor(), parts[0], toy.target, parts[1:])
    transcript.clear()
    check(found, parts)
    assert {m.to.name for m in transcript if name_of(m) == "questions"} == {"host-1"}


def test_no_host_has_splits(regressor, toy, transcript):
    parts = [toy.parts[0], np.ones((80, 1))]
    found = run_parties(regressor(), parts[0], toy.target, parts[1:])
    transcript.clear()
    check(found, parts)
    assert not any(isinstance(v, Sealed) for m in transcript for v in m.payload.values())


def test_a_guest_without_columns(regressor, toy):
    parts = [np.empty((80, 0)), *toy.parts[1:]]
    found = run_parties(regressor(), parts[0], toy.target, parts[1:])
    check(found, parts)


def test_thousands_of_trees_are_summed_without_overflow():
    trees = []
    for value in (1.0, 0.25):
        tree = Tree()
        tree.add(1, 1.0, 9)
        tree.value[0] = np.array([value])
        trees.append(tree)
    forest = Forest(np.zeros(1), trees * 3000, [(0,)] * 6000)
    bins = TableBins((), np.empty(0, dtype=bool))
    leaves = Leaves.of(forest, value_bits(6000))
    known = Answers(forest, leaves, bins, np.empty((2, 0), dtype=np.int16)).known
    assert np.ldexp(known.astype(float), leaves.exponent).tolist() == [[3750.0]] * 2


def test_rows_beyond_those_of_training(fitted):
    odd = np.array([[np.inf, -np.inf], [np.nan, np.nan], [1e300, 0.0], [-0.0, np.inf]])
    check(fitted.outcome, [odd, odd, odd[::-1]])
    check(fitted.outcome, [part[:1] for part in fitted.parts])


def test_rows_of_several_messages(fitted, monkeypatch):
    """More messages than the guest sends ahead, the last one shorter."""
    monkeypatch.setattr("pyfate_gpu.trees.blinded.plan.MESSAGE_BYTES", 10_000)
    check(fitted.outcome, [np.repeat(part, 3, axis=0)[:239] for part in fitted.parts])


def test_what_travels(fitted, transcript):
    """Of rows nothing but ciphertexts, as many of each row; of trees own splits."""
    predict(fitted.outcome, fitted.parts)
    for message in transcript:
        forms = {key: type(value) for key, value in message.payload.items()}
        assert forms == FORMS[name_of(message)], message.name
    assert {name_of(message) for message in transcript} == set(FORMS)
    ways = Ways.of(questions_of(fitted.outcome.guest._half.forest), 1, 512)
    public = fitted.outcome.guest._keys[0]
    for message in transcript:
        if name_of(message) == "errands":
            splits = len(fitted.outcome.hosts[message.to.index]._half.table)
            assert len(message.payload["sources"]) == len(ways.errands(message.to.index + 1))
            assert message.payload["turns"].max() < 2 * splits
        if name_of(message) == "questions":
            numbers = public.from_wire(message.payload["numbers"].data)
            assert numbers.shape == (80, len(ways.first(message.to.index + 1)))


def test_questions_do_not_depend_on_rows(fitted, transcript):
    """What hosts are told is the same whatever the guest's rows are."""
    told = []
    for own in (fitted.parts[0], -fitted.parts[0]):
        transcript.clear()
        predict(fitted.outcome, [own, *fitted.parts[1:]])
        errands = [m for m in transcript if name_of(m) == "errands"]
        told.append(
            {str(m.to): {k: np.asarray(v).tolist() for k, v in m.payload.items()} for m in errands}
        )
    assert len(told[0]) == 2
    assert told[0] == told[1]


def test_every_ciphertext_has_randomness_of_its_own(fitted, transcript):
    """From guest to host, host to host and host to guest: c mod n = r^n mod n never comes twice."""
    predict(fitted.outcome, fitted.parts)
    public = fitted.outcome.guest._keys[0]
    payloads = [v.data for m in transcript for v in m.payload.values() if isinstance(v, Sealed)]
    traces = Counter(
        int(c) % public.n
        for data in payloads
        for c in public.from_wire(data).to_ints(reblind=False).ravel()
    )
    assert len(traces) > 400
    assert max(traces.values()) == 1
    assert 1 not in traces


def test_the_guest_decrypts_nothing_but_scores(fitted, transcript, monkeypatch):
    """All other slots are uniform over nearly all that a slot holds, where scores are equal, too."""
    monkeypatch.setattr("pyfate_gpu.trees.blinded.slots.ENCRYPTION", 10**6)
    predict(fitted.outcome, [np.repeat(part[:1], 80, axis=0) for part in fitted.parts])
    slots = Ways.of(questions_of(fitted.outcome.guest._half.forest), 1, 512).slots
    assert slots.step > 1
    public, private = fitted.outcome.guest._keys
    answers = [m for m in transcript if name_of(m) == "blinded_scores"]
    assert len(answers) == 1
    sums = private.decrypt(public.from_wire(answers[0].payload["sums"].data))
    assert len(set(sums[:, slots.kept].ravel().tolist())) == 1
    rest = np.delete(sums, slots.kept, axis=1).ravel()
    assert len(rest) >= 80
    assert len(set(rest.tolist())) == len(rest)
    shares = np.array([abs(int(value)) / slots.answered.bound for value in rest])
    assert abs(np.mean(shares) - 0.5) < 0.25  # of a uniform one .5, more than 6 deviations
    assert shares.max() < 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"terms": 0}, "terms=0"),
        ({"step": 1000}, "step=1000"),
        ({"chunk": 1 << 20}, "chunk"),
        ({"outputs": 9}, "do not fit its key"),
        ({"before": 3}, "that are none"),
        ({"after": 1}, "that are none"),
        ({"sources": -1}, "that are none"),
        ({"targets": 9}, "that are none"),
        ({"turns": 5000}, "do not fit"),
        ({"lengths": 0}, "do not fit"),
        ({"counts": 7}, "do not fit"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_guest_that_announces_nonsense(fitted, monkeypatch, change, words):
    original = Session.send

    def send(self, to, name, **payload):
        if name == "errands":
            for key, value in change.items():
                old = payload[key]
                payload[key] = np.full_like(old, value) if isinstance(old, np.ndarray) else value
        return original(self, to, name, **payload)

    monkeypatch.setattr(Session, "send", send)
    with pytest.raises((ProtocolError, PartyFailedError), match=words):
        predict(fitted.outcome, fitted.parts)


def test_a_host_that_answers_nonsense(fitted, monkeypatch):
    """A score beyond what scores can be is refused."""
    original = host.mask_others
    monkeypatch.setattr(host, "mask_others", lambda total, *kept: original(total))
    with pytest.raises(ProtocolError, match="beyond their bounds"):
        predict(fitted.outcome, fitted.parts)


def test_more_outputs_than_a_key_holds(classifier, toy, fitted):
    with pytest.raises(ConfigurationError, match="prediction"):
        classifier(prediction="some").check()
    with pytest.raises(ConfigurationError, match="does not fit a key of 128 bits"):
        Ways.of(questions_of(fitted.outcome.guest._half.forest), 1, 128)
