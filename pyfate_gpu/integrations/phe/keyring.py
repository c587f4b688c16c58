# SPDX-License-Identifier: Apache-2.0
"""Several private keys, found by their public ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pyfate_gpu.errors import UnsupportedOperationError
from pyfate_gpu.integrations.phe.encrypted_number import EncryptedNumber
from pyfate_gpu.integrations.phe.private_key import PaillierPrivateKey
from pyfate_gpu.integrations.phe.public_key import PaillierPublicKey


class PaillierPrivateKeyring(Mapping[PaillierPublicKey, PaillierPrivateKey]):
    """Private keys by public key; `decrypt` finds the right one.

    Parameters
    ----------
    private_keys : iterable of PaillierPrivateKey, optional
    """

    def __init__(self, private_keys: Iterable[PaillierPrivateKey] | None = None) -> None:
        self._keys: dict[PaillierPublicKey, PaillierPrivateKey] = {}
        for key in private_keys or ():
            self.add(key)

    def __getitem__(self, key: PaillierPublicKey) -> PaillierPrivateKey:
        return self._keys[key]

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[PaillierPublicKey]:
        return iter(self._keys)

    def __delitem__(self, public_key: PaillierPublicKey) -> None:
        del self._keys[public_key]

    def add(self, private_key: PaillierPrivateKey) -> None:
        """Add a key; TypeError if it is something else."""
        if not isinstance(private_key, PaillierPrivateKey):
            raise UnsupportedOperationError(
                f"a keyring holds PaillierPrivateKey, not {type(private_key).__name__}"
            )
        self._keys[private_key.public_key] = private_key

    def decrypt(self, encrypted_number: EncryptedNumber) -> int | float:
        """Decrypt with the key of the number; KeyError if it is not here."""
        return self._keys[encrypted_number.public_key].decrypt(encrypted_number)
