# SPDX-License-Identifier: Apache-2.0
"""Bins from summed counts: those of all rows, whoever has them, and near those of quantiles."""

import numpy as np
import pytest

from pyfate_gpu.data.binning.counted import LEAST_ROWS, CountedBins
from pyfate_gpu.errors import ConfigurationError, DataError


def found(parts, max_bin):
    bins = CountedBins(parts[0].shape[1], max_bin)
    rounds = 0
    while bins.is_open:
        bins.take(sum(bins.count(part) for part in parts))
        rounds += 1
    assert rounds <= 6
    return bins.bins()


def test_rows_may_fall_to_anybody():
    random = np.random.default_rng(3)
    table = np.column_stack([
        random.normal(size=900), random.lognormal(10, 5, 900), random.integers(-3, 4, 900),
        np.where(random.random(900) < 0.3, np.nan, random.normal(size=900)),
        np.where(random.random(900) < 0.1, np.inf, -1e300 * random.random(900)),
    ])  # fmt: skip
    whole = found([table], 16)
    for cuts in ([300], [1, 2, 700], [899]):
        parts = found(np.split(table, cuts), 16)
        for one, other in zip(whole.bins, parts.bins, strict=True):
            np.testing.assert_array_equal(one.cuts, other.cuts)
    assert whole.missing.tolist() == [False, False, False, True, False]
    # Cells of numbers below 0 begin right below what float32 holds.
    np.testing.assert_allclose(whole.bins[2].cuts, [-2, -1, 0, 1, 2, 3], rtol=1e-7)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e9])
def test_bins_have_about_as_many_rows(scale):
    values = np.random.default_rng(1).normal(size=(20_000, 1)) * scale
    bins = found([values[:7000], values[7000:]], 20).bins[0]
    rows = np.bincount(bins.assign(values[:, 0]))
    assert len(rows) == 20
    assert abs(rows - 1000).max() < 500


def test_whole_numbers_have_bins_of_their_own():
    values = np.repeat([0.0, 1, 2, 3, 100, -7, 1e6], [500, 300, 100, 50, 30, 15, 12])[:, None]
    bins = found([values], 32).bins[0]
    assert bins.cuts.tolist() == [0.0, 1.0, 2.0, 3.0, 100.0, 1e6]


def test_cells_of_few_rows_are_not_parted():
    """Nobody sees the bits of a value that few rows have: what is counted has ten rows or one cell for all."""
    values = np.concatenate([np.full(9, 3.14159), np.linspace(1e3, 2e3, 91)])[:, None]
    bins = CountedBins(1, 8)
    seen = []
    while bins.is_open:
        counts = bins.count(values)
        seen.append(counts)
        parted = [each for each in counts if each >= LEAST_ROWS]
        bins.take(counts)
        assert sum(map(len, bins._parted)) <= len(parted)
    assert all(9 not in counts for counts in seen[2:])


def test_zero_is_one_number_and_an_empty_column_has_one_bin():
    bins = found([np.array([[-0.0, np.nan], [0.0, np.nan]] * 20)], 4)
    assert [len(each.cuts) for each in bins.bins] == [0, 0]
    assert bins.missing.tolist() == [False, True]


def test_what_is_refused():
    with pytest.raises(ConfigurationError):
        CountedBins(1, 0)
    bins = CountedBins(2, 4)
    with pytest.raises(DataError, match="columns"):
        bins.count(np.zeros((3, 1)))
    with pytest.raises(DataError, match="counts"):
        bins.take(np.zeros(3, dtype=np.int64))
    with pytest.raises(DataError, match="counts"):
        bins.take(np.full(bins.size, -1))
