# SPDX-License-Identifier: Apache-2.0
"""What bins tell of labels, from counts alone: weight of evidence, information value, KS, chi-square, stability.

Counts may be sums of weights. Where they come from, plain rows or decrypted sums, makes no difference here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import ConfigurationError, DataError, ShapeError
from pyfate_gpu.typing import Floats

FATE, LAPLACE, NONE = SMOOTHINGS = ("fate", "laplace", "none")
#: What smoothing adds to counts, by default.
ALPHA = 0.5


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the bins of a column say of an event.

    Parameters
    ----------
    events, others : float64 [bins]
        Rows, or sums of weights, with the event and without.
    woe : float64 [bins]
        Weight of evidence: the logarithm of the bin's share of all events over its share of all others.
    terms : float64 [bins]
        What each bin adds to `iv`.
    iv : float
        Information value; infinite without smoothing where a bin lacks events or others.
    ks : float
        Largest difference of the cumulated shares, in the order of `woe`: the KS of the column as a score.
    chi_square : float
        Pearson's statistic of bins against the event, of counts as they are.
    """

    events: Floats
    others: Floats
    woe: Floats
    terms: Floats
    iv: float
    ks: float
    chi_square: float


def evidence_of(
    events: npt.ArrayLike,
    others: npt.ArrayLike,
    *,
    smoothing: str = FATE,
    alpha: float = ALPHA,
    left_out: npt.ArrayLike = (),
) -> Evidence:
    """Return what bins say of an event.

    Parameters
    ----------
    events, others : array-like [bins]
        Counts or sums of weights, none negative.
    smoothing : {"fate", "laplace", "none"}
        What becomes of bins without events or without others. By ``fate``, FATE's rule, both counts of such a
        bin get `alpha`, and totals stay. By ``laplace`` all counts get it, and totals with them. By
        ``none`` the weight of evidence is infinite. A bin without rows has 0, by each.
    alpha : float
        See `smoothing`.
    left_out : array-like of int
        Bins that add nothing to `iv`, for those who do not count missing values.

    Raises
    ------
    ConfigurationError
        When there is no such smoothing.
    ShapeError
        When the counts have different lengths.
    DataError
        When a count is negative or not finite.

    Examples
    --------
    >>> from pyfate_gpu.data.information_value import evidence_of
    >>> found = evidence_of([10, 30], [40, 20])
    >>> found.woe.round(4).tolist(), round(found.iv, 4), round(found.ks, 4)
    ([-0.9808, 0.8109], 0.7466, 0.4167)
    """
    check_smoothing(smoothing, alpha)
    ones, zeros = _counts(events), _counts(others)
    if ones.shape != zeros.shape:
        raise ShapeError(f"events of {len(ones)} bins and others of {len(zeros)}; one each a bin")
    one, zero = _shares(ones, zeros, smoothing, alpha)
    empty = (ones == 0) & (zeros == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        woe = np.where(empty, 0.0, np.log(one / zero))
        terms = np.where(empty | (one == zero), 0.0, (one - zero) * woe)
    counted = np.ones(len(terms), dtype=bool)
    counted[np.asarray(left_out, dtype=np.int64)] = False
    return Evidence(
        ones,
        zeros,
        woe,
        terms,
        float(terms[counted].sum()),
        ks_of(ones, zeros),
        chi_square_of(np.stack([ones, zeros], axis=1)),
    )


def evidence_of_classes(
    counts: npt.ArrayLike,
    *,
    smoothing: str = FATE,
    alpha: float = ALPHA,
    left_out: npt.ArrayLike = (),
) -> list[Evidence]:
    """Return what bins say of classes: the second one of two, of more each against the rest.

    Parameters
    ----------
    counts : array-like [bins, classes]
    smoothing, alpha, left_out : str, float, array-like of int
        As of `evidence_of`.

    Raises
    ------
    ShapeError
        When there are fewer than two classes.

    Examples
    --------
    >>> from pyfate_gpu.data.information_value import evidence_of_classes
    >>> [round(each.iv, 4) for each in evidence_of_classes([[40, 10], [20, 30]])]
    [0.7466]
    >>> [round(each.iv, 4) for each in evidence_of_classes([[40, 10, 5], [20, 30, 5]])]
    [0.5648, 0.6625, 0.0]
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ShapeError(f"counts have shape {table.shape}; they take bins x two or more classes")
    wanted = [1] if table.shape[1] == 2 else range(table.shape[1])
    return [
        evidence_of(
            table[:, c],
            np.delete(table, c, axis=1).sum(axis=1),
            smoothing=smoothing,
            alpha=alpha,
            left_out=left_out,
        )
        for c in wanted
    ]


def ks_of(events: Floats, others: Floats) -> float:
    """Return the largest difference of cumulated shares when bins are in the order of their evidence.

    That is half the sum of all differences of shares, however the bins came.
    """
    one, zero = events / (events.sum() or 1.0), others / (others.sum() or 1.0)
    return float(np.maximum(one - zero, 0.0).sum())


def chi_square_of(counts: Floats) -> float:
    """Return Pearson's statistic of counts [bins, classes]; bins and classes without rows do not count."""
    table = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if table.size == 0:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def stability_of(
    expected: npt.ArrayLike,
    actual: npt.ArrayLike,
    *,
    smoothing: str = FATE,
    alpha: float = ALPHA,
) -> float:
    """Return the population stability index: how far the bins of two samples differ.

    Parameters
    ----------
    expected, actual : array-like [bins]
        Counts of both samples, of any size.
    smoothing, alpha : str, float
        As of `evidence_of`, whose `iv` it is when the samples are the labels.

    Examples
    --------
    >>> from pyfate_gpu.data.information_value import stability_of
    >>> stability_of([100, 100], [10, 10]), round(stability_of([100, 100], [15, 5]), 4)
    (0.0, 0.2747)
    """
    return evidence_of(actual, expected, smoothing=smoothing, alpha=alpha).iv


def check_smoothing(smoothing: object, alpha: object = ALPHA) -> None:
    """Raise ConfigurationError unless there is such a smoothing."""
    if smoothing not in SMOOTHINGS:
        raise ConfigurationError(
            f"smoothing is {smoothing!r}; choose one of {', '.join(SMOOTHINGS)}"
        )
    number = isinstance(alpha, int | float) and not isinstance(alpha, bool)
    if not number or not 0 < alpha < 1e9:  # type: ignore[operator]
        raise ConfigurationError(f"alpha is {alpha!r}; it must be a positive number")


def _counts(values: npt.ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ShapeError(f"counts of bins have shape {array.shape}; they take one axis")
    if not (np.isfinite(array) & (array >= 0)).all():
        raise DataError("a count of a bin is negative or not finite: counts are 0 or more")
    return array


def _shares(ones: Floats, zeros: Floats, smoothing: str, alpha: float) -> tuple[Floats, Floats]:
    """Return the share of all events, and of all others, that each bin has."""
    total_one, total_zero = float(ones.sum()) or 1.0, float(zeros.sum()) or 1.0
    there = (ones > 0) | (zeros > 0)
    if smoothing == LAPLACE and there.any():
        more = alpha * there.sum()
        one, zero = (ones + alpha) / (ones.sum() + more), (zeros + alpha) / (zeros.sum() + more)
        return one, zero
    if smoothing == FATE:
        lacking = there & ((ones == 0) | (zeros == 0))
        ones, zeros = ones + alpha * lacking, zeros + alpha * lacking
    return ones / total_one, zeros / total_zero
