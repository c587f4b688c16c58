# SPDX-License-Identifier: Apache-2.0
"""One party's side of a job: whom it talks to, under which key, at what cost."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from pyfate_gpu.errors import ConfigurationError, PartyFailedError, ProtocolError
from pyfate_gpu.federation.channel import Channel
from pyfate_gpu.federation.frame import Frame, Sealable, Sealed, Value
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role
from pyfate_gpu.federation.statistics import Statistics

if TYPE_CHECKING:
    from pyfate_gpu.federation.recovery import Recovery
    from pyfate_gpu.he import CiphertextArray, PublicKey

logger = logging.getLogger(__name__)

DEFAULT_TIMEOUT = 300.0


class Session:
    """What `fit` and `predict` of a model need to work with the other parties.

    Parameters
    ----------
    party : Party
        Who we are.
    peers : iterable of Party
        The others: guest and arbiter, and hosts numbered from 0 without gaps.
    channel : Channel
        Our end of the connections to them.
    timeout : float
        Seconds to wait for any one message.

    Attributes
    ----------
    public_key : PublicKey or None
        The arbiter's key, known after the first handshake.
    recovery : Recovery or None
        Keeps the state of training, where somebody set it.
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
        self.public_key: PublicKey | None = None
        self.recovery: Recovery | None = None
        self.statistics = Statistics()
        self.hosts = check_federation(party, self.peers)
        self.task = ""  # prefix of the names of all messages
        self._tasks = 0

    def begin(self) -> None:
        """Start the next task; parties count their tasks, messages of different tasks never mix."""
        self._tasks += 1
        self.task = f"task-{self._tasks}/"

    def agree(self, task: str) -> None:
        """Name the messages of the running task after it, now that all parties know what it is."""
        self.task = f"{task}-{self._tasks}/"

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
            with self.statistics.step("send"):
                frame = Frame(self.task + name, iteration, batch, sealed)
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
        *,
        iteration: int = 0,
        batch: int = 0,
    ) -> CiphertextArray:
        """Wait for one message and return the encrypted array in it, checked against `public_key`.

        Raises
        ------
        ChannelTimeoutError, PartyFailedError, WireFormatError
            As `Channel.receive` does.
        ProtocolError
            When the array is missing, has another shape, or no key is known yet.
        KeyMismatchError, InvalidCiphertextError
            As `PublicKey.from_wire` does.
        """
        frame = self._wait(sender, name, iteration, batch)
        sealed = _checked_value(frame, sender, key, Sealed)
        if self.public_key is None:
            raise ProtocolError(f"{self.party} got an encrypted array before any public key")
        with self.statistics.step("check", operations=math.prod(shape)):
            array = self.public_key.from_wire(sealed.data)
        if array.shape != shape:
            raise ProtocolError(
                f"{key!r} of {frame} from {sender} has shape {array.shape}, it takes {shape}"
            )
        return array

    def stop(self, error: BaseException) -> None:
        """Tell every party that this one ends by `error`.

        Only texts of protocol and configuration errors travel: others may quote private values. An
        error that another party caused is known to all already.
        """
        if isinstance(error, PartyFailedError):
            return
        text = f": {error}" if isinstance(error, ProtocolError | ConfigurationError) else ""
        self.channel.stop(f"{self.party} stopped by {type(error).__name__}{text}")

    def _seal(self, value: Value) -> Value:
        if isinstance(value, Sealed) or not isinstance(value, Sealable):
            return value
        derived = getattr(value, "blinding", None) == "derived"
        with self.statistics.step("blind", operations=getattr(value, "size", 0) if derived else 0):
            return Sealed(value.to_wire())

    def _wait(self, sender: Party, name: str, iteration: int, batch: int) -> Frame:
        with self.statistics.step("wait"):
            frame = self.channel.receive(sender, self.task + name, iteration, batch, self.timeout)
        self.statistics.count_received(name, frame.nbytes)
        return frame


def _checked_value(frame: Frame, sender: Party, key: str, kind: type) -> Any:
    value = frame.payload.get(key)
    if type(value) is not kind:
        found = "is missing" if value is None else f"is a {type(value).__name__}"
        raise ProtocolError(f"{key!r} of {frame} from {sender} {found}, it takes a {kind.__name__}")
    return value


def _checked_timeout(timeout: float) -> float:
    if not (isinstance(timeout, int | float) and 0 < timeout <= sys.float_info.max):
        raise ConfigurationError(f"timeout is {timeout!r}; it must be a positive number of seconds")
    return float(timeout)


def check_federation(party: Party, peers: Collection[Party]) -> tuple[Party, ...]:
    """Return the hosts among `party` and its peers, in order.

    Raises
    ------
    ConfigurationError
        Unless they are one guest, one arbiter and hosts numbered from 0, each named once.
    """
    everybody = {party, *peers}
    hosts = sorted((p for p in everybody if p.role is Role.HOST), key=lambda p: p.index)
    if (
        len(everybody) != len(peers) + 1
        or not {GUEST, ARBITER} <= everybody
        or not hosts
        or hosts[-1].index != len(hosts) - 1
    ):
        raise ConfigurationError(
            f"{party} with peers {', '.join(map(str, peers)) or 'none'} is no federation: it takes one "
            "guest, one arbiter and hosts numbered from 0, each named once"
        )
    return tuple(hosts)
