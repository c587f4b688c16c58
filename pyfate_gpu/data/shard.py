# SPDX-License-Identifier: Apache-2.0
"""The rows of a table that one worker read from files, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.data_sets import TablePart, read_parts
from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.data.id_texts import IdTexts
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.scaling import divided
from pyfate_gpu.data.sources import DataSource
from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats, Integers

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio


@dataclass(frozen=True)
class Found:
    """What a worker says of the rows that it read: everything but the features.

    Parameters
    ----------
    ids : bytes array [rows]
    names : tuple of str
        Of the feature columns.
    labels : array [rows] or None
    extras : dict
        As of `Rows`.
    """

    ids: NDArray[np.bytes_]
    names: tuple[str, ...]
    labels: NDArray[Any] | None
    extras: dict[str, Floats]


class TableShard:
    """Features of some rows, in the order in which they were read.

    Parameters
    ----------
    values : float64 [rows, columns]
    """

    def __init__(self, values: Floats) -> None:
        self.values = values

    @classmethod
    def read(
        cls, source: DataSource, parts: Sequence[TablePart], names: Sequence[str] | None
    ) -> tuple[TableShard, Found | None]:
        """Read parts of a data set; None without any.

        Raises
        ------
        DataError
            When the files do not have the same columns, or some column cannot be used.
        """
        values, found = [], []
        for rows in read_parts(source, parts):
            found.append(Found(IdTexts.of(rows.ids).data, rows.names, rows.labels, rows.extras))
            values.append(rows.values)
        if not found:
            return cls(np.empty((0, len(names or ())))), None
        return cls(values[0] if len(values) == 1 else np.concatenate(values)), joined(found)

    def extremes(self, rows: Integers) -> tuple[Floats, Floats]:
        """Smallest and largest value of each column in these rows."""
        return self.values[rows].min(axis=0), self.values[rows].max(axis=0)

    def moments(self, rows: Integers, exponents: Integers, mean: Floats | None = None) -> Floats:
        """Sums of the columns divided by powers of two, or of their squared distances from a mean."""
        near = divided(self.values[rows], exponents)
        total = near.sum(axis=0) if mean is None else ((near - mean) ** 2).sum(axis=0)
        return np.asarray(total, dtype=np.float64)

    def digest(self, rows: Integers, places: Integers) -> int:
        """A number that changes with a value, a column, or the place of a row; sums of parts are that of the whole.

        It tells mistakes apart, and is no secret.
        """
        with np.errstate(over="ignore"):
            factors = np.cumsum(np.full(self.values.shape[1], _ODD)) | np.uint64(1)
            bits = np.ascontiguousarray(self.values[rows]).view(np.uint64)
            of_rows = (bits ^ (bits >> np.uint64(29))) @ factors
            mixed = (of_rows ^ (of_rows >> np.uint64(31))) * (2 * places.astype(np.uint64) + 1)
            return int(mixed.sum(dtype=np.uint64))

    def prepared(self, pipeline: FeaturePipeline, rows: Integers) -> FixedPointMatrix:
        """Features of these rows."""
        return pipeline.transform(self.values[rows])


def joined(found: Sequence[Found]) -> Found:
    """Return what several files or workers found, one after the other.

    Raises
    ------
    DataError
        When they differ in the names or order of columns, or have numbers and texts as labels.
    """
    first = found[0]
    for each in found:
        if each.names != first.names:
            raise DataError(
                f"files of one data set have other columns than the first ({len(each.names)} and "
                f"{len(first.names)}, in their order): name them in columns, or write them alike"
            )
    labels = [each.labels for each in found if each.labels is not None]
    if len({_are_texts(array) for array in labels}) > 1:
        raise DataError("labels of one data set are numbers in some files and texts in others")
    return Found(
        np.concatenate([each.ids for each in found]),
        first.names,
        np.concatenate(labels) if labels else None,
        {name: np.concatenate([each.extras[name] for each in found]) for name in first.extras},
    )


def _are_texts(labels: NDArray[Any]) -> bool:
    return labels.dtype.kind in "US" or (
        labels.dtype == object and any(isinstance(label, str) for label in labels)
    )
