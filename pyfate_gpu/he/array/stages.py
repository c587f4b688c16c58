# SPDX-License-Identifier: Apache-2.0
"""Sums of sums: segments of rows, then segments of those, one call of the engine a stage."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pyfate_gpu.backends.engines import PublicEngine
from pyfate_gpu.backends.matrices import Index, Rows

_NONE = np.empty(0, dtype=np.int64)


@dataclass
class Stage:
    """Segments that are summed together; their sources are rows, or sums of the stage before.

    `lengths` has an axis of positions where several rows are in one ciphertext and those of each position
    are summed by themselves.
    """

    sources: list[Index] = field(default_factory=list)
    lengths: list[Index] = field(default_factory=list)
    count: int = 0
    read: int = 0
    wanted: list[Index] = field(default_factory=list)
    bins: list[Index] = field(default_factory=list)

    def append(self, sources: Index, lengths: Index) -> int:
        """Segments of `lengths` over consecutive sources; the number of the first one."""
        first = self.count
        self.sources.append(sources)
        self.lengths.append(lengths)
        self.count += len(lengths)
        self.read += len(sources)
        return first

    def give(self, first: int, bins: Index) -> None:
        """Say that the segments from `first` on are the sums of these bins."""
        self.wanted.append(first + np.arange(len(bins), dtype=np.int64))
        self.bins.append(bins)


class Stages:
    """What to sum, stage by stage, and which sums of bins that gives.

    Parameters
    ----------
    positions : int
        Rows of a ciphertext: sources of the first stage are rows, of which so many neighbours share one,
        and every sum is so many ciphertexts, one for each position.
    """

    def __init__(self, positions: int = 1) -> None:
        self.positions = positions
        self._stages: list[Stage] = []

    def at(self, level: int) -> Stage:
        """The stage of a level, which may be the next one."""
        if level == len(self._stages):
            self._stages.append(Stage())
        return self._stages[level]

    @property
    def bins(self) -> Index:
        """The bin of each sum that `run` gives."""
        return np.concatenate([_NONE, *(bins for stage in self._stages for bins in stage.bins)])

    @property
    def count(self) -> int:
        """Sums of all stages together."""
        return sum(stage.count for stage in self._stages)

    @property
    def read(self) -> int:
        """Sources of all stages together."""
        return sum(stage.read for stage in self._stages)

    @property
    def additions(self) -> int:
        """Of all stages together, for arrays of one column."""
        total = 0
        for level, stage in enumerate(self._stages):
            sums = sum(int(np.count_nonzero(lengths)) for lengths in stage.lengths)
            each = stage.read - sums
            total += each * (self.positions if level else 1)
        return total

    def run(self, engine: PublicEngine, rows: Rows, width: int) -> list[Rows]:
        """The sums of bins; `width` neighbouring rows are one source, and `width` times positions one sum."""
        results: list[Rows] = []
        source, columns = rows, width
        for level, stage in enumerate(self._stages):
            sources = np.concatenate(stage.sources or [_NONE])
            lengths = np.concatenate(stage.lengths or [_NONE]).ravel()
            if level == 0:
                sources = sources // self.positions
            source = engine.segment_sum(source, *wide_segments(sources, lengths, columns))
            columns = width * self.positions
            if stage.wanted:
                source_of = wide(np.concatenate(stage.wanted), columns)
                results.append(engine.take(source, source_of))
        return results


def wide(numbers: Index, width: int) -> Index:
    """The rows of what is `width` rows each."""
    if width == 1:
        return numbers
    return np.ascontiguousarray(numbers[:, None] * width + np.arange(width)).ravel()


def wide_segments(sources: Index, lengths: Index, width: int) -> tuple[Index, Index]:
    """Index and offsets of segments, each once for every column."""
    repeated = np.repeat(lengths, width)
    offsets = np.concatenate([[0], np.cumsum(repeated)])
    if width == 1:
        return sources, offsets
    # Every segment comes `width` times in a row, over the same sources.
    starts = np.repeat(np.cumsum(lengths) - lengths, width)
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], repeated)
    columns = np.repeat(np.tile(np.arange(width), len(lengths)), repeated)
    return sources[np.repeat(starts, repeated) + within] * width + columns, offsets
