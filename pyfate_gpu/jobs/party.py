# SPDX-License-Identifier: Apache-2.0
"""One party of a job, from its configuration to its result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from pyfate_gpu import __version__
from pyfate_gpu.backends import use_backend
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.transcript import Transcript
from pyfate_gpu.glm.handshake import agree_on_terms
from pyfate_gpu.jobs.alignment import agree_on_ids
from pyfate_gpu.jobs.configuration import PartyConfiguration
from pyfate_gpu.jobs.files import locked, write_atomically
from pyfate_gpu.jobs.models import make_model
from pyfate_gpu.jobs.result import result_of
from pyfate_gpu.jobs.tables import Rows, read_rows

if TYPE_CHECKING:
    from pyfate_gpu.federation.transports.grpc import GrpcChannel

RESULT = "result.json"


def run_party(configuration: PartyConfiguration, *, insecure: bool = False) -> Path:
    """Take part in a job as one party and return the file that its result was written to.

    Parameters
    ----------
    configuration : PartyConfiguration
        What to do, where, with whom.
    insecure : bool
        Talk in plaintext, on this machine only.

    Raises
    ------
    ConfigurationError, DataError
        When the configuration or the data cannot be used, or differ from other parties'.
    ProtocolError
        When another party stopped, vanished, or did not keep to the protocol.
    """
    if (configuration.tls is None) != insecure:
        raise ConfigurationError(
            f"{configuration.party} has no [tls]: give it certificates (pyfate-gpu certs makes them), or ask "
            "for plaintext on this machine by --insecure"
            if not insecure
            else f"{configuration.party} has [tls] and was told --insecure: choose one"
        )
    model = make_model(configuration.model, configuration.parameters)
    with locked(configuration.directory), _engine(configuration):
        rows = None if configuration.data is None else read_rows(configuration.data)
        with _session(configuration) as session:
            agree_on_terms(session, "job", _terms(configuration))
            _train(session, model, rows)
        path = configuration.directory / RESULT
        result = result_of(configuration, session, model, rows)
        write_atomically(path, (json.dumps(result, indent=1) + "\n").encode())
    return path


def _train(session: Session, model: object, rows: Rows | None) -> None:
    if rows is not None:
        agree_on_ids(session, rows.ids)
    else:
        session.begin()  # parties count their tasks
    features = None if rows is None else rows.features
    labels = None if rows is None else rows.labels
    model.fit(features, labels, session=session)  # type: ignore[attr-defined]


def _terms(configuration: PartyConfiguration) -> dict[str, object]:
    """Return what all parties must have set alike, beside the parameters that the model compares."""
    everybody = sorted(p.name for p in (configuration.party, *configuration.peers))
    return {
        "job": configuration.job,
        "release": __version__,
        "parties": everybody,
        "model": configuration.model,
        "checkpoint_every": configuration.checkpoint_every,
    }


def _engine(configuration: PartyConfiguration) -> AbstractContextManager[object]:
    chosen = configuration.engine
    if chosen.backend is None:
        return nullcontext()
    return use_backend(chosen.backend, isa=chosen.isa, threads=chosen.threads)


@contextmanager
def _session(configuration: PartyConfiguration) -> Iterator[Session]:
    """Connect; on any error tell the others."""
    transcript = Transcript(configuration.directory / "transcript.jsonl")
    try:
        with _open(configuration, transcript) as channel:
            channel.connect()
            session = Session(
                configuration.party,
                configuration.peers,
                channel,
                timeout=configuration.timeout,
            )
            try:
                yield session
            except BaseException as error:
                session.stop(error)
                raise
    finally:
        transcript.close()


def _open(configuration: PartyConfiguration, transcript: Transcript) -> GrpcChannel:
    try:
        from pyfate_gpu.federation.transports.grpc import Credentials, GrpcChannel
    except ImportError:
        raise ConfigurationError(
            "parties in separate processes take grpcio and cryptography: pip install 'pyfate-gpu[grpc]'"
        ) from None
    tls = configuration.tls
    return GrpcChannel(
        configuration.party,
        configuration.listen,
        configuration.peers,
        credentials=None
        if tls is None
        else Credentials.load(tls.authority, tls.certificate, tls.key),
        timeout=configuration.timeout,
        peer_timeout=configuration.peer_timeout,
        transcript=transcript,
    )
