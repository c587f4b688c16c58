# SPDX-License-Identifier: Apache-2.0
"""The names of the module ``phe.paillier``."""

from __future__ import annotations

from pyfate_gpu.integrations.phe.encoding import EncodedNumber
from pyfate_gpu.integrations.phe.encrypted_number import EncryptedNumber
from pyfate_gpu.integrations.phe.keypair import DEFAULT_KEYSIZE, generate_paillier_keypair
from pyfate_gpu.integrations.phe.keyring import PaillierPrivateKeyring
from pyfate_gpu.integrations.phe.private_key import PaillierPrivateKey
from pyfate_gpu.integrations.phe.public_key import PaillierPublicKey

__all__ = [
    "DEFAULT_KEYSIZE",
    "EncodedNumber",
    "EncryptedNumber",
    "PaillierPrivateKey",
    "PaillierPrivateKeyring",
    "PaillierPublicKey",
    "generate_paillier_keypair",
]
