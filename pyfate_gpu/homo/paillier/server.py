# SPDX-License-Identifier: Apache-2.0
"""A server that adds what it cannot read, one frame in memory beside the sum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyfate_gpu.errors import ProtocolError, PyFateError
from pyfate_gpu.he import CiphertextArray, PublicKey
from pyfate_gpu.homo.frames import SERVER, Kind, Message, Terms
from pyfate_gpu.homo.paillier import blinding
from pyfate_gpu.homo.paillier.packing import Packing
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.quantiser import Layout
from pyfate_gpu.homo.updates import Structure, check_like, take_apart


class PaillierServer:
    """Made by `SecureAggregator.server`; whoever has answered counts, in any order.

    Parameters
    ----------
    terms : Terms
    plan : AggregationPlan
    key : PublicKey
    min_clients : int
        Fewer are refused.
    blinded : bool
        Whether clients hide the sum from the key holder.
    like : update, optional
        What updates look like; by default like the first one.
    """

    def __init__(
        self,
        terms: Terms,
        plan: AggregationPlan,
        key: PublicKey,
        min_clients: int,
        blinded: bool,
        like: Any = None,
    ) -> None:
        self._terms, self._plan, self._key = terms, plan, key
        self._min_clients, self._blinded = min_clients, blinded
        self._packing: Packing | None = None
        self._clips = ""
        if like is not None:
            self._packing = Packing.of(Layout(plan, take_apart(like)[0]), key)
        self._sums: list[CiphertextArray] = []
        self._nonces: dict[int, str] = {}
        self._asked = self._closed = False

    @property
    def clients(self) -> tuple[int, ...]:
        """Those in the sum so far."""
        return tuple(sorted(self._nonces))

    def ask(self) -> dict[int, bytes]:
        """Requests for the updates of all clients; nothing afterwards."""
        if self._asked:
            return {}
        self._asked = True
        request = self._terms.write(Kind.START, SERVER)
        return dict.fromkeys(range(self._plan.clients), request)

    def add(self, message: bytes) -> None:
        """Add a sealed update; one that is refused changes nothing.

        Raises
        ------
        WireFormatError, InvalidCiphertextError, KeyMismatchError
            When the bytes are no message, or no ciphertexts of the key.
        ProtocolError
            When it is of another round or plan, too late, of other shapes, or its client is in the sum already.
        """
        if self._closed:
            raise ProtocolError(f"round {self._terms.round} is closed: the update came too late")
        read = self._terms.read(message, Kind.VALUES)
        if read.sender >= self._plan.clients:
            raise ProtocolError(
                f"client {read.sender} is none of the {self._plan.clients} of the plan"
            )
        if read.sender in self._nonces:
            raise ProtocolError(f"client {read.sender} is in the sum of round {self._terms.round}")
        nonce = read.raw("nonce", blinding.NONCE_BYTES if self._blinded else 0)
        packing = self._checked_packing(read)
        if not self._sums:
            self._sums = list(self._frames(read, packing))
        else:
            self._accumulate(message, read, packing)
        self._packing, self._clips = packing, read.text("clips")
        self._nonces[read.sender] = nonce.hex()

    def _checked_packing(self, read: Message) -> Packing:
        structure = Structure.read(read.members.get("structure"))
        agreed = None if self._packing is None else self._packing.layout.structure
        check_like(read, structure, agreed, self._clips)
        return self._packing or Packing.of(Layout(self._plan, structure), self._key)

    def _accumulate(self, message: bytes, read: Message, packing: Packing) -> None:
        """Add frame by frame; a bad frame undoes those before it, so that no second copy is held."""
        done = 0
        try:
            for place, frame in enumerate(self._frames(read, packing)):
                self._sums[place] = self._sums[place] + frame
                done += 1
        except PyFateError:
            again = self._frames(self._terms.read(message, Kind.VALUES), packing)
            for place in range(done):
                self._sums[place] = self._without(self._sums[place], next(again))
            raise

    @staticmethod
    def _without(total: CiphertextArray, frame: CiphertextArray) -> CiphertextArray:
        """The sum as it was, and its bound, which an addition of the negative would raise."""
        engine = total._engine
        rows = engine.add(total._rows, engine.negate(frame._rows))
        return total._replace(rows, total.shape, bound=total.bound - frame.bound)

    def _frames(self, read: Message, packing: Packing) -> Iterator[CiphertextArray]:
        lengths = read.members.get("frames")
        pieces = packing.pieces
        if not isinstance(lengths, list) or len(lengths) != len(pieces):
            raise ProtocolError(
                f"the update of client {read.sender} has not the {len(pieces)} frames that its shapes take"
            )
        for rows, length in zip(pieces, lengths, strict=True):
            if type(length) is not int:
                raise ProtocolError(f"the frames of client {read.sender} have no lengths")
            array = self._key.from_wire(read.letter.take(length))  # type: ignore[arg-type]
            if (array.shape, array.slots, array.bound, array.exponent, array.kind) != (
                (rows,), packing.slots, packing.layout.plan.client_bound, 0, "i",
            ):  # fmt: skip
                raise ProtocolError(
                    f"a frame of client {read.sender} has other slots or bounds than the plan"
                )
            yield array
        read.letter.finish()

    def close(self) -> bytes:
        """Return the encrypted sum for the key holder; nobody is added afterwards.

        Raises
        ------
        ProtocolError
            When fewer than `min_clients` are in it, or it was closed before.
        """
        if self._closed:
            raise ProtocolError(f"round {self._terms.round} is closed already")
        if len(self._nonces) < self._min_clients:
            raise ProtocolError(
                f"{len(self._nonces)} clients are in the sum of round {self._terms.round}, min_clients is "
                f"{self._min_clients}: wait for more, the sum of few says much about each"
            )
        self._closed = True
        assert self._packing is not None
        clients = self.clients
        # All frames but the last are of one length.
        first, last = (len(_written(self._sums[place])) for place in (0, -1))
        lengths = [first] * (len(self._sums) - 1) + [last]
        members = {
            "structure": self._packing.layout.structure.describe(),
            "clips": self._clips,
            "frames": lengths,
            "clients": list(clients),
            "nonces": [self._nonces[number] for number in clients],
        }
        return self._terms.write(Kind.SUM, SERVER, members, _freed(self._sums))


def _written(array: CiphertextArray) -> bytes:
    """The owner of the key reads the sum and nothing else in it: blinding it again would hide nothing."""
    return array.to_wire(reblind=False)


def _freed(sums: list[CiphertextArray]) -> Iterator[list[bytes]]:
    """One frame after the other, each array forgotten once it is written."""
    sums.reverse()
    while sums:
        yield [_written(sums.pop())]
