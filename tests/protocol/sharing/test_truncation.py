# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.masks import random_ring
from pyfate_gpu.protocol.sharing.truncation import failure_bits, truncate
from tests.protocol.sharing.soak_truncation import count_failures


@pytest.mark.parametrize(("bits", "shift"), [(80, 32), (88, 16), (96, 24), (30, 24)])
def test_numbers_of_either_sign_are_never_off_by_one_or_more(bits, shift):
    assert count_failures(50_000, bits, shift) == 0


def test_failures_are_as_frequent_as_the_bound_says():
    # Numbers of 125 bits fail with probability 1 / 16 on average: what counts failures sees them.
    failures = count_failures(20_000, 125, 24)
    assert 0.05 < failures / 20_000 < 0.075


def test_truncation_is_right_on_average():
    value = ring.from_integers(np.full(200_000, 3 << 22))  # 0.75 after 24 bits
    one = random_ring((200_000,))
    other = ring.subtract(value, one)
    sums = ring.add(truncate(one, 24, first=True), truncate(other, 24, first=False))
    found = ring.to_words(sums)[:, 0]
    assert set(found.tolist()) == {0, 1}
    assert abs(found.mean() - 0.75) < 0.01  # ten standard deviations


def test_the_bound_is_that_of_the_documentation():
    assert failure_bits((1 << 80) - 1) == 48
