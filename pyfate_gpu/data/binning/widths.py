# SPDX-License-Identifier: Apache-2.0
"""Bins as wide as each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyfate_gpu.data.binning.numeric import NumericBins, as_numbers, check_bin_count


def equal_width_bins(column: npt.ArrayLike, max_bin: int) -> NumericBins:
    """Return `max_bin` bins of the same width between the least and the largest finite value.

    Bins without rows are left out: they get no cut of their own. Infinite values are in the outermost bins.

    Raises
    ------
    ConfigurationError, DataError
        As `quantile_bins` does.

    Examples
    --------
    >>> from pyfate_gpu.data.binning.widths import equal_width_bins
    >>> equal_width_bins([0, 1, 2, 9, 10], 5).cuts.tolist()
    [2.0, 8.0]
    """
    most = check_bin_count("max_bin", max_bin)
    values = as_numbers(column)
    values = values[np.isfinite(values)]
    if not len(values) or most == 1:
        return NumericBins(np.empty(0))
    least, largest = float(values.min()), float(values.max())
    share = np.arange(1, most) / most
    cuts = np.unique(least * (1 - share) + largest * share)  # a difference may be infinite
    cuts = cuts[(cuts > least) & (cuts <= largest)]
    used = np.unique(np.searchsorted(cuts, values, side="right"))
    return NumericBins(cuts[used[1:] - 1])
