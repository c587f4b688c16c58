# SPDX-License-Identifier: Apache-2.0
"""From a party's configuration to a session with the others, and its end."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pyfate_gpu import __version__
from pyfate_gpu.backends import backend_info
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.errors import ConfigurationError, PyFateError
from pyfate_gpu.extras import install_line
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.farewell import told
from pyfate_gpu.federation.topology import check_parties, check_topology
from pyfate_gpu.federation.transcript import Transcript
from pyfate_gpu.jobs.alignment_keeper import AlignmentKeeper
from pyfate_gpu.jobs.configuration import SAME, Contacts, PartyConfiguration, TlsFiles
from pyfate_gpu.protocol.messages import SHARED, Messages, why_refuse
from pyfate_gpu.storage.files import locked

if TYPE_CHECKING:
    from pyfate_gpu.federation.transports.grpc import Credentials, GrpcChannel
    from pyfate_gpu.protocol.estimator import Estimator

logger = logging.getLogger(__name__)


@contextmanager
def at_work(configuration: PartyConfiguration, *, insecure: bool) -> Iterator[None]:
    """Keep other processes out of the party's directory, and compute by the engine it names.

    Raises
    ------
    ConfigurationError
        When it is in use, or there are neither certificates nor the wish to do without.
    """
    if (configuration.tls is None) != insecure:
        raise ConfigurationError(
            f"{configuration.party} has no [tls]: give it certificates (pyfate-gpu certs makes them), or ask "
            "for messages without encryption on this machine by --insecure"
            if not insecure
            else f"{configuration.party} has [tls] and was told --insecure: choose one"
        )
    with locked(configuration.directory), configuration.engine.use():
        logger.info("%s: %s", configuration.party, str(backend_info()).partition("\n")[0])
        yield


def load_party(path: Path, *, insecure: bool) -> PartyConfiguration:
    """Read a party's file; when it cannot be used, tell the others, as far as it says who they are.

    Raises
    ------
    ConfigurationError
        As `PartyConfiguration.load` does.
    """
    try:
        return PartyConfiguration.load(path)
    except ConfigurationError as error:
        with suppress(PyFateError, OSError):  # whatever else is wrong with it
            _tell(PartyConfiguration.contacts(path), error, insecure=insecure)
        raise


@contextmanager
def telling(configuration: PartyConfiguration, *, insecure: bool) -> Iterator[None]:
    """Tell the others of an error within the block, before there is a session with them."""
    try:
        yield
    except PyFateError as error:
        contacts = Contacts(configuration.party, configuration.peers, configuration.tls)
        with suppress(PyFateError, OSError):
            _tell(contacts, error, insecure=insecure)
        raise


def _tell(contacts: Contacts, error: PyFateError, *, insecure: bool) -> None:
    from pyfate_gpu.federation.transports.grpc import Credentials
    from pyfate_gpu.federation.transports.grpc.channel import tell_peers

    party, peers, tls = contacts
    if (tls is None) != insecure:
        return
    credentials = None if tls is None else _credentials(tls, Credentials).check(party)
    tell_peers(party, peers, credentials, told(party, error))


def check_job(configuration: PartyConfiguration, model: Estimator) -> None:
    """Refuse a job whose parties are not those that its model takes, before anybody is waited for.

    Raises
    ------
    ConfigurationError
        Naming both.
    """
    parties = check_parties(configuration.party, configuration.peers)
    check_topology(parties, model.topologies, type(model).__name__)


def common_terms(configuration: PartyConfiguration) -> dict[str, object]:
    """Return what all parties must have set alike, beside the parameters that the model compares."""
    everybody = sorted(p.name for p in (configuration.party, *configuration.peers))
    return {
        "job": configuration.job,
        "release": __version__,
        "parties": everybody,
        "steps": [step.model for step in configuration.steps],
        "model": configuration.model,
        "alignment": configuration.alignment,
    }


@contextmanager
def open_session(
    configuration: PartyConfiguration, messages: Messages
) -> Iterator[tuple[Session, GrpcChannel]]:
    """Be there for the others, who take no messages but those of every job and `messages`; tell them of any error.

    The session is not connected: what can be said without others comes first. `connect` of the channel waits for them.
    """
    transcript = Transcript(configuration.directory / "transcript.jsonl")
    try:
        with _open(configuration, messages, transcript) as channel:
            session = Session(
                configuration.party,
                configuration.peers,
                channel,
                timeout=configuration.timeout,
            )
            try:
                yield session, channel
            except BaseException as error:
                session.stop(error)
                raise
    finally:
        transcript.close()


def _open(
    configuration: PartyConfiguration, messages: Messages, transcript: Transcript
) -> GrpcChannel:
    try:
        from pyfate_gpu.federation.transports.grpc import Credentials, GrpcChannel
    except ImportError:
        raise ConfigurationError(
            f"parties in separate processes take grpcio and cryptography: {install_line('grpc')}"
        ) from None
    tls = configuration.tls
    return GrpcChannel(
        configuration.party,
        configuration.listen,
        configuration.peers,
        credentials=None if tls is None else _credentials(tls, Credentials),
        timeout=configuration.timeout,
        peer_timeout=configuration.peer_timeout,
        rule=partial(why_refuse, messages={**SHARED, **messages}),
        transcript=transcript,
    )


def keeper_of(
    configuration: PartyConfiguration, tables: Mapping[str, Rows], name: str = "alignment"
) -> AlignmentKeeper | None:
    """Return what keeps an intersection of these tables; None where there is none, or no TLS key to derive secrets of.

    Parameters
    ----------
    name : str
        Of the folder in the party's directory.
    """
    tls = configuration.tls
    if tls is None or configuration.alignment == SAME:
        return None
    from pyfate_gpu.federation.transports.grpc import Credentials

    key = _credentials(tls, Credentials).check(configuration.party).key
    about = json.dumps([configuration.party.name, common_terms(configuration)], sort_keys=True)
    return AlignmentKeeper(configuration.directory / name, key, about, tables)


def _credentials(tls: TlsFiles, kind: type[Credentials]) -> Credentials:
    return kind.load(tls.authority, tls.certificate, tls.key, tls.passphrase)
