# SPDX-License-Identifier: Apache-2.0
"""No expression decrypts to another number than exact arithmetic gives, but for the documented rounding.

The long form: ``python -m tests.numerics.hunt --minutes 20``.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.numerics import expressions, slotted
from tests.numerics.dice import by_hypothesis
from tests.numerics.hunt import examine
from tests.numerics.known import Known

kinds = pytest.mark.parametrize("kind", [expressions, slotted], ids=["numbers", "slots"])


@kinds
@given(st.data())
@settings(max_examples=250)
def test_expressions(keypair, kind, data):
    examine(by_hypothesis(data.draw), *keypair, kinds=(kind,))


@kinds
@given(st.data())
@settings(max_examples=20)
def test_expressions_on_every_engine(engine, keypair, kind, data):
    examine(by_hypothesis(data.draw), *keypair, kinds=(kind,))


def test_the_judge_sees_what_is_wrong():
    known = Known.of([1.5, 2], Fraction(1, 4))
    assert known.complaint([1.75, 2.25], "f") is None
    assert known.complaint([1.5, 2.26], "f") is not None
    assert known.complaint([1.5], "f") is not None
    assert Known.of([3]).complaint([4], "i") is not None
    assert Known.of([2**70]).complaint([2.0**70 + 2**20], "f") is not None
    product = known * Known.of(np.array([2, -4]), Fraction(1, 2))
    assert product.error.tolist() == [Fraction(11, 8), Fraction(17, 8)]
