# SPDX-License-Identifier: Apache-2.0
"""What a party holds of an aggregation: keys, secrets, who the others are; and what that is worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.he import PrivateKey, PublicKey
from pyfate_gpu.homo.identities import PUBLIC_BYTES
from pyfate_gpu.homo.paillier.blinding import check_secret

SHARED_KEY = (
    "shared_key: every client holds the private key, so the server and any one client together read "
    "each update"
)
NO_MEMBERS = (
    "members: clients do not know each other's identities, so a server that puts keys of its own in place "
    "of theirs reads each update"
)
TWO_CLIENTS = "two clients: each learns the other's update from the mean and its own"


@dataclass(frozen=True)
class Holdings:
    """Arguments of `SecureAggregator` by which parties differ, or that say whom they trust.

    Parameters
    ----------
    method : str
    key : PublicKey or PrivateKey, optional
    members : tuple of bytes, optional
    blind, shared : bool
        `blind_key_server` and `shared_key`.
    secret : bytes, optional
        `client_secret`.
    """

    method: str
    key: PublicKey | PrivateKey | None
    members: tuple[bytes, ...] | None
    blind: bool
    secret: bytes | None = field(repr=False)
    shared: bool

    def check(self, clients: int) -> None:
        """Raise ConfigurationError when the arguments do not go together."""
        if self.method == "masks":
            self._check_masks(clients)
        else:
            self._check_keys()

    def _check_masks(self, clients: int) -> None:
        if self.key is not None or self.blind or self.shared or self.secret is not None:
            raise ConfigurationError(
                'key, blind_key_server, client_secret and shared_key are for method="paillier"'
            )
        known = self.members
        if known is None:
            return
        good = all(isinstance(each, bytes) and len(each) == PUBLIC_BYTES for each in known)
        if not good or len(known) != clients or len(set(known)) != len(known):
            raise ConfigurationError(
                f"members must be the public identities of all {clients} clients, {PUBLIC_BYTES} bytes "
                "each and no two the same"
            )

    def _check_keys(self) -> None:
        if self.members is not None:
            raise ConfigurationError('members are for method="masks"')
        if not isinstance(self.key, PublicKey | PrivateKey):
            raise ConfigurationError(
                f"key is {type(self.key).__name__}; method='paillier' takes a PublicKey, at the key holder its "
                "PrivateKey"
            )
        if self.blind and self.shared:
            raise ConfigurationError(
                "blind_key_server hides the sum from a key holder; with shared_key none is apart"
            )
        if self.secret is not None:
            check_secret(self.secret)
            if not self.blind:
                raise ConfigurationError("client_secret is for blind_key_server=True")
            if isinstance(self.key, PrivateKey):
                raise ConfigurationError(
                    "the key holder must not know client_secret: it would read the sum"
                )

    @property
    def public_key(self) -> PublicKey:
        """The public half of the key; raises ConfigurationError when there is none: masks have no key."""
        if self.key is None:
            raise ConfigurationError("masks have no key")
        return self.key.public_key if isinstance(self.key, PrivateKey) else self.key

    def describe(self) -> dict[str, Any]:
        """What all parties have to agree on of it, as JSON takes it."""
        if self.method == "paillier":
            return {"key": self.public_key.fingerprint, "kind": [self.blind, self.shared]}
        return {"members": None if self.members is None else [each.hex() for each in self.members]}

    def warnings(self, clients: int) -> tuple[str, ...]:
        """What weakens a sum of so many clients."""
        found = []
        if self.shared:
            found.append(SHARED_KEY)
        if self.method == "masks" and self.members is None:
            found.append(NO_MEMBERS)
        if clients == 2:
            found.append(TWO_CLIENTS)
        return tuple(found)
