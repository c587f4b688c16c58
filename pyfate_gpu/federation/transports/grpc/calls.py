# SPDX-License-Identifier: Apache-2.0
"""What travels beside the frames: who calls whom, and which frame the next chunks belong to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import NamedTuple

from pyfate_gpu.errors import ConfigurationError, ProtocolError
from pyfate_gpu.federation.mailbox import Address
from pyfate_gpu.federation.roles import Party

SERVICE = "pyfate.Federation"
#: Raised whenever the calls or their meaning change.
TRANSPORT_VERSION = 2
#: Frames from one party to another that may be under way at once.
WINDOW = 8
CHUNK_BYTES = 1 << 20
#: The most that a peer takes as one message of HTTP/2; a chunk and what surrounds it.
MAX_MESSAGE_BYTES = 2 << 20
_MAX_OPENING_BYTES = 4096
_MAX_NAME = 200


def printable(text: str) -> str:
    """Return what another party wrote without anything that could act on a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


class Caller(NamedTuple):
    """Who makes a call, and to whom; travels as metadata of every call.

    Parameters
    ----------
    party, to : Party
        The two ends.
    instance : str
        Drawn anew by each process, so that a restarted party is not taken for its predecessor.
    """

    party: Party
    to: Party
    instance: str

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs to send."""
        return (
            ("pyfate-transport", str(TRANSPORT_VERSION)),
            ("pyfate-party", self.party.name),
            ("pyfate-to", self.to.name),
            ("pyfate-instance", self.instance),
        )

    @classmethod
    def read(cls, metadata: Iterable[tuple[str, str | bytes]]) -> Caller:
        """Return the caller that `metadata` names.

        Raises
        ------
        ProtocolError
            When it names none, or speaks another version.
        """
        values = {key: value for key, value in metadata if isinstance(value, str)}
        version = values.get("pyfate-transport")
        if version != str(TRANSPORT_VERSION):
            raise ProtocolError(
                f"the caller speaks version {version} of the transport, this release {TRANSPORT_VERSION}: "
                "install the same release at every party"
            )
        instance = values.get("pyfate-instance", "")
        if not re.fullmatch(r"[0-9a-f]{32}", instance):
            raise ProtocolError("the caller names no instance")
        try:
            party = Party.parse(values.get("pyfate-party", ""))
            to = Party.parse(values.get("pyfate-to", ""))
        except ConfigurationError as error:
            raise ProtocolError(str(error)) from None
        return cls(party, to, instance)


@dataclass(frozen=True)
class Opening:
    """Announces a frame; the first message of a delivery.

    Parameters
    ----------
    sequence : int
        Counts the frames from one party to another, from 1: what tells a repeated delivery, after a
        connection that dropped, from a second frame.
    name, iteration, batch
        Address of the frame.
    length : int
        Bytes of the frame.
    digest : str
        Its last 32 bytes, which are its SHA-256, in hexadecimal.
    offset : int
        Where the chunks that follow begin.
    """

    sequence: int
    name: str
    iteration: int
    batch: int
    length: int
    digest: str
    offset: int = 0

    def address(self, sender: Party) -> Address:
        """Return where the frame belongs."""
        return Address(sender, self.name, self.iteration, self.batch)

    def pack(self) -> bytes:
        """Return it as bytes."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpack(cls, data: bytes) -> Opening:
        """Return what `pack` wrote.

        Raises
        ------
        ProtocolError
            For any other bytes.
        """
        try:
            if len(data) > _MAX_OPENING_BYTES:
                raise ValueError(data)
            opening = cls(**json.loads(data))
            counts = [getattr(opening, name) for name in ("sequence", "length", "offset")]
            counts += [opening.iteration, opening.batch]
            if (
                not all(type(count) is int and 0 <= count < 1 << 63 for count in counts)
                or type(opening.name) is not str
                or not 0 < len(opening.name) <= _MAX_NAME
                or not re.fullmatch("[0-9a-f]{64}", opening.digest)
                or opening.pack() != data
            ):
                raise ValueError(data)
        except (TypeError, ValueError, RecursionError):
            raise ProtocolError("a delivery does not begin with the opening of a frame") from None
        return opening
