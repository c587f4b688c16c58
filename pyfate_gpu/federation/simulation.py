# SPDX-License-Identifier: Apache-2.0
"""All parties of a job in one process, a thread each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from pyfate_gpu.errors import ConfigurationError, PartyFailedError
from pyfate_gpu.federation.roles import ARBITER, GUEST, SERVER, Party, Role
from pyfate_gpu.federation.session import DEFAULT_TIMEOUT, Session
from pyfate_gpu.federation.topology import check_parties
from pyfate_gpu.federation.transports.memory import MemoryChannel

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.2

PartyFunction = Callable[[Session], Any]


def simulate(
    *,
    guest: PartyFunction | None = None,
    hosts: Sequence[PartyFunction] = (),
    arbiter: PartyFunction | None = None,
    server: PartyFunction | None = None,
    clients: Sequence[PartyFunction] = (),
    timeout: float = DEFAULT_TIMEOUT,
) -> dict[str, Any]:
    """Run each party's function in its own thread; they share nothing but channels.

    Parameters
    ----------
    guest, arbiter, server : callable, optional
        Called with the party's `Session`; leave out whom the topology lacks.
    hosts, clients : sequence of callable
        One for each, in the order of their numbers.
    timeout : float
        Seconds a party waits for any one message.

    Returns
    -------
    dict
        What each function returned, by name of the party (``guest``, ``host-0``, ``arbiter``).

    Raises
    ------
    ConfigurationError
        When a party is no function, `hosts` or `clients` no list of them, or the parties are of no
        topology.
    Exception
        The first error of any party, after all others were stopped.

    Examples
    --------
    >>> from pyfate_gpu import Party, simulate
    >>> def guest(session):
    ...     session.send(session.hosts, "greeting", text="hello")
    >>> def host(session):
    ...     return session.receive(Party.parse("guest"), "greeting", text=str)
    >>> simulate(guest=guest, hosts=[host], arbiter=lambda session: None)["host-0"]
    'hello'
    """
    functions: dict[Party, PartyFunction] = {}
    for name, role, listed in (("hosts", Role.HOST, hosts), ("clients", Role.CLIENT, clients)):
        if callable(listed):
            raise ConfigurationError(
                f"{name} is a function; it must be a list of them, one for each {role.value}"
            )
        functions |= {Party(role, index): function for index, function in enumerate(listed)}
    single = {GUEST: guest, ARBITER: arbiter, SERVER: server}
    functions |= {party: each for party, each in single.items() if each is not None}
    for party, function in functions.items():
        if not callable(function):
            raise ConfigurationError(f"{party} is {function!r}; it must be a function of a session")
    one, *others = functions or [GUEST]
    functions = {party: functions[party] for party in check_parties(one, others)}
    channels = MemoryChannel.connect(functions)
    runs = [
        _PartyThread(
            Session(party, functions.keys() - {party}, channels[party], timeout=timeout), run
        )
        for party, run in functions.items()
    ]
    try:
        for run in runs:
            run.start()
        for run in runs:
            while not run.ended.wait(_POLL_SECONDS):  # a signal to another thread is noticed too
                pass
    except BaseException as interrupt:  # Ctrl-C reaches the calling thread only
        for run in runs:
            run.session.stop(interrupt)
        for run in runs:
            if run.ident is not None:  # it came to a start
                run.ended.wait()
        raise
    _raise_first_error(runs)
    return {run.session.party.name: run.result for run in runs}


class _PartyThread(threading.Thread):
    """One party at work; an error is kept and stops the others."""

    def __init__(self, session: Session, function: PartyFunction) -> None:
        super().__init__(name=session.party.name, daemon=True)
        self.session = session
        self.result: Any = None
        self.error: BaseException | None = None
        self.ended = threading.Event()  # join() of Python 3.10 errs after an interrupt
        self._function = function

    def run(self) -> None:
        try:
            self.result = self._function(self.session)
        except BaseException as error:  # raised again by simulate
            self.error = error
            self.session.stop(error)
        finally:
            self.ended.set()


def _raise_first_error(runs: Sequence[_PartyThread]) -> None:
    """Raise the error that began it: one that is no echo of another party's."""
    failed = [run for run in runs if run.error is not None]
    failed.sort(key=lambda run: isinstance(run.error, PartyFailedError))
    for run in failed[:1]:
        logger.info("%s failed: %s", run.session.party, type(run.error).__name__)
        assert run.error is not None
        raise run.error
