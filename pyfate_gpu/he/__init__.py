# SPDX-License-Identifier: Apache-2.0
"""Homomorphic encryption: keys, encrypted arrays, their wire format."""

from __future__ import annotations

from pyfate_gpu.he.array.arrays import CiphertextArray
from pyfate_gpu.he.array.selection import concatenate
from pyfate_gpu.he.key_files import (
    load_private_key,
    load_public_key,
    save_private_key,
    save_public_key,
)
from pyfate_gpu.he.scheme.paillier.private_key import PrivateKey
from pyfate_gpu.he.scheme.paillier.public_key import PublicKey
from pyfate_gpu.he.scheme.registry import generate_keypair

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
