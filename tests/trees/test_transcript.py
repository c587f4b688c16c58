# SPDX-License-Identifier: Apache-2.0
"""What travels, from whom to whom, and what does not: the transcript of whole fits under a microscope."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.trees.messages import MESSAGE_BYTES, MESSAGES, pieces
from pyfate_gpu.trees.packing import GradientSlots
from tests.trees.conftest import run_parties

#: Every message with everything that it may hold.
TO_HOSTS = {
    "terms": {"terms": str},
    "public_key": {"key": str},
    "plan": {"outputs": int, "packed": bool},
    "round": {
        "proceed": bool, "kept": int, "asked": bool, "roots": np.ndarray, "trees": np.ndarray,
    },
    "changed": {"rows": np.ndarray},
    "gradients": {"rows": Sealed},
    "nodes": {
        "more": bool, "summed": bool, "bits": np.ndarray, "offered": np.ndarray, "places": np.ndarray,
        "ranks": np.ndarray, "lengths": np.ndarray, "told": np.ndarray,
    },
    "paths": {"more": bool, "start": int, "stop": int, "nodes": np.ndarray, "rows": np.ndarray},
}  # fmt: skip
#: Of blinded predictions: test_blinded.py.
BLINDED = {"errands", "questions", "passed", "partial_scores", "blinded_scores"}
TO_GUEST = {
    "shape": {"rows": int, "validation": int, "candidates": int, "training": str},
    "candidates": {"sizes": np.ndarray},
    "splits": {"chosen": np.ndarray, "left": np.ndarray},
    "sums": {"sums": Sealed},
    "outcomes": {"left": np.ndarray},
}


def name_of(message):
    return message.name.partition("/")[2]


def fit(model, toy, **options):
    return run_parties(model, toy.parts[0], toy.y, toy.parts[1:], **options)


def test_only_these_values_travel(classifier, toy, transcript):
    fit(classifier(colsample_bytree=0.8, subsample=0.9), toy, predict="predict")
    fit(classifier(gradient_bits=3, lazy_gradients="show_changed_rows"), toy)
    seen = set()
    for message in transcript:
        forms = TO_HOSTS if message.sender == GUEST else TO_GUEST
        found = {key: type(value) for key, value in message.payload.items()}
        assert found == forms[name_of(message)], message.name
        seen.add(name_of(message))
    assert seen == {*TO_HOSTS, *TO_GUEST}
    assert set(MESSAGES) - BLINDED | {"terms", "public_key"} == seen


def test_hosts_talk_to_the_guest_alone(classifier, toy, transcript):
    fit(classifier(), toy)
    assert all(GUEST in (message.sender, message.to) for message in transcript)


def test_numbers_of_rows_stay_at_home(classifier, toy, transcript):
    """What a host says of nodes is a choice among what it was offered, and bits."""
    found = fit(classifier(), toy)
    counts = {rows for tree in found.guest._half.forest.trees for rows in tree.rows}
    assert len(counts) > 3
    for message in transcript:
        if name_of(message) == "splits":
            assert message.payload["left"].dtype == np.uint8
            offers = next(
                m.payload["lengths"]
                for m in transcript
                if name_of(m) == "nodes"
                and (m.to, m.iteration, m.batch)
                == (message.sender, message.iteration, message.batch)
            )
            assert (message.payload["chosen"] < offers).all()


def test_as_many_sums_as_candidates_of_asked_nodes(classifier, toy, transcript):
    found = fit(classifier(n_estimators=1), toy)
    key_bits = found.guest._keys[0].key_bits
    slots = GradientSlots(24, 80, 1, key_bits)
    size = next(
        m.payload["candidates"]
        for m in transcript
        if name_of(m) == "shape" and m.sender.name == "host-0"
    )
    asked = [m for m in transcript if name_of(m) == "nodes" and m.to.name == "host-0"]
    received = [m for m in transcript if name_of(m) == "sums" and m.sender.name == "host-0"]
    counts = [found.guest._keys[0].from_wire(m.payload["sums"].to_wire()).size for m in received]
    assert counts[0] == slots.answers(size)  # of the root
    assert len(counts) <= 1 + len(asked)
    assert all(count <= slots.answers(size * 4) for count in counts)


def test_two_runs_share_a_model_and_nothing_else(classifier, toy, transcript):
    trees, places, ciphertexts = [], [], []
    for _ in range(2):
        transcript.clear()
        trees.append(fit(classifier(), toy).trees())
        nodes = [m for m in transcript if name_of(m) == "nodes"]
        places.append(np.concatenate([m.payload["places"] for m in nodes]).tolist())
        ciphertexts.append(
            {v.data for m in transcript for v in m.payload.values() if isinstance(v, Sealed)}
        )
    assert trees[0] == trees[1]
    assert places[0] != places[1]  # the hosts' own orders of candidates
    assert not ciphertexts[0] & ciphertexts[1]


def test_no_two_ciphertexts_share_their_randomness(classifier, toy, transcript):
    """c mod n = r^n mod n does not change when something is added without blinding."""
    found = fit(classifier(), toy)
    public = found.guest._keys[0]
    payloads = {v.data for m in transcript for v in m.payload.values() if isinstance(v, Sealed)}
    traces = Counter(
        int(c) % public.n
        for data in payloads
        for c in public.from_wire(data).to_ints(reblind=False).ravel()
    )
    assert len(traces) > 160
    assert max(traces.values()) == 1
    assert 1 not in traces


def test_one_message_each_way_a_level(classifier, toy, transcript):
    """Of one host that refuses nothing: the root's sums, then an offer and an answer for each level."""
    run_parties(classifier(n_estimators=1, min_samples_leaf=1), toy.parts[0], toy.y, toy.parts[1:2])
    nodes = [m for m in transcript if name_of(m) == "nodes"]
    assert [m.payload["more"] for m in nodes] == [True] * (len(nodes) - 1) + [False]
    assert len(nodes) - 1 <= 3


def test_hosts_hear_nothing_of_the_last_level(classifier, toy, transcript):
    """Nodes of the last level that others split are not told: their children are leaves."""
    fit(classifier(max_depth=1), toy)
    assert not any(len(m.payload["told"]) for m in transcript if name_of(m) == "nodes")


def test_rounds_of_the_guest_alone_ask_nobody(classifier, toy, transcript):
    fit(classifier(guest_only_trees=2), toy)
    assert not any(name_of(m) in ("gradients", "nodes", "sums") for m in transcript)


def test_messages_are_cut():
    parts = pieces(100_000, key_bits=3072)
    assert sum(part.stop - part.start for part in parts) == 100_000
    assert max(part.stop - part.start for part in parts) * 768 <= MESSAGE_BYTES
