# SPDX-License-Identifier: Apache-2.0
"""Several GPUs of one machine as one backend: rows lie in shards, one at each."""

from __future__ import annotations

import threading
from functools import cached_property
from weakref import WeakValueDictionary

from pyfate_gpu.backends.base import Availability, EngineOptions
from pyfate_gpu.backends.cuda.engine import CudaBackend
from pyfate_gpu.backends.engines import PrivateEngine, PublicEngine
from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers
from pyfate_gpu.backends.sharded.engine import ShardedPublicEngine
from pyfate_gpu.backends.sharded.private import WorkersPrivateEngine
from pyfate_gpu.backends.sharded.workers import LocalWorkers


class SeveralGpusBackend:
    """Registration of some GPUs together.

    Parameters
    ----------
    indices : sequence of int
        Which; ``"cuda:0,1"`` names the first two.

    Examples
    --------
    >>> from pyfate_gpu.backends.cuda.several import SeveralGpusBackend
    >>> SeveralGpusBackend([0, 1]).name
    'cuda:0,1'
    """

    def __init__(self, indices: list[int]) -> None:
        self.name = self.device = "cuda:" + ",".join(map(str, indices))
        self._gpus = [CudaBackend(index) for index in indices]
        self._engines: WeakValueDictionary[PublicNumbers, ShardedPublicEngine] = (
            WeakValueDictionary()
        )
        self._lock = threading.Lock()

    def availability(self) -> Availability:
        """Whether all of them are there; the reason of the first that is not."""
        found = [gpu.availability() for gpu in self._gpus]
        return next((each for each in found if not each.available), Availability(True))

    def resolve(self, options: EngineOptions) -> EngineOptions:
        """As of one GPU."""
        return self._gpus[0].resolve(options)

    def public_engine(self, numbers: PublicNumbers, options: EngineOptions) -> PublicEngine:
        """An engine over engines of all GPUs; equal keys share one."""
        with self._lock:
            engine = self._engines.get(numbers)
            if engine is None:
                engine = ShardedPublicEngine(numbers, self._workers, self.name)
                self._engines[numbers] = engine
            return engine

    def private_engine(self, numbers: PrivateNumbers, public: PublicEngine) -> PrivateEngine:
        """Each GPU decrypts what it holds."""
        assert isinstance(public, ShardedPublicEngine)
        public.adopt_key(numbers)
        return WorkersPrivateEngine(public)

    @cached_property
    def _workers(self) -> LocalWorkers:
        options = self._gpus[0].resolve(EngineOptions())
        return LocalWorkers(self._gpus, options, self.name)
