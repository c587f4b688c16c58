# SPDX-License-Identifier: Apache-2.0
"""Sums of candidates on the emulated device, whole and streamed: what NumPy has on the decrypted side."""

from __future__ import annotations

import numpy as np

from pyfate_gpu import IntegerEncoder, SlotLayout
from pyfate_gpu.encoding.row_slots import RowSlots
from pyfate_gpu.he.array import streams
from pyfate_gpu.he.array.candidates import Candidates
from pyfate_gpu.he.array.streams import StreamedSums
from tests.cuda.conftest import decrypted

BOUND = 99
ROWS = 24
#: Two columns that are nearly one, so that joint cells pay, one with missing values, and one-hot columns.
SHARED = np.arange(ROWS) % 3
CODES = np.stack(
    [SHARED, np.where(np.arange(ROWS) == 5, 0, SHARED), SHARED, SHARED == 1, SHARED == 2], axis=1
).astype(np.int16)
COUNTS, MISSING = [3, 3, 2, 2, 2], [False, False, True, False, False]


def right_sums(candidates, values, nodes):
    found = []
    for rows in nodes:
        chosen = np.zeros(ROWS, dtype=bool)
        chosen[rows] = True
        sides = [candidates.left(i) ^ candidates.complement[i] for i in range(candidates.size)]
        found.append([values[side & chosen].sum(axis=0).tolist() for side in sides])
    return found


def test_sums(keypair, on_device, rng):
    candidates = Candidates(CODES, COUNTS, MISSING)
    assert candidates.additions(np.arange(ROWS)) < 2 * ROWS
    values, layout = rng.integers(-BOUND, BOUND + 1, (ROWS, 2)), SlotLayout(40, 2)
    nodes = [np.arange(ROWS), rng.permutation(ROWS)[:7], np.arange(0)]
    c = on_device(keypair[0].encrypt(values, IntegerEncoder(BOUND), slots=layout))
    sums = decrypted(keypair, candidates.level_sums(c, nodes))
    assert sums.tolist() == right_sums(candidates, values, nodes)


def test_rows_that_share_ciphertexts(keypair, on_device, rng):
    candidates = Candidates(CODES, COUNTS, MISSING)
    slots = RowSlots.fit(SlotLayout(16, 2), key_bits=512)
    values = rng.integers(-BOUND, BOUND + 1, (ROWS, 2))
    nodes = [np.arange(ROWS), rng.permutation(ROWS)[:7]]
    c = on_device(keypair[0].encrypt(slots.join(values, BOUND), slots=slots.layout))
    sums = candidates.packed_sums(c, nodes)
    middle = slots.split(decrypted(keypair, sums)[..., sums.slots.middle])
    assert middle.tolist() == right_sums(candidates, values, nodes)


def test_rows_that_come_in_chunks(keypair, on_device, rng, monkeypatch):
    monkeypatch.setattr(streams, "HELD", 4)
    monkeypatch.setattr(streams, "ROWS_OF_CELLS", 1)
    candidates = Candidates(CODES, COUNTS, MISSING)
    values = rng.integers(-BOUND, BOUND + 1, (ROWS, 2))
    stream = StreamedSums(candidates)
    for start in range(0, ROWS, 8):
        chunk = values[start : start + 8]
        stream.add(
            on_device(keypair[0].encrypt(chunk, IntegerEncoder(BOUND))), np.arange(start, start + 8)
        )
    right = right_sums(candidates, values, [np.arange(ROWS)])[0]
    assert decrypted(keypair, stream.sums()).tolist() == right
