# SPDX-License-Identifier: Apache-2.0
"""Rows that grow block by block, as a file is read: numbers as float64, ids and labels as texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pyfate_gpu.data.columns import Column, NumberPieces
from pyfate_gpu.data.ids import id_texts
from pyfate_gpu.data.pick import Choice
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import DataSource

#: Distinct labels that are kept once each; of more, which are numbers to regress on, each row has its own.
_SHARED = 1000


class Block(Protocol):
    """Some rows of a file, without those that are empty."""

    @property
    def lines(self) -> Sequence[int]:
        """The line of the file that each row begins in."""

    def texts(self, index: int) -> list[str]:
        """Return the cells of a column without the spaces around them."""

    def numbers(self, index: int) -> Floats | None:
        """Return a column whose cells all spell numbers below 2**53 or are missing, None where that is not known."""


class GrowingRows:
    """The chosen columns of the blocks of a file.

    Parameters
    ----------
    names : sequence of str
        Of all columns of the file.
    chosen : Choice
        Which of them are what.
    """

    def __init__(self, source: DataSource, names: Sequence[str], chosen: Choice) -> None:
        self._source = source
        self._names = names
        self._chosen = chosen
        self._ids: list[str] = []
        self._labels: list[str] = []
        self._shared: dict[str, str] = {}
        self._pieces = {
            index: NumberPieces() for index in (*chosen.features, *chosen.extras.values())
        }
        self._values: Floats = np.empty((0, len(chosen.features)))
        self._extras: dict[str, list[Floats]] = {keyword: [] for keyword in chosen.extras}

    def add(self, block: Block) -> None:
        """Take further rows.

        Raises
        ------
        DataError
            When a cell cannot be used, naming its column and row.
        """
        first, count = len(self._ids), len(block.lines)
        if not count:
            return
        self._ids += id_texts([self._column(block, index, first) for index in self._chosen.ids])
        if self._chosen.label is not None:
            self._labels += map(self._share, block.texts(self._chosen.label))
        # the system moves pages rather than bytes, where two arrays would take twice the memory
        self._values.resize((first + count, self._values.shape[1]), refcheck=False)
        for target, index in enumerate(self._chosen.features):
            self._values[first:, target] = self._numbers(block, index, first)
        for keyword, index in self._chosen.extras.items():
            self._extras[keyword].append(self._numbers(block, index, first))

    def finish(self) -> Rows:
        """Return all rows.

        Raises
        ------
        DataError
            When labels are not all numbers or all texts.
        """
        chosen, labels = self._chosen, None
        if chosen.label is not None:
            labels = self._make_column(chosen.label, self._labels).labels()
        return Rows(
            self._ids,
            tuple(self._names[index] for index in chosen.features),
            self._values,
            labels,
            {
                keyword: np.concatenate([np.empty(0), *parts])
                for keyword, parts in self._extras.items()
            },
        )

    def _numbers(self, block: Block, index: int, first: int) -> Floats:
        quick = block.numbers(index)
        piece = self._column(block, index, first) if quick is None else self._make_column(index, ())
        return self._pieces[index].add(piece, quick)

    def _column(self, block: Block, index: int, first: int) -> Column:
        return self._make_column(index, block.texts(index), block.lines, first)

    def _make_column(
        self, index: int, values: Sequence[str], lines: Sequence[int] | None = None, first: int = 0
    ) -> Column:
        return Column(
            self._names[index],
            "text",
            values,
            f"{self._source.path}: ",
            lines,
            self._source.missing_texts,
            first=first,
        )

    def _share(self, text: str) -> str:
        """Return a text that is equal, the same one for all rows of a class."""
        found = self._shared.get(text)
        if found is None:
            found = text
            if len(self._shared) < _SHARED:
                self._shared[text] = text
        return found
