# SPDX-License-Identifier: Apache-2.0
"""A whole job on one machine, from one TOML file: the configuration of each of its parties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyfate_gpu.data.sources import DataSource
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.federation import Party, Role
from pyfate_gpu.federation.roles import ARBITER, GUEST, SERVER
from pyfate_gpu.federation.session import DEFAULT_TIMEOUT
from pyfate_gpu.jobs.configuration import (
    ALONE,
    DEFAULT_PEER_TIMEOUT,
    KINDS,
    STEP,
    EngineChoice,
    PartyConfiguration,
    StepChoice,
    TlsFiles,
    read_alignment,
    read_data,
    read_engine,
    read_steps,
)
from pyfate_gpu.jobs.section import Section
from pyfate_gpu.storage.toml import dump_toml, load_toml

_TABLES = ("job", "model", "engine", "alignment")
CONFIGURATION = "party.toml"
_HOST = Party(Role.HOST)
#: Tables that one party alone may have: the model says who.
_OF_SOME = ("predict", ALONE)
_HELPERS: tuple[tuple[Party, ...], ...] = ((), (ARBITER,), (SERVER,), (SERVER, ARBITER))


@dataclass(frozen=True)
class Job:
    """What all parties of a job share, and where each one's data is.

    Parameters
    ----------
    name : str
        Name of the job.
    directory : Path
        Each party gets a folder in it; certificates of the job another.
    sources : dict
        By what rows are for, one of `KINDS`, where they are, by party: the guest and hosts numbered from 0.
    """

    name: str
    directory: Path
    model: str
    parameters: dict[str, Any]
    steps: tuple[StepChoice, ...]
    sources: dict[str, dict[Party, DataSource]]
    report: bool
    engine: EngineChoice
    alignment: str
    checkpoint_every: int
    timeout: float
    peer_timeout: float

    @classmethod
    def load(cls, path: Path) -> Job:
        """Read a job's file.

        Raises
        ------
        ConfigurationError
            For the first thing in it that is missing, unknown or of the wrong kind.
        """
        tables = load_toml(path)
        unknown = sorted(set(tables) - {*_TABLES, *KINDS, STEP})
        if unknown:
            raise ConfigurationError(
                f"{path} has {', '.join(unknown)}, which nobody knows; its tables are "
                f"{', '.join((*_TABLES, *KINDS))}"
            )
        own, model, engine, alignment = (Section(path, name, tables.get(name)) for name in _TABLES)
        found = cls(
            name=own.get("name", str),
            directory=own.path("directory"),
            model=model.get("type", str),
            parameters=model.rest(),
            steps=read_steps(path, tables.get(STEP)),
            sources={
                kind: _sources(path, kind, Section(path, kind, tables.get(kind)).rest())
                for kind in KINDS
                if kind in tables or kind == "data"
            },
            report=own.get("report", bool, True),
            engine=read_engine(engine),
            alignment=read_alignment(alignment),
            checkpoint_every=own.get("checkpoint_every", int, 0),
            timeout=own.get("timeout", float, DEFAULT_TIMEOUT),
            peer_timeout=own.get("peer_timeout", float, DEFAULT_PEER_TIMEOUT),
        )
        own.end()
        return found

    @property
    def parties(self) -> tuple[Party, ...]:
        """Those with data, and arbiter and server where the model takes them."""
        owners = tuple(self.sources["data"])
        topologies = make_estimator(self.model, self.parameters).topologies
        for helpers in _HELPERS:
            if any(topology.admits((*owners, *helpers)) for topology in topologies):
                return (*owners, *helpers)
        return (*owners, ARBITER)  # what a party then refuses, naming those that the model takes

    def configurations(self, ports: Sequence[int]) -> dict[Party, PartyConfiguration]:
        """Return the configuration of each party; they listen at `ports` of this machine."""
        addresses = {p: f"127.0.0.1:{port}" for p, port in zip(self.parties, ports, strict=True)}
        certificates = self.directory / "certificates"
        return {
            party: PartyConfiguration(
                party=party,
                job=self.name,
                listen=addresses[party],
                peers={peer: address for peer, address in addresses.items() if peer != party},
                directory=self.directory / party.name,
                model=self.model,
                parameters=self.parameters,
                steps=self.steps,
                tls=TlsFiles(
                    certificates / "ca.pem",
                    certificates / f"{party}.pem",
                    certificates / f"{party}.key",
                ),
                **{kind: sources.get(party) for kind, sources in self.sources.items()},
                report=self.report,
                engine=self.engine,
                alignment=self.alignment,
                checkpoint_every=self.checkpoint_every,
                timeout=self.timeout,
                peer_timeout=self.peer_timeout,
            )
            for party in self.parties
        }


def as_toml(configuration: PartyConfiguration) -> str:
    """Return a party's configuration as the file that `PartyConfiguration.load` reads."""
    c = configuration
    tables: dict[str, Any] = {
        "party": {
            "name": c.party.name,
            "job": c.job,
            "listen": c.listen,
            "directory": str(c.directory.resolve()),
            "checkpoint_every": c.checkpoint_every,
            "report": c.report,
            "timeout": float(c.timeout),
            "peer_timeout": float(c.peer_timeout),
        },
        "peers": {peer.name: address for peer, address in c.peers.items()},
        STEP: [{"type": step.model, **step.parameters} for step in c.steps],
        "model": {"type": c.model, **c.parameters},
        "engine": asdict(c.engine),
        "alignment": {"method": c.alignment},
    }
    if c.tls is not None:
        tables["tls"] = {n: str(path.resolve()) for n, path in vars(c.tls).items() if path}
    for kind in KINDS:
        source = getattr(c, kind)
        if source is not None:
            tables[kind] = {**vars(source), "path": str(source.path.resolve())}
    return dump_toml(tables) + "\n"


def _sources(path: Path, kind: str, tables: dict[str, Any]) -> dict[Party, DataSource]:
    found = {
        Party.parse(name): read_data(Section(path, f"{kind}.{name}", table))
        for name, table in tables.items()
    }
    hosts = (GUEST, *(Party(Role.HOST, index) for index in range(len(found) - 1)))
    clients = tuple(Party(Role.CLIENT, index) for index in range(len(found)))
    for parties in (hosts, clients):
        if len(found) > 1 and set(found) == set(parties):
            return {party: found[party] for party in parties}
    if kind in _OF_SOME and len(found) == 1 and next(iter(found)) in (GUEST, _HOST):
        return found
    raise ConfigurationError(
        f"{path} has {kind} of {', '.join(map(str, found)) or 'nobody'}; it takes [{kind}.guest], "
        f"[{kind}.host-0] and further hosts, or [{kind}.client-0], [{kind}.client-1] and further clients, numbered "
        "without gaps"
    )
