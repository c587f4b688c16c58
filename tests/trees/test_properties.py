# SPDX-License-Identifier: Apache-2.0
"""What boosting has been seen to get wrong elsewhere, each as a property that holds here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.learning.draws import draw_by_gradient
from pyfate_gpu.learning.gain import Regularization
from pyfate_gpu.protocol import pieces as cutting
from pyfate_gpu.trees.guest import GuestTrainer
from tests.trees.conftest import check_bits, run_parties


def named(transcript, name):
    return [m for m in transcript if m.name.partition("/")[2] == name]


def test_sampling_by_gradients_keeps_the_largest_of_either_sign():
    size = np.abs(np.array([-9.0, 0.1, 8.0, 0.2, -0.3, 0.4, 0.5, -7.0, 0.6, 0.7]))
    rows, factor = draw_by_gradient(3, 1, size, 0.3, 0.2)
    assert rows[:3].tolist() == [0, 2, 7]
    assert len(rows) == len(set(rows.tolist())) == 5
    assert factor == 7 / 2  # two rows stand for seven


def test_sampling_by_gradients_does_not_compound(monkeypatch, classifier, toy):
    """What the others count for is of the round alone: weights, and with them slots, do not grow by the round."""
    seen = []
    original = GuestTrainer._round

    def spied(self, number):
        original(self, number)
        seen.append(self.slots.width)

    monkeypatch.setattr(GuestTrainer, "_round", spied)
    model = classifier(
        n_estimators=8, sampling_method="goss", learning_rate=1.0, min_samples_leaf=1
    )
    found = run_parties(model, toy.parts[0], toy.y, toy.parts[1:])
    assert len(set(seen)) == 1
    covers = [tree.cover[0] for tree in found.guest._half.forest.trees]
    assert max(covers) <= 80 * 0.25 * 1.001  # a row's hessian is a quarter at most


def test_steps_of_several_outputs_are_shrunk_each_by_itself():
    found = Regularization(reg_lambda=1.0, reg_alpha=0.5)
    assert found.leaf(np.array([2.0]), np.array([3.0])) == -1.5 / 4
    assert found.leaf(np.array([-0.4]), np.array([3.0])) == 0.0
    assert found.leaf(np.array([-0.9]), np.array([3.0])) == 0.4 / 4  # though below 2 alpha
    # Left (2, 3) and (-0.4, 1), right (-1, 3) and (1, 1), in all (1, 6) and (0.6, 2).
    gains = found.gains(
        np.array([[20, 30, -4, 10]]), np.array([10, 60, 6, 20]), np.array([0.1, 0.1])
    )
    assert gains[0] == pytest.approx(2.25 / 4 + 0.25 / 4 - 0.25 / 7 + 0.25 / 2 - 0.01 / 3)


def test_seeds_do_not_order_candidates_and_nobody_elses_generator_is_touched(
    classifier, toy, transcript
):
    orders = []
    for _ in range(2):
        transcript.clear()
        np.random.seed(100)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        run_parties(classifier(random_state=100), toy.parts[0], toy.y, toy.parts[1:])
        assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
        orders.append(
            np.concatenate([m.payload["places"] for m in named(transcript, "nodes")]).tolist()
        )
    assert orders[0] != orders[1]


@pytest.mark.parametrize("scale", [2.0**-60, 2.0**60])
def test_units_of_columns_change_nothing(classifier, toy, scale):
    one, other = (
        run_parties(
            classifier(), *(toy.parts[0] * s, toy.y, [part * s for part in toy.parts[1:]])
        ).trees()
        for s in (1.0, scale)
    )
    assert one == other


def test_no_penalty_and_empty_bins(regressor, toy):
    """0 / 0 is no gain."""
    model = regressor(
        reg_lambda=0.0, min_child_weight=0.0, min_samples_leaf=1, subsample=0.3, max_bin=32
    )
    found = check_bits(model, toy.parts, toy.target)
    assert all(np.isfinite(tree.gain).all() for tree in found.guest._half.forest.trees)
    assert sum(found.guest._half.forest.sizes) > 0


def test_a_column_that_is_missing_in_the_first_row(classifier, toy):
    for part in toy.parts:
        part[0] = np.nan
    found = check_bits(classifier(), toy.parts, toy.y)
    assert sum(found.guest._half.forest.sizes) > 0


@pytest.mark.parametrize("value", [1.0, np.nan], ids=["constant", "missing"])
def test_a_host_whose_columns_say_nothing(classifier, toy, transcript, value):
    nothing = np.full((80, 3), value)
    found = check_bits(classifier(), [toy.parts[1], nothing], toy.y)
    assert found.guest._half.forest.sizes == [0]
    assert len(found.guest._half.table) > 0
    if value == 1.0:  # nothing is encrypted for it, and the guest's own columns are never
        assert not named(transcript, "gradients")
        assert "encrypt" not in found.guest.report_.usage.operations


def test_many_columns_travel_in_pieces(monkeypatch, classifier, rng, transcript):
    """Of hundreds of columns as of a few, no message is longer than the limit."""
    monkeypatch.setattr(cutting, "MESSAGE_BYTES", 4_000)
    x = rng.normal(size=(90, 170)).round(1)
    y = (x[:, 5] + x[:, 120] > 0).astype(int)
    check_bits(classifier(n_estimators=1), [x[:, :1], x[:, 1:]], y)
    sums = named(transcript, "sums")
    assert len(sums) > 2
    sizes = [len(v.data) for m in transcript for v in m.payload.values() if isinstance(v, Sealed)]
    assert max(sizes) < 4_000 + 1_000  # a header


def test_every_column_has_an_importance(classifier, toy):
    frames = [pd.DataFrame(part).add_prefix(f"p{i}_") for i, part in enumerate(toy.parts)]
    frames[1]["constant"], frames[1]["absent"] = 1.0, np.nan
    found = run_parties(classifier(), frames[0], toy.y, frames[1:])
    for model, frame in zip([found.guest, *found.hosts], frames, strict=True):
        assert list(model.importances("weight")) == list(frame.columns)
    assert found.hosts[0].importances("weight")["constant"] == 0


def test_hosts_keep_splits_and_no_trees(classifier, toy, tmp_path):
    found = run_parties(classifier(), toy.parts[0], toy.y, toy.parts[1:])
    for host in found.hosts:
        assert host._half.forest is None
        assert "loss" not in host.result()
        assert set(host.result()["importances"]) == {"weight"}
        host.save(tmp_path / "half")
        again = type(host).load(tmp_path / "half")
        assert again._half.forest is None
        assert len(again._half.table) == len(host._half.table)
