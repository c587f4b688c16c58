# SPDX-License-Identifier: Apache-2.0
"""Private set intersection: which ids guest and hosts all have becomes known to them, and no other id.

The exchange of Diffie and Hellman on ids (Meadows 1986; Huberman, Franklin, Hogg 1999), among any number of parties.
Each has a secret exponent. Hashed ids go round the ring of guest and hosts until every one of these has put its
exponent on them, and on to the arbiter: equal ids have become equal points there, whoever gave them, and points are
all it sees. It tells each owner which of its points everybody has. Messages are small, so that every wait is short.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ConfigurationError, DisagreementError, ProtocolError
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party
from pyfate_gpu.federation.session import Session
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.protocol.id_cipher import POINT_BYTES, IdCipher, Points
from pyfate_gpu.typing import Integers

logger = logging.getLogger(__name__)

#: Ids of a message: a second or two of one core.
CHUNK = 8192
_TELL_SECONDS = 5.0


def intersect(session: Session, ids: Sequence[str]) -> Integers:
    """Return which of this party's ids every party with data has; the arbiter calls it without ids.

    Guest and hosts learn how many ids each of them has; the arbiter learns that too, and how many any of them
    have in common.

    Parameters
    ----------
    session : Session
        Within a task that all parties take part in.
    ids : sequence of str
        This party's ids, each once.

    Returns
    -------
    int64 [common]
        Positions in `ids`, ascending; at the arbiter none.

    Raises
    ------
    ConfigurationError
        When there is no arbiter.
    DisagreementError
        Without the package openmined-psi, or when there is no common id.
    ProtocolError
        When another party sends what are no blinded ids, or one of them twice.
    """
    if ARBITER not in session.parties:
        raise ConfigurationError(
            "finding common ids in private takes an arbiter, this job has none: give every party the same rows, "
            'with [alignment] method = "same"'
        )
    ring = (GUEST, *session.hosts)
    if session.party == ARBITER:
        _match(session, ring)
        return np.empty(0, dtype=np.int64)
    cipher = IdCipher()
    shuffled = _shuffled(len(ids))  # neighbours in a sorted list would tell of each other
    session.send(session.peers, "id_count", count=len(ids))
    counts = _counts(session, ring) | {session.party: len(ids)}
    chunks = max(_chunks(count) for count in counts.values())
    started = told = time.monotonic()
    for number in range(chunks):
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            left = (told - started) / number * (chunks - number) if number else 0.0
            text = "%s: private set intersection, %d of %d ids done, about %.0f s left"
            logger.info(text, session.party, min(number * CHUNK, len(ids)), len(ids), left)
        for hop in range(len(ring)):
            owner = _turned(ring, session.party, -hop)
            size = _size(counts[owner], number)
            if not size:
                continue
            if hop == 0:
                part = shuffled[number * CHUNK :][:size]
                with session.statistics.step(Step.BLIND_IDS, operations=size):
                    points = cipher.blind([ids[index] for index in part.tolist()])
            else:
                before = _turned(ring, session.party, -1)
                points = _receive(session, before, hop - 1, number, size)
                with session.statistics.step(Step.BLIND_IDS, operations=size):
                    points = cipher.blind_again(points)
            after = ARBITER if hop == len(ring) - 1 else _turned(ring, session.party, 1)
            session.send(after, "blinded_ids", iteration=hop, batch=number, points=points)
    return _common(session, shuffled)


def _match(session: Session, ring: Sequence[Party]) -> None:
    """Find the points that all have, the arbiter's part."""
    counts = _counts(session, ring)
    points = {owner: _collect(session, ring, owner, counts[owner]) for owner in ring}
    common = reduce(np.intersect1d, points.values())
    for owner, own in points.items():
        _, positions, _ = np.intersect1d(own, common, assume_unique=True, return_indices=True)
        session.send(owner, "common_ids", positions=positions.astype(np.int64))


def _collect(
    session: Session, ring: Sequence[Party], owner: Party, count: int
) -> NDArray[np.bytes_]:
    last = _turned(ring, owner, -1)
    parts = [
        _receive(session, last, len(ring) - 1, number, _size(count, number))
        for number in range(_chunks(count))
    ]
    joined = np.concatenate([np.empty((0, POINT_BYTES), dtype=np.uint8), *parts])
    found = joined.view(f"S{POINT_BYTES}").ravel()
    if len(np.unique(found)) != count:
        raise ProtocolError(f"{owner} gave some id more than once")
    return found


def _shuffled(count: int) -> Integers:
    """All numbers below `count` in an order of the operating system's chance.

    By 64 bits each: that two are equal, and stay in order, has odds of count squared to 2^65.
    """
    keys = np.frombuffer(secrets.token_bytes(8 * count), dtype=np.uint64)
    return np.argsort(keys).astype(np.int64)


def _common(session: Session, shuffled: Integers) -> Integers:
    positions = session.receive(ARBITER, "common_ids", positions=np.ndarray)
    if (
        positions.ndim != 1
        or positions.dtype != np.int64
        or len(np.unique(positions)) != len(positions)
        or not ((positions >= 0) & (positions < len(shuffled))).all()
    ):
        raise ProtocolError(f"the arbiter's common ids are none of {session.party}'s")
    if not len(positions):
        raise DisagreementError(
            "guest and hosts have no id in common: ids are compared as texts, character by character; do all "
            "parties use the same column? Each party's own log says what its ids look like"
        )
    dropped = len(shuffled) - len(positions)
    level = logging.WARNING if len(positions) < dropped else logging.INFO
    text = "%s shares %d of its %d ids; %d rows are left out"
    logger.log(level, text, session.party, len(positions), len(shuffled), dropped)
    return np.sort(shuffled[positions])


def _receive(session: Session, sender: Party, hop: int, number: int, size: int) -> Points:
    points: Points = session.receive(
        sender, "blinded_ids", iteration=hop, batch=number, points=np.ndarray
    )
    if points.dtype != np.uint8 or points.shape != (size, POINT_BYTES):
        raise ProtocolError(
            f"{sender} sent blinded ids of type {points.dtype} and shape {points.shape}, "
            f"not uint8 and {(size, POINT_BYTES)}"
        )
    return points


def _counts(session: Session, ring: Sequence[Party]) -> dict[Party, int]:
    counts = {
        peer: session.receive(peer, "id_count", count=int) for peer in ring if peer != session.party
    }
    for peer, count in counts.items():
        if count < 0:
            raise ProtocolError(f"{peer} says that it has {count} ids")
    return counts


def _turned(ring: Sequence[Party], party: Party, by: int) -> Party:
    return ring[(ring.index(party) + by) % len(ring)]


def _chunks(count: int) -> int:
    return -(-count // CHUNK)


def _size(count: int, number: int) -> int:
    return max(0, min(CHUNK, count - number * CHUNK))
