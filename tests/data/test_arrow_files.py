# SPDX-License-Identifier: Apache-2.0
"""Parquet and Arrow files: every type exact or refused by name, and no column that their owner did not see."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu.data.sources import DataSource, read_rows
from pyfate_gpu.errors import DataError

pa = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(params=["parquet", "arrow"])
def keep(request, tmp_path):
    """Write columns to a file."""

    def to_file(metadata=None, **columns):
        table = pa.table(columns)
        if metadata:
            table = table.replace_schema_metadata(metadata)
        path = tmp_path / f"x.{request.param}"
        (parquet.write_table if request.param == "parquet" else feather.write_feather)(table, path)
        return path

    to_file.suffix = request.param
    return to_file


def test_a_whole_file(keep):
    path = keep(id=["u2", "u1", "u10"], y=[1, 0, 1], a=[3.5, 1e-3, 7.0], b=[-1, None, None])
    rows = read_rows(DataSource(path, label="y"))
    assert rows.ids == ["u1", "u10", "u2"]
    assert rows.names == ("a", "b")
    np.testing.assert_array_equal(rows.values, [[1e-3, np.nan], [7, np.nan], [3.5, -1]])
    assert rows.labels.tolist() == [0, 1, 1]
    assert rows.labels.dtype == np.int64
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="is no Parquet or Arrow file"):
        read_rows(DataSource(path, label="y"))


NUMBERS = [
    (pa.array([1, 2], pa.int8()), [1, 2]),
    (pa.array([2**63 + 2048, 2], pa.uint64()), [2**63 + 2048, 2]),
    (pa.array(np.array([1.5, 2], np.float16)), [1.5, 2]),
    (pa.array([1.5, 2], pa.float32()), [1.5, 2]),
    (pa.array([True, False]), [1, 0]),
    (pa.array([Decimal("12.75"), Decimal("-0.50")], pa.decimal128(10, 2)), [12.75, -0.5]),
    (pa.array([Decimal("99.99"), Decimal("0.1")], pa.decimal256(60, 2)), [99.99, 0.1]),
    (pa.array([1, 2]).dictionary_encode(), [1, 2]),
    (pa.array(["1.5", "2"]), [1.5, 2]),
    (pa.array(["1.5", "2"], pa.large_string()), [1.5, 2]),
    (pa.array(["true", "false"]), [1, 0]),
    (pa.array([b"1.5", b"2"]), [1.5, 2]),
]
REFUSED = [
    pa.array([date(2026, 1, 1)] * 2),
    pa.array([date(2026, 1, 1)] * 2, pa.date64()),
    pa.array([datetime(2026, 1, 1)] * 2),
    pa.array([1, 2], pa.timestamp("ns", "UTC")),
    pa.array([timedelta(1)] * 2, pa.duration("us")),
    pa.array([time(1)] * 2),
    pa.array([b"\xff\xfe"] * 2),
    pa.array([b"\xff\xfe"] * 2, pa.binary(2)),
    pa.array([[1], [2]]),
    pa.array([[1], [2]], pa.list_(pa.int64(), 1)),
    pa.array([{"a": 1}, {"a": 2}]),
    pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    pa.array([pa.MonthDayNano([1, 2, 3])] * 2),
]


def in_file(keep, column, **others):
    """Write a column beside ids."""
    if keep.suffix == "parquet" and pa.types.is_interval(column.type):
        pytest.skip("Parquet files hold no intervals")
    return keep(id=["a", "b"], x=column, **others)


@pytest.mark.parametrize(("column", "expected"), NUMBERS, ids=lambda c: str(getattr(c, "type", "")))
def test_numbers_are_exact(keep, column, expected):
    path = in_file(keep, column)
    assert read_rows(DataSource(path)).values[:, 0].tolist() == expected
    assert read_rows(DataSource(path, label="x")).labels.tolist() == expected
    assert read_rows(DataSource(path, weight="x")).extras["sample_weight"].tolist() == expected
    assert read_rows(DataSource(path, exposure="x")).extras["exposure"].tolist() == expected


@pytest.mark.parametrize("column", REFUSED, ids=lambda column: str(column.type))
@pytest.mark.parametrize(
    "use", [{}, {"label": "x"}, {"weight": "x"}, {"exposure": "x"}, {"columns": ["x"]}], ids=str
)
def test_other_types_are_refused_by_name(keep, column, use):
    path = in_file(keep, column)
    with pytest.raises(DataError, match="column 'x'.* has type ") as error:
        read_rows(DataSource(path, **use))
    assert "2026" not in str(error.value)
    assert read_rows(DataSource(path, columns=[])).values.shape == (2, 0)


IDS = [
    (pa.array(["007", "7"]), ["007", "7"]),
    (pa.array([b"a", b"b"]), ["a", "b"]),
    (pa.array([b"ab", b"cd"], pa.binary(2)), ["ab", "cd"]),
    (pa.array([b"a", b"b"], pa.large_binary()), ["a", "b"]),
    (pa.array([7, -8], pa.int16()), ["-8", "7"]),
    (pa.array([2**64 - 1, 0], pa.uint64()), ["0", "18446744073709551615"]),
    (pa.array([Decimal(12), Decimal(7)], pa.decimal128(38, 0)), ["12", "7"]),
    (pa.array(["b", "a"]).dictionary_encode(), ["a", "b"]),
    (pa.array([2, 1]).dictionary_encode(), ["1", "2"]),
    (pa.array([b"b", b"a"]).dictionary_encode(), ["a", "b"]),
    (pa.array([date(2026, 1, 31), date(2025, 1, 1)]), ["2025-01-01", "2026-01-31"]),
    *(
        [
            (
                pa.array([UUID(int=1).bytes, UUID(int=2).bytes], pa.uuid()),
                [str(UUID(int=1)), str(UUID(int=2))],
            )
        ]
        if hasattr(pa, "uuid")  # pyarrow 18 and later
        else []
    ),
]
NO_IDS = [
    pa.array([1.0, 2.0]),
    pa.array([-0.0, float("nan")], pa.float32()),
    pa.array([True, False]),
    pa.array([Decimal("1.0"), Decimal("2.0")], pa.decimal128(5, 1)),
    pa.array([1.0, 2.0]).dictionary_encode(),
    *(column for column in REFUSED if not pa.types.is_date(column.type)),
]


@pytest.mark.parametrize(("column", "expected"), IDS, ids=lambda c: str(getattr(c, "type", "")))
def test_ids_have_one_text(keep, column, expected):
    path = in_file(keep, column, z=[1.0, 2.0])
    assert read_rows(DataSource(path, id="x", columns=["z"])).ids == expected


@pytest.mark.parametrize("column", NO_IDS, ids=lambda column: str(column.type))
def test_ids_that_programs_write_differently_are_refused(keep, column):
    path = in_file(keep, column)
    with pytest.raises(DataError, match="column 'x'.* has type .*, ids are texts, whole numbers"):
        read_rows(DataSource(path, id="x", columns=[]))


def test_ids_of_several_columns(keep):
    path = keep(branch=["b", "a"], day=[date(2026, 1, 1)] * 2, number=[1, 2], x=[1.0, 2.0])
    rows = read_rows(DataSource(path, id=["branch", "day", "number"]))
    assert rows.ids == ["a|2026-01-01|2", "b|2026-01-01|1"]
    assert rows.names == ("x",)


@pytest.mark.parametrize("column", [[None, "a"], [None, 1], pa.nulls(2), pa.array([None, b"a"])])
def test_missing_ids_are_refused(keep, column):
    with pytest.raises(DataError, match="column 'x' lacks the id of some row, row 1 for one"):
        read_rows(DataSource(keep(x=column), id="x"))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([2**63 + 1, 2**63 + 2], pa.uint64()), [2**63 + 1, 2**63 + 2]),
        (pa.array([2**53 + 1, None]), [2**53 + 1, None]),
        (pa.array([Decimal(2**60 + 1), None], pa.decimal128(38, 0)), [2**60 + 1, None]),
        (pa.array([0.5, None]), [0.5, None]),
        (pa.array([True, None]), [1, None]),
        (pa.array([None, "yes"]).dictionary_encode(), [None, "yes"]),
        (pa.array([b"no", b"yes"]), ["no", "yes"]),
        (pa.nulls(2), [None, None]),
    ],
    ids=str,
)
def test_labels_stay_apart_and_missing_ones_are_marked(keep, column, expected):
    rows = read_rows(DataSource(in_file(keep, column), label="x"))
    assert rows.labels.tolist() == expected
    assert rows.labelled.tolist() == [label is not None for label in expected]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([2**53 + 1, 0]),
        pa.array([2**53 + 1, None]),
        pa.array([2**64 - 1, 0], pa.uint64()),
        pa.array([Decimal(10**30 + 1), Decimal(0)], pa.decimal128(38, 0)),
        pa.array([Decimal("9007199254740993.5"), Decimal(0)], pa.decimal128(38, 1)),
    ],
)
def test_features_that_float64_does_not_hold_are_refused(keep, column):
    path = in_file(keep, column)
    for use in ({}, {"weight": "x"}):
        with pytest.raises(DataError, match=r"column 'x'.* has a whole number beyond 2\*\*53"):
            read_rows(DataSource(path, **use))


FRAME = pd.DataFrame({"id": list("abcd"), "y": [0, 1, 1, 0], "x": [1.0, 2.0, 3.0, 4.0]})
INDEXES = {
    "none": FRAME,
    "rows in another order": FRAME.iloc[[3, 0, 1]],
    "named": FRAME.set_index(pd.Index([4, 5, 6, 7], name="row")),
    "texts": FRAME.set_index(pd.Index(list("wxyz"))),
    "two levels": FRAME.set_index(pd.MultiIndex.from_product([[1, 2], [3, 4]], names=["u", None])),
    "dates": FRAME.set_index(pd.date_range("2026-01-01", periods=4, name="day")),
}


@pytest.mark.parametrize("frame", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_the_index_of_pandas_is_no_feature(tmp_path, frame, form):
    path = tmp_path / f"x.{form}"
    if form == "parquet":
        frame.to_parquet(path)
    else:
        feather.write_feather(pa.Table.from_pandas(frame), path)
    assert read_rows(DataSource(path, label="y")).names == ("x",)


def test_an_index_that_another_program_kept_is_no_feature(tmp_path):
    polars = pytest.importorskip("polars")
    FRAME.iloc[[3, 0, 1]].to_parquet(tmp_path / "a.parquet")
    polars.read_parquet(tmp_path / "a.parquet").write_parquet(tmp_path / "b.parquet")
    assert "__index_level_0__" in parquet.read_schema(tmp_path / "b.parquet").names
    assert read_rows(DataSource(tmp_path / "b.parquet", label="y")).names == ("x",)


def test_an_index_may_be_the_id_or_be_named_as_a_feature(tmp_path):
    path = tmp_path / "x.parquet"
    FRAME.set_index("id").set_index("x", append=True).to_parquet(path)
    assert read_rows(DataSource(path)).names == ("y",)
    rows = read_rows(DataSource(path, columns=["x"]))
    assert (rows.ids, rows.values.tolist()) == (list("abcd"), [[1], [2], [3], [4]])


@pytest.mark.parametrize("text", [b"{", b"[]", b"{}", b'{"index_columns": 3}', b"\xff"])
def test_damaged_metadata_is_named(keep, text):
    path = keep({"pandas": text}, id=["a"], x=[1.0])
    with pytest.raises(DataError, match="what pandas says of its columns is damaged"):
        read_rows(DataSource(path))


def test_ranges_and_columns_that_are_not_there_do_no_harm(keep):
    levels = ["gone", {"kind": "range", "name": None, "start": 0, "stop": 1, "step": 1}]
    path = keep({"pandas": json.dumps({"index_columns": levels})}, id=["a"], x=[1.0])
    assert read_rows(DataSource(path)).names == ("x",)


def test_folders_make_no_columns(tmp_path):
    folder = tmp_path / "year=2026" / "month=1"
    folder.mkdir(parents=True)
    table = pa.table({"id": ["a", "b"], "x": [1.0, 2.0]})
    parquet.write_table(table, folder / "x.parquet")
    assert read_rows(DataSource(folder / "x.parquet")).names == ("x",)
    rows = read_rows(DataSource(tmp_path, format="parquet"))
    assert (rows.ids, rows.names) == (["a", "b"], ("x",))


def test_a_folder_of_files_is_one_table(tmp_path):
    folder = tmp_path / "x.parquet"
    folder.mkdir()
    for part, name in enumerate("ba"):
        parquet.write_table(pa.table({"id": [name], "x": [part]}), folder / f"part-{part}.parquet")
    (folder / "_SUCCESS").touch()
    assert read_rows(DataSource(folder)).ids == ["a", "b"]


@pytest.mark.parametrize("imported", ["", "import pandas"])
def test_types_of_pandas_are_refused_whether_it_is_imported_or_not(tmp_path, imported):
    path = tmp_path / "x.parquet"
    frame = FRAME.assign(
        month=pd.period_range("2026-01", periods=4, freq="M"), range=pd.interval_range(0, 4)
    )
    frame.to_parquet(path)
    code = f"""
{imported}
from pathlib import Path
from pyfate_gpu.data.sources import DataSource, read_rows
for name in ("month", "range"):
    try:
        print(read_rows(DataSource(Path({str(path)!r}), columns=[name])).values)
    except ValueError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    month, interval = done.stdout.splitlines()
    assert "column 'month' has type pandas.period, it takes numbers" in month
    assert "column 'range' has type pandas.interval, it takes numbers" in interval


def test_reading_does_not_import_pandas(keep):
    path = keep(id=["a", "b"], x=[1.5, 2.0], y=[1, None], z=[7, 8])
    code = f"""
import sys
from pathlib import Path
from pyfate_gpu.data.sources import DataSource, read_rows
read_rows(DataSource(Path({str(path)!r}), label="y"))
print("pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_decimals_whose_digits_end_before_the_point(tmp_path):
    hundreds = pa.array([Decimal("1e2"), Decimal("3e2")], pa.decimal128(5, -2))
    path = tmp_path / "x.arrow"  # Parquet has none of these
    feather.write_feather(pa.table({"id": ["a", "b"], "y": hundreds, "x": hundreds}), path)
    rows = read_rows(DataSource(path, label="y"))
    assert rows.labels.tolist() == [100, 300]
    assert rows.values.tolist() == [[100.0], [300.0]]
