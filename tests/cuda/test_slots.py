# SPDX-License-Identifier: Apache-2.0
"""Arrays with slots on the emulated device, whole and streamed: what NumPy has on the decrypted side."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu import IntegerEncoder, SlotLayout
from pyfate_gpu.he.array import slot_products
from tests.cuda.conftest import decrypted

SMALL = IntegerEncoder(1000)


def test_arithmetic_on_slots(keypair, on_device, rng):
    layout, values = SlotLayout(60, 4), rng.integers(-1000, 1001, (9, 4))
    c = on_device(keypair[0].encrypt(values, SMALL, slots=layout))
    np.testing.assert_array_equal(decrypted(keypair, c + values[::-1]), values + values[::-1])
    np.testing.assert_array_equal(decrypted(keypair, c - c[::-1]), values - values[::-1])
    np.testing.assert_array_equal(decrypted(keypair, c * -7), values * -7)
    np.testing.assert_array_equal(decrypted(keypair, c.sum()), values.sum(0))


def test_squeeze(keypair, on_device, rng):
    layout, values = SlotLayout(61, 8), rng.integers(-1000, 1001, 21)
    c = on_device(keypair[0].encrypt(values, SMALL))
    np.testing.assert_array_equal(decrypted(keypair, c.squeeze(layout)), layout.group(values))


@pytest.mark.parametrize("shifting", [True, False])
def test_outputs_product(keypair, on_device, rng, monkeypatch, shifting):
    monkeypatch.setattr(slot_products, "_shifting_pays", lambda *_: shifting)
    layout, w = SlotLayout(100, 4), rng.integers(-1000, 1001, 3)
    matrix = rng.integers(-99, 99, (10, 3))
    result = on_device(keypair[0].encrypt(w, SMALL)).outputs_product(matrix, layout)
    np.testing.assert_array_equal(decrypted(keypair, result), layout.group(matrix @ w))


def test_rows_product(keypair, on_device, rng):
    layout, d = SlotLayout(60, 4), rng.integers(-1000, 1001, 30)
    matrix = rng.integers(-99, 99, (3, 30))
    c = on_device(keypair[0].encrypt(layout.group(d), SMALL, slots=layout))
    coefficients = decrypted(keypair, c.rows_product(matrix))
    np.testing.assert_array_equal(coefficients[:, layout.product.middle], matrix @ d)
