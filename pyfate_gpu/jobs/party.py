# SPDX-License-Identifier: Apache-2.0
"""One party of a job, from its configuration to its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from pyfate_gpu import __version__
from pyfate_gpu.backends import use_backend
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.transcript import Transcript
from pyfate_gpu.glm.handshake import agree_on_terms
from pyfate_gpu.jobs.alignment import align
from pyfate_gpu.jobs.checkpoints import Checkpoints, agree_on_iteration
from pyfate_gpu.jobs.configuration import DataSource, PartyConfiguration
from pyfate_gpu.jobs.files import locked, write_atomically
from pyfate_gpu.jobs.messages import why_refuse
from pyfate_gpu.jobs.models import make_model
from pyfate_gpu.jobs.result import result_of
from pyfate_gpu.jobs.tables import Rows, read_rows

if TYPE_CHECKING:
    from pyfate_gpu.federation.transports.grpc import GrpcChannel
    from pyfate_gpu.glm.estimator import HeteroGLM

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
    _check_recovery(configuration, model)
    with locked(configuration.directory), _engine(configuration):
        rows = None if configuration.data is None else _read(configuration.data, model)
        with _session(configuration) as session:
            agree_on_terms(session, "job", _terms(configuration))
            rows = align(session, rows, configuration.alignment)
            checkpoints = checkpoints_of(configuration, model, rows)
            if checkpoints is not None:
                agree_on_iteration(session, checkpoints)
            if rows is None:
                model.fit(session=session)
            else:
                model.fit(rows.features, rows.labels, session=session, **rows.extras)
            result = result_of(configuration, session, model, rows)
            path = configuration.directory / RESULT
            write_atomically(path, (json.dumps(result, indent=1) + "\n").encode())
            if checkpoints is not None:
                _wait_for_all(session)  # whoever is killed before needs the others' checkpoints
                checkpoints.clear()
    return path


def _read(source: DataSource, model: HeteroGLM) -> Rows:
    if source.exposure is not None and model.family != "poisson":
        raise ConfigurationError(f"exposure is for Poisson regression, this is {model.family}")
    return read_rows(source)


def _check_recovery(configuration: PartyConfiguration, model: HeteroGLM) -> None:
    if configuration.checkpoint_every and model.masked_rate:
        raise ConfigurationError(
            "checkpoint_every and masked_rate exclude each other: after a restart the same batches would get "
            "other masked rows, and hosts could tell the rows that count by being in both"
        )


def checkpoints_of(
    configuration: PartyConfiguration, model: HeteroGLM, rows: Rows | None
) -> Checkpoints | None:
    """Return the checkpoints of this party, job and rows, checked; None where there shall be none.

    Raises
    ------
    ConfigurationError
        When those in its directory are of another job.
    """
    if not configuration.checkpoint_every:
        return None
    terms = {
        **_terms(configuration),
        "parameters": model.get_params(),
        "party": configuration.party.name,
    }
    fingerprint = hashlib.sha256(json.dumps(terms, sort_keys=True, default=str).encode())
    if rows is not None:
        fingerprint.update(json.dumps([rows.ids, rows.names]).encode())
        fingerprint.update(rows.values.tobytes())
        fingerprint.update(repr({k: v.tolist() for k, v in rows.extras.items()}).encode())
        fingerprint.update(repr(None if rows.labels is None else rows.labels.tolist()).encode())
    folder = configuration.directory / "checkpoints"
    found = Checkpoints(folder, configuration.checkpoint_every, fingerprint.hexdigest())
    found.check()
    return found


def _wait_for_all(session: Session) -> None:
    """Return when every party has got this far."""
    session.begin()
    session.agree("end")
    if session.party == GUEST:
        for peer in session.peers:
            session.receive(peer, "done", done=bool)
        session.send(session.peers, "all_done", done=True)
    else:
        session.send(GUEST, "done", done=True)
        session.receive(GUEST, "all_done", done=bool)


def _terms(configuration: PartyConfiguration) -> dict[str, object]:
    """Return what all parties must have set alike, beside the parameters that the model compares."""
    everybody = sorted(p.name for p in (configuration.party, *configuration.peers))
    return {
        "job": configuration.job,
        "release": __version__,
        "parties": everybody,
        "model": configuration.model,
        "alignment": configuration.alignment,
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
        rule=why_refuse,
        transcript=transcript,
    )
