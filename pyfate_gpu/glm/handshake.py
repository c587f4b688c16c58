# SPDX-License-Identifier: Apache-2.0
"""What parties settle before a task: that they want the same one, under which key, on which rows."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyfate_gpu.errors import ConfigurationError, InsecureKeyError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.glm.batching import Batches
from pyfate_gpu.he import PublicKey

logger = logging.getLogger(__name__)

#: Raised whenever messages or their meaning change.
PROTOCOL_VERSION = 1


def agree_on_terms(session: Session, task: str, terms: Mapping[str, Any]) -> None:
    """Compare what the guest wants with what this party was told to do.

    Raises
    ------
    ConfigurationError
        Naming every difference, in the party that differs from the guest.
    """
    session.begin()
    mine = {"task": task, "protocol": PROTOCOL_VERSION, **terms}
    if session.party == GUEST:
        session.send(session.peers, "terms", terms=json.dumps(mine))
    else:
        theirs = _read_terms(session)
        names = [name for name in sorted({**mine, **theirs}) if mine.get(name) != theirs.get(name)]
        if names:
            pairs = [
                f"{name} {theirs.get(name)!r} there, {mine.get(name)!r} here" for name in names
            ]
            raise ConfigurationError(
                f"{session.party} and the guest are set differently: {'; '.join(pairs)}"
            )
    session.agree(task)


def _read_terms(session: Session) -> dict[str, Any]:
    try:
        terms = json.loads(session.receive(GUEST, "terms", terms=str))
    except (TypeError, ValueError):
        terms = None
    if not isinstance(terms, dict):
        raise ProtocolError("the guest's terms are not a JSON object")
    return terms


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


def report_shape(session: Session, rows: int, columns: int) -> None:
    """Tell the guest how many rows and columns this host has."""
    session.send(GUEST, "shape", rows=rows, columns=columns)


def collect_shapes(session: Session, rows: int) -> dict[Party, int]:
    """Return the columns of each host, having checked that all have the guest's rows.

    Raises
    ------
    ConfigurationError
        When a host has another number of rows.
    """
    columns = {}
    for host in session.hosts:
        count, columns[host] = session.receive(host, "shape", rows=int, columns=int)
        if count != rows:
            raise ConfigurationError(
                f"guest has {rows} rows, {host} has {count}: give every party the same rows in the same order"
            )
    return columns


def announce_batches(session: Session, batches: Batches, columns: Mapping[str, int]) -> None:
    """Send the division of the rows to the hosts, and to the arbiter how much to decrypt for whom."""
    text = json.dumps(columns)
    session.send(session.hosts, "batches", order=batches.order, size=batches.size, columns=text)
    session.send(ARBITER, "decryptions", batches=len(batches), columns=text)


def receive_batches(session: Session, rows: int, columns: int) -> Batches:
    """Return the division of this host's rows, having checked it for every party's sake.

    Raises
    ------
    ConfigurationError
        When the batches are not of these rows, or too small to be safe.
    """
    order, size, text = session.receive(GUEST, "batches", order=np.ndarray, size=int, columns=str)
    if order.dtype != np.int64 or order.shape != (rows,):
        raise ConfigurationError(
            f"the guest's batches are not of the {rows} rows of {session.party}"
        )
    batches = Batches(order, size)
    batches.check_safe(read_columns(text, session) | {session.party.name: columns})
    return batches


def read_columns(text: str, session: Session) -> dict[str, int]:
    """Return how many columns each party has, as the guest announced it.

    Raises
    ------
    ProtocolError
        When it is no list of all parties that have data.
    """
    try:
        columns = json.loads(text)
    except ValueError:
        columns = None
    wanted = {party.name for party in (GUEST, *session.hosts)}
    if (
        not isinstance(columns, dict)
        or set(columns) != wanted
        or not all(type(count) is int and count > 0 for count in columns.values())
    ):
        raise ProtocolError(f"the guest announced {text!r} for the columns of {sorted(wanted)}")
    return columns
