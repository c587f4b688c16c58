# SPDX-License-Identifier: Apache-2.0
"""Every routine runs, is checked, and reports; nothing here looks at a time."""

import json
from pathlib import Path

import pytest

from bench.__main__ import command, main
from bench.harness import Contestant, Figure, Job, compete, ratio
from bench.report import into_readme, markdown
from bench.routines import ROUTINES
from pyfate_gpu import available_backends

TINY = ["--key-bits", "256", "--rows", "8", "--repeats", "2", "--seconds", "0", "--refcheck"]


@pytest.mark.parametrize("name", ROUTINES)
def test_routine_is_right_for_all_contestants(name, tmp_path):
    if ROUTINES[name].isa and "cpu" not in available_backends():
        pytest.skip("needs the cpu backend")
    path = tmp_path / "result.json"
    assert main(["--routine", name, *TINY, "--json", str(path)]) == 0
    result = json.loads(path.read_text())
    (line,) = result["lines"]
    assert {figure["name"] for figure in line["figures"]} == {"ours", "gmpy2", "phe"}
    assert set(line["ratios"]) == {"gmpy2", "phe"}
    assert line["isa"] == (ROUTINES[name].isa or result["machine"]["isa"])
    assert line["title"] in markdown(result, 256)


def test_wrong_result_gets_no_figure():
    wrong = Contestant("wrong", "", Job(lambda: 1, 1, lambda result: result == 2))
    (figure,) = compete([wrong], repeats=2, seconds=0, refcheck=True)
    assert figure.failure == "wrong result"
    assert figure.rates == ()


def test_contestants_take_turns():
    calls = []
    jobs = [Job(lambda name=name: calls.append(name), 1, lambda _: True) for name in "ab"]
    compete([Contestant(str(i), "", job) for i, job in enumerate(jobs)],
            repeats=2, seconds=0, refcheck=False)  # fmt: skip
    assert "".join(calls) == "ab" + "abab"


def test_ratio_compares_neighbouring_turns():
    ours, peer = Figure("ours", "", (10.0, 30.0, 20.0)), Figure("peer", "", (1.0, 2.0, 2.0))
    assert ratio(ours, peer) == 10.0
    assert ours.median == 20.0
    assert ours.spread == 1.0


@pytest.mark.parametrize(
    "arguments", [["--routine", "divide"], ["--peers", "abacus"], ["--repeats", "0"]]
)
def test_unknown_words_are_refused_with_the_known_ones(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert arguments[1] in capsys.readouterr().err


def test_unknown_backend_is_refused(capsys):
    assert main(["--backend", "abacus", *TINY]) == 2
    assert "abacus" in capsys.readouterr().out


def test_the_figures_of_the_readme_are_those_of_a_committed_result():
    root = Path(__file__).parents[2]
    readme = (root / "README.md").read_text()
    results = [json.loads(path.read_text()) for path in (root / "bench/results").glob("*.json")]
    assert readme in [into_readme(result, readme) for result in results]


def test_the_command_of_a_result_leaves_out_where_it_went():
    assert command(["--json", "x", "--rows", "8"]) == "python -m bench --rows 8"
