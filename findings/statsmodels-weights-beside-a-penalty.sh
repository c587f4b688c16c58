#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# statsmodels 0.15.0, GLM with freq_weights.
#
# freq_weights say how often each row was seen, so a good guess is that a weight of 2 for all rows gives the
# coefficients of all rows twice. That is so for fit, and not for fit_regularized: the likelihood of the weighted
# rows is divided by the number of rows instead of the sum of weights, and the penalty is half as strong beside it.
# Weights of mean 1 give what was meant.
#
# Seen, ridge-penalised Poisson regression, largest difference of a coefficient to that of all rows twice:
#   fit: 2e-16
#   fit_regularized: .071
#   fit_regularized of the weighted rows with twice the penalty: 5e-7
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -I -m venv .
bin/python -I -m pip install --quiet --disable-pip-version-check statsmodels==0.15.0 numpy==2.4.6 \
  scipy==1.17.1 pandas==3.1.1
bin/python -I - <<'END'
import numpy as np
import statsmodels.api as sm

random = np.random.default_rng(0)
x = random.normal(size=(60, 2))
y = random.poisson(np.exp(x @ [0.6, -0.4]))
twice = np.vstack([x, x]), np.concatenate([y, y])


def model(x, y, **weights):
    return sm.GLM(y, x, family=sm.families.Poisson(), **weights)


weighted = model(x, y, freq_weights=np.full(60, 2.0))
repeated = model(*twice)
plain = np.abs(weighted.fit().params - repeated.fit().params).max()
expected = repeated.fit_regularized(alpha=0.5, L1_wt=0.0).params
same = np.abs(weighted.fit_regularized(alpha=0.5, L1_wt=0.0).params - expected).max()
double = np.abs(weighted.fit_regularized(alpha=1.0, L1_wt=0.0).params - expected).max()
print(f"fit {plain:.1e}, fit_regularized {same:.1e}, with twice the penalty {double:.1e}")

counts = random.integers(1, 4, 60)
several = model(np.repeat(x, counts, axis=0), np.repeat(y, counts))
scaled = model(x, y, freq_weights=counts / counts.mean())
meant = scaled.fit_regularized(alpha=0.5, L1_wt=0.0).params
mean_1 = np.abs(meant - several.fit_regularized(alpha=0.5, L1_wt=0.0).params).max()
print(f"weights of mean 1, of 1 to 3 times: {mean_1:.1e}")

assert plain < 1e-8
assert mean_1 < 1e-4
assert same > 0.05
assert double < 1e-4
END
