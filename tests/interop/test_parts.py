# SPDX-License-Identifier: Apache-2.0
"""The record of `make interop`: what passed is not done again, what did not is, and nothing is skipped in silence."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import parts
from parts import Outcome, Part


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(parts, "commit", lambda: "abc")
    return tmp_path / "results"


def run(outcomes, *, again=False, fail=None):
    """A part of two steps; which of them were done."""
    part, done = Part("heu", again), []

    def work(name):
        done.append(name)
        if name == fail:
            raise KeyboardInterrupt
        return outcomes[name]

    try:
        for name in outcomes:
            part.step(name, lambda name=name: work(name))
        code = part.finish({"python": "3.10"})
    except KeyboardInterrupt:
        code = None
    return done, code


def test_a_part_goes_on_where_it_stopped(results):
    good = {"one": Outcome(3), "two": Outcome(4)}
    assert run(good, fail="two") == (["one", "two"], None)
    assert json.loads((results / "heu.json").read_text())["status"] == "unfinished"
    assert run(good) == (["two"], 0)
    record = json.loads((results / "heu.json").read_text())
    assert (record["status"], record["passed"], record["failed"]) == ("passed", 7, 0)
    assert record["commit"] == "abc"
    assert record["versions"] == {"python": "3.10"}
    assert run(good) == ([], 0)
    assert run(good, again=True) == (["one", "two"], 0)


def test_what_failed_is_done_again(results):
    assert run({"one": Outcome(3), "two": Outcome(3, 1)}) == (["one", "two"], 1)
    assert json.loads((results / "heu.json").read_text())["status"] == "failed"
    assert run({"one": Outcome(3), "two": Outcome(4)}) == (["two"], 0)


def test_another_commit_starts_anew(monkeypatch):
    good = {"one": Outcome(3)}
    assert run(good) == (["one"], 0)
    monkeypatch.setattr(parts, "commit", lambda: "def")
    assert run(good) == (["one"], 0)


def test_nothing_that_passed_is_a_failure():
    assert run({}) == ([], 1)
    assert run({"one": Outcome(0)}) == (["one"], 1)


def test_the_summary_names_what_is_missing(results, capsys, monkeypatch):
    assert parts.main() == 1
    assert capsys.readouterr().out.count("never run") == len(parts.PARTS)
    for name in parts.PARTS:
        part = Part(name)
        part.step("one", lambda: Outcome(1))
        part.finish({})
    assert parts.main() == 0
    assert Part("fate1").not_run("no network") == 1
    assert parts.main() == 1
    assert "not run" in capsys.readouterr().out
    monkeypatch.setattr(parts, "commit", lambda: "def")
    assert parts.main() == 1
    assert "at another commit (abc)" in capsys.readouterr().out


def test_the_commit_is_that_of_the_sources(monkeypatch):
    monkeypatch.undo()
    if not (parts.ROOT / ".git").exists():
        pytest.skip("no checkout of git")
    assert len(parts.commit().rstrip("+")) == 12


def test_a_record_says_how_it_was_measured(tmp_path):
    parts.write_measured(tmp_path / "record.json", "python measure.py", {"seconds": 1.5})
    found = json.loads((tmp_path / "record.json").read_text())
    assert list(found) == ["date", "commit", "command", "machine", "seconds"]
    assert (found["commit"], found["command"], found["seconds"]) == (
        "abc",
        "python measure.py",
        1.5,
    )
    assert "load" in found["machine"]
