# SPDX-License-Identifier: Apache-2.0
"""Sums over parties that the guest alone learns, in one message of each host: no ciphertext, no third party.

Every two hosts share a secret, drawn by one of them and told the other. Each host adds to its numbers a stream of
residues for every secret that it shares with a later host, and subtracts one for every secret shared with an earlier
one. A single message is then uniform, whatever its numbers are; in the sum the streams cancel. With one host the sum
is that host's share, as the guest could tell by subtracting its own.

Source: Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning" (2017), section 4.0,
without drop-outs: here a party that drops out ends the job.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from typing import Any

import numpy as np

from pyfate_gpu.errors import EncodingError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import GUEST, Role
from pyfate_gpu.typing import Floats

_SECRET_BYTES = 32
_WORD_BYTES = 8


class SecureSum:
    """Adds up numbers of all hosts, and of the guest, for the guest; one for a task.

    Parameters
    ----------
    session : Session
        Within a task; hosts exchange secrets when this is made.
    name : str
        Of the message that carries numbers.
    fraction_bits : int
        To which numbers are rounded: those of up to 53 bits above them are exact.
    bound : float
        Magnitude of a number, and of the sum of all parties' numbers, at most.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import simulate
    >>> from pyfate_gpu.federation.roles import GUEST
    >>> from pyfate_gpu.protocol.secure_sum import SecureSum
    >>> def party(session):
    ...     sums = SecureSum(session, "curvature", fraction_bits=40, bound=2.0**20)
    ...     numbers = np.array([0.5, -session.party.index])
    ...     return sums.collect(numbers) if session.party == GUEST else sums.send(numbers)
    >>> simulate(guest=party, hosts=[party] * 3)["guest"].tolist()
    [2.0, -3.0]
    """

    def __init__(self, session: Session, name: str, *, fraction_bits: int, bound: float) -> None:
        self._session = session
        self._name = name
        self._fraction_bits = fraction_bits
        self._bound = bound
        parties = len(session.hosts) + 1
        bits = fraction_bits + math.frexp(bound * parties)[1] + 1  # and a sign
        self._bytes = _WORD_BYTES * -(-bits // (8 * _WORD_BYTES))
        self._modulus = 1 << (8 * self._bytes)
        self._secrets: dict[Party, bytes] = {}
        if session.party.role is Role.HOST:
            self._share_secrets()

    def send(self, numbers: Floats, *, iteration: int = 0, batch: int = 0) -> None:
        """Send a host's numbers under its masks.

        Raises
        ------
        EncodingError
            When one is beyond the bound, or not finite.
        """
        masked = self._encoded(numbers)
        for peer, secret in self._secrets.items():
            sign = 1 if peer.index > self._session.party.index else -1
            stream = self._stream(secret, len(masked), iteration, batch)
            masked = [value + sign * mask for value, mask in zip(masked, stream, strict=True)]
        data = b"".join((v % self._modulus).to_bytes(self._bytes, "little") for v in masked)
        words = np.frombuffer(data, dtype=np.uint64).reshape(len(masked), -1)
        self._session.send(GUEST, self._name, iteration=iteration, batch=batch, masked=words)

    def collect(self, numbers: Floats, *, iteration: int = 0, batch: int = 0) -> Floats:
        """Return the sums of the guest's numbers and all hosts', in the guest's shape.

        Raises
        ------
        ProtocolError
            When a host sends other than as many residues, or what cannot be the sum of numbers within the bound.
        """
        totals = self._encoded(numbers)
        for host in self._session.hosts:
            words = self._session.receive(
                host, self._name, iteration=iteration, batch=batch, masked=np.ndarray
            )
            totals = [
                t + v for t, v in zip(totals, self._read(words, host, len(totals)), strict=True)
            ]
        half = self._modulus >> 1
        signed = [(total + half) % self._modulus - half for total in totals]
        limit = math.ldexp(self._bound * (len(self._session.hosts) + 1), self._fraction_bits)
        if any(abs(total) > limit for total in signed):
            raise ProtocolError(
                f"what hosts sent for {self._name} does not add up: one of them masks by other secrets"
            )
        found = [math.ldexp(total, -self._fraction_bits) for total in signed]
        return np.array(found).reshape(np.shape(numbers))

    def _share_secrets(self) -> None:
        session = self._session
        for host in session.hosts:
            if host.index > session.party.index:
                self._secrets[host] = secrets.token_bytes(_SECRET_BYTES)
                session.send(host, "sum_secret", secret=self._secrets[host].hex())
        for host in session.hosts:
            if host.index < session.party.index:
                self._secrets[host] = _read_secret(session, host)

    def _encoded(self, numbers: Floats) -> list[int]:
        values = np.ravel(numbers).tolist()
        if not all(abs(value) <= self._bound for value in values):  # NaN compares false
            raise EncodingError(
                f"a number reached {max(map(abs, values)):g}, the limit is {self._bound:g}"
            )
        return [round(math.ldexp(value, self._fraction_bits)) for value in values]

    def _stream(self, secret: bytes, count: int, iteration: int, batch: int) -> list[int]:
        """Return residues that are never used for another iteration or batch."""
        at = iteration.to_bytes(8, "little") + batch.to_bytes(8, "little")
        data = hashlib.shake_256(secret + at).digest(count * self._bytes)
        return _integers(data, self._bytes)

    def _read(self, words: Any, host: Party, count: int) -> list[int]:
        if words.dtype != np.uint64 or words.shape != (count, self._bytes // _WORD_BYTES):
            raise ProtocolError(
                f"{host} sent {self._name} of type {words.dtype} and shape {words.shape}, not {count} residues"
            )
        return _integers(words.tobytes(), self._bytes)


def _integers(data: bytes, size: int) -> list[int]:
    return [
        int.from_bytes(data[start : start + size], "little") for start in range(0, len(data), size)
    ]


def _read_secret(session: Session, host: Party) -> bytes:
    text = session.receive(host, "sum_secret", secret=str)
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != _SECRET_BYTES:
        raise ProtocolError(f"the secret of {host} for sums is none")
    return secret
