#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# scikit-learn 1.9.1, KBinsDiscretizer with the parameters it has by itself.
#
# Bins of equal counts, fitted on 300,000 rows. A good guess is that the edges are quantiles of these rows, the
# outer ones their least and greatest value, and the same in each fit. Beyond 200,000 rows the edges come from a
# random sample:
# no two fits agree, and some rows of the fit lie outside of all bins. With subsample=None it is as guessed.
#
# Seen, outer edges for numbers between -4.594 and 4.732 in three fits: -4.594 and 4.732, -4.594 and 4.145, -4.410
# and 4.732. Of 30 fits 23 left rows outside; the inner edges differed in the third digit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -I -m venv .
bin/python -I -m pip install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
bin/python -I - <<'END'
import numpy as np
from sklearn.preprocessing import KBinsDiscretizer


def edges(rows, **parameters):
    return KBinsDiscretizer(n_bins=10, **parameters).fit(rows).bin_edges_[0]


def quantiles_of(rows):
    return np.percentile(rows, np.linspace(0, 100, 11), method="averaged_inverted_cdf")


rows = np.random.default_rng(0).normal(size=(300_000, 1))
quantiles = quantiles_of(rows)
fits = [edges(rows) for _ in range(6)]
for fit in fits[:3]:
    print(fit.round(4).tolist())
print(quantiles.round(4).tolist(), "quantiles")

assert not np.allclose(fits[0], fits[1], rtol=1e-9)
assert not all(np.allclose(fit, quantiles, rtol=1e-9) for fit in fits)
# A sample of two thirds has the least and the greatest value in 4 of 9 fits.
fits += [edges(rows) for _ in range(24)]
outside = sum(fit[0] > rows.min() or fit[-1] < rows.max() for fit in fits)
print(outside, "of 30 fits leave rows outside of their bins")
assert outside > 0
assert np.allclose(edges(rows, subsample=None), quantiles, rtol=1e-9)
few = rows[:200_000]
assert np.allclose(edges(few), quantiles_of(few), rtol=1e-9)
END
