# SPDX-License-Identifier: Apache-2.0
"""How public keys come from their owners to the other parties."""

from __future__ import annotations

import logging

from pyfate_gpu.errors import InsecureKeyError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import ARBITER
from pyfate_gpu.he import PublicKey

logger = logging.getLogger(__name__)


def announce_key(session: Session, public_key: PublicKey) -> None:
    """Send the arbiter's public key to everybody."""
    session.public_key = public_key
    session.send(session.peers, "public_key", n=public_key.n, h=public_key.h or 0)


def receive_key(session: Session, key_bits: int, *, allow_insecure_key_size: bool) -> None:
    """Take the arbiter's public key; the one already known is kept with its tables.

    Raises
    ------
    InsecureKeyError
        When the key is shorter than agreed.
    InvalidKeyError
        When the numbers are no key.
    """
    n, h = session.receive(ARBITER, "public_key", n=int, h=int)
    if n.bit_length() < key_bits:
        raise InsecureKeyError(
            f"the arbiter announced a key of {n.bit_length()} bits, {key_bits} were agreed"
        )
    if session.public_key is None or session.public_key.n != n:
        session.public_key = PublicKey(
            n, h or None, allow_insecure_key_size=allow_insecure_key_size
        )
    logger.info("%s works with %r", session.party, session.public_key)
