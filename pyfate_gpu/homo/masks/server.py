# SPDX-License-Identifier: Apache-2.0
"""A server under pairwise masks: it sees uniform numbers until those that are left say how to sum them up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.homo.frames import SERVER, Kind, Message, Terms, read_hex
from pyfate_gpu.homo.identities import SIGNATURE_BYTES, check_signature
from pyfate_gpu.homo.masks import directory as directories
from pyfate_gpu.homo.masks import graph, shamir
from pyfate_gpu.homo.masks.client import BOX_BYTES, list_text
from pyfate_gpu.homo.masks.directory import Entry
from pyfate_gpu.homo.masks.ring import RingVector
from pyfate_gpu.homo.masks.unmasking import Share, Unmasking
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.quantiser import Layout
from pyfate_gpu.homo.updates import Structure, check_like, take_apart

DUE = (Kind.KEYS, Kind.SHARES, Kind.VALUES, Kind.SIGNATURE, Kind.SECRETS)
"""What clients send, in order; `ask` moves on to the next."""


class MasksServer:
    """Made by `SecureAggregator.server`.

    Parameters
    ----------
    terms : Terms
    plan : AggregationPlan
    min_clients : int
        A round of fewer fails.
    members : sequence of bytes, optional
        The public identity of each client.
    like : update, optional
        What updates look like; by default like the first one.
    """

    def __init__(
        self,
        terms: Terms,
        plan: AggregationPlan,
        min_clients: int,
        members: Sequence[bytes] | None,
        like: Any = None,
    ) -> None:
        self._terms, self._plan, self._min_clients = terms, plan, min_clients
        self._members = members
        self._structure = None if like is None else take_apart(like)[0]
        self._clips = ""
        self._stage = -1
        self._asked: tuple[int, ...] = ()
        self._answered: set[int] = set()
        self._directory: dict[int, Entry] = {}
        self._digest = b""
        self._neighbours: dict[int, tuple[int, ...]] = {}
        self._boxes: dict[int, dict[int, bytes]] = {}  # by recipient, then by sender
        self._participants: tuple[int, ...] = ()
        self._survivors: tuple[int, ...] = ()
        self._signatures: dict[int, str] = {}
        self._sum: RingVector | None = None
        self._shares: dict[str, dict[int, dict[int, Share]]] = {"masks": {}, "keys": {}}

    @property
    def clients(self) -> tuple[int, ...]:
        """Those in the sum so far."""
        return self._survivors

    def ask(self) -> dict[int, bytes]:
        """End the stage with those that answered, and give each client's next request; none at the end.

        Raises
        ------
        ProtocolError
            When too few are left for the round to end.
        """
        stages = (
            self._start,
            self._list_keys,
            self._pass_boxes,
            self._name_survivors,
            self._release,
        )
        if self._stage + 1 >= len(stages):
            return {}
        here = tuple(sorted(self._answered))
        if self._stage >= 0:
            self._check_enough(len(here))
        requests = stages[self._stage + 1](here)
        self._stage += 1
        self._asked, self._answered = tuple(requests), set()
        return requests

    def add(self, message: bytes) -> None:
        """Take a client's message; one that is refused changes nothing.

        Raises
        ------
        WireFormatError
            When the bytes are no message.
        ProtocolError
            When it is not due: of another round or plan, too late, sent twice, by a client that was not asked; or
            what it says does not hold.
        """
        if self._stage < 0:
            raise ProtocolError("nothing was asked yet: the round begins with ask()")
        due = DUE[self._stage]
        read = self._terms.read(message, *DUE)
        if read.kind is not due:
            late = "too late" if DUE.index(read.kind) < self._stage else "too early"
            raise ProtocolError(
                f"{read.kind.value} of client {read.sender} came {late}: {due.value} are due in round "
                f"{self._terms.round}"
            )
        if read.sender not in self._asked:
            raise ProtocolError(
                f"client {read.sender} was not asked for {due.value}: it left, or is none"
            )
        if read.sender in self._answered:
            raise ProtocolError(f"client {read.sender} has sent {due.value} already")
        takers = (
            self._take_keys, self._take_shares, self._take_values, self._take_signature, self._take_secrets,
        )  # fmt: skip
        takers[self._stage](read)
        self._answered.add(read.sender)

    def _start(self, here: tuple[int, ...]) -> dict[int, bytes]:
        request = self._terms.write(Kind.START, SERVER)
        return dict.fromkeys(range(self._plan.clients), request)

    def _take_keys(self, read: Message) -> None:
        entry = Entry.read(read.members.get("keys"), read.sender)
        entry.check(self._terms, read.sender, self._members)
        self._directory[read.sender] = entry

    def _list_keys(self, here: tuple[int, ...]) -> dict[int, bytes]:
        members = {"directory": directories.describe(self._directory)}
        self._digest = directories.digest(self._directory)
        count = graph.neighbours_of_each(self._plan)
        self._neighbours = {
            each: graph.neighbours(each, here, count, self._digest) for each in here
        }
        return dict.fromkeys(here, self._terms.write(Kind.DIRECTORY, SERVER, members))

    def _take_shares(self, read: Message) -> None:
        recipients = read.numbers("recipients")
        if recipients != self._neighbours[read.sender]:
            raise ProtocolError(f"the shares of client {read.sender} are not for its neighbours")
        content = read.letter.take(BOX_BYTES * len(recipients))
        read.letter.finish()
        for place, recipient in enumerate(recipients):
            box = bytes(content[place * BOX_BYTES : (place + 1) * BOX_BYTES])
            self._boxes.setdefault(recipient, {})[read.sender] = box

    def _pass_boxes(self, here: tuple[int, ...]) -> dict[int, bytes]:
        kept = set(here)
        while alone := {each for each in kept if not self._has_holders(each, kept)}:
            kept -= alone
        self._check_enough(len(kept))
        self._participants = tuple(sorted(kept))
        requests = {}
        for each in self._participants:
            boxes = {sender: box for sender, box in self._boxes[each].items() if sender in kept}
            senders = sorted(boxes)
            content = [boxes[sender] for sender in senders]
            requests[each] = self._terms.write(Kind.BOXES, SERVER, {"senders": senders}, [content])
        self._boxes = {}
        return requests

    def _take_values(self, read: Message) -> None:
        structure = Structure.read(read.members.get("structure"))
        check_like(read, structure, self._structure, self._clips)
        total = self._sum or RingVector(Layout(self._plan, structure).length, self._plan.width)
        content = read.letter.take(total.nbytes)
        read.letter.finish()
        total.add_bytes(content)
        self._sum, self._structure, self._clips = total, structure, read.text("clips")

    def _name_survivors(self, here: tuple[int, ...]) -> dict[int, bytes]:
        for each in self._participants:
            touched = each in here or set(self._neighbours[each]) & set(here)
            if touched and not self._has_holders(each, set(here)):
                raise ProtocolError(
                    f"too many clients left round {self._terms.round}: those that hold shares of client {each} do "
                    "not suffice to do without it"
                )
        self._survivors = here
        return dict.fromkeys(
            here, self._terms.write(Kind.SURVIVORS, SERVER, {"clients": list(here)})
        )

    def _take_signature(self, read: Message) -> None:
        signature = read.raw("signature", SIGNATURE_BYTES)
        text = list_text(self._terms, self._digest, read.sender, self._survivors)
        public = self._directory[read.sender].identity
        check_signature(public, text, signature, f"the survivors by client {read.sender}")
        self._signatures[read.sender] = signature.hex()

    def _release(self, here: tuple[int, ...]) -> dict[int, bytes]:
        signatures = [[number, self._signatures[number]] for number in here]
        request = self._terms.write(Kind.REVEAL, SERVER, {"signatures": signatures})
        asked = [each for each in here if self._has_holders(each, set(here))]
        if not asked:
            raise ProtocolError(
                f"too many clients left round {self._terms.round}: nobody has enough others that signed the survivors"
            )
        self._check_enough(len(asked))
        return dict.fromkeys(asked, request)

    def _take_secrets(self, read: Message) -> None:
        found: list[tuple[str, int, Share]] = []
        for name in self._shares:
            listed = read.members.get(name)
            if not isinstance(listed, list):
                raise ProtocolError(f"the shares of client {read.sender} are no list")
            for each in listed:
                if not isinstance(each, list) or len(each) != 2 or type(each[0]) is not int:
                    raise ProtocolError(f"the shares of client {read.sender} are not by owner")
                what = f"a share that client {read.sender} holds"
                found.append((name, each[0], read_hex(each[1], what, shamir.SHARE_BYTES)))
        for name, owner, share in found:
            self._shares[name].setdefault(owner, {})[read.sender] = share

    def close(self) -> bytes:
        """Return the sum, which is open; nobody is added afterwards.

        Raises
        ------
        ProtocolError
            When the round is not at its end, or too few shares came to take the masks off.
        """
        if self._stage != len(DUE) - 1 or self._sum is None:
            raise ProtocolError(
                f"round {self._terms.round} is not at its end, or was closed before: ask() until nothing is left"
            )
        assert self._structure is not None
        unmasking = Unmasking(
            self._terms, self._plan, self._directory, self._digest, self._neighbours, self._shares
        )
        total, self._sum = self._sum, None
        unmasking.take_off(total, self._participants, self._survivors)
        members = {
            "structure": self._structure.describe(), "clips": self._clips, "clients": list(self._survivors),
        }  # fmt: skip
        return self._terms.write(Kind.SUM, SERVER, members, [total.drain()])

    def _has_holders(self, number: int, there: set[int]) -> bool:
        """Whether enough clients are there that hold shares of this one."""
        holders = {*self._neighbours[number], number}
        return len(holders & there) >= graph.threshold_of(len(holders))

    def _check_enough(self, clients: int) -> None:
        if clients < self._min_clients:
            raise ProtocolError(
                f"{clients} clients are left in round {self._terms.round}, min_clients is {self._min_clients}: "
                "the round fails, begin another one"
            )
