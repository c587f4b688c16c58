# SPDX-License-Identifier: Apache-2.0
"""Noise inside sums: drawn as its distribution says, as much as the plan says, and nothing beside it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.homo import AggregationPlan, Noise, gaussian, privacy_spent, quantiser
from pyfate_gpu.homo.gaussian import DiscreteGaussian, settle
from pyfate_gpu.homo.quantiser import Layout, vector
from pyfate_gpu.homo.updates import take_apart
from tests.homo.conftest import Parties


def check_distribution(draws, variance):
    """Against probabilities that Python's fractions of exponentials give; fails once in 10^9 runs."""
    most = math.isqrt(20 * variance)
    values = np.arange(-most, most + 1)
    weights = [math.exp(-(v * v) / (2 * variance)) for v in values.tolist()]
    expected = np.array(weights) / math.fsum(weights) * len(draws)
    found = np.array([np.count_nonzero(draws == v) for v in values])
    often = expected >= 10
    rest = len(draws) - found[often].sum(), len(draws) - expected[often].sum()
    statistic = ((found[often] - expected[often]) ** 2 / expected[often]).sum()
    statistic += (rest[0] - rest[1]) ** 2 / max(rest[1], 1.0)
    assert stats.chi2.sf(statistic, often.sum()) > 1e-9


@pytest.mark.parametrize("variance", [16, 23, 400])
def test_draws_are_discrete_gaussian(variance):
    check_distribution(DiscreteGaussian(variance).take(200_000), variance)


def test_draws_where_floats_do_not_decide(monkeypatch):
    """All decisions by arithmetic as precise as it takes."""
    monkeypatch.setattr(gaussian, "MARGIN", 2.0)
    monkeypatch.setattr(gaussian, "CHUNK", 1 << 11)
    check_distribution(DiscreteGaussian(17).take(4_000), 17)


def test_what_is_settled():
    import gmpy2

    limit = int(math.exp(-0.5) * 2**53)  # the float is below or above by less than a unit
    below = sum(settle(limit, 53, gmpy2.mpq(1, 2)) for _ in range(400))
    with gmpy2.context(precision=200):
        share = float(gmpy2.exp(-gmpy2.mpfr(0.5)) * gmpy2.mpfr(2) ** 53 - limit)
    assert abs(below / 400 - share) < 0.16
    assert settle(limit - 1, 53, gmpy2.mpq(1, 2))
    assert not settle(limit + 1, 53, gmpy2.mpq(1, 2))


@pytest.mark.parametrize("variance", [10**6 + 1, 1 << 70])
def test_moments_of_wide_noise(variance):
    draws = DiscreteGaussian(variance).take(100_000) / math.sqrt(variance)
    assert abs(draws.mean()) < 6.2 / math.sqrt(100_000)
    assert abs(draws.var() - 1) < 6.2 * math.sqrt(2 / 100_000)
    assert stats.kstest(draws, "norm").pvalue > 1e-9
    assert abs(draws).max() <= Noise.bound(variance)


def test_no_draw_passes_the_bound(monkeypatch):
    monkeypatch.setattr(Noise, "bound", staticmethod(lambda variance: 5))
    draws = DiscreteGaussian(100).take(5_000)
    assert set(draws.tolist()) == set(range(-5, 6))


PLAN = AggregationPlan(
    clients=4, value_bits=16, clip=1.0, max_total_weight=12, noise=Noise(2.0, norm=3.0, honest=3)
)


@pytest.mark.parametrize("rounding", ["stochastic", "nearest"])
@pytest.mark.parametrize("size", [1, 1000, 30_000])
def test_a_rounded_update_is_within_the_norm(monkeypatch, rounding, size):
    """What the noise hides: no client adds more, whatever it has and however it is rounded."""
    monkeypatch.setattr(DiscreteGaussian, "take", lambda self, n: np.zeros(n, dtype=np.int64))
    plan = replace(PLAN, rounding=rounding, clip=2.0, value_bits=12)
    for values in (
        np.full(size, 0.7),
        np.random.default_rng(1).normal(0, 50, size),
        np.zeros(size),
    ):
        structure, arrays = take_apart([values.astype(np.float32), values[:1]])
        parts = np.concatenate(list(vector(Layout(plan, structure), arrays, 3)))
        levels = parts[: size + 1].astype(object)
        limit = 3 * plan.noise.norm / plan.clip * plan.levels
        assert sum(int(v) ** 2 for v in levels) <= limit**2
        if np.abs(values).max() * math.sqrt(size) > 10:
            assert sum(int(v) ** 2 for v in levels) > 0.2 * limit**2


def test_sums_have_the_noise_of_all_clients(mode):
    """Zeros come back as noise of the variance that the plan says, and the mean is near."""
    parties = Parties(PLAN, mode)
    size = 4000
    aggregator, sealed = parties.run([np.zeros(size, np.float32)] * 4, [1, 2, 3, 1])
    sums = aggregator.open_sums(sealed)
    variance = 4 * PLAN.noise_variance
    least = (2.0 * 3 * 3.0 * PLAN.levels) ** 2 / 3
    assert least <= PLAN.noise_variance <= least + 1
    assert stats.kstest(sums.values / math.sqrt(variance), "norm").pvalue > 1e-9
    assert (sums.clients, sums.weight) == (4, 7)
    mean, report = aggregator.open(sealed)
    assert abs(mean).max() <= 6.5 * math.sqrt(variance) / 7 / PLAN.levels
    assert report.clipped == {}
    assert report.noise_multiplier == 2.0
    expected = math.sqrt(variance) / 7 / PLAN.levels
    assert report.standard_error["0"] == pytest.approx(expected, rel=1e-3)
    assert abs(mean).max() <= report.rounding_error["0"]
    assert report.next_plan == PLAN


def test_fewer_clients_have_less_noise():
    parties = Parties(PLAN, "paillier")
    server = parties.server().server(0)
    for number in (0, 3):
        server.add(parties.client().client(0, number).seal([np.zeros(3, np.float32)], 1))
    _, report = parties.key_holder().open(server.close())
    assert report.noise_multiplier == pytest.approx(2.0 * math.sqrt(2 / 3))
    assert any("noise" in warning for warning in report.warnings)


def test_nothing_is_told_beside_the_noise():
    structure, _ = take_apart([np.zeros(5, np.float32)])
    assert len(Layout(PLAN, structure).counts) == 2
    assert len(Layout(replace(PLAN, noise=None), structure).counts) == 3


def test_all_parties_agree_on_noise():
    one, other = (
        Parties(PLAN, "paillier"),
        Parties(replace(PLAN, noise=Noise(1.0, 3.0, 3)), "paillier"),
    )
    other.secret = one.secret
    with pytest.raises(Exception, match="plans"):
        one.server().server(0).add(other.client().client(0, 0).seal([np.zeros(3)], 1))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"clip": "adaptive"}, "clip"), ({"clip": [1.0, 2.0]}, "clip"), ({"integers": "sum"}, "integer"),
        ({"noise": 1.0}, "Noise"), ({"noise": Noise(1.0, 1.0, 5)}, "honest"),
        ({"noise": Noise(1e-6, 1.0, 3)}, "value_bits"), ({"noise": Noise(1e12, 1.0, 3)}, "bits"),
    ],
)  # fmt: skip
def test_plans_that_make_no_sense(changes, text):
    with pytest.raises(ConfigurationError, match=text):
        replace(PLAN, **changes)


@pytest.mark.parametrize(
    "wrong", [(0.0, 1.0, 1), (1.0, -1.0, 1), (1.0, 1.0, 0), ("a", 1.0, 1), (1.0, float("nan"), 2)]
)
def test_noise_that_makes_no_sense(wrong):
    with pytest.raises(ConfigurationError):
        Noise(*wrong)


def test_a_norm_that_rounding_passes_is_refused():
    structure, arrays = take_apart([np.zeros(10_000)])
    plan = replace(PLAN, value_bits=6, noise=Noise(2.0, norm=1.0, honest=3))
    with pytest.raises(ConfigurationError, match="rounding"):
        list(vector(Layout(plan, structure), arrays, 1))


def test_accounting_takes_opacus(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("pyfate_gpu.homo.noise.importlib.import_module", missing)
    with pytest.raises(ConfigurationError, match="pip install opacus"):
        privacy_spent(1.0, 10, 1e-5)
    for wrong in ((0.0, 1, 0.1), (1.0, 0, 0.1), (1.0, 1, 1.0), (1.0, 1, 0.0)):
        with pytest.raises(ConfigurationError, match="it must|must be"):
            privacy_spent(*wrong)


@pytest.mark.torch
def test_accounting_is_that_of_gaussians():
    pytest.importorskip("opacus")
    for multiplier, rounds in ((1.0, 1), (4.0, 100), (30.0, 10)):
        found = privacy_spent(multiplier, rounds, 1e-5)
        orders = np.arange(1.01, 512, 0.01)
        rho = orders * rounds / (2 * multiplier**2)
        loose = (rho + math.log(1e5) / (orders - 1)).min()
        tight = (
            rho + np.log1p(-1 / orders) - (math.log(1e-5) + np.log(orders)) / (orders - 1)
        ).min()
        assert tight - 1e-3 <= found <= loose
    assert privacy_spent(0.01, 100, 1e-5) == pytest.approx(
        100 / 2 / 0.01**2, rel=0.01
    )  # no orders warn
    assert 0 <= privacy_spent(1e6, 1, 1e-5) < 1e-5
    assert quantiser.DiscreteGaussian is DiscreteGaussian
