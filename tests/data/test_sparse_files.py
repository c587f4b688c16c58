# SPDX-License-Identifier: Apache-2.0
"""Sparse files of LibSVM, SVM light and FATE: what is in no line is 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import dump_svmlight_file

from pyfate_gpu.data.sources import DataSource, read_rows
from pyfate_gpu.errors import DataError


def test_libsvm(write):
    path = write("+1 1:0.5 3:2\n-1 2:1 # note\n", "x.svm")
    rows = read_rows(DataSource(path, label="label"))
    assert rows.ids == ["0", "1"]
    assert rows.names == ("1", "2", "3")
    np.testing.assert_array_equal(rows.values, [[0.5, 0, 2], [0, 1, 0]])
    np.testing.assert_array_equal(rows.labels, [1, -1])
    assert read_rows(DataSource(path)).labels is None
    path = write("b 7 0:1\na 8\n", "x.libsvm")
    rows = read_rows(DataSource(path, leading=["id", "skip"]))
    assert (rows.ids, rows.names, rows.values.tolist()) == (["a", "b"], ("0",), [[0], [1]])


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("0 1:1 2:1\n1 2:4\n", ["1", "2", "3"], [[1, 1, 0], [0, 4, 0]]),
        ("0 1:1\n1 2:4\n", ["0", "1", "2"], [[0, 1, 0], [0, 0, 4]]),
        ("0 0:7 1:1\n1\n", ["1", "2"], [[1, 0], [0, 0]]),
        ("0\n1\n", ["1"], [[0], [0]]),
        ("0 1:1\n1 5:4\n", ["5", "1"], [[0, 1], [4, 0]]),
        ("0 1:1\n1 5:4\n", [], [[], []]),
        ("0 01:1\n1\n", ["1"], [[1], [0]]),
    ],
)
def test_rows_that_lack_what_a_model_was_trained_on(write, text, names, expected):
    rows = read_rows(DataSource(write(text, "x.svm"), columns=names))
    assert rows.names == tuple(names)
    assert rows.values.tolist() == expected


@given(st.integers(1, 5), st.integers(1, 5), st.booleans(), st.data())
def test_files_of_scikit_learn(tmp_path_factory, rows, columns, zero, data):
    cells = st.sampled_from([0.0, 0.0, 1.5, -2.0, 1e-300])
    matrix = np.array(data.draw(st.lists(cells, min_size=rows * columns, max_size=rows * columns)))
    matrix = matrix.reshape(rows, columns)
    path = tmp_path_factory.mktemp("svm") / "x.svm"
    dump_svmlight_file(matrix, np.arange(rows), str(path), zero_based=zero)
    names = [str(i) for i in range(columns)] if zero else [str(i + 1) for i in range(columns)]
    found = read_rows(DataSource(path, label="y", columns=names))
    assert found.values.tolist() == matrix.tolist()
    assert found.labels.tolist() == list(range(rows))


def test_svmlight_files_of_fate(write):
    path = write("7,1,0:-0.5,1:2\n10,0,1:3\n", "svmlight_guest.csv")
    rows = read_rows(DataSource(path, format="libsvm", leading=["id", "label"], label="y"))
    assert (rows.ids, rows.labels.tolist()) == (["10", "7"], [0, 1])
    assert (rows.names, rows.values.tolist()) == (("0", "1"), [[0, 3], [-0.5, 2]])
    host = write("7,0:1\n10,1:2\n", "svmlight_host.csv")
    rows = read_rows(DataSource(host, format="libsvm", leading=["id"], delimiter=","))
    assert (rows.ids, rows.values.tolist()) == (["10", "7"], [[0, 2], [1, 0]])


@pytest.mark.parametrize(
    "text", ["133,x0:0.4;x10:-1.2\n27,x2:3;x0:1\n", "133 x0:0.4 x10:-1.2\n\n27\tx2:3\tx0:1"]
)
def test_tag_files_of_fate(write, text):
    rows = read_rows(DataSource(write(text), format="tags"))
    assert (rows.ids, rows.names, rows.labels) == (["133", "27"], ("x0", "x10", "x2"), None)
    assert rows.values.tolist() == [[0.4, -1.2, 0], [1, 0, 3]]
    rows = read_rows(DataSource(write(text), format="tags", columns=["x2", "new", "x0"]))
    assert rows.values.tolist() == [[0, 0, 0.4], [3, 0, 1]]


def test_tags_without_values_are_1(write):
    rows = read_rows(DataSource(write("1,a;c\n2,a;b;d\n", "x.tags")))
    assert (rows.names, rows.values.tolist()) == (tuple("abcd"), [[1, 0, 1, 0], [1, 1, 0, 1]])


def test_tags_after_a_label(write):
    rows = read_rows(
        DataSource(write("b 1 ns:x:2 y:NA\na 0 y:-\n", "x.tags"), label="y", missing=["-", "NA"])
    )
    assert (rows.ids, rows.labels.tolist(), rows.names) == (["a", "b"], [0, 1], ("ns:x", "y"))
    np.testing.assert_array_equal(rows.values, [[0, np.nan], [2, np.nan]])


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("1 2\n", {}, r"row 1 \(line 1\) has another text in place of index:value"),
        ("\n1 1:x\n", {}, r"row 1 \(line 2\) has another text in place of index:value"),
        ("1:1\n", {}, r"row 1 \(line 1\) lacks label at its start"),
        ("a\n", {"leading": ["id", "label"]}, "lacks id and label at its start"),
        ("1 1:1_0\n", {}, "has another text in place of index:value"),
        ("1 \u0663:1\n", {}, "in place of index:value"),
        ("1 qid:1 1:2\n", {}, "in place of index:value"),
        ("1 -1:1\n", {}, "in place of index:value"),
        ("1 1:1 1:2\n", {}, "has an index more than once"),
        ("1 1:1 01:2\n", {}, "has an index more than once"),
        ("1 1:9007199254740993\n", {}, r"has a whole number beyond 2\*\*53"),
        ("1 999999999999:1\n", {}, "the limits are 1048576 columns"),
        (
            "1 1:1\n",
            {"columns": ["x0"]},
            "has no column names: its columns are called by their index",
        ),
        (
            "1 1:1\n",
            {"columns": ["01"]},
            "has no column names: its columns are called by their index",
        ),
        ("1 :1\n", {"format": "tags"}, "has another text in place of tag:value"),
        ("1 a:b\n", {"format": "tags"}, "has another text in place of tag:value"),
        ("1 a a\n", {"format": "tags"}, "has an index more than once"),
        ("a:1\n", {"format": "tags"}, "lacks id at its start"),
        ("1,2\n", {"format": "tags", "delimiter": ";", "label": "y"}, "lacks id and label"),
        ("a\na\n", {"leading": ["id"]}, "1 ids are there more than once, in rows 1 and 2"),
    ],
)
def test_lines_that_cannot_be_used(write, text, options, problem):
    with pytest.raises(DataError, match=problem):
        read_rows(DataSource(write(text, "x.svm"), **options))


def test_more_cells_than_memory(write):
    lines = "".join(f"{row} {row + 1}:1\n" for row in range(1025))
    with pytest.raises(DataError, match="the limits are 1048576 columns and 1073741824 cells"):
        read_rows(DataSource(write(lines + "0 1048576:1\n", "x.svm")))
