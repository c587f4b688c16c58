# SPDX-License-Identifier: Apache-2.0
"""What one party of a job needs to know, from its TOML file; ``docs/parties.md`` has all keys."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pyfate_gpu.backends import use_backend
from pyfate_gpu.data.sources import DataSource
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Party, Role
from pyfate_gpu.federation.session import DEFAULT_TIMEOUT
from pyfate_gpu.federation.topology import check_parties
from pyfate_gpu.jobs.section import Section
from pyfate_gpu.storage.toml import load_toml

DEFAULT_PEER_TIMEOUT = 20.0
#: How parties come to the same rows; `pyfate_gpu.jobs.alignment` does it.
SAME, PSI, PSI_P256 = METHODS = ("same", "psi", "psi-p256")
#: Rows that no other party has, where a model takes some.
ALONE = "alone"
#: What a party's tables of rows are for; each is a section of its file.
KINDS = ("data", "validation", "predict", ALONE)
#: Tables, any number of them, of what prepares columns.
STEP = "step"
_TABLES = ("party", "peers", "tls", *KINDS, "alignment", "model", "engine")


@dataclass(frozen=True)
class TlsFiles:
    """Certificate of the authority, own certificate, own key, and the file with the key's passphrase if it has one."""

    authority: Path
    certificate: Path
    key: Path
    passphrase: Path | None = None


class Contacts(NamedTuple):
    """Who a party is, and how it reaches the others."""

    party: Party
    peers: dict[Party, str]
    tls: TlsFiles | None


@dataclass(frozen=True)
class EngineChoice:
    """Which backend computes, and how; None leaves the choice to the environment and the package."""

    backend: str | None = None
    isa: str | None = None
    threads: int | None = None
    hardened: bool | None = None
    workers: int | None = None
    address: str | None = None
    device: str | None = None
    key_file: str | None = None

    def use(self) -> AbstractContextManager[object]:
        """Compute by it within the block.

        Raises
        ------
        BackendUnavailableError, ConfigurationError
            As `use_backend` does.
        """
        if self == EngineChoice():
            return nullcontext()  # a choice made in this process stays
        return use_backend(self.backend, **{k: v for k, v in vars(self).items() if k != "backend"})


@dataclass(frozen=True)
class StepChoice:
    """What prepares columns before the model sees them.

    Parameters
    ----------
    model : str
        One of `pyfate_gpu.estimators.ESTIMATORS` that has a method ``transform``.
    parameters : dict
    """

    model: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class PartyConfiguration:
    """One party's side of a job.

    Parameters
    ----------
    party : Party
        Who it is.
    job : str
        Name of the job, the same at every party.
    listen : str
        ``host:port`` where it listens.
    peers : dict
        ``host:port`` of every other party.
    directory : Path
        Where results, checkpoints and the transcript go.
    model : str
        One of `pyfate_gpu.estimators.ESTIMATORS`.
    parameters : dict
        Of the model.
    tls : TlsFiles or None
        None for messages without encryption, which take ``--insecure``.
    steps : tuple of StepChoice
        What prepares columns before the model, in their order.
    data : DataSource or None
        Rows to train with; None at the arbiter.
    validation, predict : DataSource or None
        Rows to judge each iteration by, and rows to predict.
    alone : DataSource or None
        Rows that no other party has, to train with too, where a model takes some.
    report : bool
        Whether to write a page with pictures.
    alignment : str
        How parties come to the same rows: one of `METHODS`.
    checkpoint_every : int
        Iterations from one checkpoint to the next; 0 for none.
    timeout, peer_timeout : float
        Seconds to wait for a message, and for a sign of life.
    """

    party: Party
    job: str
    listen: str
    peers: dict[Party, str]
    directory: Path
    model: str
    parameters: dict[str, Any]
    tls: TlsFiles | None
    steps: tuple[StepChoice, ...] = ()
    data: DataSource | None = None
    validation: DataSource | None = None
    predict: DataSource | None = None
    alone: DataSource | None = None
    report: bool = True
    engine: EngineChoice = EngineChoice()
    alignment: str = SAME
    checkpoint_every: int = 0
    timeout: float = DEFAULT_TIMEOUT
    peer_timeout: float = DEFAULT_PEER_TIMEOUT

    @classmethod
    def load(cls, path: Path) -> PartyConfiguration:
        """Read a party's file.

        Raises
        ------
        ConfigurationError
            For the first thing in it that is missing, unknown or of the wrong kind.
        """
        tables = load_toml(path)
        unknown = sorted(set(tables) - {*_TABLES, STEP})
        if unknown:
            raise ConfigurationError(
                f"{path} has {', '.join(unknown)}, which nobody knows; its tables are {', '.join(_TABLES)}"
            )
        sections = {name: Section(path, name, tables.get(name)) for name in _TABLES}
        own, model = sections["party"], sections["model"]
        party = Party.parse(own.get("name", str))
        found = cls(
            party=party,
            job=own.get("job", str),
            listen=_address(path, "[party] listen", own.get("listen", str)),
            peers=_peers(path, sections["peers"]),
            directory=own.path("directory"),
            model=model.get("type", str),
            parameters=model.rest(),
            tls=_tls(sections["tls"]) if "tls" in tables else None,
            steps=read_steps(path, tables.get(STEP)),
            **{kind: read_data(sections[kind]) for kind in KINDS if kind in tables},
            report=own.get("report", bool, True),
            engine=read_engine(sections["engine"]),
            alignment=read_alignment(sections["alignment"]),
            checkpoint_every=own.get("checkpoint_every", int, 0),
            timeout=own.get("timeout", float, DEFAULT_TIMEOUT),
            peer_timeout=own.get("peer_timeout", float, DEFAULT_PEER_TIMEOUT),
        )
        for section in sections.values():
            section.end()
        return found

    @classmethod
    def contacts(cls, path: Path) -> Contacts:
        """Return who a file says the party and the others are, whatever else is wrong with it.

        Raises
        ------
        ConfigurationError
            When it does not even say that.
        """
        tables = load_toml(path)
        own, peers, tls = (
            Section(path, name, tables.get(name)) for name in ("party", "peers", "tls")
        )
        return Contacts(
            Party.parse(own.get("name", str)),
            _peers(path, peers),
            _tls(tls) if "tls" in tables else None,
        )

    def __post_init__(self) -> None:
        check_parties(self.party, self.peers)
        if self.party.role in (Role.ARBITER, Role.SERVER):
            for kind in KINDS:
                if getattr(self, kind) is not None:
                    raise ConfigurationError(
                        f"{self.party} takes no [{kind}]: guest and hosts, or clients, have data, the others none"
                    )
        for kind in KINDS if self.party.role is Role.HOST else ():
            source = getattr(self, kind)
            for key in ("label", "weight", "exposure") if source is not None else ():
                if getattr(source, key) is not None:
                    raise ConfigurationError(
                        f"[{kind}] of {self.party} has {key}: labels, weights and exposures are the guest's"
                    )
        if self.checkpoint_every < 0:
            raise ConfigurationError(
                f"checkpoint_every is {self.checkpoint_every}; it must be 0 (never) or more"
            )
        for name, value in (("timeout", self.timeout), ("peer_timeout", self.peer_timeout)):
            if not 0 < value < 1e9:
                raise ConfigurationError(
                    f"{name} is {value}; it must be a positive number of seconds"
                )


def read_steps(path: Path, found: Any) -> tuple[StepChoice, ...]:
    """Return what prepares columns, from the tables ``[[step]]`` of a file."""
    if found is None:
        return ()
    if not isinstance(found, list):
        raise ConfigurationError(f"{path}: step is no list of tables: write [[step]]")
    sections = [Section(path, f"[{STEP}]", table) for table in found]
    return tuple(StepChoice(each.get("type", str), each.rest()) for each in sections)


def read_data(section: Section) -> DataSource:
    """Return where the rows are."""
    source = DataSource(
        path=section.path("path"),
        format=section.get("format", str, None),
        id=section.text_or_texts("id", "id"),
        label=section.get("label", str, None),
        weight=section.get("weight", str, None),
        exposure=section.get("exposure", str, None),
        columns=section.texts("columns", None),
        leading=section.texts("leading", None),
        delimiter=section.get("delimiter", str, None),
        missing=section.texts("missing", None),
        at_workers=section.get("at_workers", bool, False),
    )
    section.end()
    return source


def read_engine(section: Section) -> EngineChoice:
    """Return which backend computes."""
    engine = EngineChoice(
        section.get("backend", str, None),
        section.get("isa", str, None),
        section.get("threads", int, None),
        section.get("hardened", bool, None),
        section.get("workers", int, None),
        section.get("address", str, None),
        section.get("device", str, None),
        section.get("key_file", str, None),
    )
    section.end()
    return engine


def read_alignment(section: Section) -> str:
    """Return how parties come to the same rows."""
    method = section.get("method", str, SAME)
    if method not in METHODS:
        raise ConfigurationError(
            f"[alignment] method is {method!r}; choose one of {', '.join(METHODS)}"
        )
    section.end()
    return method


def _peers(path: Path, section: Section) -> dict[Party, str]:
    return {
        Party.parse(name): _address(path, f"[peers] {name}", value)
        for name, value in section.rest().items()
    }


def _tls(section: Section) -> TlsFiles:
    return TlsFiles(
        section.path("authority"),
        section.path("certificate"),
        section.path("key"),
        section.path("passphrase", None),
    )


def _address(path: Path, key: str, value: object) -> str:
    host, _, port = value.rpartition(":") if type(value) is str else ("", "", "")
    if not (host and re.fullmatch("[0-9]{1,5}", port) and int(port) < 1 << 16):
        raise ConfigurationError(
            f'{path}: {key} is {value!r}; it must be "address:port", a port being below 65536'
        )
    return str(value)
