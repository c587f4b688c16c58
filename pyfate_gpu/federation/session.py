# SPDX-License-Identifier: Apache-2.0
"""One party's side of a job: whom it talks to, under which key, at what cost."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.errors import ConfigurationError, PartyFailedError, ProtocolError
from pyfate_gpu.federation.channel import Channel
from pyfate_gpu.federation.farewell import told
from pyfate_gpu.federation.frame import Frame, Sealable, Sealed, Value
from pyfate_gpu.federation.roles import ARBITER, GUEST, SERVER, Party, Role
from pyfate_gpu.federation.statistics import Statistics
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.federation.topology import check_parties

if TYPE_CHECKING:
    from pyfate_gpu.encoding.slots import SlotLayout
    from pyfate_gpu.federation.recovery import Recovery
    from pyfate_gpu.he import CiphertextArray
    from pyfate_gpu.he.scheme.public_key import SchemePublicKey

logger = logging.getLogger(__name__)

DEFAULT_TIMEOUT = 300.0
#: More tasks than a session has.
_TASKS_APART = 1_000_000


class Session:
    """What `fit` and `predict` of a model need to work with the other parties.

    Parameters
    ----------
    party : Party
        Who we are.
    peers : iterable of Party
        The others; together they are of one of the topologies.
    channel : Channel
        Our end of the connections to them.
    timeout : float
        Seconds to wait for any one message.

    Attributes
    ----------
    parties : tuple of Party
        All of them, in the order of roles and numbers.
    hosts, clients : tuple of Party
        Those among them, in the order of their numbers.
    keys : dict
        The public key of each party that has announced one.
    recovery : Recovery or None
        Keeps the state of training, where somebody set it.
    task_id : str
        Drawn by the leader for the task that was agreed on last, known to all; empty before the first.
    statistics : Statistics
        Seconds, operations and bytes so far.
    """

    def __init__(
        self,
        party: Party,
        peers: Iterable[Party],
        channel: Channel,
        *,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        self.party = party
        self.peers = tuple(peers)
        self.channel = channel
        self.timeout = _checked_timeout(timeout)
        self.keys: dict[Party, SchemePublicKey] = {}
        self.recovery: Recovery | None = None
        self.task_id = ""
        self.statistics = Statistics()
        self.parties = check_parties(party, self.peers)
        self.hosts = tuple(each for each in self.parties if each.role is Role.HOST)
        self.clients = tuple(each for each in self.parties if each.role is Role.CLIENT)
        self._prefix = ""  # of the names of all messages
        self._tasks = 0

    @property
    def leader(self) -> Party:
        """Who says what is done next: the guest, or the server where there is none."""
        return GUEST if GUEST in self.parties else SERVER

    def among(self, parties: Iterable[Party], number: int) -> Session:
        """Return a session of some of the parties over the same channel; its messages never mix with others'.

        Parameters
        ----------
        number : int
            From 1, the same at all of them, and another one for each such session of this one.
        """
        peers = [party for party in parties if party != self.party]
        found = Session(self.party, peers, self.channel, timeout=self.timeout)
        found._tasks = number * _TASKS_APART
        return found

    def begin(self, task: str = "task") -> None:
        """Start the next task; parties count their tasks, messages of different tasks never mix."""
        self._tasks += 1
        self.agree(task)

    def agree(self, task: str) -> None:
        """Name the messages of the running task after it, now that all parties know what it is."""
        self._prefix = f"{task}-{self._tasks}/"

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """Do one task within the block that all parties know of beforehand."""
        before = self._prefix
        self.begin(name)
        yield
        self._prefix = before

    @property
    def public_key(self) -> SchemePublicKey:
        """The arbiter's key.

        Raises
        ------
        ProtocolError
            When none is known yet.
        """
        return self.key_of(ARBITER)

    def key_of(self, owner: Party) -> SchemePublicKey:
        """The public key of a party.

        Raises
        ------
        ProtocolError
            When none is known yet.
        """
        if owner not in self.keys:
            raise ProtocolError(f"{self.party} knows no public key of {owner} yet")
        return self.keys[owner]

    def send(
        self,
        to: Party | Iterable[Party],
        name: str,
        *,
        iteration: int = 0,
        batch: int = 0,
        **payload: Value,
    ) -> None:
        """Send one message, to several parties if need be.

        Encrypted arrays are re-blinded where they are derived, once for all recipients.

        Raises
        ------
        ProtocolError, PartyFailedError
            As `Channel.send` does.
        """
        sealed = {key: self._seal(value) for key, value in payload.items()}
        for recipient in (to,) if isinstance(to, Party) else to:
            with self.statistics.step(Step.SEND):
                frame = Frame(self._prefix + name, iteration, batch, sealed)
                nbytes = self.channel.send(recipient, frame)
            self.statistics.count_sent(name, nbytes)
            logger.debug("%s sent %s to %s, %d bytes", self.party, frame, recipient, nbytes)

    def receive(
        self, sender: Party, name: str, *, iteration: int = 0, batch: int = 0, **kinds: type
    ) -> Any:
        """Wait for one message and return its values, in the order asked for.

        Parameters
        ----------
        **kinds
            The values wanted and their types: bool, int, float, str, numpy.ndarray.

        Returns
        -------
        list, or the value itself where one is asked for

        Raises
        ------
        ChannelTimeoutError, PartyFailedError, WireFormatError
            As `Channel.receive` does.
        ProtocolError
            When a value is missing or has another type.
        """
        frame = self._wait(sender, name, iteration, batch)
        values = [_checked_value(frame, sender, key, kind) for key, kind in kinds.items()]
        return values[0] if len(values) == 1 else values

    def receive_encrypted(
        self,
        sender: Party,
        name: str,
        key: str,
        shape: tuple[int, ...],
        owner: Party = ARBITER,
        slots: SlotLayout | None = None,
        /,
        *,
        iteration: int = 0,
        batch: int = 0,
    ) -> CiphertextArray:
        """Wait for one message and return the encrypted array in it, checked against the key of `owner`.

        Raises
        ------
        ChannelTimeoutError, PartyFailedError, WireFormatError
            As `Channel.receive` does.
        ProtocolError
            When the array is missing, has another shape or other slots, or no key is known yet.
        KeyMismatchError, InvalidCiphertextError
            As `PublicKey.from_wire` does.
        """
        frame = self._wait(sender, name, iteration, batch)
        sealed = _checked_value(frame, sender, key, Sealed)
        public_key = self.key_of(owner)
        with self.statistics.step(Step.CHECK, operations=math.prod(shape)):
            array = public_key.from_wire(sealed.data)
        if array.shape != shape:
            raise ProtocolError(
                f"{key!r} of {frame} from {sender} has shape {array.shape}, it takes {shape}"
            )
        if array.slots != slots:
            raise ProtocolError(
                f"{key!r} of {frame} from {sender} has slots {array.slots}, it takes {slots}"
            )
        return array

    def stop(self, error: BaseException) -> None:
        """Tell every party that this one ends by `error`, as far as `told` lets them know.

        An error that another party caused is known to all already.
        """
        if not isinstance(error, PartyFailedError):
            self.channel.stop(told(self.party, error))

    def _seal(self, value: Value) -> Value:
        # Most values are plain: asking whether one knows how to seal itself takes longer.
        plain = isinstance(value, Sealed | int | float | str | np.ndarray)
        if plain or not isinstance(value, Sealable):
            return value
        derived = getattr(value, "blinding", None) == "derived"
        with self.statistics.step(
            Step.BLIND, operations=getattr(value, "size", 0) if derived else 0
        ):
            return Sealed(value.to_wire())

    def _wait(self, sender: Party, name: str, iteration: int, batch: int) -> Frame:
        with self.statistics.step(Step.WAIT):
            frame = self.channel.receive(
                sender, self._prefix + name, iteration, batch, self.timeout
            )
        self.statistics.count_received(name, frame.nbytes)
        return frame


def _checked_value(frame: Frame, sender: Party, key: str, kind: type) -> Any:
    value = frame.payload.get(key)
    if type(value) is not kind:
        found = "is missing" if value is None else f"is a {type(value).__name__}"
        raise ProtocolError(f"{key!r} of {frame} from {sender} {found}, it takes a {kind.__name__}")
    return value


def _checked_timeout(timeout: Any) -> float:
    number = isinstance(timeout, Real) and not isinstance(timeout, bool)
    if not (number and 0 < timeout <= sys.float_info.max):
        raise ConfigurationError(f"timeout is {timeout!r}; it must be a positive number of seconds")
    return float(timeout)
