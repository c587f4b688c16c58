# SPDX-License-Identifier: Apache-2.0
"""The bytes that clients and server exchange: what they are, of which round, from whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pyfate_gpu.errors import ProtocolError, WireFormatError
from pyfate_gpu.storage.envelope import Buffer, Form, Letter

VERSION = 1
FORM = Form(
    b"PFHA", (VERSION,), "SecureAggregator", max_header_bytes=1 << 24, sorts_members=True
)  # without the length of all: what writes a sum forgets it piece by piece
SERVER = -1
"""Sender of what the server writes."""


class Kind(str, Enum):
    """What a message is; in the order of a round."""

    START = "start"
    KEYS = "keys"
    DIRECTORY = "directory"
    SHARES = "shares"
    BOXES = "boxes"
    VALUES = "values"
    SURVIVORS = "survivors"
    SIGNATURE = "signature"
    REVEAL = "reveal"
    SECRETS = "secrets"
    SUM = "sum"
    RESIDUES = "residues"
    TOTALS = "totals"
    STATE = "state"


BY_SERVER = frozenset(
    {
        Kind.START,
        Kind.DIRECTORY,
        Kind.BOXES,
        Kind.SURVIVORS,
        Kind.REVEAL,
        Kind.SUM,
        Kind.RESIDUES,
        Kind.TOTALS,
    }
)


@dataclass(frozen=True)
class Terms:
    """What a message has to agree with.

    Parameters
    ----------
    method : str
    fingerprint : str
        Of the plan and everything else that all parties agree on.
    round : int
    """

    method: str
    fingerprint: str
    round: int

    def write(
        self,
        kind: Kind,
        sender: int,
        members: Mapping[str, Any] | None = None,
        buffers: Iterable[Buffer] = (),
    ) -> bytes:
        """A message of this round."""
        header = {
            "kind": kind.value, "method": self.method, "terms": self.fingerprint,
            "round": self.round, "sender": sender, "members": dict(members or {}),
        }  # fmt: skip
        return FORM.seal(header, buffers, VERSION)

    def read(self, data: Any, *kinds: Kind) -> Message:
        """Read a message of one of these kinds.

        Raises
        ------
        WireFormatError
            When the bytes are none, or damaged.
        ProtocolError
            When it is of another round, method or plan, or of no kind that is due now.
        """
        letter = FORM.open(data)
        header = letter.header
        expected = {"kind", "method", "terms", "round", "sender", "members"}
        if set(header) != expected or not isinstance(header["members"], dict):
            raise WireFormatError(
                f"the header of the message has other members than {sorted(expected)}"
            )
        for name, mine in (
            ("method", self.method),
            ("terms", self.fingerprint),
            ("round", self.round),
        ):
            theirs = header[name]
            if type(theirs) is not type(mine) or theirs != mine:
                raise ProtocolError(
                    f"the message has {name} {theirs!r:.40}, this aggregation {mine!r}: it was made for "
                    "another one, or the parties have other plans"
                )
        due = [kind.value for kind in kinds]
        if header["kind"] not in due:
            raise ProtocolError(
                f"a message of kind {header['kind']!r:.40} came where {' or '.join(due)} is due"
            )
        sender = header["sender"]
        by_server = Kind(header["kind"]) in BY_SERVER
        if type(sender) is not int or (sender != SERVER if by_server else sender < 0):
            raise ProtocolError(f"a message of kind {header['kind']} is not sent by {sender!r:.40}")
        return Message(Kind(header["kind"]), sender, header["members"], letter)


@dataclass(frozen=True)
class Message:
    """A message that was read: `members` are still to be checked."""

    kind: Kind
    sender: int
    members: dict[str, Any]
    letter: Letter

    def text(self, name: str) -> str:
        """A member that is a text."""
        value = self.members.get(name)
        if not isinstance(value, str):
            raise ProtocolError(f"{name} of the {self.kind.value} message is no text")
        return value

    def raw(self, name: str, length: int | None = None) -> bytes:
        """A member that is bytes, in hexadecimal digits."""
        return read_hex(self.members.get(name), f"{name} of the {self.kind.value} message", length)

    def number(self, name: str) -> int:
        """A member that is a natural number."""
        value = self.members.get(name)
        if type(value) is not int or value < 0:
            raise ProtocolError(f"{name} of the {self.kind.value} message is no natural number")
        return value

    def numbers(self, name: str) -> tuple[int, ...]:
        """A member that is a list of natural numbers, ascending, each once."""
        value = self.members.get(name)
        if not (
            isinstance(value, list)
            and all(type(number) is int and number >= 0 for number in value)
            and value == sorted(set(value))
        ):
            raise ProtocolError(
                f"{name} of the {self.kind.value} message is no ascending list of numbers"
            )
        return tuple(value)


def read_hex(value: Any, what: str, length: int | None = None) -> bytes:
    """Bytes from hexadecimal digits.

    Raises
    ------
    ProtocolError
        When they are none, or not as many.
    """
    try:
        data = bytes.fromhex(value)
    except (TypeError, ValueError):
        raise ProtocolError(f"{what} is no hexadecimal text") from None
    if value != data.hex() or (length is not None and len(data) != length):
        raise ProtocolError(f"{what} has {len(data)} bytes, {length} were expected")
    return data
