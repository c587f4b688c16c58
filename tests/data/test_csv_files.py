# SPDX-License-Identifier: Apache-2.0
"""CSV files as people and programs write them."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.data.sources import DataSource, read_rows
from pyfate_gpu.errors import DataError

CSV = "id,y,a,b\nu2,1,3.5,-1\nu1,0,1e-3,\n\nu10,1,7, nan\n"


def check(rows):
    assert rows.ids == ["u1", "u10", "u2"]
    assert rows.names == ("a", "b")
    np.testing.assert_array_equal(rows.values, [[1e-3, np.nan], [7, np.nan], [3.5, -1]])
    np.testing.assert_array_equal(rows.labels, [0, 1, 1])
    assert rows.labels.dtype == np.int64


def test_names_stand_in_the_first_row(write):
    path = write(CSV)
    check(read_rows(DataSource(path, label="y")))
    assert read_rows(DataSource(path, label="y", columns=["b"])).names == ("b",)
    assert read_rows(DataSource(path)).names == ("y", "a", "b")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_delimiters_ends_of_lines_and_byte_order_marks(write, delimiter, end, mark):
    path = write(mark + CSV.replace(",", delimiter).replace("\n", end))
    check(read_rows(DataSource(path, label="y", delimiter=delimiter)))


def test_tabs_are_usual_in_files_that_are_called_so(write):
    check(read_rows(DataSource(write(CSV.replace(",", "\t"), "x.tsv"), label="y")))
    with pytest.raises(
        DataError, match=r"has no column 'id'; it has id;y;a;b; delimiter is ',', is it ';'\?"
    ):
        read_rows(DataSource(write(CSV.replace(",", ";"))))


def test_spaces_around_names_and_cells_do_not_count(write):
    text = ' id ,"y" , a,b \n u2 ,1 , 3.5,-1\nu1, 0,1e-3 ,  \n   \n" u10", 1,7,nan\n'
    check(read_rows(DataSource(write(text.replace('"y" ', '"y"')), label="y")))


def test_weights_and_exposures_are_no_features(write):
    path = write("id,y,w,t,a\n2,1,0.5,3,7\n1,0,2,4,8\n")
    rows = read_rows(DataSource(path, label="y", weight="w", exposure="t"))
    assert rows.names == ("a",)
    assert rows.extras["sample_weight"].tolist() == [2, 0.5]
    assert rows.extras["exposure"].tolist() == [4, 3]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_the_index_of_pandas_is_no_feature(write, times):
    frame = pd.DataFrame({"id": list("ab"), "x": [1.0, 2.0]}, index=[7, 3])
    for _ in range(times):
        text = frame.to_csv()
        frame = pd.read_csv(io.StringIO(text))
    assert read_rows(DataSource(write(text))).names == ("x",)


def test_an_index_may_be_named(write):
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=[7, 3])
    assert read_rows(DataSource(write(frame.to_csv()), id="")).ids == ["3", "7"]
    rows = read_rows(DataSource(write(frame.to_csv(index_label="customer")), id="customer"))
    assert (rows.ids, rows.names) == (["3", "7"], ("x",))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "0"], [1, 0]),
        (["1.5", "2"], [1.5, 2.0]),
        (["yes", "no"], ["yes", "no"]),
        (["true", "False"], [1, 0]),
        (["true", "maybe"], ["true", "maybe"]),
        (["1", "true"], ["1", "true"]),
        (["1_0", "2"], ["1_0", "2"]),
        (["none", "null"], ["none", None]),
        (["9223372036854775809", "-1"], [9223372036854775809, -1]),
        (["9223372036854775809", "NULL"], [9223372036854775809, None]),
    ],
)
def test_labels_are_what_all_of_them_are(write, cells, expected):
    path = write("id,y,a\n" + "".join(f"{i},{c},0\n" for i, c in enumerate(cells)))
    assert read_rows(DataSource(path, label="y")).labels.tolist() == expected


@pytest.mark.parametrize("order", [1, -1])
def test_labels_past_64_bits_stay_apart(write, order):
    values = [2**63 + 1, 2**63 + 2, 5, 2**70][::order]
    path = write("id,y,a\n" + "".join(f"{i},{v},0\n" for i, v in enumerate(values)))
    assert read_rows(DataSource(path, label="y")).labels.tolist() == values


def test_truth_values_are_numbers(write):
    rows = read_rows(DataSource(write("id,a\n1,true\n2,FALSE\n3,\n")))
    np.testing.assert_array_equal(rows.values[:, 0], [1.0, 0.0, np.nan])


@pytest.mark.parametrize("text", sorted(pd._libs.parsers.STR_NA_VALUES))
def test_missing_values_are_those_of_pandas(write, text):
    path = write(f"id,a,y\n1,{text},{text}\n2,5,x\n")
    rows = read_rows(DataSource(path, label="y"))
    np.testing.assert_array_equal(rows.values[:, 0], [np.nan, 5.0])
    assert rows.labels.tolist() == [None, "x"]


def test_missing_values_of_ones_own(write):
    path = write("id,y,a\n1,NA,?\n2,x,-999\n3,,7\n")
    rows = read_rows(DataSource(path, label="y", missing=["?", "-999"]))
    np.testing.assert_array_equal(rows.values[:, 0], [np.nan, np.nan, 7.0])
    assert rows.labels.tolist() == ["NA", "x", None]
    with pytest.raises(DataError, match="column 'a' of row 1"):
        read_rows(DataSource(path, label="y"))


def test_ids_of_several_columns(write):
    path = write("branch,account,x\nb,1,5\na|b,2,6\n")
    rows = read_rows(DataSource(path, id=["branch", "account"]))
    assert (rows.ids, rows.names, rows.values.tolist()) == (["a\\|b|2", "b|1"], ("x",), [[6], [5]])


def test_ids_keep_their_zeros(write):
    assert read_rows(DataSource(write("id,x\n007,1\n7,2\n7.0,3\nNA,4\n"))).ids == [
        "007",
        "7",
        "7.0",
        "NA",
    ]


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_floats_come_back_as_they_were(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("floats") / "x.csv"
    pd.DataFrame({"x": values}).to_csv(path, index_label="id")
    found = read_rows(DataSource(path))
    order = [found.ids.index(str(row)) for row in range(len(values))]
    assert found.values[order, 0].tolist() == values


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("a,b\nx,2\n", {}, "has no column 'id'; it has a, b"),
        ("1,0.5,c\nx,2,3\n", {}, "has no column 'id'; it has c and 2 numbers in place of names"),
        ("17,0.5\n1,2\n", {}, "has no column 'id'; it has 2 numbers in place of names"),
        ("id,a\n1,2\n", {"label": "y"}, "has no column 'y'"),
        ("id,a\nx,2\nx,3\n", {}, "1 ids are there more than once, in rows 1 and 2 for one"),
        ("id,a\n1,2\n,3\n", {}, r"column 'id' lacks the id of some row, row 2 \(line 3\) for one"),
        ("id,a\n1,2\n\n2,3,4\n", {}, r"row 2 has 3 cells, the header has 2 \(line 4\)"),
        ("id,a,a\n1,2,3\n", {}, "columns named more than once: a"),
        ("x,7,7\ny,2,3\n", {}, "columns named more than once: 1 numbers in place of names"),
        ("", {}, "has no column 'id'; it has none"),
        ("id,a, a\n1,2,3\n", {}, "columns named more than once: a"),
        ("id,a\n1,red\n", {}, r"column 'a' of row 1 \(line 2\) has type text, it takes numbers"),
        ("id,a\n1,2026-01-31\n", {}, r"column 'a' of row 1 \(line 2\) has type text, it takes"),
        ('id,t,a\n1,"x\ny",1\n\n2,z,?\n', {"columns": ["a"]}, r"'a' of row 2 \(line 5\)"),
        ("id,a\n1,true\n2,1\n", {}, r"column 'a' of row 1 \(line 2\) has type text"),
        (
            "id,a\n1,9007199254740993\n",
            {},
            r"'a' of row 1 \(line 2\) has a whole number beyond 2\*\*53",
        ),
        ("id,a\n1,1_0\n", {}, r"column 'a' of row 1 \(line 2\) has type text"),
        ("id,a\n1,\u0663\n", {}, r"column 'a' of row 1 \(line 2\) has type text"),
        (
            "id,y,a\n1,9007199254740993,0\n2,0.5,0\n",
            {"label": "y"},
            "'y' has a whole number beyond",
        ),
        ("", {}, "has no column 'id'"),
        ("id,a\n1," + "9" * 200_000, {}, "is no CSV file: field larger than field limit"),
        ('id,y,a\n1,"2\n3,4,5\n', {"label": "y"}, "is no CSV file: unexpected end of data"),
        ('id,a\n1,"2"3\n', {}, "is no CSV file: ',' expected after"),
    ],
)
def test_files_that_cannot_be_used(write, text, options, problem):
    with pytest.raises(DataError, match=problem) as error:
        read_rows(DataSource(write(text), **options))
    assert not any(
        cell in str(error.value) for cell in ("red", "2026", "9007", "\u0663", "1_0", "0.5")
    )
