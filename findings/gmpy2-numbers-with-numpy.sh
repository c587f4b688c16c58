#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# gmpy2 2.3.2 and NumPy 2.4.6.
#
# mpz is an integer without limits, so a good guess is that mpz and numpy.int64 make an mpz, on whichever side.
# NumPy answers instead, on both sides: an mpz that fits int64 becomes one, and the result is an int64 that wraps
# around without a warning; an mpz from 2**63 on makes a float64 of a sum with a 1 of NumPy. So what comes out
# depends on the value of the mpz, not on the types.
#
# Seen:
#   mpz(2) * int64(2**62)       -> int64(-9223372036854775808)
#   mpz(2**63 - 1) + int64(1)   -> int64(-9223372036854775808)
#   mpz(2**63) + int64(1)       -> float64(9.223372036854776e+18)
#   mpz(2**64) * int64(2**62)   -> int 2**126
#   mpz(4) * array([2**62])     -> array([0])
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -I -m venv .
bin/python -I -m pip install --quiet --disable-pip-version-check gmpy2==2.3.2 numpy==2.4.6
bin/python -I - <<'END'
import warnings

import numpy as np
from gmpy2 import mpz

warnings.simplefilter("error")  # none comes

product = mpz(2) * np.int64(2**62)
total = mpz(2**63 - 1) + np.int64(1)
above = mpz(2**63) + np.int64(1)
large = mpz(2**64) * np.int64(2**62)
array = mpz(4) * np.array([2**62])
for value in (product, total, above, large, array):
    print(type(value).__name__, repr(value))

assert type(product) is np.int64 and product == -(2**63)
assert type(total) is np.int64 and total == -(2**63)
assert type(above) is np.float64 and above == 2.0**63
assert large == 2**126
assert array.dtype == np.int64 and array.tolist() == [0]
END
