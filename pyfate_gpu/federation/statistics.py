# SPDX-License-Identifier: Apache-2.0
"""What a party's work has cost: seconds and operations by step, bytes by message."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pyfate_gpu.federation.steps import Step


@dataclass(frozen=True)
class Usage:
    """Totals at one moment, or between two moments.

    Parameters
    ----------
    seconds : mapping
        Wall-clock seconds by step (``encrypt``, ``multiply``, ``wait``, ...).
    operations : mapping
        Ciphertext operations by step: values encrypted, entries multiplied, values decrypted, ...
    sent, received : mapping
        Bytes by message name.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    operations: Mapping[str, int] = field(default_factory=dict)
    sent: Mapping[str, int] = field(default_factory=dict)
    received: Mapping[str, int] = field(default_factory=dict)

    @property
    def bytes_sent(self) -> int:
        """All bytes sent."""
        return sum(self.sent.values())

    @property
    def bytes_received(self) -> int:
        """All bytes received."""
        return sum(self.received.values())


class Statistics:
    """Running totals of one session.

    Examples
    --------
    >>> from pyfate_gpu.federation.statistics import Statistics
    >>> from pyfate_gpu.federation.steps import Step
    >>> statistics = Statistics()
    >>> with statistics.step(Step.ENCRYPT, operations=3):
    ...     pass
    >>> statistics.usage().operations
    {'encrypt': 3}
    """

    def __init__(self) -> None:
        self._seconds: Counter[str] = Counter()  # a Counter adds up floats as well
        self._operations: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._received: Counter[str] = Counter()

    @contextmanager
    def step(self, name: Step, operations: int = 0) -> Iterator[None]:
        """Add the time of the block, and `operations` when it succeeds, to a kind of work."""
        started = time.perf_counter()
        try:
            yield
            if operations:
                self._operations[name.value] += operations
        finally:
            self._seconds[name.value] += time.perf_counter() - started  # type: ignore[assignment]

    def count_sent(self, name: str, nbytes: int) -> None:
        """Add a message that was sent."""
        self._sent[name] += nbytes

    def count_received(self, name: str, nbytes: int) -> None:
        """Add a message that was received."""
        self._received[name] += nbytes

    def usage(self, since: Usage | None = None) -> Usage:
        """Return the totals, or what was added to them after `since` was taken."""
        before = since or Usage()
        return Usage(
            seconds={
                step: total - before.seconds.get(step, 0.0) for step, total in self._seconds.items()
            },
            operations=_difference(self._operations, before.operations),
            sent=_difference(self._sent, before.sent),
            received=_difference(self._received, before.received),
        )


def _difference(totals: Counter[str], before: Mapping[str, int]) -> dict[str, int]:
    return {name: total - before.get(name, 0) for name, total in totals.items()}
