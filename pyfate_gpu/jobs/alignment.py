# SPDX-License-Identifier: Apache-2.0
"""The same rows in the same order at every party, or an error.

Each party puts its rows in the order of their ids. By ``psi`` it first drops those whose ids some party lacks. By
``same`` it keeps all. What remains to be known is whether all have the same ids. The guest draws a secret for the
session and sends it to the hosts, with the keyed hash of all its ids; each host computes the same of its own. The
hash is of the whole list: a host that holds other ids learns how many the guest has, and could test a guess of *all*
of them, not of one.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from pyfate_gpu.data.ids import look_of
from pyfate_gpu.data.sources import Rows
from pyfate_gpu.errors import ConfigurationError, DisagreementError, ProtocolError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.jobs.configuration import PSI, PSI_P256
from pyfate_gpu.protocol.id_cipher import CURVE25519, P256
from pyfate_gpu.protocol.psi import Keeper, intersect

logger = logging.getLogger(__name__)

_SECRET_BYTES = 32
_CURVES = {PSI: CURVE25519, PSI_P256: P256}


def align(
    session: Session, tables: Mapping[str, Rows], method: str, keeper: Keeper | None = None
) -> dict[str, Rows]:
    """Return the rows of each table that all parties have, in an order that is the same everywhere.

    What a party's ids look like goes to its own log, as a warning where they do not fit the guest's; errors, which
    others see, do not say it.

    Parameters
    ----------
    tables : mapping
        Rows in the order of their ids, as `read_rows` returns them, by what they are for; of the same names in
        the same order at every party, and none at the arbiter.
    method : str
        One of `METHODS`.
    keeper : Keeper, optional
        What an intersection that is cut short goes on from.

    Raises
    ------
    DisagreementError
        When ids differ and `method` is ``same``, or none is common.
    """
    with session.task("align"):
        try:
            found = _align(session, tables, method, keeper)
        except ConfigurationError:
            _log_looks(logging.WARNING, session, tables)
            raise
    _log_looks(logging.INFO, session, tables)
    return found


def rows_alone(rows: Rows, common: Rows) -> Rows | None:
    """Return the rows that are not among the common ones, None where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.rows import Rows
    >>> from pyfate_gpu.jobs.alignment import rows_alone
    >>> rows = Rows(["a", "b", "c"], ("x",), np.ones((3, 1)), None)
    >>> rows_alone(rows, rows.take([1])).ids
    ['a', 'c']
    """
    known = set(common.ids)
    others = [place for place, name in enumerate(rows.ids) if name not in known]
    return rows.take(np.array(others)) if others else None


def _log_looks(level: int, session: Session, tables: Mapping[str, Rows]) -> None:
    for kind, rows in tables.items():
        logger.log(level, "%s: ids of [%s] are %s", session.party, kind, look_of(rows.ids))


def _align(
    session: Session, tables: Mapping[str, Rows], method: str, keeper: Keeper | None
) -> dict[str, Rows]:
    if session.clients:
        if method in _CURVES:
            raise ConfigurationError(
                "clients have rows of their own, which nothing aligns: leave out [alignment] method = "
                f'"{method}"'
            )
        return dict(tables)
    ids = _Together(tables)
    found = dict(tables)
    if method in _CURVES:
        common = intersect(session, ids, _CURVES[method], keeper)
        first = 0
        for kind, rows in tables.items():
            last = first + len(rows.ids)
            found[kind] = rows.take(common[(first <= common) & (common < last)] - first)
            first = last
        ids = _Together(found)
    compare_ids(session, ids)
    return found


class _Together(Sequence[str]):
    """Ids of several tables, each behind the name of its table; made when they are asked for."""

    def __init__(self, tables: Mapping[str, Rows]) -> None:
        self._tables = tables
        self._starts = [0, *accumulate(len(rows.ids) for rows in tables.values())]

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, place: Any) -> Any:
        number = bisect_right(self._starts, place) - 1
        kind = list(self._tables)[number]
        return f"{kind}:{self._tables[kind].ids[place - self._starts[number]]}"

    def __iter__(self) -> Iterator[str]:
        for kind, rows in self._tables.items():
            for name in rows.ids:
                yield f"{kind}:{name}"


def compare_ids(session: Session, ids: Sequence[str]) -> None:
    """Compare the ids of guest and hosts; the arbiter takes no part and must not know the secret.

    Parameters
    ----------
    ids : sequence of str
        This party's ids in order.

    Raises
    ------
    DisagreementError
        At the host whose ids differ.
    """
    if session.party.role is Role.GUEST:
        secret = secrets.token_bytes(_SECRET_BYTES)
        session.send(
            session.hosts,
            "ids",
            count=len(ids),
            secret=secret.hex(),
            digest=digest_of(ids, secret),
        )
    elif session.party.role is Role.HOST:
        count, text, digest = session.receive(GUEST, "ids", count=int, secret=str, digest=str)
        if not hmac.compare_digest(digest, digest_of(ids, _secret(text))):
            counts = f"the guest has {count}, {session.party} has {len(ids)}"
            raise DisagreementError(
                f"guest and {session.party} do not have the same ids ({counts}): give every party the same rows, or "
                'have the common ones found in private: [alignment] method = "psi"; '
                "each party's own log says what its ids look like"
            )


def digest_of(ids: Sequence[str], secret: bytes) -> str:
    """Return HMAC-SHA256 of all ids, each after its length, so that no two lists look alike."""
    keyed = hmac.new(secret, digestmod=hashlib.sha256)
    for name in ids:
        data = name.encode()
        keyed.update(len(data).to_bytes(8, "little") + data)
    return keyed.hexdigest()


def _secret(text: str) -> bytes:
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != _SECRET_BYTES:
        raise ProtocolError("the guest's secret for comparing ids is none")
    return secret
