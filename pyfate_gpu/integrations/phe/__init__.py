# SPDX-License-Identifier: Apache-2.0
"""The names of python-paillier 1.5 on the batched engine: ``import pyfate_gpu.integrations.phe as phe``.

Same results and exceptions; `PaillierPublicKey.encrypt_many` and `PaillierPrivateKey.decrypt_many`
take whole lists or arrays. Differences are in docs/integrations/phe.md.

Examples
--------
>>> import pyfate_gpu.integrations.phe as phe
>>> public_key, private_key = phe.generate_paillier_keypair(n_length=2048)
>>> a, b = public_key.encrypt(3.5), public_key.encrypt(-1)
>>> private_key.decrypt(2 * a + b)
6.0
>>> numbers = public_key.encrypt_many([1, 2.5, -3])
>>> private_key.decrypt_many([number + 1 for number in numbers])
[2, 3.5, -2]
"""

from __future__ import annotations

import sys

from pyfate_gpu.integrations.phe import encoding, paillier, util
from pyfate_gpu.integrations.phe.encoding import EncodedNumber
from pyfate_gpu.integrations.phe.encrypted_number import EncryptedNumber
from pyfate_gpu.integrations.phe.keypair import generate_paillier_keypair
from pyfate_gpu.integrations.phe.keyring import PaillierPrivateKeyring
from pyfate_gpu.integrations.phe.private_key import PaillierPrivateKey
from pyfate_gpu.integrations.phe.public_key import PaillierPublicKey

__all__ = [
    "EncodedNumber",
    "EncryptedNumber",
    "PaillierPrivateKey",
    "PaillierPrivateKeyring",
    "PaillierPublicKey",
    "encoding",
    "generate_paillier_keypair",
    "install",
    "paillier",
    "util",
]

__version__ = "1.5.0"
"""The release of python-paillier whose behaviour this is."""


def install() -> None:
    """Answer ``import phe`` and ``from phe import paillier`` with this module, from now on."""
    sys.modules["phe"] = sys.modules[__name__]
    for name, module in (("encoding", encoding), ("paillier", paillier), ("util", util)):
        sys.modules[f"phe.{name}"] = module
