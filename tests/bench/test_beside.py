# SPDX-License-Identifier: Apache-2.0
"""Two builds in turns: here the same one, in two processes."""

import os
import sys
from pathlib import Path

import pytest

from bench.beside import __main__ as beside


@pytest.fixture
def other(tmp_path):
    """Return a Python by whose path this package is found, as by that of another environment."""
    python = tmp_path / "python"
    path = os.pathsep.join([str(Path.cwd()), *sys.path])
    python.write_text(f"#!/bin/sh\nPYTHONPATH='{path}' exec '{sys.executable}' \"$@\"\n")
    python.chmod(0o755)
    return str(python)


SMALL = ["--key-bits", "256", "--rows", "8", "--seconds", "0", "--alternations", "3"]


def test_same_build_is_compared_with_itself(other, capsys):
    beside.main([other, "add", "wire", *SMALL])
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert "1 x 3 pairs" in head
    assert [row.split(":")[0] for row in rows] == ["add", "wire"]
    for row in rows:
        theirs, ours, ratio, least, _, most = row.split()[-6:]
        assert float(theirs) > 0
        assert float(ours) > 0
        assert float(least) <= float(ratio) <= float(most)


def test_figure_is_the_median_over_pairs():
    pairs = [(1.0, 2.0), (1.0, 3.0), (2.0, 2.0)]  # ours, other
    assert beside.line("add", pairs).split() == [
        "add", "2.000000", "1.000000", "2.000", "1.500", "-", "2.500",
    ]  # fmt: skip


def test_python_without_the_package_is_said(tmp_path, capfd):
    empty = tmp_path / "python"
    empty.write_text("#!/bin/sh\nexit 1\n")
    empty.chmod(0o755)
    with pytest.raises(SystemExit, match="is this package installed"):
        beside.main([str(empty), "add", *SMALL])


def test_unknown_routines_are_refused(other, capsys):
    with pytest.raises(SystemExit):
        beside.main([other, "ad"])
    assert "ad is no routine" in capsys.readouterr().err
