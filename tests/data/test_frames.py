# SPDX-License-Identifier: Apache-2.0
"""Data frames of any library: every type exact or refused by name, no value ever in an error."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu.data.tables import read_labels, read_table, read_targets
from pyfate_gpu.errors import DataError

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")


def arrow_backed(values, kind):
    return pd.array(values, dtype=pd.ArrowDtype(kind))


MAKERS = {
    "pandas": pd.DataFrame,
    "pandas, backed by Arrow": lambda data: pa.table(data).to_pandas(types_mapper=pd.ArrowDtype),
    "pyarrow": pa.table,
    "Polars": pl.DataFrame,
    "a record batch": pa.RecordBatch.from_pydict,
    "Arrow's C stream": lambda data: pa.table(data).to_reader(),
}


@pytest.fixture(params=MAKERS.values(), ids=MAKERS)
def frame(request):
    return request.param


def test_tables_of_every_library(frame):
    table = read_table(frame({"a": [1, 3], "b": [2.5, 4.0], "c": [True, False]}))
    assert table.names == ("a", "b", "c")
    assert table.values.tolist() == [[1, 2.5, 1], [3, 4, 0]]
    assert table.values.flags.c_contiguous


@pytest.mark.parametrize("value", [2**53 + 1, 2**63 + 1, -(2**62) - 1])
def test_whole_numbers_are_not_rounded(frame, value):
    dtype = np.int64 if value < 2**63 else np.uint64
    X = frame({"small": np.array([-1, 1]), "large": np.array([value, 0], dtype=dtype)})
    with pytest.raises(
        DataError, match=r"column 'large' has a whole number beyond 2\*\*53"
    ) as error:
        read_table(X)
    assert str(abs(value)) not in str(error.value)


def test_large_whole_numbers_that_float64_holds(frame):
    X = frame({"a": np.array([2**63], dtype=np.uint64), "b": np.array([-(2**63)])})
    assert read_table(X).values.tolist() == [[2.0**63, -(2.0**63)]]


@pytest.mark.parametrize(
    "values",
    [
        ["red", "blue"],
        [date(2026, 1, 1)] * 2,
        [datetime(2026, 1, 1)] * 2,
        [timedelta(7)] * 2,
        [time(7)] * 2,
        [[1], [2]],
        [b"\xff", b"\xfe"],
        [b"red", b"blue"],
    ],
    ids=repr,
)
def test_columns_of_no_numbers_are_named(frame, values):
    with pytest.raises(DataError, match=r"column 'x'.* has type .*, it takes numbers") as error:
        read_table(frame({"a": [1.0, 2.0], "x": values}))
    assert not any(text in str(error.value) for text in ("red", "2026"))


@pytest.mark.parametrize(
    "values", [[1, None], [0.5, None], [True, None], [Decimal("1.5"), None], [2**53 + 1, None]]
)
def test_missing_values_are_named(frame, values):
    large = values[0] == 2**53 + 1 and frame is not pd.DataFrame  # pandas has made a float of it
    text = "'x'.* has a whole number" if large else "X holds NaN or infinite values in 'x'"
    with pytest.raises(DataError, match=text):
        read_table(frame({"a": [1.0, 2.0], "x": values}))
    if not large:
        found = read_table(frame({"x": values}), missing=True).values[:, 0]
        np.testing.assert_array_equal(found, [float(values[0]), np.nan])


def test_decimals_are_numbers(frame):
    X = frame({"x": [Decimal("12.75"), Decimal("99.99")]})
    assert read_table(X).values.tolist() == [[12.75], [99.99]]


def test_a_frame_of_many_nullable_types():
    columns = {
        "Int64": pd.array([1, 2], dtype="Int64"),
        "UInt8": pd.array([1, 2], dtype="UInt8"),
        "Float64": pd.array([1, 2], dtype="Float64"),
        "Float32": pd.array([1, 2], dtype="Float32"),
        "boolean": pd.array([True, True], dtype="boolean"),
        "float16": np.array([1, 2], dtype=np.float16),
        "longdouble": np.array([1, 2], dtype=np.longdouble),
        "other byte order": np.array([1, 2], dtype=">i8"),
        "category": pd.Categorical([1, 2]),
        "object": np.array([1, Decimal(2)], dtype=object),
        "sparse": pd.arrays.SparseArray([1, 2]),
        "arrow int": arrow_backed([1, 2], pa.int8()),
        "arrow float": arrow_backed([1, 2], pa.float32()),
        "arrow half": arrow_backed(np.array([1, 2], np.float16), pa.float16()),
        "arrow bool": arrow_backed([True, True], pa.bool_()),
        "arrow decimal": arrow_backed([Decimal(1), Decimal(2)], pa.decimal128(38, 2)),
    }
    values = read_table(pd.DataFrame(columns)).values
    assert (values[0] == 1).all()
    assert values[1].tolist() == [1.0 if "bool" in name else 2.0 for name in columns]


@pytest.mark.parametrize(
    "column",
    [
        pd.array([1, None], dtype="Int64"),
        pd.array([1.5, None], dtype="Float64"),
        pd.array([True, None], dtype="boolean"),
        arrow_backed([1, None], pa.int64()),
        arrow_backed([1.5, None], pa.float32()),
        arrow_backed([True, None], pa.bool_()),
        arrow_backed([Decimal("1.5"), None], pa.decimal256(60, 2)),
        np.array([1, pd.NA], dtype=object),
        np.array([Decimal(1), Decimal("nan")], dtype=object),
        np.array([1, pd.NaT], dtype=object),
        pd.Categorical([1, None]),
        pd.arrays.SparseArray([1, np.nan]),
    ],
    ids=lambda column: str(column.dtype),
)
def test_missing_values_of_every_type(column):
    with pytest.raises(DataError, match="X holds NaN or infinite values in 'x'"):
        read_table(pd.DataFrame({"x": column}))
    found = read_table(pd.DataFrame({"x": column}), missing=True).values[:, 0]
    assert np.isnan(found).tolist() == [False, True]


@pytest.mark.parametrize(
    "column",
    [
        pd.array(["a", "b"], dtype="string"),
        pd.array(["a", None], dtype="string[pyarrow]"),
        arrow_backed(["a", "b"], pa.string()),
        pd.Categorical(["a", "b"]),
        pd.period_range("2026", periods=2, freq="Y"),
        pd.interval_range(2026, periods=2),
        pd.date_range("2026", periods=2, tz="UTC"),
        pd.to_timedelta([2026, 1]),
        np.array([2026j, 1]),
        arrow_backed([pa.MonthDayNano([1, 2, 3])] * 2, pa.month_day_nano_interval()),
        arrow_backed([2026, 1], pa.timestamp("ns")),
        np.array([(2026,), "a"], dtype=object),
    ],
    ids=lambda column: str(column.dtype),
)
def test_other_types_are_refused_by_name(column):
    with pytest.raises(DataError, match=r"column 'x'.* has type .*, it takes numbers") as error:
        read_table(pd.DataFrame({"x": column}))
    assert "2026" not in str(error.value)


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([1, 2], dtype=pl.Int128),
        pl.Series([1, 2], dtype=pl.UInt64),
        pl.Series([1, 2], dtype=pl.Float32),
        pl.Series([Decimal(1), Decimal(2)], dtype=pl.Decimal(20, 2)),
    ],
    ids=lambda column: str(column.dtype),
)
def test_numbers_of_polars(column):
    assert read_table(pl.DataFrame({"x": column})).values.tolist() == [[1], [2]]


@pytest.mark.parametrize(
    "column",
    [
        pl.Series(["a", "b"], dtype=pl.Categorical),
        pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
        pl.Series([[1], [2]], dtype=pl.Array(pl.Int64, 1)),
        pl.Series([{"a": 1}, {"a": 2}]),
        pl.Series([object(), object()], dtype=pl.Object),
        pl.Series([2**127 - 1, 0], dtype=pl.Int128),
    ],
    ids=lambda column: str(column.dtype),
)
def test_other_types_of_polars_are_refused(column):
    with pytest.raises(DataError, match=r"column 'x'.* has (type|a whole number)"):
        read_table(pl.DataFrame({"x": column}))
    assert len(read_table(pl.DataFrame({"x": [None, None]}), missing=True).values) == 2


def test_lazy_frames_have_no_rows_yet():
    with pytest.raises(DataError, match="X is a lazy frame, which has no rows yet: collect it"):
        read_table(pl.LazyFrame({"a": [1]}))


@pytest.mark.parametrize(
    "X",
    [pl.Series([1]), pa.array([1]), pa.chunked_array([[1]]), pa.schema([])],
    ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
)
def test_one_column_is_no_table(X):
    with pytest.raises(DataError, match="X has 1 dimensions, it takes 2"):
        read_table(X)


def test_columns_of_the_same_name_are_refused():
    with pytest.raises(DataError, match="columns named more than once: a; rename them"):
        read_table(pa.table([[1], [2]], names=["a", "a"]))


@pytest.mark.parametrize("name", [None, "row"])
def test_the_index_of_pandas_is_no_column_of_an_arrow_table(name):
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=pd.Index([5, 3], name=name))
    for table in (frame, pa.Table.from_pandas(frame), pa.RecordBatch.from_pandas(frame)):
        assert read_table(table).names == ("a",)


SERIES = {
    "pandas": pd.Series,
    "pyarrow": lambda values: pa.chunked_array([values]),
    "an Arrow array": pa.array,
    "Polars": pl.Series,
}


@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES)
@pytest.mark.parametrize(
    "values",
    [
        [1, 0],
        [2**53 + 1, 2**53],
        [0.5, 1.5],
        [True, False],
        ["b", "a"],
        [Decimal("12.75"), Decimal("0.50")],
        [b"b", b"a"],
    ],
    ids=repr,
)
def test_labels_of_every_library(series, values):
    expected = [v.decode() if isinstance(v, bytes) else v for v in values]
    assert read_labels(series(values), 2).tolist() == expected
    with pytest.raises(DataError, match="y has shape|y holds missing"):
        read_labels(series([values[0], None]), 2)


@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES)
@pytest.mark.parametrize(
    "values",
    [[date(2026, 1, 1)] * 2, [datetime(2026, 1, 1)] * 2, [timedelta(1)] * 2, [[1], [2]]],
    ids=repr,
)
def test_labels_of_other_types_are_refused(series, values):
    with pytest.raises(DataError, match="labels|column 'y'|y has|y mixes") as error:
        read_labels(series(values), 2)
    assert "2026" not in str(error.value)


def test_targets_of_every_library():
    for series in SERIES.values():
        assert read_targets(series([Decimal("12.75"), Decimal("0.50")]), 2).tolist() == [12.75, 0.5]
        with pytest.raises(DataError, match=r"y holds a whole number beyond 2\*\*53"):
            read_targets(series([2**53 + 1, 1]), 2)
