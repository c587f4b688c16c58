# SPDX-License-Identifier: Apache-2.0
"""Subclasses of FATE's own, so that its isinstance checks hold; importing this needs federatedml."""

from __future__ import annotations

from typing import Any

import federatedml.secureprotol.encrypt as fate_encrypt
import federatedml.secureprotol.fate_paillier as fate_paillier

from pyfate_gpu.integrations.fate1.encrypt import Encrypt
from pyfate_gpu.integrations.fate1.encrypted_number import EncryptedNumber
from pyfate_gpu.integrations.fate1.keys import PrivateKey, PublicKey, generate_keypair


class PaillierEncryptedNumber(EncryptedNumber, fate_paillier.PaillierEncryptedNumber):  # type: ignore[misc]
    """A number that FATE takes for its own."""


class PaillierPublicKey(PublicKey, fate_paillier.PaillierPublicKey):  # type: ignore[misc]
    """A public key that FATE takes for its own."""

    number_class = PaillierEncryptedNumber


class PaillierPrivateKey(PrivateKey, fate_paillier.PaillierPrivateKey):  # type: ignore[misc]
    """A private key that FATE takes for its own."""


class PaillierKeypair(fate_paillier.PaillierKeypair):  # type: ignore[misc]
    """FATE's maker of keys."""

    @staticmethod
    def generate_keypair(n_length: int = 2048) -> tuple[Any, Any]:
        """Make a key pair of `n_length` bits."""
        return generate_keypair(n_length, PaillierPublicKey, PaillierPrivateKey)


class PaillierEncrypt(Encrypt, fate_encrypt.PaillierEncrypt):  # type: ignore[misc]
    """An encrypter that FATE takes for its own."""

    public_class = PaillierPublicKey
    private_class = PaillierPrivateKey
