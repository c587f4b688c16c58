# SPDX-License-Identifier: Apache-2.0
"""What the layers above ask of a backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pyfate_gpu.backends.engines import PrivateEngine, PublicEngine
from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers


@dataclass(frozen=True)
class ClusterOptions:
    """Which cluster computes, by how many workers on which device, and the key file that each of them has."""

    address: str | None = None
    workers: int = 0
    device: str = ""
    key_file: str | None = None


@dataclass(frozen=True)
class EngineOptions:
    """Choices of `use_backend` and the environment; ``None`` lets the backend choose.

    `single_isa` is the instruction set that decrypts a single row, if a backend chooses another;
    `cluster` is for backends of several workers.
    """

    isa: str | None = None
    threads: int | None = None
    table_mb: int = 64
    hardened: bool = False
    single_isa: str | None = None
    cluster: ClusterOptions | None = None


@dataclass(frozen=True)
class IsaStatus:
    """One instruction set of a backend: can it run here, and if not, why."""

    name: str
    available: bool
    reason: str = ""


@dataclass(frozen=True)
class Availability:
    """Whether a backend runs on this machine, and if not, why."""

    available: bool
    reason: str = ""
    instruction_sets: tuple[IsaStatus, ...] = ()


class Backend(Protocol):
    """A way to compute: the cpu module, plain gmpy2, a graphics card."""

    name: str
    device: str

    def availability(self) -> Availability:
        """Whether it runs here; never raises."""
        ...

    def resolve(self, options: EngineOptions) -> EngineOptions:
        """`options` with every choice made; raises BackendUnavailableError for an unknown one."""
        ...

    def public_engine(self, numbers: PublicNumbers, options: EngineOptions) -> PublicEngine:
        """An engine for a public key; `options` come from `resolve`."""
        ...

    def private_engine(self, numbers: PrivateNumbers, public: PublicEngine) -> PrivateEngine:
        """An engine for the private key, on rows of `public`."""
        ...
