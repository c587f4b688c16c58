# SPDX-License-Identifier: Apache-2.0
"""Which rows make up which batch, and which batches are too small to be safe.

A party that sees X^T d for a batch with no more rows than it has features can solve for the
residuals d of single rows (arXiv 2205.04166), so such batches are refused, the last one included.
The guest sees the loss of a batch beside it, which counts as one more equation.
Dummy rows, whose residual is an encrypted 0, count for hosts, who cannot tell them; not for the guest.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import DisagreementError
from pyfate_gpu.typing import Integers


@dataclass(frozen=True)
class Batch:
    """Some of the rows.

    Parameters
    ----------
    rows : int64 [size]
        Their numbers, each once.
    used : int
        How many of them count; the others are dummies.
    counts : bool [size] or None
        Which of them count, for the guest alone; None when all do, and at hosts.
    """

    rows: NDArray[np.int64]
    used: int
    counts: NDArray[np.bool_] | None = None

    def with_dummies(self, total: int, rate: float, secret: bytes) -> Batch:
        """Return the batch with `rate` dummy rows, drawn from `total`, for each row that counts.

        The draw follows the secret and the rows, so that a batch announced again, after a crash, has
        the same dummies: what two draws have in common would be the rows that count.
        """
        wanted = min(math.ceil(self.used * rate), total - self.used)
        if wanted == 0:
            return self
        others = np.setdiff1d(np.arange(total), self.rows)
        stream = hashlib.shake_256(secret + self.rows.astype("<i8").tobytes())
        keys = np.frombuffer(stream.digest(8 * len(others)), dtype="<u8")
        rows = np.sort(np.concatenate([self.rows, others[np.argsort(keys)[:wanted]]]))
        return Batch(rows, self.used, np.isin(rows, self.rows))

    def check_safe(self, columns: Mapping[str, int], which: str, remedy: str) -> None:
        """Refuse a batch that would give residuals of single rows away.

        Parameters
        ----------
        columns : mapping
            How many columns each party multiplies, by name of the party.
        which, remedy : str
            Words for the error.

        Raises
        ------
        DisagreementError
            When there are no more rows than numbers that some party learns of them, or only one.
        """
        for party, limit in columns.items():
            rows = self.used if party == "guest" else len(self.rows)
            if rows <= _equations(party, limit):
                loss = " and sees the loss" if party == "guest" else ""
                raise DisagreementError(
                    f"{which} has {rows} rows, {party} has {limit} columns{loss}: a gradient over no "
                    "more rows than columns, one more for the loss, gives the residual of each row "
                    f"away. {remedy}"
                )


def _equations(party: str, columns: int) -> int:
    """Return how many sums over the rows of a batch a party learns; of one row nobody learns any."""
    return max(1, columns + (party == "guest"))


class Division:
    """How the guest divides the rows, once or anew for each iteration.

    Parameters
    ----------
    rows : int
        All rows.
    size : int or None
        Rows of a batch, None for all.
    anew : bool
        Whether each iteration has a division of its own.
    shuffle : bool
        Whether a division that stays is in random order.
    random_state : int or None
        Seed of the order.
    masked_rate : float
        Dummy rows for each row that counts.
    """

    def __init__(
        self,
        rows: int,
        size: int | None = None,
        *,
        anew: bool = False,
        shuffle: bool = False,
        random_state: int | None = None,
        masked_rate: float = 0.0,
    ) -> None:
        self.rows = rows
        self.size = min(size or rows, rows)
        self._masked_rate = masked_rate
        self._anew = anew
        self._generator = np.random.default_rng(random_state) if anew or shuffle else None
        # Never the seed of the division: hosts see that division, and must not guess dummies.
        self._secret = secrets.token_bytes(32)
        self._drawn: list[Batch] = []

    def __len__(self) -> int:
        return -(-self.rows // self.size)

    def changes(self, iteration: int) -> bool:
        """Return whether this iteration, counted from 1, has batches of its own."""
        return self._anew or iteration == 1

    def draw(self) -> list[Batch]:
        """Return the batches of the next iteration, without dummies."""
        if self._anew or not self._drawn:
            self._drawn = self._cut(self._order())
        return self._drawn

    def _order(self) -> Integers:
        """All rows, batch after batch.

        Batches by chance are spread evenly: their k-th rows are near each other. So the part of a batch that a
        worker holds is the part of the rows that it holds, and no ciphertext has to move. Not where dummies are
        added: of rows that stand apart a host could tell which of them count.
        """
        everything = np.arange(self.rows, dtype=np.int64)
        if self._generator is None:
            return everything
        if self._masked_rate:
            return self._generator.permutation(everything)
        sizes = [len(part.rows) for part in self._cut(everything)]
        places = [(np.arange(size) + self._generator.random(size)) / size for size in sizes]
        batch_of = np.repeat(np.arange(len(sizes)), sizes)[np.argsort(np.concatenate(places))]
        return np.argsort(batch_of, kind="stable").astype(np.int64)

    def state(self) -> dict[str, Any]:
        """Return what the next divisions depend on."""
        generator = self._generator
        return {
            "batches": np.concatenate([batch.rows for batch in self._drawn]),
            "dummies": self._secret.hex(),
            "generator": None if generator is None else generator.bit_generator.state,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self._drawn = self._cut(state["batches"])
        self._secret = bytes.fromhex(state["dummies"])
        if self._generator is not None:
            self._generator.bit_generator.state = state["generator"]

    def _cut(self, order: Integers) -> list[Batch]:
        parts = (order[start : start + self.size] for start in range(0, self.rows, self.size))
        return [Batch(part, len(part)) for part in parts]

    def add_dummies(self, batches: list[Batch]) -> list[Batch]:
        """Return the batches with the dummy rows that the settings ask for."""
        return [batch.with_dummies(self.rows, self._masked_rate, self._secret) for batch in batches]

    def check_safe(self, columns: Mapping[str, int]) -> None:
        """Refuse a division with a batch that gives residuals away; see `Batch.check_safe`."""
        smallest = self.rows % self.size or self.size
        sent = min(self.rows, smallest + math.ceil(smallest * self._masked_rate))
        which = "the last batch" if self.rows % self.size else "each batch"
        Batch(np.arange(sent), smallest).check_safe(columns, which, self._remedy(columns))

    def _remedy(self, columns: Mapping[str, int]) -> str:
        limit = max(_equations(party, count) for party, count in columns.items())
        sizes = range(limit + 1, self.rows + 1)
        safe = [size for size in sizes if (self.rows % size or size) > limit]
        if not safe:
            return f"Train on more than {limit} rows, or on fewer columns"
        nearest = min(safe, key=lambda size: abs(size - self.size))
        return f"The nearest safe batch_size is {nearest}" + (
            ", all rows" if nearest == self.rows else ""
        )


def pack(batches: list[Batch]) -> tuple[Integers, Integers, Integers]:
    """Return what hosts are told of the batches: rows one after the other, sizes, rows that count."""
    return (
        np.concatenate([batch.rows for batch in batches]),
        np.array([len(batch.rows) for batch in batches], dtype=np.int64),
        np.array([batch.used for batch in batches], dtype=np.int64),
    )


def unpack(arrays: Sequence[Integers], total: int) -> list[Batch]:
    """Return the batches of a host with `total` rows, the way back from `pack`.

    Raises
    ------
    DisagreementError
        When they are no batches of those rows.
    """
    rows, sizes, used = arrays
    if (
        any(array.dtype != np.int64 or array.ndim != 1 for array in arrays)
        or len(sizes) != len(used)
        or not len(sizes)
        or not ((used >= 1) & (used <= sizes) & (sizes <= total)).all()
        or sizes.sum() != len(rows)
        or not ((rows >= 0) & (rows < total)).all()
    ):
        raise DisagreementError(f"the guest's batches are not of {total} rows")
    parts = np.split(rows, np.cumsum(sizes)[:-1])
    if any(len(np.unique(part)) < len(part) for part in parts):
        raise DisagreementError("a batch of the guest names a row more than once")
    return [Batch(part, int(count)) for part, count in zip(parts, used, strict=True)]
