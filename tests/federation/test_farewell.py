# SPDX-License-Identifier: Apache-2.0
"""What others hear of an error: never a path, id or cell, whatever the error's type."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pyfate_gpu
from pyfate_gpu import errors
from pyfate_gpu.errors import PyFateError
from pyfate_gpu.federation.farewell import told
from pyfate_gpu.federation.roles import GUEST

SECRET = "/home/ann/customers.csv: id 4711 has 'overdrawn' in column 'debt'"
PACKAGE = Path(pyfate_gpu.__file__).parent


def every(kind):
    return [kind, *(deeper for each in kind.__subclasses__() for deeper in every(each))]


#: Of the tree, and of what Python itself raises where files, numbers and memory are used.
KINDS = [k for k in every(PyFateError) if k.__module__ == errors.__name__] + [
    OSError, ValueError, KeyError, MemoryError, ZeroDivisionError, KeyboardInterrupt, SystemExit, AssertionError,
]  # fmt: skip
#: Whose texts are about messages and settings, by their documentation.
TRAVELLERS = {
    "ProtocolError", "ChannelTimeoutError", "PartyFailedError", "DisagreementError", "DivergenceError",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_text_travels_but_of_messages_and_settings(kind):
    heard = told(GUEST, kind(SECRET))
    assert heard.startswith("guest stopped")
    assert kind.__name__ in heard
    assert (SECRET in heard) == (kind.__name__ in TRAVELLERS)
    for word in () if kind.__name__ in TRAVELLERS else ("/home", "4711", "overdrawn", "debt"):
        assert word not in heard


def names_in(text):
    """Names of what a formatted text shows, but for its shape and type."""
    if isinstance(text, ast.Attribute):
        return (
            set()
            if text.attr in ("shape", "dtype", "size", "exponent")
            else {text.attr, *names_in(text.value)}
        )
    if isinstance(text, ast.Name):
        return {text.id}
    return set().union(*map(names_in, ast.iter_child_nodes(text)))


def raised():
    """Where an error whose text travels is raised: file, line and what its text is made of."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            call = node.exc if isinstance(node, ast.Raise) else None
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in TRAVELLERS:
                parts = (part for part in ast.walk(call) if isinstance(part, ast.FormattedValue))
                yield path.relative_to(PACKAGE), node.lineno, set().union(*map(names_in, parts))


def test_texts_that_travel_are_not_made_of_files_and_cells():
    """By the names of what is put into them: a path, a folder, ids, cells, values and labels of rows are not."""
    found = list(raised())
    assert len(found) > 60
    private = {
        "path",
        "folder",
        "directory",
        "file",
        "ids",
        "cell",
        "cells",
        "values",
        "labels",
        "X",
        "y",
        "column",
        "np",  # what is computed of arrays
    }
    assert [
        (str(file), line, names & private) for file, line, names in found if names & private
    ] == []
