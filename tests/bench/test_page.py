# SPDX-License-Identifier: Apache-2.0
"""The page of a result: tables, plots, machine and commands, in one file."""

import sys

import pytest

from pyfate_gpu.bench.page import render
from pyfate_gpu.errors import ConfigurationError


def test_page_has_every_line_its_command_and_the_plots(measure):
    pytest.importorskip("matplotlib")
    _, result = measure("--routine", "add", "keypair", "--key-bits", "256", "512")
    page = render(result)
    assert page.count("<svg") == 4  # ratios and shares at two key sizes
    for line in result["lines"]:
        assert line["command"] in page
    for text in ("n = 256 bits", "n = 512 bits", "ciphertext + ciphertext", result["command"]):
        assert text in page
    assert str(result["machine"]["memory_gib"]) in page


def test_names_are_text_and_never_markup(measure):
    pytest.importorskip("matplotlib")
    _, result = measure("--routine", "keypair", "--peers")
    result["machine"]["processor"] = "<script>alert(1)</script>"
    assert "<script>" not in render(result)


def test_without_matplotlib_the_remedy_is_told(measure, monkeypatch):
    _, result = measure("--routine", "keypair", "--peers")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'matplotlib>="):
        render(result)
