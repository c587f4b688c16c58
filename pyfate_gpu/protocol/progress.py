# SPDX-License-Identifier: Apache-2.0
"""What a party tells about its iterations while it trains, and about the job at its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pyfate_gpu.backends import backend_info
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import ARBITER
from pyfate_gpu.federation.statistics import Usage

if TYPE_CHECKING:
    from pyfate_gpu.he.scheme.public_key import SchemePublicKey

logger = logging.getLogger(__name__)

_TELL_SECONDS = 5.0


@dataclass(frozen=True)
class IterationReport:
    """One iteration as one party saw it.

    Parameters
    ----------
    party : str
        Name of the party.
    iteration : int
        From 1.
    loss : float or None
        Mean loss before the updates of this iteration, penalty included, in the unit of the labels; known to
        the guest alone.
    converged : bool
        Whether the guest stops here; False at other parties.
    seconds : float
        Wall-clock time of the iteration.
    usage : Usage
        Seconds and operations by step, bytes by message, of this iteration and this party.
    metrics : mapping
        Of validation rows, by name; known to the guest alone, empty where there are none.
    """

    party: str
    iteration: int
    loss: float | None
    converged: bool
    seconds: float
    usage: Usage
    metrics: Mapping[str, float] = field(default_factory=dict)


class Callback(Protocol):
    """What may be listed in an estimator's `callbacks`."""

    def on_iteration(self, report: IterationReport) -> None:
        """Take note of an iteration that ended, in the thread of the party."""


@dataclass(frozen=True)
class FitReport:
    """A finished fit as one party saw it: which engine and key ran, and what it cost.

    `hardened` says whether blinding read every table entry, see `use_backend`; `packing` what shared
    ciphertexts in the passes that allow it: "rows", "classes" or "none". The key is the arbiter's or, in
    jobs without one, that of the first party that announced one; 0 bits where nothing is encrypted.
    `ended` says why there was no further iteration, `kept` of which one the weights are; empty and 0 where that is not
    known.
    """

    party: str
    backend: str
    device: str
    engine: str
    hardened: bool
    key_bits: int
    key_fingerprint: str
    iterations: int
    seconds: float
    usage: Usage
    packing: str = "none"
    ended: str = ""
    kept: int = 0


def check_callbacks(callbacks: Any) -> None:
    """Raise ConfigurationError unless they can be called back, sooner than after an iteration."""
    listed = isinstance(callbacks, Sequence)
    if not listed or not all(hasattr(each, "on_iteration") for each in callbacks):
        raise ConfigurationError(
            f"callbacks is {callbacks!r}; it must be a list of objects with a method on_iteration"
        )


class Progress:
    """Measures iterations, logs them and calls back.

    Parameters
    ----------
    most : int or None
        Iterations at most, where that is known.
    """

    def __init__(
        self, session: Session, callbacks: Sequence[Callback], most: int | None = None
    ) -> None:
        self._session = session
        self._most = most
        self._callbacks = callbacks
        self._begun = self._started = time.perf_counter()
        self._usage_begun = self._usage = session.statistics.usage()
        #: What shares ciphertexts.
        self.packing = "none"
        #: Why there was no further iteration, and of which one the weights are.
        self.ended, self.kept = "", 0

    def end_iteration(
        self,
        iteration: int,
        loss: float | None = None,
        *,
        converged: bool = False,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Report the time since the last call, or since the beginning."""
        now = time.perf_counter()
        report = IterationReport(
            party=self._session.party.name,
            iteration=iteration,
            loss=loss,
            converged=converged,
            seconds=now - self._started,
            usage=self._session.statistics.usage(since=self._usage),
            metrics=metrics or {},
        )
        self._started, self._usage = now, self._session.statistics.usage()
        logger.info("%s", _line(report, self._most))
        for callback in self._callbacks:
            callback.on_iteration(report)

    def end(self, iteration: int, why: str, kept: int) -> None:
        """Say why there is no iteration after this one, and which one is kept."""
        self.ended, self.kept = why, kept
        logger.info(
            "%s: training ended after iteration %d: %s; iteration %d is kept",
            self._session.party,
            iteration,
            why,
            kept,
        )

    def finish(self, iterations: int) -> FitReport:
        """Return the report of the whole fit; where nobody has announced a key, of the backend in use."""
        key = self._key()
        ran: tuple[str, str, str, bool, int, str]
        if key is None:
            info = backend_info()
            ran = (info.name, info.device, info.name, info.hardened, 0, "")
        else:
            engine = key.engine()
            where = (engine.backend, engine.device, engine.engine_id, engine.hardened)
            ran = (*where, key.key_bits, key.fingerprint)
        return FitReport(
            self._session.party.name,
            *ran,
            iterations=iterations,
            seconds=time.perf_counter() - self._begun,
            usage=self._session.statistics.usage(since=self._usage_begun),
            packing=self.packing,
            ended=self.ended,
            kept=self.kept,
        )

    def _key(self) -> SchemePublicKey | None:
        session = self._session
        if ARBITER in session.keys:
            return session.keys[ARBITER]
        return next((session.keys[o] for o in session.parties if o in session.keys), None)


class Pace:
    """Logs how far work of many like parts has come, now and then.

    Parameters
    ----------
    what : str
        Who does what.
    total, done : int
        Parts in all, and those that were done before.
    """

    def __init__(self, what: str, total: int, done: int = 0) -> None:
        self._what, self._total, self._begun = what, total, done
        self._started = self._told = time.monotonic()

    def tell(self, done: int) -> None:
        """Log so many parts, unless others were logged just before."""
        now = time.monotonic()
        done = min(done, self._total)
        if now - self._told < _TELL_SECONDS or done <= self._begun:
            return
        self._told = now
        left = (now - self._started) / (done - self._begun) * (self._total - done)
        logger.info("%s: %d of %d, about %s left", self._what, done, self._total, _duration(left))


def _line(report: IterationReport, most: int | None) -> str:
    """Return one line: how far, how good, how long, and how much longer at most."""
    if most == 1 and report.loss is None:
        return f"{report.party}: the only pass is done, {report.seconds:.2f} s"
    total = "" if most is None else f" of {most}"
    loss = "" if report.loss is None else f", loss {report.loss:.6g}"
    metrics = "".join(f", {name} {value:.4f}" for name, value in report.metrics.items())
    end = ", converged" if report.converged else ""
    left = ""
    if most is not None and report.iteration < most and not report.converged:
        left = f", at most {_duration((most - report.iteration) * report.seconds)} left"
    seconds = f"{report.seconds:.2f} s"
    return (
        f"{report.party}: iteration {report.iteration}{total}{loss}{metrics}{end}, {seconds}{left}"
    )


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
