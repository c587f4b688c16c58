# SPDX-License-Identifier: Apache-2.0
"""A client under pairwise masks: five answers a round, the third of them its update."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.homo.frames import Kind, Message, Terms, read_hex
from pyfate_gpu.homo.identities import SIGNATURE_BYTES, Identity, check_signature
from pyfate_gpu.homo.masks import directory as directories
from pyfate_gpu.homo.masks import fused, graph, ring, shamir
from pyfate_gpu.homo.masks.agreement import TAG_BYTES, Pads, RoundKey, lock, unlock
from pyfate_gpu.homo.masks.directory import Directory, Entry, signed_text
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.quantiser import Layout, check_weight, vector
from pyfate_gpu.homo.streams import KEY_BYTES, Stream
from pyfate_gpu.homo.updates import take_apart

BOX_BYTES = 2 * shamir.SHARE_BYTES + TAG_BYTES


class MasksClient:
    """Made by `SecureAggregator.client`; its keys are of this round, and it takes part once.

    Parameters
    ----------
    terms : Terms
    plan : AggregationPlan
    number : int
        Among the clients.
    identity : Identity
        What it signs with.
    members : sequence of bytes, optional
        The public identity of each client; without them the server is trusted to pass on keys as they are.
    min_clients : int
        It tells nothing about a sum of fewer.
    """

    def __init__(
        self,
        terms: Terms,
        plan: AggregationPlan,
        number: int,
        identity: Identity,
        members: Sequence[bytes] | None,
        min_clients: int,
    ) -> None:
        self._terms, self._plan, self._number = terms, plan, number
        self._identity, self._members, self._min_clients = identity, members, min_clients
        self._due: Kind | None = Kind.START
        self._boxes_key, self._pads_key = RoundKey(), RoundKey()
        self._seed = os.urandom(KEY_BYTES)
        commitment = hashlib.sha256(self._seed).digest()
        self._entry = Entry.signed(
            terms, number, identity, self._boxes_key.public, self._pads_key.public, commitment
        )
        self._directory: Directory = {}
        self._neighbours: tuple[int, ...] = ()
        self._pads: Pads
        self._shares: dict[int, bytes] = {}  # what this client holds, by owner
        self._survivors: tuple[int, ...] = ()

    def answer(self, request: bytes, update: Any = None, weight: int = 1) -> bytes:
        """Return what to send to the server for its request, empty when `seal` comes next.

        Parameters
        ----------
        request : bytes
        update, weight : as of `seal`, optional
            For the request that lets it seal.

        Raises
        ------
        ProtocolError
            When the request is not what is due, or what it says is false: a key that its client did not sign,
            survivors that others did not sign, fewer clients than `min_clients`.
        """
        due = () if self._due in (None, Kind.VALUES) else (self._due,)
        message = self._terms.read(request, *due)
        if message.kind is Kind.START:
            self._due = Kind.DIRECTORY
            members = {"keys": self._entry.describe()}
            return self._terms.write(Kind.KEYS, self._number, members)
        if message.kind is Kind.DIRECTORY:
            return self._share(message)
        if message.kind is Kind.BOXES:
            self._open_boxes(message)
            return b"" if update is None else self.seal(update, weight)
        if message.kind is Kind.SURVIVORS:
            return self._sign(message)
        return self._reveal(message)

    def _share(self, message: Message) -> bytes:
        """Share out what it takes to do without this client, one box for each neighbour."""
        self._directory = directories.read(message.members.get("directory"), self._plan.clients)
        if self._directory.get(self._number) != self._entry:
            raise ProtocolError(
                f"the directory has other keys of client {self._number} than it sent"
            )
        self._check_enough(len(self._directory))
        for number, entry in self._directory.items():
            entry.check(self._terms, number, self._members)
        digest = directories.digest(self._directory)
        self._pads = Pads(self._terms.round, digest)
        self._neighbours = graph.neighbours(
            self._number, sorted(self._directory), graph.neighbours_of_each(self._plan), digest
        )
        holders = (*self._neighbours, self._number)
        threshold = graph.threshold_of(len(holders))
        of_pads = shamir.split(self._pads_key.private_bytes(), holders, threshold)
        of_seed = shamir.split(self._seed, holders, threshold)
        boxes = []
        for other in self._neighbours:
            public = self._directory[other].boxes
            key = self._pads.box_key(self._boxes_key, self._number, other, public)
            boxes.append(lock(key, of_pads[other] + of_seed[other]))
        self._shares[self._number] = of_pads[self._number] + of_seed[self._number]
        self._due = Kind.BOXES
        members = {"recipients": list(self._neighbours)}
        return self._terms.write(Kind.SHARES, self._number, members, [boxes])

    def _open_boxes(self, message: Message) -> None:
        senders = message.numbers("senders")
        if not set(senders) <= set(self._neighbours):
            raise ProtocolError("the server passes on shares of clients that are no neighbours")
        self._check_holders(senders)
        content = message.letter.take(BOX_BYTES * len(senders))
        for place, sender in enumerate(senders):
            box = bytes(content[place * BOX_BYTES : (place + 1) * BOX_BYTES])
            public = self._directory[sender].boxes
            key = self._pads.box_key(self._boxes_key, sender, self._number, public)
            self._shares[sender] = unlock(key, box, sender)
        message.letter.finish()
        self._due = Kind.VALUES

    def seal(self, update: Any, weight: int = 1) -> bytes:
        """Return the update under its masks.

        Parameters
        ----------
        update : list or dict of arrays, state_dict, or fitted linear model
        weight : int
            How often it counts.

        Raises
        ------
        DataError
            When a value is not finite, or the weight beyond the plan.
        ProtocolError
            When the masks are not agreed yet, or an update was sealed in this round.
        """
        if self._due is not Kind.VALUES:
            raise ProtocolError(
                "masks have to be agreed first, and hide one update: answer what the server asks"
            )
        structure, arrays = take_apart(update)
        layout = Layout(self._plan, structure)
        weight = check_weight(weight, self._plan)
        if fused.available():
            pieces: list[Any] = [fused.masked_update(layout, arrays, weight, self._streams()).data]
        else:
            elements = vector(layout, arrays, weight)
            pieces = list(ring.masked(elements, self._plan.width, self._streams()))
        members = layout.describe()
        self._due = Kind.SURVIVORS
        return self._terms.write(Kind.VALUES, self._number, members, [pieces])

    def _streams(self) -> list[tuple[Stream, int]]:
        """Its own mask, and one with each neighbour, which it adds and the other subtracts."""
        lane = ring.lane_of(self._plan.width)
        streams = [(Stream(self._seed, lane), 1)]
        for other in sorted(set(self._shares) - {self._number}):
            public = self._directory[other].pads
            seed = self._pads.seed(self._pads_key, self._number, other, public)
            streams.append((Stream(seed, lane), 1 if self._number < other else -1))
        return streams

    def _sign(self, message: Message) -> bytes:
        """Sign the one list of survivors that this client goes by."""
        survivors = message.numbers("clients")
        if not set(survivors) <= set(self._directory) or self._number not in survivors:
            raise ProtocolError(
                "the survivors are not those of this round, or leave this client out"
            )
        self._check_enough(len(survivors))
        self._check_holders([each for each in survivors if each in self._shares])
        self._survivors = survivors
        self._due = Kind.REVEAL
        members = {"signature": self._identity.sign(self._list_text(self._number)).hex()}
        return self._terms.write(Kind.SIGNATURE, self._number, members)

    def _list_text(self, signer: int) -> bytes:
        return list_text(self._terms, self._pads.directory, signer, self._survivors)

    def _reveal(self, message: Message) -> bytes:
        """Tell the share of each survivor's own mask and of each other's key, never both of one client."""
        self._check_signatures(message.members.get("signatures"))
        shares: dict[str, list[Any]] = {"masks": [], "keys": []}
        for owner, both in sorted(self._shares.items()):
            half = shamir.SHARE_BYTES
            if owner in self._survivors:
                shares["masks"].append([owner, both[half:].hex()])
            else:
                shares["keys"].append([owner, both[:half].hex()])
        self._due = None
        self._shares = {}
        return self._terms.write(Kind.SECRETS, self._number, shares)

    def _check_signatures(self, signatures: Any) -> None:
        """Raise unless enough others go by the same list: of those that hold shares, and in all."""
        if not isinstance(signatures, list):
            raise ProtocolError("the signatures of the survivors are no list")
        signers: set[int] = set()
        for each in signatures:
            if not isinstance(each, list) or len(each) != 2 or each[0] not in self._survivors:
                raise ProtocolError("the survivors are signed by clients that are none")
        for number, text in sorted(signatures, key=lambda each: each[0] not in self._shares):
            if number not in self._shares and len(signers) >= self._min_clients:
                break
            what = f"the survivors by client {number}"
            signature = read_hex(text, f"the signature of {what}", SIGNATURE_BYTES)
            check_signature(
                self._directory[number].identity, self._list_text(number), signature, what
            )
            signers.add(number)
        self._check_enough(len(signers | {self._number}))
        self._check_holders([each for each in signers if each in self._shares])

    def _check_enough(self, clients: int) -> None:
        if clients < self._min_clients:
            raise ProtocolError(
                f"{clients} clients are in round {self._terms.round}, min_clients is {self._min_clients}"
            )

    def _check_holders(self, present: Sequence[int]) -> None:
        """Raise unless enough of those that hold shares of this client's secrets are there."""
        needed = graph.threshold_of(len(self._neighbours) + 1)
        there = len(set(present) | {self._number})
        if there < needed:
            raise ProtocolError(
                f"{there} of the {len(self._neighbours) + 1} clients that hold shares of client {self._number} are "
                f"in round {self._terms.round}; it takes {needed}"
            )


def list_text(terms: Terms, digest: bytes, signer: int, survivors: Sequence[int]) -> bytes:
    """What a client signs to go by a list of survivors."""
    return signed_text(terms, "survivors", signer, [digest.hex(), list(survivors)])
