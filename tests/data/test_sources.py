# SPDX-License-Identifier: Apache-2.0
"""Rows from files: by id, in one order, with names; what is wrong is named."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu.data.sources import DataSource, read_rows
from pyfate_gpu.errors import ConfigurationError, DataError

CSV = "id,y,a,b\nu2,1,3.5,-1\nu1,0,1e-3,\n\nu10,1,7, nan\n"


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="x.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


def check(rows):
    assert rows.ids == ["u1", "u10", "u2"]
    assert rows.names == ("a", "b")
    np.testing.assert_array_equal(rows.values, [[1e-3, np.nan], [7, np.nan], [3.5, -1]])
    np.testing.assert_array_equal(rows.labels, [0, 1, 1])
    assert rows.labels.dtype == np.int64


def test_csv(write):
    path = write(CSV)
    check(read_rows(DataSource(path, label="y")))
    one = read_rows(DataSource(path, label="y", columns=["b"]))
    assert one.names == ("b",)
    assert read_rows(DataSource(path)).names == ("y", "a", "b")
    assert read_rows(DataSource(write("﻿" + CSV), label="y")).names == ("a", "b")


def test_weights_and_exposures_are_no_features(write):
    path = write("id,y,w,t,a\n2,1,0.5,3,7\n1,0,2,4,8\n")
    rows = read_rows(DataSource(path, label="y", weight="w", exposure="t"))
    assert rows.names == ("a",)
    assert rows.extras["sample_weight"].tolist() == [2, 0.5]
    assert rows.extras["exposure"].tolist() == [4, 3]


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_parquet_and_arrow(tmp_path, kind):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    columns = {"id": ["u2", "u1", "u10"], "y": [1, 0, 1], "a": [3.5, 1e-3, 7.0]}
    table = arrow.table({**columns, "b": [-1, None, None]})
    path = tmp_path / f"x.{kind}"
    (parquet.write_table if kind == "parquet" else feather.write_feather)(table, path)
    check(read_rows(DataSource(path, label="y")))
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="is no Parquet or Arrow file"):
        read_rows(DataSource(path, label="y"))


def test_libsvm(write):
    path = write("+1 1:0.5 3:2\n-1 2:1 # note\n", "x.svm")
    rows = read_rows(DataSource(path, label="label"))
    assert rows.ids == ["0", "1"]
    assert rows.names == ("1", "2", "3")
    np.testing.assert_array_equal(rows.values, [[0.5, 0, 2], [0, 1, 0]])
    np.testing.assert_array_equal(rows.labels, [1, -1])
    path = write("b 7 0:1\na 8\n", "x.libsvm")
    rows = read_rows(DataSource(path, leading=["id", "skip"]))
    assert (rows.ids, rows.names, rows.values.tolist()) == (["a", "b"], ("0",), [[0], [1]])


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "0"], [1, 0]),
        (["1.5", "2"], [1.5, 2.0]),
        (["yes", "no"], ["yes", "no"]),
    ],
)
def test_labels_are_what_all_of_them_are(write, cells, expected):
    path = write("id,y,a\n" + "".join(f"{i},{c},0\n" for i, c in enumerate(cells)))
    assert read_rows(DataSource(path, label="y")).labels.tolist() == expected


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("a,b\n1,2\n", {}, "has no column 'id'; it has a, b"),
        ("id,a\n1,2\n", {"label": "y"}, "has no column 'y'"),
        ("id,a\n1,2\n1,3\n", {}, "1 ids are there more than once, '1' for one"),
        ("id,a\n1,2\n,3\n", {}, "column 'id' lacks the id of some row"),
        ("id,a\n1,2\n2,3,4\n", {}, "row 2 has 3 cells, the header has 2"),
        ("id,a,a\n1,2,3\n", {}, "columns named more than once: a"),
        ("id,a\n1,red\n", {}, "column 'a' of row 1 is 'red', it takes numbers"),
        (b"id,a\n\xff,2\n", {}, "is no text in UTF-8"),
        ("", {}, "has no column 'id'"),
        ("1 2\n", {"format": "libsvm"}, "'2' in place of index:value"),
        ("1 1:x\n", {"format": "libsvm"}, "'1:x' in place of index:value"),
        ("1:1\n", {"format": "libsvm"}, "row 1 lacks label at its start"),
        ("1 1:1_0\n", {"format": "libsvm"}, "'1:1_0' in place of index:value"),
        ("1 \u0663:1\n", {"format": "libsvm"}, "in place of index:value"),
        ("1 1:1 1:2\n", {"format": "libsvm"}, "row 1 has an index more than once"),
        ("1 999999999999:1\n", {"format": "libsvm"}, "the limits are 1048576 columns"),
        ("id,a\n1,1_0\n", {}, "column 'a' of row 1 is '1_0', it takes numbers"),
        ("id,a\n1,\u0663\n", {}, "column 'a' of row 1 is"),
        ("id,a\n1," + "9" * 200_000, {}, "is no CSV file: field larger than field limit"),
    ],
)
def test_files_that_cannot_be_used(write, text, options, problem):
    with pytest.raises(DataError, match=problem):
        read_rows(DataSource(write(text), **options))


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("x.xlsx", {}, "format unknown; set format to one of csv, libsvm, parquet, arrow"),
        ("x.csv", {"format": "sql"}, "format sql; set format"),
        ("x.csv", {"label": "y", "columns": ["a", "y"]}, "columns names features only"),
        ("x.svm", {"leading": ["id", "id"]}, "takes id and label, each once"),
        ("x.svm", {"weight": "w"}, "no columns of weights"),
        ("x.svm", {"leading": ["weight"]}, "takes id and label, each once"),
    ],
)
def test_sources_that_make_no_sense(write, name, options, problem):
    with pytest.raises(ConfigurationError, match=problem):
        read_rows(DataSource(write(CSV, name), **options))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*x.csv: No such file"):
        read_rows(DataSource(tmp_path / "x.csv"))
