# SPDX-License-Identifier: Apache-2.0
"""How public keys come from their owners to the other parties: as the JSON Web Key of any scheme."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable

from pyfate_gpu.errors import ConfigurationError, InsecureKeyError, KeyFileError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import ARBITER
from pyfate_gpu.he import PublicKey
from pyfate_gpu.he.scheme.registry import SCHEMES, public_from_jwk

logger = logging.getLogger(__name__)


def check_scheme(scheme: object, what: str) -> None:
    """Refuse a scheme that does not exist, or whose keys `what`, a protocol, cannot use.

    Protocols here hide values under masks that are uniform in the space of plaintexts, so this has to be
    public.

    Raises
    ------
    ConfigurationError
        Saying which it takes, or why it does not take this one.
    """
    usable = [name for name, found in SCHEMES.items() if found.public_key.has_uniform_masks]
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        raise ConfigurationError(f"scheme is {scheme!r}; choose one of {', '.join(usable)}")
    if scheme not in usable:
        raise ConfigurationError(
            f"scheme is {scheme!r}, whose space of plaintexts is secret; {what} masks values uniformly in "
            f"it: choose one of {', '.join(usable)}"
        )


def announce_key(
    session: Session, public_key: PublicKey, to: Iterable[Party] | None = None
) -> None:
    """Send this party's public key to `to`, by default to everybody."""
    session.keys[session.party] = public_key
    text = json.dumps(public_key.to_jwk(), sort_keys=True)
    session.send(session.peers if to is None else to, "public_key", key=text)


def receive_key(
    session: Session,
    key_bits: int,
    *,
    scheme: str = "paillier",
    allow_insecure_key_size: bool,
    owner: Party = ARBITER,
) -> None:
    """Take the public key of `owner`; the one already known is kept with its tables.

    Raises
    ------
    InsecureKeyError
        When the key is shorter than agreed.
    InvalidKeyError
        When the numbers are no key.
    ProtocolError
        When it is of another scheme than agreed, or no JSON Web Key.
    """
    text = session.receive(owner, "public_key", key=str)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    try:
        key = public_from_jwk(document, allow_insecure_key_size=allow_insecure_key_size)
    except KeyFileError as error:
        raise ProtocolError(f"what {owner} announced is no public key: {error}") from None
    if key.scheme != scheme:
        raise ProtocolError(
            f"{owner} announced a key of scheme {key.scheme!r}, {scheme!r} was agreed"
        )
    if key.key_bits < key_bits:
        raise InsecureKeyError(
            f"the {owner} announced a key of {key.key_bits} bits, {key_bits} were agreed"
        )
    if session.keys.get(owner) != key:
        session.keys[owner] = key
    logger.info("%s works with %r", session.party, session.keys[owner])
