# SPDX-License-Identifier: Apache-2.0
"""Sums of chosen slots, against sums of the chosen numbers; and what lies beside them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from pyfate_gpu import IntegerEncoder, SlotLayout, generate_keypair
from pyfate_gpu.errors import BoundError, ShapeError, SlotMismatchError
from pyfate_gpu.he.array.chosen_slots import sum_chosen_slots
from pyfate_gpu.he.array.masks import _uniform, mask_others

BOUND = 1000
KEYS = generate_keypair(512, allow_insecure_key_size=True)


def encrypted(numbers, layout):
    """Number i of a row in slot ``step - 1 - i``."""
    return KEYS[0].encrypt(numbers[:, :, ::-1], IntegerEncoder(BOUND), slots=layout)


@pytest.mark.parametrize(("step", "rows_of_each"), [(1, 1), (1, 5), (3, 1), (3, 2), (2, 4)])
@pytest.mark.parametrize("rows", [1, 7])
def test_sums_are_those_of_chosen_numbers(rng, step, rows_of_each, rows):
    numbers = rng.integers(-BOUND, BOUND + 1, size=(rows, 4, step))
    chosen = rng.random((rows, 4, step)) < 0.5
    chosen[0] = False
    layout = SlotLayout(30, step * (rows_of_each + 1) - 1)
    c = encrypted(numbers, SlotLayout(30, step))
    found = sum_chosen_slots(c, chosen, step, rows_of_each, layout)
    assert found.shape == (-(-rows // rows_of_each),)
    assert found.blinding == "derived"
    slots = KEYS[1].decrypt(found)
    sums = slots[:, [row * step + step - 1 for row in range(rows_of_each)]].ravel()[:rows]
    assert sums.tolist() == (numbers * chosen).sum(axis=(1, 2)).tolist()
    assert np.abs(slots).max() <= found.bound


def test_rows_that_were_summed_alone_are_summed_again(rng):
    """What goes on to another host has rubbish on both sides, and is chosen or not as a whole."""
    step, numbers = 2, rng.integers(-BOUND, BOUND + 1, size=(5, 1, 2))
    first, second = rng.random((5, 1, 2)) < 0.6, rng.random((5, 1, 1)) < 0.6
    passed = sum_chosen_slots(
        encrypted(numbers, SlotLayout(80, step)), first, step, 1, SlotLayout(80, 3)
    )
    found = sum_chosen_slots(passed.reshape(5, 1), second, step, 2, SlotLayout(80, 5))
    slots = KEYS[1].decrypt(mask_others(found, 1, 3))
    wanted = (numbers * first).sum(axis=(1, 2)) * second[:, 0, 0]
    assert slots[:, [1, 3]].ravel()[:5].tolist() == wanted.tolist()
    assert min(abs(int(value)) for value in slots[:, ::2].ravel()) > found.bound  # masks


def test_what_does_not_fit():
    c = encrypted(np.ones((4, 2, 2), dtype=int), SlotLayout(30, 2))
    chosen = np.ones((4, 2, 2), dtype=bool)
    with pytest.raises(ShapeError, match="the same two axes"):
        sum_chosen_slots(c, chosen[:3], 2, 1, SlotLayout(30, 3))
    with pytest.raises(ShapeError, match="at most 1 numbers"):
        sum_chosen_slots(c, chosen, 1, 1, SlotLayout(30, 3))
    with pytest.raises(SlotMismatchError, match="it takes 3 or more"):
        sum_chosen_slots(c, chosen, 3, 1, SlotLayout(30, 5))
    for layout in (SlotLayout(30, 2), SlotLayout(31, 3)):
        with pytest.raises(SlotMismatchError, match="the result is 3 slots of 30 bits"):
            sum_chosen_slots(c, chosen, 2, 1, layout)
    narrow = encrypted(np.ones((4, 2, 2), dtype=int), SlotLayout(12, 2))
    with pytest.raises(BoundError, match="a slot of 12 bits"):
        sum_chosen_slots(narrow, chosen, 2, 1, SlotLayout(12, 3))
    with pytest.raises(BoundError, match="512-bit key"):
        sum_chosen_slots(c, chosen, 2, 9, SlotLayout(30, 19))
    with pytest.raises(SlotMismatchError, match="no slots"):
        mask_others(KEYS[0].encrypt([1]), 0)


@pytest.mark.parametrize("most", [0, 1, 2, 5, 127, 128])
def test_masks_take_every_value_as_often(most):
    """Chi-square of 200 draws a value: beyond the limit once in 10^9 runs or less."""
    values = 2 * most + 1
    drawn = _uniform(most, 200 * values).astype(int)
    counts = np.bincount(drawn + most, minlength=values)
    assert len(counts) == values
    assert ((counts - 200) ** 2 / 200).sum() < chi2.isf(1e-12, max(1, values - 1))


def test_masks_of_many_bits_reach_both_ends():
    most = 2**124 - 2**60
    drawn = _uniform(most, 2000)
    assert max(map(abs, drawn)) <= most
    assert min(drawn) < -0.95 * most
    assert max(drawn) > 0.95 * most
    assert len(set(drawn.tolist())) == 2000
