# SPDX-License-Identifier: Apache-2.0
"""How many operations a training on shares takes: what `Usage` counts, known before anything runs."""

from __future__ import annotations

from collections import Counter

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.protocol.cost import JobShape, Steps, Workload
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.conversion import return_layout
from pyfate_gpu.protocol.sharing.features import FeatureShape
from pyfate_gpu.sshe.bounds import feature_bits
from pyfate_gpu.sshe.settings import Settings
from pyfate_gpu.sshe.step import ROW_WEIGHT

_SQUARE = ring.SIGNED_BOUND**2


class _Count:
    """Adds up what two parties do."""

    def __init__(self, guest: str, host: str, settings: Settings) -> None:
        self.work: Steps = {guest: Counter(), host: Counter()}
        self._other = {guest: host, host: guest}
        self._settings = settings

    def share(self, sender: str, count: int) -> None:
        """Shares that a party sends under its own key."""
        self.work[sender]["encrypt"] += count
        self.work[self._other[sender]]["check"] += count

    def masked(self, sender: str, count: int, bound: int, squeeze: int | None = None) -> None:
        """Results that a party masks and the other one decrypts."""
        layout = return_layout(self._settings.key_bits, bound)
        groups = count
        if self._settings.squeeze and layout is not None and count > 1:
            groups = layout.groups(count)
            self.work[sender]["squeeze"] += count
        self.work[sender]["mask"] += groups
        self.work[self._other[sender]].update(check=groups, decrypt=groups)


#: Of a batch: the chain of messages of which each needs the one before.
ROUND_TRIPS = 4.0


def iteration(shape: JobShape, settings: Settings, number: int = 1) -> Steps:
    """Return what each party computes in iteration `number`.

    Examples
    --------
    >>> from pyfate_gpu import HeteroSSHELinearRegression
    >>> from pyfate_gpu.protocol.cost import JobShape
    >>> from pyfate_gpu.sshe.workload import iteration
    >>> shape = JobShape(rows=100, columns={"guest": 3, "host-0": 5})
    >>> work = iteration(shape, HeteroSSHELinearRegression(key_bits=2048).settings())
    >>> work["host-0"]["encrypt"], work["host-0"]["decrypt"]
    (104, 15)
    """
    host = next(name for name in shape.columns if name != GUEST.name)
    count = _Count(GUEST.name, host, settings)
    columns = dict(shape.columns)
    columns[GUEST.name] += settings.fit_intercept
    division = settings.division(shape.rows)
    bits = feature_bits(shape.rows, standardized=settings.standardize, clip=settings.clip)
    done = (number - 1) * len(division)
    for place, batch in enumerate(division.draw()):
        with_loss = (done + place) % settings.loss_every == 0
        _batch(count, columns, len(batch.rows), bits, shape.weighted, with_loss)
    if shape.validation:
        _scores(count, columns, shape.validation, bits)
    return count.work


def _scores(count: _Count, columns: dict[str, int], rows: int, bits: int) -> None:
    names = list(columns)
    for name, other in zip(names, reversed(names), strict=True):
        count.share(name, columns[other])
        count.work[name]["multiply"] += rows * columns[name]
        count.masked(name, rows, FeatureShape(rows, columns[name], bits).product_bound)


def _batch(
    count: _Count, columns: dict[str, int], rows: int, bits: int, weighted: bool, with_loss: bool
) -> None:
    settings = count._settings
    guest, host = columns
    _scores(count, columns, rows, bits)
    for name, width in columns.items():
        count.work[name]["multiply"] += 10 * width  # of the squared norm
        count.masked(name, 2, _SQUARE * width)
        count.share(name, rows)
        count.work[name]["multiply"] += rows * width
        count.masked(name, width, FeatureShape(rows, width, bits).transposed_bound)
    if settings.function.cube:
        count.share(guest, 2 * rows)
        count.work[host]["weigh"] += 2 * rows
        count.masked(host, rows, 2 * _SQUARE)
    if weighted:
        count.share(host, rows)
        count.work[guest]["weigh"] += rows
        count.masked(guest, rows, ring.SIGNED_BOUND * ROW_WEIGHT)
        if with_loss:
            count.share(host, rows)
    if with_loss:
        count.work[guest]["multiply"] += (6 if weighted else 5) * rows
        count.masked(guest, 1, 3 * rows * _SQUARE)


def workload_of(shape: JobShape, settings: Settings) -> Workload:
    """Return what a whole training takes.

    Memory: encrypted shares, a frame that carries them, products and scratch are there at once.

    Raises
    ------
    ConfigurationError
        When rows have several outputs.
    """
    if shape.outputs > 1:
        raise ConfigurationError(
            f"rows have {shape.outputs} outputs; a regression on shares takes one: two classes, or a target"
        )
    batch = min(settings.batch_size or shape.rows, shape.rows)
    held = dict.fromkeys(shape.columns, 5 * batch)
    round_trips = ROUND_TRIPS * len(settings.division(shape.rows)) + bool(shape.validation)
    steps = iteration(shape, settings, 2)
    return Workload(settings.max_iter, steps, batch, held, round_trips=round_trips)
