# SPDX-License-Identifier: Apache-2.0
"""The emulated device notices what a GPU would not forgive."""

from __future__ import annotations

import ctypes

import pytest

from tests.cuda.emulated_module import library_of

TOGETHER, DIVERGED = 0, 1


@pytest.mark.parametrize("how", [1, 2, 3])
def test_threads_that_do_not_stay_together_are_reported(how: int) -> None:
    run = ctypes.CDLL(str(library_of("diverging.cpp"))).run
    assert run(0) == TOGETHER
    assert run(how) == DIVERGED
    assert run(0) == TOGETHER  # nothing is left behind
