# SPDX-License-Identifier: Apache-2.0
"""What is fuzzed: readers of bytes from outside, a line for each."""

from __future__ import annotations

from tests.fuzz.readers import (
    bindings,
    bins,
    configurations,
    encrypted,
    intersection,
    keys,
    messages,
    models,
    tables,
)
from tests.fuzz.target import CORPUS, Target

__all__ = ["CORPUS", "TARGETS", "Target"]

TARGETS = {
    target.name: target
    for target in (
        encrypted.WIRE,
        messages.FRAME,
        messages.OPENING,
        keys.PUBLIC_KEY,
        keys.PRIVATE_KEY,
        keys.SEALED_KEY,
        models.MODEL,
        models.CHECKPOINT,
        models.TREES,
        models.TRANSFER,
        bins.BINS,
        bins.SELECTION,
        bins.SCORECARD,
        *([intersection.PSI] if intersection.HAS_PSI else []),
        bindings.ROWS,
        tables.CSV,
        tables.LIBSVM,
        tables.TAGS,
        *([tables.PARQUET, tables.ARROW] if tables.HAS_ARROW else []),
        configurations.PARTY,
        configurations.JOB,
    )
}
