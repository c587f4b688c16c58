# SPDX-License-Identifier: Apache-2.0
"""Encryptions of values under masks of residues, by one encryption."""

import numpy as np
import pytest

from pyfate_gpu import IntegerEncoder, SlotLayout
from pyfate_gpu.errors import BoundError, EncodingError, ShapeError


def test_the_mask_comes_off(engine, keypair):
    public, private = keypair
    layout = SlotLayout(30, 4)
    values = np.array([[1, -2, 3, 0], [-5, 2**20, 0, 7]])
    masks = public.random_residues(2)
    c = public.encrypt_masked(values, masks, IntegerEncoder(2**20), slots=layout)
    assert (c.blinding, c.slots, c.bound, c.shape) == ("fresh", layout, 2**20, (2,))
    plain = private.decrypt_residues(c)
    assert [int(a - b) % public.n for a, b in zip(plain, masks, strict=True)] == [
        sum(int(v) << (30 * s) for s, v in enumerate(row)) % public.n for row in values
    ]
    total = c + public.encrypt_masked(values, masks, IntegerEncoder(2**20), slots=layout)
    opened = private.decrypt_residues(total) - 2 * masks
    np.testing.assert_array_equal(public.decode_residues(opened, 0, "i", slots=layout), 2 * values)


def test_each_is_blinded_afresh(keypair):
    public, _ = keypair
    masks = public.random_residues(3)
    both = [public.encrypt_masked([1, 2, 3], masks).to_ints() for _ in range(2)]
    assert not set(both[0]) & set(both[1])


def test_masks_that_are_none(keypair):
    public, _ = keypair
    for wrong in ([public.n], [-1], [0.5], [None], ["1"]):
        with pytest.raises(EncodingError):
            public.encrypt_masked([1], wrong)
    for wrong in ([1, 2], 1, [[1]]):
        with pytest.raises(ShapeError):
            public.encrypt_masked([1], wrong)
    with pytest.raises(BoundError):
        public.encrypt_masked([1], [0], IntegerEncoder(public.n))
