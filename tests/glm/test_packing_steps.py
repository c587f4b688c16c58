# SPDX-License-Identifier: Apache-2.0
"""First-order steps on shared ciphertexts: the weights of the plaintext rule, in both modes, and fewer bytes."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from pyfate_gpu import HeteroLogisticRegression
from pyfate_gpu.glm.conjugate import ConjugateWeights
from pyfate_gpu.glm.plaintext import fit_plaintext
from pyfate_gpu.glm.row_slots import LEAST_FRACTION_BITS
from pyfate_gpu.glm.weights import PartyWeights
from pyfate_gpu.learning.optimizers import OPTIMIZERS
from tests.glm.real_data import load_sample

MODES = ("masked", "arbiter_optimizer")


@pytest.fixture
def kinds(toy):
    return np.digitize(toy.y, [-2.0, 0.0, 2.0])


def packings(outcome):
    models = (outcome.guest, outcome.arbiter, *outcome.hosts)
    return {model.report_.packing for model in models}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("mode", MODES)
def test_every_optimizer_on_packed_rows(federate, agrees, toy, linear, optimizer, mode):
    model = linear(optimizer=optimizer, mode=mode, packing="rows")
    outcome = federate(model, toy.guest, toy.y, toy.hosts[:1])
    agrees(outcome, [toy.guest, toy.hosts[0]], toy.y)
    assert packings(outcome) == {"rows"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "params",
    [
        {"batch_size": 25},
        {"batch_size": 25, "shuffle": True, "random_state": 7},
        {"batch_size": 27, "batch_strategy": "random"},
        {"clip": 0.7, "alpha": 0.5},
        {"penalty": "l1", "alpha": 0.3},
        {"fit_intercept": False, "penalty": None},
    ],
    ids=str,
)
def test_every_division_of_packed_rows(federate, agrees, toy, logistic, params, mode):
    """Twenty-five rows in groups of two: the last group, and the last batch, are not full."""
    random = params.get("batch_strategy") == "random"
    params = params | ({"random_state": 3} if random else {})
    model = logistic(optimizer="nesterov", mode=mode, packing="rows", **params)
    outcome = federate(model, toy.guest, toy.labels, toy.hosts)
    agrees(outcome, [toy.guest, *toy.hosts], toy.labels)
    assert packings(outcome) == {"rows"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("link", ["taylor", "minimax"])
@pytest.mark.parametrize(
    "params", [{}, {"batch_size": 25}, {"batch_size": 30, "masked_rate": 0.5}], ids=str
)
def test_classes_share_ciphertexts(federate, agrees, toy, kinds, logistic, link, params, mode):
    model = logistic(optimizer="adam", mode=mode, link=link, **params)
    outcome = federate(model, toy.guest, kinds, toy.hosts)
    encoded = (kinds[:, np.newaxis] == np.arange(4)).astype(float)
    agrees(outcome, [toy.guest, *toy.hosts], encoded)
    assert packings(outcome) == {"classes"}


def test_classes_with_weights_of_rows(federate, agrees, toy, kinds, logistic, rng):
    weights = rng.uniform(0.1, 2.0, 60)
    model = logistic(optimizer="sgd", learning_rate=0.5)
    outcome = federate(model, toy.guest, kinds, toy.hosts[:1], sample_weight=weights)
    encoded = (kinds[:, np.newaxis] == np.arange(4)).astype(float)
    agrees(outcome, [toy.guest, toy.hosts[0]], encoded, sample_weight=weights)


def forward_bytes(transcript):
    return sum(
        len(m.payload[name].data)
        for m in transcript
        for name in ("forward", "residual")
        if m.name.endswith(f"/{name}")
    )


@pytest.mark.parametrize(("packing", "several"), [("rows", False), ("classes", True)])
def test_half_the_bytes_with_a_short_key(
    federate, toy, kinds, logistic, transcript, packing, several
):
    """Two rows, or two classes, share a ciphertext of 512 bits."""
    sizes = []
    for chosen in (packing, "none"):
        transcript.clear()
        model = logistic(optimizer="adam", packing=chosen, batch_size=30)
        federate(model, toy.guest, kinds if several else toy.labels, toy.hosts[:1])
        sizes.append(forward_bytes(transcript))
    assert sizes[0] < 0.55 * sizes[1]


@pytest.mark.parametrize(
    ("params", "data", "reason"),
    [
        ({"masked_rate": 0.5, "batch_size": 20}, {}, "rows that do not count are multiplied by 0"),
        ({}, {"sample_weight": np.arange(60) + 1.0}, "weights of rows are multiplied one by one"),
        ({"standardize": False}, {}, "columns that are not standardised"),
        (
            {"packing": "auto"},
            {},
            "fewer than 128 of them in a batch, with 8 columns, gain nothing",
        ),
        ({"packing": "none"}, {}, "packing is 'none'"),
    ],
    ids=str,
)
def test_fallbacks_are_said(federate, agrees, toy, logistic, caplog, params, data, reason):
    model = logistic(**{"optimizer": "adam", "packing": "rows"} | params)
    with caplog.at_level(logging.INFO, logger="pyfate_gpu.glm.guest"):
        outcome = federate(model, toy.guest, toy.labels, toy.hosts[:1], **data)
    agrees(outcome, [toy.guest, toy.hosts[0]], toy.labels, **data)
    assert reason in caplog.text
    assert packings(outcome) == {"none"}


def test_many_rows_are_packed_without_being_asked(federate, logistic, rng):
    guest, host = rng.normal(size=(130, 2)), rng.normal(size=(130, 2))
    model = logistic(optimizer="adam", max_iter=1)
    outcome = federate(model, guest, (guest[:, 0] > 0).astype(int), [host])
    assert packings(outcome) == {"rows"}


def test_the_fewest_fraction_bits_are_enough_for_every_optimizer(monkeypatch):
    """Shares of real data, rounded as coarsely as any layout does: weights move by far less than 1e-6."""
    guest, y, host = load_sample("default_credit")

    def rounded(scores):
        shift = 2.0**LEAST_FRACTION_BITS / 4  # of slope 1/4 times scores
        return lambda *arguments: np.rint(scores(*arguments) * shift) / shift

    def weights_of(optimizer):
        settings = HeteroLogisticRegression(optimizer=optimizer, tol=0.0, max_iter=30).settings()
        return np.concatenate(fit_plaintext([guest, host], y, settings).weights)

    exact = {optimizer: weights_of(optimizer) for optimizer in (*OPTIMIZERS, "newton")}
    monkeypatch.setattr(PartyWeights, "scores", rounded(PartyWeights.scores))
    directions = rounded(ConjugateWeights.direction_scores)
    monkeypatch.setattr(ConjugateWeights, "direction_scores", directions)
    moved = {
        optimizer: np.abs(weights_of(optimizer) - exact[optimizer]).max() for optimizer in exact
    }
    assert all(0 < difference < 2e-7 for difference in moved.values()), moved
