# SPDX-License-Identifier: Apache-2.0
"""Rows from files of any format: by id, in one order; what cannot be used is named, and no cell quoted."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from pyfate_gpu.data.sources import FORMATS, DataSource, read_rows
from pyfate_gpu.errors import ConfigurationError, DataError


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("x.xlsx", {}, "format unknown; set format to one of csv, libsvm, tags, parquet, arrow"),
        ("x", {}, "format unknown; set format"),
        ("x.gz", {}, "format unknown; set format"),
        ("x.csv", {"format": "sql"}, "format sql; set format"),
        ("x.csv", {"label": "y", "columns": ["a", "y"]}, "columns names features only"),
        ("x.csv", {"id": ["id", "a"], "columns": ["a"]}, "columns names features only"),
        ("x.csv", {"id": []}, "id is .*; it must be a column, or some"),
        ("x.csv", {"id": ["a", "a"]}, "id is .*; it must be a column, or some"),
        ("x.csv", {"columns": ["a", "a"]}, "columns is .*; it names each column once"),
        ("x.csv", {"delimiter": "a"}, "delimiter is 'a'; that of a CSV file is one of"),
        ("x.csv", {"delimiter": ""}, "delimiter is ''; that of a CSV file is one of"),
        ("x.svm", {"delimiter": "ab"}, "delimiter is 'ab'; it must be a space"),
        ("x.parquet", {"delimiter": ","}, "delimiter is for files of text"),
        ("x.svm", {"leading": ["id", "id"]}, "takes id and label, each once"),
        ("x.svm", {"leading": ["weight"]}, "takes id and label, each once"),
        ("x.svm", {"weight": "w"}, "no columns of weights"),
        ("x.svm", {"id": ["a", "b"]}, "have one id a line"),
    ],
)
def test_sources_that_make_no_sense(write, name, options, problem):
    with pytest.raises(ConfigurationError, match=problem):
        read_rows(DataSource(write("id,y,a\n1,2,3\n", name), **options))


@pytest.mark.parametrize("form", FORMATS)
def test_files_that_cannot_be_read_are_named(tmp_path, form):
    with pytest.raises(DataError, match=r"cannot read .*x.csv"):
        read_rows(DataSource(tmp_path / "x.csv", format=form))


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.CSV.GZ"])
def test_files_of_text_may_be_compressed(write, name):
    packed = gzip.compress("\ufeffid,y,a\nb,1,2\na,0,ü\n".replace("ü", "3").encode())
    rows = read_rows(DataSource(write(packed, name), label="y"))
    assert (rows.ids, rows.values.tolist()) == (["a", "b"], [[3.0], [2.0]])
    lines = gzip.compress(b"1 1:2\n")
    assert read_rows(DataSource(write(lines, "x.svm.gz"))).values.tolist() == [[2.0]]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: data[:15] + b"\0\0" + data[17:]]
)
def test_compressed_files_that_are_damaged(write, damage):
    data = damage(gzip.compress(b"id,a\n" + b"".join(b"%d,%d\n" % (i, i) for i in range(99))))
    with pytest.raises(DataError, match="is no whole file of gzip"):
        read_rows(DataSource(write(data)))


@pytest.mark.parametrize("form", ["csv", "libsvm", "tags"])
def test_files_of_another_encoding(write, form):
    with pytest.raises(DataError, match="is no text in UTF-8"):
        read_rows(DataSource(write("id,a\nä,1\n".encode("latin-1")), format=form))


def test_a_guest_may_have_labels_only(write):
    rows = read_rows(DataSource(write("id,y\nb,1\na,0\n"), label="y"))
    assert rows.names == ()
    assert rows.values.shape == (2, 0)
    assert rows.labels.tolist() == [0, 1]
    rows = read_rows(DataSource(write("id,y,a\nb,1,text\n"), label="y", columns=[]))
    assert rows.values.shape == (1, 0)


def test_rows_without_a_label_are_marked(write):
    rows = read_rows(DataSource(write("id,y,a\n1,9007199254740993,0\n2,NA,0\n3,5,0\n"), label="y"))
    assert rows.labels.tolist() == [9007199254740993, None, 5]
    assert rows.labelled.tolist() == [True, False, True]
    assert not read_rows(DataSource(write("id,a\n1,2\n"))).labelled.any()


def test_rows_by_number(write):
    rows = read_rows(DataSource(write("id,y,w,a\n1,5,0.5,7\n2,6,1,8\n"), label="y", weight="w"))
    some = rows.take([1])
    assert (some.ids, some.labels.tolist(), some.values.tolist()) == (["2"], [6], [[8.0]])
    assert some.extras["sample_weight"].tolist() == [1.0]
    assert len(some.features) == 1
    np.testing.assert_array_equal(some.features.values, some.values)
