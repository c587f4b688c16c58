# SPDX-License-Identifier: Apache-2.0
"""The keys of a party's tables: all arrive, and all are documented."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from pyfate_gpu.data.cells import MISSING
from pyfate_gpu.data.sources import FORMATS, DataSource, read_rows
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.jobs.configuration import read_data
from pyfate_gpu.jobs.section import Section
from pyfate_gpu.storage.toml import dump_toml, load_toml

PAGE = (Path(__file__).parents[2] / "docs/parties.md").read_text()
EVERYTHING = {
    "path": "guest.tsv.gz",
    "format": "csv",
    "id": ["branch", "account"],
    "label": "y",
    "weight": "w",
    "exposure": "t",
    "columns": ["a"],
    "leading": ["id", "skip"],
    "delimiter": "\t",
    "missing": ["?", ""],
    "at_workers": True,
}


@pytest.fixture
def load(tmp_path):
    def from_table(table):
        path = tmp_path / "guest.toml"
        path.write_text(dump_toml({"data": table}))
        return read_data(Section(path, "data", load_toml(path)["data"]))

    return from_table


def test_every_key_arrives(load, tmp_path):
    assert set(EVERYTHING) == {field.name for field in dataclasses.fields(DataSource)}
    assert load(EVERYTHING) == DataSource(**EVERYTHING | {"path": tmp_path / "guest.tsv.gz"})
    assert load({"path": "x.csv"}) == DataSource(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"id": 3}, "id is 3; it must be a text"),
        ({"id": ["a", 3]}, r"id is .*; it must be a list of texts"),
        ({"id": []}, "id is .*; it must be a column, or some"),
        ({"missing": "NA"}, "missing is 'NA'; it must be a list"),
        ({"delimiter": [","]}, "delimiter is .*; it must be a text"),
    ],
)
def test_values_of_another_kind_are_named(load, change, problem):
    with pytest.raises(ConfigurationError, match=problem):
        load(EVERYTHING | change)


def test_a_file_of_several_ids_is_read(load, tmp_path):
    (tmp_path / "x.csv").write_text("branch;account;a\nb;1;?\na;2;7\n")
    source = load(
        {"path": "x.csv", "id": ["branch", "account"], "delimiter": ";", "missing": ["?"]}
    )
    assert read_rows(source).ids == ["a|2", "b|1"]


def test_the_page_names_every_key_format_and_missing_text():
    table = PAGE[PAGE.index("| key of `[data]`") : PAGE.index("**CSV.**")]
    keys = re.findall(
        r"`(\w+)`", " ".join(line.split("|")[1] for line in table.splitlines()[2:] if line)
    )
    assert set(keys) == set(EVERYTHING)
    assert set(re.findall(r"`(\w+)` \(\.", table)) == set(FORMATS)
    suffixes = {suffix for form in FORMATS.values() for suffix in form.suffixes}
    assert set(re.findall(r"\.[a-z]+(?=[,)])", table[: table.index("| `id`")])) == suffixes
    listed = PAGE[PAGE.index("Missing are, as in pandas") : PAGE.index("A column of `true`")]
    assert set(re.findall(r"`([^`]+)`", listed)) | {""} == MISSING
