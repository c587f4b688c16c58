# SPDX-License-Identifier: Apache-2.0
"""Contestants take turns, and whoever is wrong or breaks gets no figure."""

import pytest

from pyfate_gpu.bench.harness import Contestant, Figure, Job, compete, ratio


def contestant(name, run, check=lambda _: True, **options):
    return Contestant(name, "", lambda: Job(run, 1, check), **options)


def test_wrong_result_gets_no_figure():
    wrong = contestant("wrong", lambda: 1, lambda result: result == 2)
    (figure,) = compete([wrong], repeats=2, seconds=0, refcheck=True)
    assert figure.failure == "wrong result"
    assert figure.rates == ()


def test_broken_peer_gets_no_figure_and_stops_nobody():
    def explode():
        raise OverflowError("too large")

    peer = contestant("peer", explode, foreign=True)
    ours = contestant("ours", lambda: 1)
    figures = compete([peer, ours], repeats=1, seconds=0, refcheck=True)
    assert [figure.failure for figure in figures] == ["OverflowError: too large", ""]
    with pytest.raises(OverflowError):
        compete([contestant("ours", explode)], repeats=1, seconds=0, refcheck=True)


def test_contestants_take_turns():
    calls = []
    both = [contestant(name, lambda name=name: calls.append(name)) for name in "ab"]
    compete(both, repeats=2, seconds=0, refcheck=False)
    assert "".join(calls) == "aabb" + "abab"  # a check and an untimed turn of each before


def test_ratio_compares_neighbouring_turns():
    ours, peer = Figure("ours", "", (10.0, 30.0, 20.0)), Figure("peer", "", (1.0, 2.0, 2.0))
    assert ratio(ours, peer) == 10.0
    assert ours.median == 20.0
    assert ours.spread == 1.0
