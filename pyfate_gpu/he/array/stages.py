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
    """Segments that are summed together; their sources are rows, or sums of the stage before."""

    sources: list[Index] = field(default_factory=list)
    lengths: list[Index] = field(default_factory=list)
    count: int = 0

    def append(self, sources: Index, lengths: Index) -> int:
        """Segments of `lengths` over consecutive sources; the number of the first one."""
        first = self.count
        self.sources.append(sources)
        self.lengths.append(lengths)
        self.count += len(lengths)
        return first

    @property
    def additions(self) -> int:
        """One fewer than its sources for each segment."""
        return sum(map(len, self.sources)) - self.count


@dataclass
class Stages:
    """What to sum, stage by stage, and which sums are wanted in the end."""

    stages: list[Stage] = field(default_factory=list)
    wanted: list[tuple[int, Index]] = field(default_factory=list)

    def at(self, level: int) -> Stage:
        """The stage of a level, which may be the next one."""
        if level == len(self.stages):
            self.stages.append(Stage())
        return self.stages[level]

    @property
    def count(self) -> int:
        """Sums of all stages together."""
        return sum(stage.count for stage in self.stages)

    @property
    def additions(self) -> int:
        """Of all stages together, for arrays of one column."""
        return sum(stage.additions for stage in self.stages)

    def run(self, engine: PublicEngine, rows: Rows, width: int) -> list[Rows]:
        """The wanted sums, in order; `width` neighbouring rows are one source, and one sum."""
        outputs: list[Rows] = []
        source = rows
        for stage in self.stages:
            sources = np.concatenate([*stage.sources, _NONE])
            lengths = np.concatenate([*stage.lengths, _NONE])
            source = engine.segment_sum(source, *_wide(sources, lengths, width))
            outputs.append(source)
        return [engine.take(outputs[level], _columns(sums, width)) for level, sums in self.wanted]


def _wide(sources: Index, lengths: Index, width: int) -> tuple[Index, Index]:
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


def _columns(sums: Index, width: int) -> Index:
    return np.ascontiguousarray(sums[:, None] * width + np.arange(width)).ravel()
