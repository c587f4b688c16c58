# SPDX-License-Identifier: Apache-2.0
"""The list of all keys of a round, and what clients sign."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.homo.frames import Terms, read_hex
from pyfate_gpu.homo.identities import PUBLIC_BYTES, SIGNATURE_BYTES, Identity, check_signature


@dataclass(frozen=True)
class Entry:
    """The keys of one client for one round, signed by it.

    Parameters
    ----------
    identity, boxes, pads, commitment, signature : bytes
        Whom it signs as; public keys for boxes and for pads; the hash of the seed of its own mask.
    """

    identity: bytes
    boxes: bytes
    pads: bytes
    commitment: bytes
    signature: bytes

    @classmethod
    def signed(
        cls,
        terms: Terms,
        number: int,
        identity: Identity,
        boxes: bytes,
        pads: bytes,
        commitment: bytes,
    ) -> Entry:
        """The entry of a client."""
        text = signed_text(terms, "keys", number, [boxes.hex(), pads.hex(), commitment.hex()])
        return cls(identity.public, boxes, pads, commitment, identity.sign(text))

    def describe(self) -> list[str]:
        """As JSON takes it."""
        return [
            each.hex()
            for each in (self.identity, self.boxes, self.pads, self.commitment, self.signature)
        ]

    @classmethod
    def read(cls, described: Any, number: int) -> Entry:
        """The way back; raises ProtocolError for anything else."""
        lengths = (PUBLIC_BYTES, PUBLIC_BYTES, PUBLIC_BYTES, 32, SIGNATURE_BYTES)
        if not isinstance(described, list) or len(described) != len(lengths):
            raise ProtocolError(f"the keys of client {number} are not {len(lengths)} texts")
        parts = [
            read_hex(text, f"the keys of client {number}", length)
            for text, length in zip(described, lengths, strict=True)
        ]
        return cls(*parts)

    def check(self, terms: Terms, number: int, members: Sequence[bytes] | None) -> None:
        """Raise ProtocolError unless the client itself signed it for this round."""
        if members is not None and members[number] != self.identity:
            raise ProtocolError(
                f"the keys of client {number} are signed by somebody else: a stranger, or the server, stands between"
            )
        parts = [self.boxes.hex(), self.pads.hex(), self.commitment.hex()]
        text = signed_text(terms, "keys", number, parts)
        check_signature(self.identity, text, self.signature, f"the keys of client {number}")


Directory = Mapping[int, Entry]


def describe(directory: Directory) -> list[Any]:
    """All entries as JSON takes them."""
    return [[number, directory[number].describe()] for number in sorted(directory)]


def read(described: Any, clients: int) -> dict[int, Entry]:
    """The way back; raises ProtocolError for anything else."""
    if not isinstance(described, list):
        raise ProtocolError("the directory is no list")
    found: dict[int, Entry] = {}
    for each in described:
        if not isinstance(each, list) or len(each) != 2 or type(each[0]) is not int:
            raise ProtocolError("the directory is no list of numbers and keys")
        number, entry = each
        if not max(found, default=-1) < number < clients:
            raise ProtocolError("the directory names clients twice, or others than the plan has")
        found[number] = Entry.read(entry, number)
    return found


def digest(directory: Directory) -> bytes:
    """32 bytes that tell directories apart."""
    return hashlib.sha256(json.dumps(describe(directory)).encode("ascii")).digest()


def signed_text(terms: Terms, purpose: str, number: int, content: Any) -> bytes:
    """What a client signs: for one purpose, in one round, under one plan."""
    parts = ["pyfate_gpu homo", purpose, terms.fingerprint, terms.round, number, content]
    return json.dumps(parts).encode("ascii")
