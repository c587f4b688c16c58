# SPDX-License-Identifier: Apache-2.0
"""What native operations refuse: arrays of another kind, rows that are not there, numbers that are no key."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from tests.backends.kernel_oracle import ISAS, Engine, Oracle, to_bytes, to_signed


@pytest.fixture(scope="module", params=ISAS)
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine(request.param)


@pytest.fixture(scope="module")
def small(engine: Engine) -> Oracle:
    return Oracle(256, engine)


def test_arrays(small: Oracle) -> None:
    rows = small.enter([1, 2, 3])
    context = small.context
    for wrong in (
        rows.astype(np.int64),
        rows.astype(np.float64),
        rows[:, ::-1],
        rows[:, :1],
        rows.reshape(-1),
        np.zeros((3, 2, small.words + 1), np.uint64),
        np.zeros(rows.nbytes + 1, np.uint8)[1:].view(np.uint64).reshape(rows.shape),
        rows.astype(">u8"),
    ):
        with pytest.raises(ValueError, match="must be"):
            context.leave(wrong, 1)
    for index in ([3], [-1], [2**40]):
        with pytest.raises(ValueError, match="there are 3 rows"):
            context.multiply(rows, np.array(index), rows, np.array([0]), 1)
    with pytest.raises(ValueError, match="3 and 2 rows"):
        context.multiply(rows, None, rows[:2], None, 1)
    with pytest.raises(ValueError, match="offsets must rise"):
        context.segment_multiply(rows, np.array([0, 1]), np.array([0, 2, 1, 2]), 1)
    for numbers, steps, bits, what in (
        ([0, 1, 2], 2, 5, "numbers must have steps"),
        ([0, 1, 2], 0, 5, "numbers must have steps"),
        ([0, 3], 2, 5, "there are 3 rows"),
        ([0, 1], 2, 0, "bits is 0"),
        ([0, 1], 2, 1 << 20, "bits is 1048576"),
    ):
        with pytest.raises(ValueError, match=what):
            context.horner(rows, np.array(numbers), steps, bits, 1)
    with pytest.raises(ValueError, match="indptr must rise"):
        context.multi_exponentiate_csr(
            np.array([0, 2]), np.array([0]), np.ones((1, 1), np.int64), 1, rows, 1, 1
        )
    placed = small.engine.module.PlacedMatrix(np.ones((2, 3, 1), np.int64))
    with pytest.raises(ValueError, match=r"c has 3 rows; it must have 2 \* 1"):
        context.multiply_placed(placed, True, rows, 1, 1)
    with pytest.raises(ValueError, match="indptr must rise"):
        small.engine.module.place_csr(
            np.array([0, 2]), np.array([0]), np.ones((1, 1), np.int64), 1, 1
        )
    with pytest.raises(ValueError, match="words a value"):
        context.scale(rows, None, np.zeros((3, 0), np.int64), None, 1)
    with pytest.raises(ValueError, match="n\\^2 or more"):
        small.enter([small.n_squared])
    for threads in (0, -1, 10**6):
        with pytest.raises(ValueError, match="threads"):
            context.leave(rows, threads)


def test_contexts(small: Oracle) -> None:
    for n in (0, 1, 4, 1 << 100, (1 << 9000) + 1):
        with pytest.raises(ValueError, match="modulus"):
            small.engine.public(n)
    with pytest.raises(ValueError, match="unknown instruction set"):
        small.engine.module.PublicContext(to_bytes(small.n), "mmx")
    with pytest.raises(ValueError, match="distinct primes"):
        small.engine.private(small.p, small.p)
    other = small.engine.private(small.p, 65537)
    with pytest.raises(ValueError, match="does not belong"):
        other.decrypt(small.context, small.enter([1]), 1)
    for exponent in (0, 1 << small.bits):
        with pytest.raises(ValueError, match="an exponent has"):
            small.engine.private(small.p, small.q, exponent, 2)
    with pytest.raises(ValueError, match="set_blinding_base"):
        small.context.encrypt(to_signed([1], 1), None, 1)
    with pytest.raises(ValueError, match="exponent_bits"):
        small.context.set_blinding_base(b"\x02", 0, b"\x02", 1 << 16)


def test_secrets_are_not_picklable(small: Oracle) -> None:
    owner = small.owner()
    with pytest.raises(TypeError, match="not picklable"):
        pickle.dumps(owner)
    assert str(small.p) not in repr(owner)
