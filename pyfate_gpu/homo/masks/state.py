# SPDX-License-Identifier: Apache-2.0
"""A client between two of its answers as bytes, for systems that start a process for every message.

The bytes have the client's keys of the round: whoever reads them reads its update. They are used once: a client that
is thawed twice from the same bytes would hide two updates under the same masks.
"""

from __future__ import annotations

from typing import Any

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.homo.frames import Kind, Terms, read_hex
from pyfate_gpu.homo.masks import directory as directories
from pyfate_gpu.homo.masks import graph
from pyfate_gpu.homo.masks.agreement import Pads, RoundKey
from pyfate_gpu.homo.masks.client import MasksClient
from pyfate_gpu.homo.masks.directory import Entry
from pyfate_gpu.homo.streams import KEY_BYTES


def freeze(client: MasksClient) -> bytes:
    """The state of a client, as secret as its update."""
    members: dict[str, Any] = {
        "due": None if client._due is None else client._due.value,
        "boxes": client._boxes_key.private_bytes().hex(),
        "pads": client._pads_key.private_bytes().hex(),
        "seed": client._seed.hex(),
        "entry": client._entry.describe(),
        "directory": directories.describe(client._directory),
        "shares": [[owner, share.hex()] for owner, share in sorted(client._shares.items())],
        "survivors": list(client._survivors),
    }
    return client._terms.write(Kind.STATE, client._number, members)


def thaw(client: MasksClient, state: bytes) -> None:
    """Put a client that was just made where the one was whose state it is.

    Raises
    ------
    WireFormatError, ProtocolError
        When the bytes are no state of this client in this round.
    """
    terms: Terms = client._terms
    read = terms.read(state, Kind.STATE)
    if read.sender != client._number:
        raise ProtocolError(f"the state is of client {read.sender}, this is {client._number}")
    due = read.members.get("due")
    client._due = None if due is None else Kind(read.text("due"))
    client._boxes_key = RoundKey(read.raw("boxes", KEY_BYTES))
    client._pads_key = RoundKey(read.raw("pads", KEY_BYTES))
    client._seed = read.raw("seed", KEY_BYTES)
    client._entry = Entry.read(read.members.get("entry"), client._number)
    client._directory = directories.read(read.members.get("directory"), client._plan.clients)
    client._shares = {
        owner: read_hex(text, f"the share of client {owner}")
        for owner, text in read.members.get("shares", [])
    }
    client._survivors = read.numbers("survivors")
    if client._directory:
        digest = directories.digest(client._directory)
        client._pads = Pads(terms.round, digest)
        client._neighbours = graph.neighbours(
            client._number,
            sorted(client._directory),
            graph.neighbours_of_each(client._plan),
            digest,
        )
