# SPDX-License-Identifier: Apache-2.0
"""Blocks, read by pyarrow or not, give what one block read by Python's csv module gives: rows, or the same error."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyfate_gpu.data import csv_blocks
from pyfate_gpu.data.sources import DataSource, read_rows
from pyfate_gpu.errors import DataError

pytest.importorskip("pyarrow")

_CELLS = st.one_of(
    st.integers(-(10**19), 10**19).map(str),
    st.floats(allow_nan=True).map(repr),
    st.sampled_from(
        [
            "",
            "NA",
            " NA",
            "nan",
            "nan(1)",
            "inf",
            "+1",
            "1.",
            ".5",
            "1e5",
            "1e",
            "0x1",
            "1_0",
            "007",
            "true",
            "False",
            "9007199254740993",
            "1e400",
            " 7 ",
            "\u0663",
            '"8"',
            '"',
            '"a,b"',
            '"1""2"',
            '"3\n4"',
            'x"y',
            "\0",
            "\x1c5",
        ]
    ),
    st.text(st.sampled_from("0123456789+-.eEnaif() "), max_size=6),
)
_PLAIN = st.one_of(st.integers(-999, 999).map(str), st.sampled_from(["", "NA", "1.5", "-2e3"]))


def outcome(path, monkeypatch, size, *, arrow):
    with monkeypatch.context() as patch:
        patch.setattr(csv_blocks, "BLOCK", size)
        if not arrow:
            patch.setattr(csv_blocks, "_arrow_reader", lambda: None)
        try:
            rows = read_rows(DataSource(path, label="y"))
        except DataError as error:
            return str(error)
    labels = None if rows.labels is None else rows.labels.tolist()
    return rows.ids, rows.names, rows.values.tobytes(), repr(labels)


@given(
    st.lists(st.tuples(_CELLS, st.one_of(_PLAIN, _CELLS), _PLAIN), min_size=1, max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
@example([("1", "true", "1"), ("2", "5", "2"), ("3", "1", "1")], "\n", False)
@example([("1", "5", "1"), ("2", "true", "2"), ("3", "1", "1")], "\n", False)
@example([("1", "true", "1"), ("2", "NA", "2"), ("3", "false", "1")], "\n", True)
@example([("1", "1", "1"), ("2", '"3\n4"', "2"), ("3", "x", "1")], "\n", False)
@settings(max_examples=150, deadline=None)
def test_blocks_change_nothing(tmp_path_factory, cells, end, blank):
    path = tmp_path_factory.getbasetemp() / "blocks.csv"
    rows = [f"i{number},{y},{a},{b}{end}" for number, (y, a, b) in enumerate(cells)]
    path.write_bytes(("id,y,a,b" + end + (end if blank else "").join(rows)).encode())
    with pytest.MonkeyPatch.context() as patch:
        whole = outcome(path, patch, 1 << 20, arrow=False)
        for size in (1, 40):
            found = outcome(path, patch, size, arrow=False)
            assert outcome(path, patch, size, arrow=True) == found
            # of two mistakes blocks find that of the first block
            assert isinstance(found, str) if isinstance(whole, str) else found == whole


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of a line or two, and a list of how many pyarrow read."""
    monkeypatch.setattr(csv_blocks, "BLOCK", 10)
    reader, read = csv_blocks._arrow_reader(), []

    def counting(*block):
        found = reader(*block)
        read.append(found is not None)
        return found

    monkeypatch.setattr(csv_blocks, "_arrow_reader", lambda: counting)
    return read


@pytest.mark.parametrize(
    ("line", "quick"),
    [
        ("i{},1,0.5,-7\n", True),
        ('"i{}","1","0.5",NA\n', True),
        ("i{}, 1 , NA, +7\r\n", True),
        ("i{},1,0.5,1e300\n", True),
        ('i{},1,0.5, "7"\n', False),
        ('i{},1,"0.5""",7\n', False),
    ],
)
def test_pyarrow_reads_what_it_reads_as_python_does(write, small_blocks, line, quick):
    columns = None if quick else []
    path = write("id,y,a,b\n" + "".join(line.format(number) for number in range(9)))
    rows = read_rows(DataSource(path, label="y", columns=columns))
    assert (len(rows.ids), rows.labels.tolist()) == (9, [1] * 9)
    assert small_blocks == [quick] * 8


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        ("i9,1,red,1", r"column 'a' of row 10 \(line 11\) has type text"),
        ("i9,1,9007199254740993,1", r"column 'a' of row 10 \(line 11\) has a whole number beyond"),
        ("i9,1,1", r"row 10 has 3 cells, the header has 4 \(line 11\)"),
        (",1,1,1", r"lacks the id of some row, row 10 \(line 11\) for one"),
        ("i3,1,1,1", "1 ids are there more than once, in rows 4 and 10 for one"),
    ],
)
@pytest.mark.usefixtures("small_blocks")
def test_errors_count_rows_and_lines_of_the_file(write, last, problem):
    path = write("id,y,a,b\n" + "".join(f"i{n},1,2,3\n" for n in range(9)) + last)
    with pytest.raises(DataError, match=problem):
        read_rows(DataSource(path, label="y"))


def test_ids_weights_and_labels_of_many_blocks(write, small_blocks):
    lines = [f"{n:03d},{n % 2},{n / 7!r},{n}\n" for n in reversed(range(50))]
    rows = read_rows(DataSource(write("id,y,w,a\n" + "".join(lines)), label="y", weight="w"))
    assert rows.ids == [f"{n:03d}" for n in range(50)]
    assert rows.labels.tolist() == [n % 2 for n in range(50)]
    np.testing.assert_array_equal(rows.extras["sample_weight"], np.arange(50) / 7)
    np.testing.assert_array_equal(rows.values[:, 0], np.arange(50))
    assert all(small_blocks)


def test_small_files_do_not_import_pyarrow(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyfate_gpu.data.arrow_blocks", None)  # which would raise
    monkeypatch.setattr(csv_blocks, "_arrow_reader", lambda: pytest.fail("imported"))
    assert read_rows(DataSource(write("id,a\n1,2\n"))).values.tolist() == [[2.0]]
