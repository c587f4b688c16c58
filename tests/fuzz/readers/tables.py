# SPDX-License-Identifier: Apache-2.0
"""Tables: one row for each id, one name for each column."""

from __future__ import annotations

import importlib.util

import numpy as np

from pyfate_gpu.data.sources import DataSource, read_rows
from tests.fuzz.target import Target, from_file

HAS_ARROW = importlib.util.find_spec("pyarrow") is not None
if HAS_ARROW:  # before memory is limited
    import pyarrow.feather
    import pyarrow.parquet  # noqa: F401


def _reader(form, **columns):
    return from_file(form, lambda path: read_rows(DataSource(path, format=form, **columns)))


def _rows_hold(data, rows):
    """One row for each id, one name for each column, numbers that the text spells in ASCII."""
    count, width = rows.values.shape
    shapes = count == len(rows.ids) == len(set(rows.ids)) and width == len(rows.names)
    return shapes and rows.labels.shape == (count,) and rows.values.dtype == np.float64


CSV = Target("csv", _reader("csv", id="id", label="y"), _rows_hold)
TAGS = Target("tags", _reader("tags", label="y"), _rows_hold)
LIBSVM = Target("libsvm", _reader("libsvm", label="label", leading=["label"]), _rows_hold)
PARQUET = Target("parquet", _reader("parquet", id="id", label="y"), _rows_hold)
ARROW = Target("arrow", _reader("arrow", id="id", label="y"), _rows_hold)
