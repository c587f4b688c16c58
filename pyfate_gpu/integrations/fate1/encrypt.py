# SPDX-License-Identifier: Apache-2.0
"""FATE 1's encrypter: one batch for each list, array and partition of a table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, NoReturn

from pyfate_gpu.errors import UnsupportedOperationError
from pyfate_gpu.integrations.fate1.keys import PrivateKey, PublicKey, generate_keypair
from pyfate_gpu.integrations.fate1.leaves import map_leaves, map_partition


class Encrypt:
    """Methods of FATE's `PaillierEncrypt`.

    `distribute_encrypt` sends the public key alone to the workers. `distribute_decrypt` needs the
    private key there: see `PrivateKey.shared_with_workers`.
    """

    public_class: ClassVar[type[PublicKey]] = PublicKey
    private_class: ClassVar[type[PrivateKey]] = PrivateKey

    def __init__(self) -> None:
        self.public_key: Any = None
        self.privacy_key: Any = None

    def generate_key(self, n_length: int = 2048) -> None:
        """Make a key pair."""
        self.public_key, self.privacy_key = generate_keypair(
            n_length, self.public_class, self.private_class
        )

    def get_key_pair(self) -> tuple[Any, Any]:
        """Both keys."""
        return self.public_key, self.privacy_key

    def set_public_key(self, public_key: Any) -> None:
        """Use a public key, ours or one with the same n."""
        if public_key is not None and not isinstance(public_key, PublicKey):
            raise UnsupportedOperationError(
                f"the public key is a {type(public_key).__module__}.{type(public_key).__name__}; "
                f"every party must call install() before keys are made"
            )
        self.public_key = public_key

    def get_public_key(self) -> Any:
        """The public key."""
        return self.public_key

    def set_privacy_key(self, privacy_key: Any) -> None:
        """Use a private key."""
        self.privacy_key = privacy_key

    def get_privacy_key(self) -> Any:
        """The private key."""
        return self.privacy_key

    def encrypt(self, value: Any) -> Any:
        """Encrypt one number; None without a key, as in FATE."""
        return None if self.public_key is None else self.public_key.encrypt(value)

    def decrypt(self, value: Any) -> Any:
        """Decrypt one number; None without a key, as in FATE."""
        return None if self.privacy_key is None else self.privacy_key.decrypt(value)

    def raw_encrypt(self, plaintext: int, exponent: int = 0) -> Any:
        """Encrypt one integer mod n."""
        return self.public_key.raw_encrypt_many([plaintext], exponent)[0]

    def raw_decrypt(self, ciphertext: Any) -> int:
        """The integer mod n of one number."""
        plaintext: int = self.privacy_key.raw_decrypt_many([ciphertext])[0]
        return plaintext

    def encrypt_list(self, values: Sequence[Any]) -> list[Any]:
        """Encrypt a list or vector in one batch."""
        return list(map_leaves(list(values), self.public_key.encrypt_many))

    def decrypt_list(self, values: Sequence[Any]) -> list[Any]:
        """Decrypt a list or vector in one batch."""
        return list(map_leaves(list(values), self.privacy_key.decrypt_many))

    def recursive_encrypt(self, X: Any) -> Any:
        """Encrypt everything in nested arrays and lists, in one batch."""
        return map_leaves(X, self.public_key.encrypt_many)

    def recursive_decrypt(self, X: Any) -> Any:
        """Decrypt everything in nested arrays and lists, in one batch."""
        return map_leaves(X, self.privacy_key.decrypt_many)

    def recursive_raw_encrypt(self, X: Any, exponent: int = 0) -> Any:
        """Encrypt integers mod n in nested arrays and lists, in one batch."""
        return map_leaves(X, partial(self.public_key.raw_encrypt_many, exponent=exponent))

    def recursive_raw_decrypt(self, X: Any) -> Any:
        """Decrypt to integers mod n, in one batch."""
        return map_leaves(X, self.privacy_key.raw_decrypt_many)

    def distribute_encrypt(self, X: Any) -> Any:
        """Encrypt a table, each partition in batches."""
        return _map_table(X, self.public_key.encrypt_many)

    def distribute_decrypt(self, X: Any) -> Any:
        """Decrypt a table, each partition in batches."""
        return _map_table(X, self.privacy_key.decrypt_many)

    def distribute_raw_encrypt(self, X: Any) -> Any:
        """Encrypt a table of integers mod n, each partition in batches."""
        return _map_table(X, self.public_key.raw_encrypt_many)

    def distribute_raw_decrypt(self, X: Any) -> Any:
        """Decrypt a table to integers mod n, each partition in batches."""
        return _map_table(X, self.privacy_key.raw_decrypt_many)

    def __getstate__(self) -> dict[str, Any]:
        """Without the private key, unless it is shared: FATE pickles encrypters with functions."""
        state = dict(vars(self))
        key = self.privacy_key
        if key is not None and not key.shared_with_workers:
            state["privacy_key"] = WithheldKey()
        return state


class WithheldKey:
    """Stands for a private key that stayed in its process; decrypting with it says so."""

    shared_with_workers = True

    def decrypt_many(self, *unused: Any) -> NoReturn:
        """Raise."""
        raise UnsupportedOperationError(
            "the private key is not in this process: decrypt where it is, or call "
            "install(share_private_key=True), which hands it to this party's worker processes"
        )

    decrypt = raw_decrypt = raw_decrypt_many = decrypt_many


def _map_table(table: Any, function: Any) -> Any:
    return table.mapPartitions(
        partial(map_partition, function=function),
        use_previous_behavior=False,
        preserves_partitioning=True,
    )
