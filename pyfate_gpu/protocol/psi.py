# SPDX-License-Identifier: Apache-2.0
"""Private set intersection: which ids guest and hosts all have becomes known to them, and no other id.

The exchange of Diffie and Hellman on ids (Meadows 1986; Huberman, Franklin, Hogg 1999), among any number of parties.
Each has a secret exponent. Hashed ids go round the ring of guest and hosts until every one of these has put its
exponent on them, and on to the arbiter: equal ids have become equal points there, whoever gave them, and points are
all it sees. It tells each owner which of its points everybody has. A guest and one host who have no arbiter do without:
what the guest then learns of points it learns from the result anyway. Messages are small, so that every wait is short.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from pyfate_gpu.errors import ConfigurationError, DisagreementError, ProtocolError
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party
from pyfate_gpu.federation.session import Session
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.protocol.id_cipher import CURVE25519, CURVES, IdCipher, Points
from pyfate_gpu.protocol.id_matching import common_positions
from pyfate_gpu.protocol.progress import Pace
from pyfate_gpu.typing import Integers

logger = logging.getLogger(__name__)

#: Ids of a message: about half a second of one core.
CHUNK = 8192
_ATTEMPT_BYTES = 16


class Keeper(Protocol):
    """Keeps what an intersection that was cut short can go on from.

    An attempt is a name that the arbiter draws; it is no secret.
    """

    @property
    def attempt(self) -> str:
        """The attempt that something is kept of, with the same ids; empty where there is none."""

    def begin(self, attempt: str, counts: Mapping[Party, int]) -> None:
        """Forget what was kept, and keep what belongs to a new attempt."""

    def secret(self, use: str) -> bytes:
        """Return 32 bytes of this party and attempt for a use, the same ones at each call."""

    def add(self, owner: Party, points: Points) -> None:
        """Keep further points of an owner, at the arbiter."""

    def take(self, owner: Party) -> bytearray:
        """Return the points of an owner that are kept, at the arbiter."""

    def cut(self, owner: Party, length: int) -> None:
        """Keep so many bytes of the points of an owner, at the arbiter."""


def intersect(
    session: Session,
    ids: Sequence[str],
    curve: str = CURVE25519,
    keeper: Keeper | None = None,
) -> Integers:
    """Return which of this party's ids every party with data has; the arbiter, if there is one, calls it without ids.

    Guest and hosts learn how many ids each of them has; the arbiter learns that too, and how many any of them
    have in common. Where all parties have a `keeper`, one that was cut short goes on where it was; without an arbiter
    it is done anew, as one secret for several attempts would let a guest ask for further ids.

    Parameters
    ----------
    session : Session
        Within a task that all parties take part in.
    ids : sequence of str
        This party's ids, each once.
    curve : str
        One of `CURVES`, the same at all parties.

    Returns
    -------
    int64 [common]
        Positions in `ids`, ascending; at the arbiter none.

    Raises
    ------
    ConfigurationError
        When several hosts have no arbiter, there is no such curve, or the package for it is missing.
    DisagreementError
        When there is no common id.
    ProtocolError
        When another party sends what are no blinded ids, or one of them twice.
    WorkerLostError
        When a process that blinds ids has ended.
    """
    if ARBITER not in session.parties and len(session.hosts) > 1:
        raise ConfigurationError(
            "finding the common ids of several hosts in private takes an arbiter, this job has none: the guest would "
            'learn which host has which of its ids; give every party the same rows, with [alignment] method = "same"'
        )
    if curve not in CURVES:
        raise ConfigurationError(f"curve is {curve!r}; choose one of {', '.join(CURVES)}")
    ring = (GUEST, *session.hosts)
    if ARBITER not in session.parties:
        return _intersect_two(session, ring, ids, curve)
    keeper = keeper or _Nothing()
    if session.party == ARBITER:
        _match(session, ring, IdCipher.point_bytes_of(curve), keeper)
        return np.empty(0, dtype=np.int64)
    session.send(session.peers, "id_count", count=len(ids), attempt=keeper.attempt)
    counts = _counts(session, ring)[0] | {session.party: len(ids)}
    attempt, first = session.receive(ARBITER, "exchange_from", attempt=str, chunk=int)
    chunks = max(map(_chunks, counts.values()))
    known = bool(attempt) and attempt == keeper.attempt
    if not 0 <= first <= chunks or (first and not known):
        raise ProtocolError(f"the arbiter goes on with chunk {first} of {chunks}, which cannot be")
    if not known:
        keeper.begin(attempt, counts)
    order = _order(
        len(ids), keeper.secret("order")
    )  # neighbours in a sorted list would tell of each other
    with IdCipher(curve, secret=keeper.secret("exponent"), count=len(ids)) as cipher:
        _exchange(session, ring, counts, cipher, (ids, order), range(first, chunks))
    return _common(session, ARBITER, order)


def _intersect_two(
    session: Session, ring: Sequence[Party], ids: Sequence[str], curve: str
) -> Integers:
    """Return the same where there is no arbiter: the guest compares points, and tells its host."""
    session.send(session.peers, "id_count", count=len(ids), attempt="")
    counts = _counts(session, ring)[0] | {session.party: len(ids)}
    order = _order(len(ids), secrets.token_bytes(32))
    chunks = range(max(map(_chunks, counts.values())))
    gathered = {owner: bytearray() for owner in ring}
    with IdCipher(curve, secret=secrets.token_bytes(32), count=len(ids)) as cipher:
        _exchange(session, ring, counts, cipher, (ids, order), chunks, gathered)
    if session.party != GUEST:
        return _common(session, GUEST, order)
    found = common_positions(gathered, IdCipher.point_bytes_of(curve))
    session.send(session.hosts[0], "common_ids", positions=found[session.hosts[0]])
    return _chosen(session, found[GUEST], order)


def _exchange(
    session: Session,
    ring: Sequence[Party],
    counts: Mapping[Party, int],
    cipher: IdCipher,
    own: tuple[Sequence[str], Integers],
    chunks: range,
    gathered: dict[Party, bytearray] | None = None,
) -> None:
    """Blind this party's ids and those of the others, chunk by chunk; its own next ones while others are waited for.

    Points with all exponents go to the arbiter or, given `gathered`, to the guest, who gathers them there.
    """
    ids, order = own
    matcher = ARBITER if gathered is None else GUEST
    before, after = _turned(ring, session.party, -1), _turned(ring, session.party, 1)
    pace = Pace(f"{session.party}: private set intersection", len(ids), chunks.start * CHUNK)

    def begin(number: int) -> list[str]:
        return [ids[index] for index in order[number * CHUNK :][:CHUNK].tolist()]

    following = cipher.blind_later(begin(chunks.start))
    for number in chunks:
        work, size = following, _size(len(ids), number)
        following = cipher.blind_later(begin(number + 1))
        if size:
            with session.statistics.step(Step.BLIND_IDS, operations=size):
                points = work.result()
            session.send(after, "blinded_ids", iteration=0, batch=number, points=points)
        for hop in range(1, len(ring)):
            size = _size(counts[_turned(ring, session.party, -hop)], number)
            if not size:
                continue
            points = _receive(session, before, (hop - 1, number), (size, cipher.point_bytes))
            with session.statistics.step(Step.BLIND_IDS, operations=size):
                points = cipher.blind_again(points)
            to = matcher if hop == len(ring) - 1 else after
            if gathered is not None and to == session.party:
                gathered[before] += points.tobytes()
            else:
                session.send(to, "blinded_ids", iteration=hop, batch=number, points=points)
        size = _size(len(ids), number)
        if gathered is not None and session.party == matcher and size:
            part = _receive(session, before, (len(ring) - 1, number), (size, cipher.point_bytes))
            gathered[matcher] += part.tobytes()
        pace.tell((number + 1) * CHUNK)


def _match(session: Session, ring: Sequence[Party], width: int, keeper: Keeper) -> None:
    """Find the points that all have, the arbiter's part."""
    counts, attempts = _counts(session, ring)
    points: dict[Party, bytearray] = {owner: bytearray() for owner in ring}
    chunks = range(max(map(_chunks, counts.values())))
    if attempts == {keeper.attempt} and keeper.attempt:
        points = {owner: keeper.take(owner) for owner in ring}
        chunks = chunks[min(_next(points[o], counts[o], width, len(chunks)) for o in ring) :]
        for owner in ring:  # what all have sent
            length = min(chunks.start * CHUNK, counts[owner]) * width
            del points[owner][length:]
            keeper.cut(owner, length)
    attempt = keeper.attempt if chunks.start else secrets.token_hex(_ATTEMPT_BYTES)
    session.send(ring, "exchange_from", attempt=attempt, chunk=chunks.start)
    if attempt == keeper.attempt:
        done = min(chunks.start * CHUNK, max(counts.values()))
        logger.info("arbiter: private set intersection goes on after %d ids", done)
    else:
        keeper.begin(attempt, counts)
    pace = Pace("arbiter: private set intersection", max(counts.values()), chunks.start * CHUNK)
    for number in chunks:
        for owner in ring:
            size = _size(counts[owner], number)
            if size:
                last = _turned(ring, owner, -1)
                part = _receive(session, last, (len(ring) - 1, number), (size, width))
                points[owner] += part.tobytes()
                keeper.add(owner, part)
        pace.tell((number + 1) * CHUNK)
    for owner, positions in common_positions(points, width).items():
        session.send(owner, "common_ids", positions=positions)


def _next(points: bytearray, count: int, width: int, chunks: int) -> int:
    """Return the first chunk that is not kept whole."""
    kept = len(points) // width
    return chunks if kept >= count else kept // CHUNK


def _common(session: Session, matcher: Party, order: Integers) -> Integers:
    positions = session.receive(matcher, "common_ids", positions=np.ndarray)
    if (
        positions.ndim != 1
        or positions.dtype != np.int64
        or len(np.unique(positions)) != len(positions)
        or not ((positions >= 0) & (positions < len(order))).all()
    ):
        raise ProtocolError(f"the {matcher}'s common ids are none of {session.party}'s")
    return _chosen(session, positions, order)


def _chosen(session: Session, positions: Integers, order: Integers) -> Integers:
    if not len(positions):
        raise DisagreementError(
            "guest and hosts have no id in common: ids are compared as texts, character by character; do all "
            "parties use the same column? Each party's own log says what its ids look like"
        )
    dropped = len(order) - len(positions)
    level = logging.WARNING if len(positions) < dropped else logging.INFO
    text = "%s shares %d of its %d ids; %d are not common"
    logger.log(level, text, session.party, len(positions), len(order), dropped)
    return np.sort(order[positions])


def _receive(
    session: Session, sender: Party, message: tuple[int, int], shape: tuple[int, int]
) -> Points:
    hop, number = message
    points: Points = session.receive(
        sender, "blinded_ids", iteration=hop, batch=number, points=np.ndarray
    )
    if points.dtype != np.uint8 or points.shape != shape:
        raise ProtocolError(
            f"{sender} sent blinded ids of type {points.dtype} and shape {points.shape}, not uint8 and {shape}"
        )
    return points


def _counts(session: Session, ring: Sequence[Party]) -> tuple[dict[Party, int], set[str]]:
    """Return how many ids the others have, and the attempts that they could go on with."""
    counts, attempts = {}, set()
    for peer in ring:
        if peer != session.party:
            counts[peer], attempt = session.receive(peer, "id_count", count=int, attempt=str)
            attempts.add(attempt)
            if counts[peer] < 0:
                raise ProtocolError(f"{peer} says that it has {counts[peer]} ids")
    return counts, attempts


def _order(count: int, key: bytes) -> Integers:
    """Return an order of so many things that looks random to whoever lacks the key.

    By 64 bits each: that two are equal, and stay in order, has odds of count squared to 2^65.
    """
    drawn = hashlib.shake_256(key).digest(8 * count)
    return np.argsort(np.frombuffer(drawn, dtype=np.uint64), kind="stable").astype(np.int64)


def _turned(ring: Sequence[Party], party: Party, by: int) -> Party:
    return ring[(ring.index(party) + by) % len(ring)]


def _chunks(count: int) -> int:
    return -(-count // CHUNK)


def _size(count: int, number: int) -> int:
    return max(0, min(CHUNK, count - number * CHUNK))


class _Nothing:
    """Keeps nothing: secrets are fresh, and live as long as this."""

    def __init__(self) -> None:
        self.attempt = ""
        self._secrets: dict[str, bytes] = {}

    def begin(self, attempt: str, counts: Mapping[Party, int]) -> None:
        """Keep nothing."""

    def secret(self, use: str) -> bytes:
        """Return fresh bytes."""
        return self._secrets.setdefault(use, secrets.token_bytes(32))

    def add(self, owner: Party, points: Points) -> None:
        """Keep nothing."""

    def take(self, owner: Party) -> bytearray:
        """Return nothing."""
        return bytearray()

    def cut(self, owner: Party, length: int) -> None:
        """Keep nothing."""
