# SPDX-License-Identifier: Apache-2.0
"""Slots: any sum and product of packed integers is that of their numbers, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.errors import BoundError, EncodingError
from pyfate_gpu.integrations.slots import Slots

LAYOUTS = st.builds(Slots, st.integers(2, 70), st.integers(1, 9))


@given(layout=LAYOUTS, data=st.data())
def test_every_expression_is_right_or_refused(layout, data):
    each = data.draw(st.integers(0, layout.bound))
    slot = st.lists(st.integers(-each, each), min_size=layout.count, max_size=layout.count)
    factors = data.draw(st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=4))
    numbers = [data.draw(slot) for _ in factors]
    total = sum(f * layout.pack(v) for f, v in zip(factors, numbers, strict=True))
    bound = sum(abs(f) for f in factors) * layout.bound_of(each)
    right = [
        sum(f * v[i] for f, v in zip(factors, numbers, strict=True)) for i in range(layout.count)
    ]
    assert abs(total) <= bound
    assert max(map(abs, right)) <= layout.slot_bound(bound)
    try:
        layout.check(bound)
    except BoundError:
        assert sum(abs(f) for f in factors) * each > layout.bound
    else:
        assert layout.unpack(total) == right


@pytest.mark.parametrize("sign", [1, -1])
def test_full_slots(sign):
    layout = Slots(8, 4)
    for numbers in (
        [127] * 4,
        [-127] * 4,
        [127, -127, 127, -127],
        [0, -1, 0, -1],
        [-127, 0, 0, 127],
    ):
        assert layout.unpack(sign * layout.pack(numbers)) == [sign * v for v in numbers]
    assert layout.pack([1]) == 1
    assert layout.pack([]) == 0
    assert layout.pack([0, 1]) == 256
    assert layout.bound_of(127) == 127 * 0x01010101
    layout.check(layout.bound_of(127))
    with pytest.raises(BoundError, match="8 bits in a slot"):
        layout.check(layout.bound_of(128))


def test_an_integer_of_the_lowest_slot_counts_there():
    layout = Slots(8, 2)
    bound = layout.bound_of(100) + 27
    layout.check(bound)
    assert layout.unpack(layout.pack([100, 100]) + 27) == [127, 100]
    with pytest.raises(BoundError):
        layout.check(bound + 1)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Slots(1, 2),
        lambda: Slots(8, 0),
        lambda: Slots(True, 2),
        lambda: Slots(8.0, 2),
        lambda: Slots(8, 2).pack([1, 2, 3]),
        lambda: Slots(8, 2).pack([128]),
        lambda: Slots(8, 2).pack([-128]),
        lambda: Slots(8, 2).unpack(1 << 16),
        lambda: Slots(8, 2).unpack(-(1 << 16)),
        lambda: Slots(8, 2).unpack(0x7FFF + 1),
    ],
)
def test_what_fits_no_slots(wrong):
    with pytest.raises(EncodingError):
        wrong()
