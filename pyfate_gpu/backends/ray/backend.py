# SPDX-License-Identifier: Apache-2.0
"""Registration of the backend whose rows lie in the actors of a Ray cluster."""

from __future__ import annotations

import threading
from importlib.metadata import PackageNotFoundError, version
from weakref import WeakValueDictionary

from pyfate_gpu.backends.base import Availability, ClusterOptions, EngineOptions
from pyfate_gpu.backends.cpu.engine import CpuBackend
from pyfate_gpu.backends.engines import PrivateEngine, PublicEngine
from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers
from pyfate_gpu.backends.ray.workers import RayWorkers
from pyfate_gpu.backends.sharded.engine import ShardedPublicEngine
from pyfate_gpu.backends.sharded.private import DriverPrivateEngine, WorkersPrivateEngine
from pyfate_gpu.config import available_cores, environment
from pyfate_gpu.errors import BackendUnavailableError, ConfigurationError

OLDEST = (2, 42)
DEVICES = ("cpu", "cuda")

KEY_FILES = "pyfate_gpu.he.key_files:read_numbers"
"""Opens key files at the workers. A name, as this floor knows no files of keys."""

Identity = tuple[PublicNumbers, str, str | None]


class RayBackend:
    """Registration of this backend."""

    name = "ray"
    device = "ray"

    def __init__(self) -> None:
        self._engines: WeakValueDictionary[Identity, ShardedPublicEngine] = WeakValueDictionary()
        self._lock = threading.Lock()

    def availability(self) -> Availability:
        """Whether Ray is installed; no cluster is asked."""
        try:
            found = version("ray")
        except PackageNotFoundError:
            return Availability(
                False, "Ray is not installed: pip install ray, or the extra 'ray' of this package"
            )
        if tuple(int(part) for part in found.split(".")[:2]) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            return Availability(False, f"Ray {found} is too old; install {oldest} or later")
        return Availability(True)

    def resolve(self, options: EngineOptions) -> EngineOptions:
        """One thread a worker, and as many workers as this machine has cores, unless told otherwise."""
        cluster = options.cluster or ClusterOptions()
        chosen = environment()
        threads = options.threads or 1
        workers = cluster.workers or chosen.ray_workers or max(1, available_cores() // threads)
        device = cluster.device or "cpu"
        if options.isa is not None:
            raise BackendUnavailableError(
                f"instruction set {options.isa!r} cannot be chosen for workers: each takes the best of its "
                "processor; leave isa out"
            )
        if device not in DEVICES:
            raise ConfigurationError(
                f"device is {device!r}; workers compute on {' or '.join(DEVICES)}"
            )
        found = ClusterOptions(
            cluster.address or chosen.ray_address, workers, device, cluster.key_file
        )
        return EngineOptions(None, threads, options.table_mb, cluster=found)

    def public_engine(self, numbers: PublicNumbers, options: EngineOptions) -> PublicEngine:
        """An engine at the workers of the cluster, which start with the first one."""
        assert options.cluster is not None
        assert options.threads is not None
        workers = self.workers(options)
        with self._lock:
            identity = (numbers, workers.name, options.cluster.key_file)
            engine = self._engines.get(identity)
            if engine is None:
                engine = ShardedPublicEngine(
                    numbers, workers, self.name, options.threads, options.cluster.key_file
                )
                self._engines[identity] = engine
            return engine

    def workers(self, options: EngineOptions) -> RayWorkers:
        """The workers that engines of these options compute by; `options` come from `resolve`."""
        from pyfate_gpu.backends.ray.cluster import workers_of  # imports Ray

        assert options.cluster is not None
        assert options.threads is not None
        return workers_of(options.cluster, options.threads)

    def private_engine(self, numbers: PrivateNumbers, public: PublicEngine) -> PrivateEngine:
        """Workers with the key file decrypt what they hold; without one the driver does."""
        assert isinstance(public, ShardedPublicEngine)
        if public.key_file is not None:
            public.open_key(KEY_FILES, public.key_file)
            return WorkersPrivateEngine(public)
        cpu = CpuBackend()
        here = cpu.public_engine(numbers.public, cpu.resolve(EngineOptions()))
        return DriverPrivateEngine(public, here, cpu.private_engine(numbers, here))
