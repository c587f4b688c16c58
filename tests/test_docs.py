# SPDX-License-Identifier: Apache-2.0
"""What the pages show is true: their code runs, their lists are complete, their links lead somewhere."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pyfate_gpu
from pyfate_gpu.jobs.ports import reserved_ports

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(p for p in (ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize(
    "page",
    ["README.md", *(f"docs/{name}.md" for name in ("quickstart", "trees", "homo", "binning"))],
)
def test_python_of_a_page_runs(page, tmp_path, monkeypatch):
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)
    assert blocks
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join(blocks), page, "exec"), {"__name__": "page"})


def test_api_page_lists_every_public_name():
    page = (ROOT / "docs/api.md").read_text()
    listed = re.findall(r"auto(?:class|function):: pyfate_gpu\.(\w+)$", page, re.M)
    elsewhere = {"__version__", "PyFateError"}  # the errors come as a module
    assert sorted(listed) == sorted(set(pyfate_gpu.__all__) - elsewhere)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_lines_of_text_are_short(page):
    """Tables, code and what the bench writes apart."""
    text = re.sub(
        r"<!-- figures -->.*?<!-- end of figures -->|```.*?```", "", page.read_text(), flags=re.S
    )
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("|")]
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_files_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_page_of_parameters_is_that_of_the_docstrings():
    spec = importlib.util.spec_from_file_location(
        "parameters_page", ROOT / "docs/parameters_page.py"
    )
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    written = (ROOT / "docs/parameters.md").read_text()
    assert written == generator.page(), "python docs/parameters_page.py"
    assert len(re.findall(r"^\| `", written, re.M)) > 100


@pytest.mark.slow
def test_the_job_of_trees_runs_as_it_is_written(tmp_path):
    pytest.importorskip("private_set_intersection")
    (block,) = re.findall(
        r"^```toml\n(.*?)^```$", (ROOT / "docs/trees.md").read_text(), re.M | re.S
    )
    folder = tmp_path / "sample"
    shutil.copytree(ROOT / "docs/sample", folder)
    (folder / "trees.toml").write_text(
        block.replace(
            "[alignment]", "key_bits = 512\nallow_insecure_key_size = true\n\n[alignment]"
        )
    )
    for verb in ("estimate", "run", "predict"):
        words = [sys.executable, "-m", "pyfate_gpu.cli", verb, "trees.toml"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    told = (folder / "trees/guest/predictions.csv").read_text().splitlines()
    rows, hosts = (
        {line.partition(",")[0] for line in (folder / name).read_text().splitlines()[1:]}
        for name in ("guest.csv", "host-0.csv")
    )
    assert {line.partition(",")[0] for line in told[1:]} == rows
    assert {line.partition(",")[0] for line in told[1:] if line.endswith(",,,,")} == rows - hosts
    assert rows - hosts


@pytest.mark.slow
def test_the_first_job_runs_as_it_is_written(tmp_path):
    """Commands of the quickstart, literally, but for where they find the command and the sample."""
    pytest.importorskip("private_set_intersection")
    pytest.importorskip("matplotlib")
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", (ROOT / "docs/quickstart.md").read_text(), re.M | re.S
    )
    (block,) = [block for block in blocks if "pyfate-gpu run" in block]
    shutil.copytree(ROOT / "docs/sample", tmp_path / "docs/sample")
    for line in block.splitlines():
        words = shlex.split(line)
        if words[0] == "pyfate-gpu":
            words = [sys.executable, "-m", "pyfate_gpu.cli", *words[1:]]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    out = tmp_path / "first/out/guest"
    predictions = (out / "predictions.csv").read_text().splitlines()
    assert len(predictions) == 1 + 240
    assert sum(line.endswith(",,,,") for line in predictions) == 10  # ids that some party lacks
    assert json.loads((out / "prediction.json").read_text())["metrics"]["auc"] > 0.8
    assert "8 reports" in done.stdout


@pytest.mark.slow
def test_the_project_runs_as_it_is_written(tmp_path, monkeypatch):
    """All blocks of the page in their order, but for the installation; with short keys, at ports that are free."""
    pytest.importorskip("private_set_intersection")
    pytest.importorskip("matplotlib")
    page = (ROOT / "docs/project.md").read_text()
    short = "key_bits = 512\nallow_insecure_key_size = true\n"
    page = page.replace("key_bits = 2048\n", short).replace("\n[[step]]\n", f"\n[[step]]\n{short}")
    command = tmp_path / "bin/pyfate-gpu"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pyfate_gpu.cli "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    shutil.copytree(ROOT / "docs/sample", tmp_path / "docs/sample")
    with reserved_ports(4) as ports:
        for port, free in zip(("7301", "7302", "7303", "7304"), ports, strict=True):
            page = page.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free}")
        output = _run_blocks(page, tmp_path)
    for line in (
        "guest is connected to host-0, host-1, arbiter",
        "guest shares 230 of its 240 ids; 10 are not common",
        "step 2, selection, leaves 2 columns",
        "training ended after iteration",
        "'income': ",
        "id,score,prediction",
    ):
        assert line in output
    metrics = json.loads((tmp_path / "project/moved/out/prediction.json").read_text())["metrics"]
    assert metrics["auc"] > 0.8
    assert len((tmp_path / "project/moved/out/predictions.csv").read_text().splitlines()) == 1 + 240


def _run_blocks(page, folder):
    """Run what is for a shell or Python, write what is a file, and return what came out."""
    blocks = re.findall(r"^```(sh|toml|python)\n(.*?)^```$", page, re.M | re.S)
    assert [kind for kind, _ in blocks].count("toml") == 5
    output = ""
    for kind, block in blocks:
        if kind == "toml":
            (folder / block.splitlines()[0].removeprefix("# ")).write_text(block)
            continue
        if "pip install" in block:
            continue
        program = ["bash", "-e", "-c", block] if kind == "sh" else [sys.executable, "-c", block]
        done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, block + done.stdout + done.stderr
        output += done.stdout
        folder = folder if folder.name == "project" else folder / "project"
    return output
