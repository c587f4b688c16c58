# SPDX-License-Identifier: Apache-2.0
"""Encrypting a distributed tensor in one pass: FATE writes a table of the encoded numbers first."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from pyfate_gpu.integrations.fate2.keys import PK


def encrypt_in_one_pass() -> None:
    """Let tensors in tables be encoded and encrypted together, under keys of ours."""
    encryptor: Any = importlib.import_module("fate.arch.tensor.phe._keypair").PHETensorEncryptor
    encrypt = encryptor.encrypt_tensor
    if hasattr(encrypt, "one_pass"):
        return

    @functools.wraps(encrypt)
    def encrypt_tensor(self: Any, tensor: Any, obfuscate: bool = False) -> Any:
        # Only a distributed tensor has the method; each part of it comes here again, in a worker process.
        if isinstance(self._pk, PK) and hasattr(tensor, "encrypt"):
            return tensor.encrypt(self)
        return encrypt(self, tensor, obfuscate)

    encrypt_tensor.one_pass = True  # type: ignore[attr-defined]
    encryptor.encrypt_tensor = encrypt_tensor
