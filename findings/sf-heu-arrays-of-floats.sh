#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# sf-heu 0.5.2b0, which has wheels for Python 3.8 to 3.11, with NumPy 2.4.6.
#
# heu.numpy makes arrays from Python's and NumPy's numbers, to be encrypted, and it has an encoder for floats. A
# good guess is that it takes that one for an array of floats, or refuses. By itself it takes integers and cuts
# fractions off: rates and probabilities become 0. The encoder must be named in each call.
#
# Seen, after encryption and decryption:
#   array([0.5, -0.9, 2.7])                       -> 0, 0, 2
#   array([0.5, -0.9, 2.7], a FloatEncoder)       -> .5, -.9, 2.7
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -I -m venv .
bin/python -I -m pip install --quiet --disable-pip-version-check sf-heu==0.5.2b0 numpy==2.4.6
bin/python -I - <<'END'
import numpy as np
from heu import numpy as hnp
from heu import phe

kit = hnp.setup(phe.SchemaType.ZPaillier, 2048)
values = np.array([0.5, -0.9, 2.7])
encoder = phe.FloatEncoderParams().instance(phe.SchemaType.ZPaillier)


def there_and_back(array, *decoder):
    decrypted = kit.decryptor().decrypt(kit.encryptor().encrypt(array))
    return decrypted.to_numpy(*decoder).ravel().tolist()


plain = there_and_back(kit.array(values))
named = there_and_back(kit.array(values, encoder), encoder)
print(plain, named)

assert plain == [0, 0, 2]
assert np.allclose(named, values, atol=1e-6)
END
