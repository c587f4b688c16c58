# SPDX-License-Identifier: Apache-2.0
"""Every routine runs, is checked, and reports; nothing here looks at a time."""

import json
import shlex
from pathlib import Path

import pytest

from bench.report import into_readme
from pyfate_gpu import available_backends
from pyfate_gpu.bench import command, machine, runner
from pyfate_gpu.bench.peers import PEERS, Peer
from pyfate_gpu.bench.report import header, markdown, number, rows
from pyfate_gpu.bench.routines import ROUTINES, Size
from pyfate_gpu.cli import main as cli_main

ROOT = Path(__file__).parents[2]
KEY_BITS = {"linear": 512, "logistic": 512, "poisson": 512}
NEEDS_CPU = [name for name, routine in ROUTINES.items() if routine.isa]


@pytest.mark.parametrize("name", ROUTINES)
def test_routine_is_right_for_all_contestants(name, measure, capsys):
    if name in NEEDS_CPU and "cpu" not in available_backends():
        pytest.skip("needs the cpu backend")
    arguments = ["--features", "2"]
    if name.partition("_")[0] in KEY_BITS:
        arguments += ["--key-bits", "512"]
    status, result = measure("--routine", name, *arguments)
    assert status == 0
    if ROUTINES[name].device and not result["lines"]:
        assert "needs the backend cuda" in capsys.readouterr().out
        return
    for line in result["lines"]:
        offered = [p for p in ("gmpy2", "phe") if ROUTINES[name].operation in PEERS[p].offers]
        assert [figure["name"] for figure in line["figures"]] == ["ours", *offered]
        assert [figure["failure"] for figure in line["figures"]] == [""] * (1 + len(offered))
        assert sorted(line["ratios"]) == offered
        assert line["isa"] == (ROUTINES[name].isa or result["machine"]["isa"])
        assert line["title"] in markdown(result, line["key_bits"])
        assert line["share"] is None or line["share"] > 0


def test_sizes_and_threads_are_lists_with_a_command_for_each_line(measure):
    status, result = measure("--routine", "matvec", "--features", 2, 3, "--fraction-bits", 8, 16)
    assert status == 0
    sizes = [(line["features"], line["fraction_bits"]) for line in result["lines"]]
    assert sizes == [(2, 8), (2, 16), (3, 8), (3, 16)]
    program, _, rest = result["lines"][3]["command"].partition(" --")
    assert program == "python -m bench"
    again = command.parse(shlex.split(f"--{rest}"), program)
    (size,) = ROUTINES["matvec"].sizes(again)
    assert size == Size(8, 3, 16)
    assert (again.key_bits, again.peers, again.refcheck) == ([256], ["gmpy2", "phe"], True)


def test_features_leave_routines_alone_that_have_none():
    options = command.parse(["--features", "7", "--fraction-bits", "9"], "bench")
    assert ROUTINES["add"].sizes(options) == [Size(4096)]
    assert ROUTINES["histograms"].sizes(options) == [Size(2048, 7)]


def test_every_peer_is_documented_and_offers_what_it_defines():
    page = (ROOT / "docs/benchmarks.md").read_text()
    operations = {routine.operation for routine in ROUTINES.values() if routine.theirs}
    for name, peer in PEERS.items():
        assert f"`{name}`" in page
        assert set(peer.offers) <= operations
        for operation in peer.offers:
            assert getattr(peer, operation) is not getattr(Peer, operation), (name, operation)


def test_every_routine_is_documented():
    page = (ROOT / "docs/benchmarks.md").read_text()
    assert [name for name in ROUTINES if f"`{name}`" not in page] == []


def test_absent_peers_are_left_out_with_their_install_line(measure, capsys, monkeypatch):
    class Absent(Peer):
        name = "absent"
        install = "pip install absent"

        def __init__(self, world):
            raise ImportError

    monkeypatch.setitem(PEERS, "absent", Absent)
    status, result = measure("--routine", "add", "--peers", "absent")
    assert (status, result["peers"]) == (0, [])
    assert "peer absent is left out: pip install absent" in capsys.readouterr().out


def test_figure_of_a_wrong_peer_is_withheld_and_the_failure_shown(measure, capsys, monkeypatch):
    monkeypatch.setattr(PEERS["gmpy2"], "sum", lambda self, c: [1])
    status, result = measure("--routine", "sum")
    assert status == 1
    (line,) = result["lines"]
    gmpy2 = line["figures"][1]
    assert (gmpy2["failure"], gmpy2["rates"]) == ("wrong result", [])
    assert "median" not in gmpy2
    assert list(line["ratios"]) == ["phe"]
    assert "FAILED" in next(rows(result, 256))[header(result).index("gmpy2")]
    assert "FAILED, no figure: gmpy2, sum of an array" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["--routine", "divide"], ["--peers", "abacus"], ["--scaling", "time"], ["--repeats", "0"],
     ["--threads", "0"]],
)  # fmt: skip
def test_unknown_words_are_refused_with_the_known_ones(arguments, capsys, call):
    with pytest.raises(SystemExit) as stop:
        call(arguments)
    assert stop.value.code == 2
    assert arguments[1] in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--seconds", "--budget"])
@pytest.mark.parametrize("value", ["-1", "nan", "inf"])
def test_times_are_not_negative(option, value, capsys, call):
    with pytest.raises(SystemExit) as stop:
        call([option, value])
    assert stop.value.code == 2
    assert f"{option} is" in capsys.readouterr().err


def test_unknown_backend_is_refused(capsys, call, tiny):
    assert call(["--backend", "abacus", *tiny]) == 2
    assert "abacus" in capsys.readouterr().out


def test_rows_beyond_the_memory_are_refused_before_anything_runs(capsys, monkeypatch, call):
    monkeypatch.setattr(runner, "memory", lambda name: 1 << 30)
    monkeypatch.setattr(runner, "measure", lambda *_: pytest.fail("measured"))
    assert call(["--routine", "add", "--rows", "1000000"]) == 2
    told = capsys.readouterr().out
    assert "--routine add with 1,000,000 rows takes about 3.8 GiB at 2048 bits" in told
    assert "--rows 131072" in told


def test_more_threads_than_cores_are_refused(capsys, call):
    assert call(["--routine", "add", "--threads", "1000", "--peers"]) == 2
    assert "--threads 1000: this process may run on" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_result_that_cannot_be_written_is_refused_before_anything_runs(
    option, tmp_path, monkeypatch, capsys, call
):
    monkeypatch.setattr(runner, "measure", lambda *_: pytest.fail("measured"))
    (tmp_path / "file").write_text("")
    assert call(["--routine", "add", option, str(tmp_path / "file" / "out")]) == 2
    assert "cannot write" in capsys.readouterr().out


def test_narrow_tables_keep_the_ratios(measure):
    _, result = measure("--routine", "add")
    assert header(result, brief=True) == ["operation", "per second", "limit", "gmpy2", "phe"]
    (cells,) = rows(result, 256, brief=True)
    assert all(cell.endswith("x") for cell in cells[3:])


def test_pinning_ends_where_it_began():
    allowed = machine.available_cores()
    with machine.pinned(1):
        assert machine.available_cores() == 1
    assert machine.available_cores() == allowed


def test_the_installed_command_takes_the_same_options(monkeypatch, capsys, tiny):
    monkeypatch.setattr("sys.argv", ["pyfate-gpu", "bench", "--routine", "add", *tiny, "--peers"])
    with pytest.raises(SystemExit) as stop:
        cli_main()
    assert stop.value.code == 0
    assert "ciphertext + ciphertext" in capsys.readouterr().out


def test_the_figures_of_the_readme_are_those_of_a_committed_result():
    readme = (ROOT / "README.md").read_text()
    results = [json.loads(path.read_text()) for path in (ROOT / "bench/results").glob("*.json")]
    results = [result for result in results if "lines" in result]
    assert readme in [into_readme(result, readme) for result in results]


def test_the_command_of_a_result_leaves_out_where_it_went():
    kept = command.command(["--json", "x", "--rows", "8", "--html", "y"], "python -m bench")
    assert kept == "python -m bench --rows 8"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.00"), (0.0001, "0.0001"), (1.234, "1.23"), (56.78, "56.8"), (999, "999"),
     (1234, "1.23k"), (2.5e6, "2.50M"), (3e9, "3.00G")],
)  # fmt: skip
def test_numbers_have_three_digits(value, text):
    assert number(value) == text
