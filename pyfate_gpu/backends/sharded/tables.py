# SPDX-License-Identifier: Apache-2.0
"""Tables that workers read from files where these lie: features stay there, ids and labels come to the driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyfate_gpu.backends.matrices import Index
from pyfate_gpu.backends.sharded.driver import spread, unless_all
from pyfate_gpu.backends.sharded.engine import PlacedBlocks, ShardedPublicEngine
from pyfate_gpu.backends.sharded.holder import Held
from pyfate_gpu.backends.sharded.keeper import Keeper
from pyfate_gpu.backends.sharded.plan import owners
from pyfate_gpu.backends.sharded.shards import Part, Shards
from pyfate_gpu.backends.sharded.workers import Workers
from pyfate_gpu.data.data_sets import TablePart
from pyfate_gpu.data.elsewhere import ColumnsElsewhere, FeaturesElsewhere
from pyfate_gpu.data.id_texts import IdTexts
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.data.shard import joined
from pyfate_gpu.data.sources import DataSource
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.typing import Floats, Integers


def read_at_workers(source: DataSource, workers: Workers) -> Rows:
    """Return rows in the order of their ids, whose features lie at the workers that read them.

    Each worker looks for the files itself, so that they may lie on a disk of all machines, or some on the disk of
    each. Row groups and record batches are dealt out among the workers that see them.

    Raises
    ------
    ConfigurationError, DataError
        As `read_rows` does, and where no worker sees a file.
    """
    keeper = Keeper(workers)
    everybody = range(workers.count)
    seen = workers.wait([workers.call(worker, "look", source) for worker in everybody])
    dealt = deal(seen)
    if not any(dealt):
        raise DataError(f"no worker finds a Parquet or Arrow file with rows at {source.path}")
    new = [keeper._new(w, sum(part.rows for part in dealt[w])) for w in everybody]
    asked = [keeper._tell(w, "read", new[w].number, source, dealt[w]) for w in everybody]
    found = joined([each for each in keeper._wait(asked) if each is not None])
    ids = IdTexts(found.ids)
    order = ids.order()
    columns: Any = ShardedColumns(keeper, Shards(new), len(found.names), order)
    return Rows(
        ids.take(order),
        found.names,
        columns,
        None if found.labels is None else found.labels[order],
        {name: values[order] for name, values in found.extras.items()},
    )


def deal(seen: Sequence[Sequence[TablePart]]) -> list[list[TablePart]]:
    """Parts for each worker to read, of those that it sees: each part once, rows as equal as they come.

    Examples
    --------
    >>> from pyfate_gpu.backends.sharded.tables import deal
    >>> from pyfate_gpu.data.data_sets import TablePart
    >>> a, b, c = (TablePart("x.parquet", (0, 0), unit, 100) for unit in range(3))
    >>> [[part.unit for part in parts] for parts in deal([[a, b, c], [b, c]])]
    [[0, 2], [1]]
    """
    dealt: list[list[TablePart]] = [[] for _ in seen]
    rows = [0] * len(seen)
    there = [set(parts) for parts in seen]
    for part in dict.fromkeys(part for parts in seen for part in parts):
        least = min((w for w, parts in enumerate(there) if part in parts), key=rows.__getitem__)
        dealt[least].append(part)
        rows[least] += part.rows
    return dealt


class ShardedColumns(ColumnsElsewhere):
    """Features as they were read, and which of their rows in which order are meant.

    Parameters
    ----------
    keeper : Keeper
    parts : Shards
        One at each worker, of the rows as they were read.
    columns : int
    order : int64 [rows]
        Numbers of rows in `parts`.
    """

    def __init__(self, keeper: Keeper, parts: Shards, columns: int, order: Index) -> None:
        self._keeper = keeper
        self._parts = parts
        self._order = order
        self.shape = len(order), columns

    def __getitem__(self, rows: Any) -> ShardedColumns:
        return ShardedColumns(self._keeper, self._parts, self.shape[1], self._order[rows])

    def extremes(self) -> tuple[Floats, Floats]:
        """Smallest and largest value of each column."""
        found = self._ask("extremes")
        smallest, largest = zip(*found, strict=True)
        return np.min(smallest, axis=0), np.max(largest, axis=0)

    def moments(self, exponents: Integers) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the columns divided by powers of two."""
        mean = sum(self._ask("moments", exponents)) / len(self)
        return mean, np.sqrt(sum(self._ask("moments", exponents, mean)) / len(self))

    def digest(self) -> bytes:
        """A hash of all values in their order."""
        tell, pending = self._keeper._tell, []
        for number, part in enumerate(self._parts.parts):
            places = np.flatnonzero(owners(self._order, self._parts.starts) == number)
            if len(places):
                rows = self._order[places] - self._parts.starts[number]
                asked = tell(part.worker, "ask", Held(part.number), "digest", rows, places)
                pending.append(asked)
        total = sum(self._keeper._wait(pending)) % 2**64
        return bytes(f"{self.shape} {total}", "ascii")

    def prepared(self, pipeline: FeaturePipeline) -> ShardedFeatures:
        """Features, made where the rows were read and then brought to where the order wants them."""
        keeper, parts, asked = self._keeper, [], []
        chosen = np.sort(self._order)
        for part, places in self._chosen(chosen):
            new = keeper._new(part.worker, len(places))
            asked.append(
                keeper._tell(
                    part.worker,
                    "derive",
                    new.number,
                    Held(part.number),
                    "prepared",
                    pipeline,
                    places,
                )
            )
            parts.append(new)
        keeper._wait(asked)
        there = ShardedFeatures(keeper, Shards(parts), pipeline.features)
        return there.take(np.searchsorted(chosen, self._order))

    def _ask(self, method: str, *operands: Any) -> list[Any]:
        """What each worker with such rows says of them."""
        tell = self._keeper._tell
        asked = [
            tell(part.worker, "ask", Held(part.number), method, places, *operands)
            for part, places in self._chosen(self._order)
        ]
        return self._keeper._wait(asked)

    def _chosen(self, order: Index) -> list[tuple[Part, Index]]:
        """Which rows of each part are meant, of parts that have some."""
        owner = owners(order, self._parts.starts)
        found = [
            (part, order[owner == number] - self._parts.starts[number])
            for number, part in enumerate(self._parts.parts)
        ]
        return [each for each in found if len(each[1])]


class ShardedFeatures(FeaturesElsewhere):
    """Features in fixed point, cut as ciphertexts of as many rows are.

    Parameters
    ----------
    keeper : Keeper
    parts : Shards
    columns : int
    """

    def __init__(self, keeper: Keeper, parts: Shards, columns: int) -> None:
        self._keeper = keeper
        self._parts = parts
        self.rows, self.columns = len(parts), columns

    def with_ones(self) -> ShardedFeatures:
        """With one more column, of ones."""
        parts = self._derived(self._parts, "with_ones")
        return ShardedFeatures(self._keeper, parts, self.columns + 1)

    def take(self, rows: Integers | slice) -> ShardedFeatures:
        """Some of the rows; those of a worker's own share move nowhere."""
        keeper = self._keeper
        index = np.arange(self.rows)[rows]
        shares = spread(len(index), keeper.workers.count)
        parts, asked = [], []
        for worker in range(keeper.workers.count):
            wanted = index[shares[worker] : shares[worker + 1]]
            if not len(wanted) and (worker or len(index)):
                continue
            part = keeper._new(worker, len(wanted))
            asked.append(self._bring(part, wanted))
            parts.append(part)
        keeper._wait(asked)
        return ShardedFeatures(keeper, Shards(parts), self.columns)

    def times(self, weights: Floats) -> Floats:
        """The product with weights, which comes to the driver."""
        tell = self._keeper._tell
        parts = self._parts.parts
        asked = [tell(part.worker, "ask", Held(part.number), "times", weights) for part in parts]
        return np.concatenate(self._keeper._wait(asked))

    def place(self, key: Any) -> Any:
        """A placed matrix of a public key, at the workers that have the rows."""
        return key.place(self)

    def at_workers(self, engine: Any) -> PlacedBlocks:
        """The rows as placed blocks of an engine of the same workers.

        Raises
        ------
        ConfigurationError
            When the engine has other workers.
        """
        if (
            not isinstance(engine, ShardedPublicEngine)
            or engine.workers is not self._keeper.workers
        ):
            raise ConfigurationError(
                f"features lie at the workers of {self._keeper.workers.name}, and backend {engine.backend!r} "
                "computes elsewhere: choose the same backend, workers and cluster for tables and keys"
            )
        return engine.place_held(self._parts, self.columns)

    def _bring(self, part: Part, wanted: Index) -> Any:
        """Have a worker hold the wanted rows under the part's number."""
        chosen, inverse = np.unique(wanted, return_inverse=True)
        owner = owners(chosen, self._parts.starts)
        pieces: list[Any] = []
        for source in np.unique(owner):
            there = self._parts.parts[source]
            held = Held(
                there.number,
                unless_all(chosen[owner == source] - self._parts.starts[source], there.rows),
            )
            here = there.worker == part.worker
            pieces.append(held if here else self._keeper._tell(there.worker, "integers", held))
        order = unless_all(inverse, len(chosen))
        return self._keeper._tell(part.worker, "gather", part.number, self.columns, order, *pieces)

    def _derived(self, parts: Shards, method: str, *operands: Any) -> Shards:
        keeper = self._keeper
        new = [keeper._new(part.worker, part.rows) for part in parts.parts]
        keeper._wait(
            [
                keeper._tell(part.worker, "derive", to.number, Held(part.number), method, *operands)
                for part, to in zip(parts.parts, new, strict=True)
            ]
        )
        return Shards(new)
