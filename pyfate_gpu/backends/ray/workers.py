# SPDX-License-Identifier: Apache-2.0
"""Actors of a cluster as workers: their calls, and what goes wrong with them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from pyfate_gpu.backends.ray.actor import ShardActor
from pyfate_gpu.errors import BackendError, BackendUnavailableError, WorkerLostError

INLINE = 96 << 10
MOST_INLINE = 1 << 20

START_SECONDS = 120
"""An actor that does not run by then will not: the cluster has no room for it."""


class RayWorkers:
    """One actor a worker. Nothing is tried twice: an encryption repeated is another encryption.

    Parameters
    ----------
    ray : module
    count : int
    device : "cpu" or "cuda"
    threads : int
        Of each worker.
    name : str
    shared : bool
        Whether others use the cluster: it keeps cores for each worker then.

    Raises
    ------
    BackendUnavailableError
        If the cluster has not as many cores or GPUs, or another release of this package.
    """

    def __init__(
        self, ray: Any, count: int, device: str, threads: int, name: str, shared: bool
    ) -> None:
        self.count = count
        self.name = name
        self.lost = False
        self.gone: deque[int] = deque()
        self.garbage: list[deque[int]] = [deque() for _ in range(count)]
        self._ray = ray
        self._process = os.getpid()
        needs = {"num_cpus": threads if shared else 0, "num_gpus": 1 if device == "cuda" else 0}
        self._check_room(needs)
        actor = ray.remote(**needs, max_restarts=0, max_task_retries=0)(ShardActor)
        self._actors = [actor.remote(device, threads) for _ in range(count)]
        self._check_releases()

    def call(self, worker: int, method: str, *operands: Any) -> Any:
        """Enqueue the call; operands that are results of others move from worker to worker."""
        check_process(self._process)
        lengths, pieces = [], []
        for operand in operands:
            found = _pieces(operand)
            lengths.append(len(found))
            pieces += found
        return self._actors[worker].call.remote(method, lengths, *pieces)

    def wait(self, results: Sequence[Any]) -> list[Any]:
        """All results.

        Raises
        ------
        WorkerLostError
            If an actor has died: what it held is lost.
        BackendError
            If the cluster failed otherwise, or what a worker raised.
        """
        return self._get(results, None)

    def _get(self, results: Sequence[Any], seconds: float | None) -> list[Any]:
        errors = self._ray.exceptions
        try:
            found: list[Any] = self._ray.get(list(results), timeout=seconds)
        except errors.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, errors.RayError):
                raise self._failure(cause) from None
            raise cause from None
        except errors.GetTimeoutError:
            raise
        except errors.RayError as error:
            raise self._failure(error) from None
        return found

    def _failure(self, error: Exception) -> BackendError:
        errors = self._ray.exceptions
        if isinstance(error, errors.RayActorError | errors.OwnerDiedError | errors.ObjectLostError):
            self.lost = True
            return WorkerLostError(
                f"a worker of {self.name} has died, and the ciphertexts that it held with it; a job goes on "
                "after its last checkpoint when it is started again"
            )
        return BackendError(
            f"{self.name} failed ({type(error).__name__}); `ray status` and the logs of the cluster say more"
        )

    def _check_room(self, needs: dict[str, int]) -> None:
        found = self._ray.cluster_resources()
        for resource, key in (("CPU", "num_cpus"), ("GPU", "num_gpus")):
            wanted, there = self.count * needs[key], int(found.get(resource, 0))
            if wanted > there:
                raise BackendUnavailableError(
                    f"{self.count} workers need {wanted} {resource}s and the cluster has {there}; ask for "
                    "fewer workers or threads, or add machines: ray start --address=..."
                )

    def _check_releases(self) -> None:
        try:
            releases = self._get([actor.release.remote() for actor in self._actors], START_SECONDS)
        except self._ray.exceptions.GetTimeoutError:
            raise BackendUnavailableError(
                f"the cluster did not start {self.count} workers in {START_SECONDS} s: others use its "
                "cores; ask for fewer workers, or see `ray status`"
            ) from None
        ours = version("pyfate-gpu")
        if others := sorted(set(releases) - {ours}):
            raise BackendUnavailableError(
                f"workers have release {', '.join(others)} of pyfate-gpu, this process {ours}; install one "
                "release on all machines"
            )


def check_process(connected: int) -> None:
    """Raise BackendUnavailableError in a process forked from the connected one, whom Ray would never answer."""
    if os.getpid() != connected:
        raise BackendUnavailableError(
            "this process was forked from one that is connected to a Ray cluster, which Ray does not support: start "
            "processes by 'spawn' or 'forkserver', or choose the backend 'cpu' in them"
        )


def _pieces(operand: Any) -> list[Any]:
    """An operand as it is, or an array in pieces that each travel with the call.

    What is larger than Ray's 100 KB goes through the object store, which takes another two milliseconds or three.
    """
    if not isinstance(operand, np.ndarray) or not INLINE < operand.nbytes <= MOST_INLINE:
        return [operand]
    return np.array_split(operand, -(-operand.nbytes // INLINE))
