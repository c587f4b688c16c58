# SPDX-License-Identifier: Apache-2.0
"""Backends in order of priority, the choice among them, and what to tell the user about it.

A new backend is one file with a class like `CpuBackend` and one line in `BACKENDS`.
"""

from __future__ import annotations

import re
import threading
import warnings
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType

from pyfate_gpu.backends.base import Availability, Backend, ClusterOptions, EngineOptions
from pyfate_gpu.backends.cpu.engine import CpuBackend
from pyfate_gpu.backends.cpu.shares import CpuShares
from pyfate_gpu.backends.cuda.engine import CudaBackend
from pyfate_gpu.backends.cuda.several import SeveralGpusBackend
from pyfate_gpu.backends.engines import PrivateEngine, PublicEngine
from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers
from pyfate_gpu.backends.ray.backend import RayBackend
from pyfate_gpu.backends.reference.engine import ReferenceBackend
from pyfate_gpu.backends.reference.shares import ReferenceShares
from pyfate_gpu.backends.sharded.workers import Workers
from pyfate_gpu.backends.shares import ShareKernels
from pyfate_gpu.config import available_cores, check_threads, environment
from pyfate_gpu.errors import BackendUnavailableError, ConfigurationError

__all__ = ["BACKENDS", "BackendInfo", "available_backends", "backend_info", "use_backend"]

BACKENDS: tuple[Backend, ...] = (CudaBackend(), CpuBackend(), ReferenceBackend(), RayBackend())


@dataclass(frozen=True)
class BackendInfo:
    """What runs, and why the other backends do not."""

    name: str
    device: str
    isa: str | None
    threads: int
    hardened: bool
    availability: dict[str, Availability] = field(repr=False)

    def __str__(self) -> str:
        """One line for the choice, one for each backend."""
        isa = f", instruction set {self.isa}" if self.isa else ""
        hardened = ", hardened" if self.hardened else ""
        lines = [f"backend {self.name} on {self.device}{isa}, {self.threads} thread(s){hardened}"]
        for name, found in self.availability.items():
            lines.append(f"  {name}: {'available' if found.available else found.reason}")
            for entry in found.instruction_sets:
                lines.append(f"    {entry.name}: {entry.reason or 'available'}")
        return "\n".join(lines)


@dataclass(frozen=True)
class _Choice:
    backend: str | None = None
    isa: str | None = None
    threads: int | None = None
    hardened: bool | None = None
    cluster: ClusterOptions | None = None


_lock = threading.RLock()
_choice = _Choice()
_passed_over: set[tuple[str, int]] = set()  # backends and key sizes that a warning was given for


class use_backend:  # noqa: N801 - reads as a verb, like numpy.errstate
    """Choose the backend of everything encrypted or received from now on, in the whole process.

    Works at once; as a context manager it puts the former choice back at the end. Arrays that exist
    stay where they are (`CiphertextArray.to_device` moves them).

    Parameters
    ----------
    name : str or None
        One of `BACKENDS`, or a GPU by its index as in ``"cuda:1"``, or
        several as in ``"cuda:0,1"``; None for the first available.
    isa : str, optional
        Instruction set of the cpu backend, by default the best available, and the portable one to
        decrypt a single row.
    threads : int, optional
        Threads of a batched operation, by default all cores allowed.
    hardened : bool, optional
        Encrypt and blind without a memory address that depends on the fresh randomness, against
        other tenants of the processor: about a third of the speed. Only the cpu backend can, and is
        chosen if no name is given.
    workers, address, device, key_file
        Of the ray backend alone: how many workers (by default as many as this machine has cores), the cluster
        (by default one of this machine), "cpu" or "cuda", and where each worker finds the private key, which
        the driver decrypts with otherwise. `threads` are those of a worker.

    Raises
    ------
    BackendUnavailableError
        If the name or the instruction set is unknown or cannot run here, or cannot be hardened.
    ConfigurationError
        If `threads` is not a positive integer, or `hardened` no truth value.

    Examples
    --------
    >>> from pyfate_gpu import backend_info, use_backend
    >>> with use_backend("reference"):
    ...     print(backend_info().name)
    reference
    """

    def __init__(
        self,
        name: str | None,
        *,
        isa: str | None = None,
        threads: int | None = None,
        hardened: bool | None = None,
        workers: int | None = None,
        address: str | None = None,
        device: str | None = None,
        key_file: str | None = None,
    ) -> None:
        global _choice
        if threads is not None:
            threads = check_threads(threads)
        if hardened not in (None, True, False):
            raise ConfigurationError(f"hardened is {hardened!r}; it must be True, False or None")
        if workers is not None:
            workers = check_threads(workers, "workers")
        cluster = ClusterOptions(address, workers or 0, device or "", key_file)
        choice = _Choice(
            name, isa, threads, hardened, None if cluster == ClusterOptions() else cluster
        )
        _resolve(choice)
        with _lock:
            self._former, _choice = _choice, choice

    def __enter__(self) -> use_backend:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        global _choice
        with _lock:
            _choice = self._former


def available_backends() -> list[str]:
    """Names of the backends that run on this machine, the preferred one first.

    Examples
    --------
    >>> from pyfate_gpu import available_backends
    >>> "reference" in available_backends()
    True
    """
    return [backend.name for backend in BACKENDS if backend.availability().available]


def backend_info() -> BackendInfo:
    """What runs now, and why the others do not; print it.

    Examples
    --------
    >>> from pyfate_gpu import backend_info
    >>> backend_info().device
    'cpu'
    """
    backend, options = _resolve(_choice)
    return BackendInfo(
        backend.name,
        backend.device,
        options.isa,
        options.threads or 1,
        options.hardened,
        {each.name: each.availability() for each in BACKENDS},
    )


def public_engine(numbers: PublicNumbers, device: str | None = None) -> PublicEngine:
    """An engine for a public key: that of the chosen backend, or the first one for `device`.

    A backend that nobody named and that has no engine for keys of this size is passed over, with a
    warning the first time.
    """
    backend, options = _resolve(_choice)
    if device is not None and device != backend.device:
        backend, options = _resolve(_Choice(_serving(device), hardened=_choice.hardened))
    try:
        return backend.public_engine(numbers, options)
    except BackendUnavailableError as error:
        if device or _choice.backend or environment().backend:
            raise
        return _next_engine(numbers, backend, error)


def share_kernels() -> ShareKernels:
    """What works on shares mod 2^128: native code of this machine, whatever computes on ciphertexts.

    In Python integers for the reference backend, and where the native module does not load.
    """
    chosen = environment()
    if (_choice.backend or chosen.backend) == "reference":
        return ReferenceShares()
    if not _find("cpu").availability().available:
        return ReferenceShares()
    return CpuShares(native_threads())


def native_threads() -> int:
    """Threads of native work that needs no engine: those chosen, or all cores allowed."""
    return _choice.threads or environment().threads or available_cores()


def native_isa() -> str:
    """Instruction set of native work that needs no engine: the one chosen, or empty for the best there is."""
    return _choice.isa or environment().isa or ""


def workers() -> Workers:
    """The workers of the chosen backend, at which tables can be read.

    Raises
    ------
    BackendUnavailableError
        If it has none.
    """
    backend, options = _resolve(_choice)
    if not isinstance(backend, RayBackend):
        raise BackendUnavailableError(
            f"backend {backend.name!r} has no workers to read tables: choose 'ray', or read the table here"
        )
    return backend.workers(options)


def _next_engine(numbers: PublicNumbers, passed: Backend, why: Exception) -> PublicEngine:
    """An engine of the next backend that runs here."""
    later = BACKENDS[BACKENDS.index(passed) + 1 :]
    backend = next((each for each in later if each.availability().available), None)
    if backend is None:
        raise why
    size = (passed.name, numbers.n.bit_length())
    if size not in _passed_over:
        _passed_over.add(size)
        message = f"{why}; computing on backend {backend.name!r} instead"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    backend, options = _resolve(
        _Choice(backend.name, threads=_choice.threads, hardened=_choice.hardened)
    )
    return backend.public_engine(numbers, options)


def private_engine(numbers: PrivateNumbers, public: PublicEngine) -> PrivateEngine:
    """An engine of the private key for the rows of `public`."""
    return _find(public.backend).private_engine(numbers, public)


def _resolve(choice: _Choice) -> tuple[Backend, EngineOptions]:
    """The backend and its options: `use_backend` first, then the environment, then what runs."""
    chosen = environment()
    hardened = chosen.hardened if choice.hardened is None else choice.hardened
    name = choice.backend or chosen.backend or ("cpu" if hardened else None)
    backend = _first_available() if name is None else _find(name)
    found = backend.availability()
    if not found.available:
        raise BackendUnavailableError(
            f"backend {backend.name!r} is not available: {found.reason}; "
            f"choose one of {available_backends()}"
        )
    # An instruction set of the environment belongs to the cpu backend, not to one chosen in code.
    inherit_isa = choice.backend in (None, "cpu") and backend.name == "cpu"
    options = backend.resolve(
        EngineOptions(
            isa=choice.isa or (chosen.isa if inherit_isa else None),
            threads=choice.threads or chosen.threads,
            table_mb=chosen.table_mb,
            hardened=hardened,
            cluster=choice.cluster,
        )
    )
    if choice.cluster and options.cluster is None:
        raise ConfigurationError(
            f"backend {backend.name!r} has no cluster; leave workers, address, device and key_file out, or "
            "name 'ray'"
        )
    if hardened and not options.hardened:
        raise BackendUnavailableError(
            f"backend {backend.name!r} has no hardened encryption; name 'cpu', or leave hardened "
            "and PYFATE_GPU_HARDENED out"
        )
    return backend, options


def _first_available() -> Backend:
    return next(backend for backend in BACKENDS if backend.availability().available)


def _serving(device: str) -> str:
    """Name of the first available backend that computes on `device`."""
    available = [backend for backend in BACKENDS if backend.availability().available]
    for backend in available:
        if backend.device == device:
            return backend.name
    gpu = _gpu(str(device))
    found = gpu.availability() if gpu else None
    if found is not None and found.available:
        return device
    raise BackendUnavailableError(
        f"device {device!r} is not served here{f' ({found.reason})' if found else ''}; choose one "
        f"of {sorted({backend.device for backend in available})}"
    )


def _find(name: str) -> Backend:
    for backend in BACKENDS:
        if name in (backend.name, backend.device):
            return backend
    if gpu := _gpu(str(name)):
        return gpu
    raise BackendUnavailableError(
        f"backend {name!r} is unknown; choose one of {[each.name for each in BACKENDS]}"
    )


@cache
def _gpu(name: str) -> Backend | None:
    """The backend of a further GPU or of several, named as its device is; one object for each."""
    if not re.fullmatch(r"cuda:[0-9]{1,3}(,[0-9]{1,3})*", name):
        return None
    indices = [int(index) for index in name[len("cuda:") :].split(",")]
    if len(set(indices)) < len(indices):
        raise BackendUnavailableError(f"backend {name!r} names a GPU twice; name each once")
    return SeveralGpusBackend(indices) if indices[1:] else CudaBackend(indices[0])
