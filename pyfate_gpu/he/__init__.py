# SPDX-License-Identifier: Apache-2.0
"""Homomorphic encryption: keys, encrypted arrays, their wire format."""

from __future__ import annotations

from pyfate_gpu.he.arrays import CiphertextArray
from pyfate_gpu.he.key_files import (
    load_private_key,
    load_public_key,
    save_private_key,
    save_public_key,
)
from pyfate_gpu.he.keys import generate_keypair
from pyfate_gpu.he.paillier.private_key import PrivateKey
from pyfate_gpu.he.paillier.public_key import PublicKey
from pyfate_gpu.he.selection import concatenate

__all__ = [
    "CiphertextArray",
    "PrivateKey",
    "PublicKey",
    "concatenate",
    "generate_keypair",
    "load_private_key",
    "load_public_key",
    "save_private_key",
    "save_public_key",
]
