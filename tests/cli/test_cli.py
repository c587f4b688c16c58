# SPDX-License-Identifier: Apache-2.0
"""The command line: what it prints, which files it makes, how it ends."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

import pyfate_gpu
from pyfate_gpu.backends import backend_info
from pyfate_gpu.backends.base import Availability
from pyfate_gpu.cli import main
from pyfate_gpu.jobs.exits import CONFIGURATION, USAGE

SMALL = ["--key-bits", "512", "--allow-insecure-key-size"]
INSECURE = ["--allow-insecure-key-size"]


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command in this process; return exit code, standard output and error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["pyfate-gpu", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "100")
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_info_names_backends_and_versions(call):
    code, out, _ = call("info")
    assert code == 0
    for word in ("reference", "cpu", "numpy", "gmpy2", "2048 to 8192 bits", "PYFATE_GPU_BACKEND"):
        assert word in out


def test_info_shows_remedies_as_they_are(call, monkeypatch):
    reason = "CuPy does not load; pip install 'pyfate-gpu[cuda13]'"
    found = replace(backend_info(), availability={"cuda": Availability(False, reason)})
    monkeypatch.setattr("pyfate_gpu.cli.info.backend_info", lambda: found)
    assert "[cuda13]" in call("info")[1].replace("\n", "")


def test_demo_tells_the_whole_story(call):
    code, out, err = call("demo", *SMALL, "--iterations", 2)
    assert (code, err) == (0, "")
    found = re.findall(
        r"^ +(\d) +0\.\d+ +(?:\d+\.\d\d +){5}([\d,]+) +([\d,]+) +0\.\d\d$", out, re.M
    )
    # 285 ciphertexts of two rows each: targets, by the guest alone, and the host's shares sent ahead for the second.
    # 31 gradients, of the first the host's 20 alone.
    assert found == [("1", "590", "11,380"), ("2", "316", "17,924")]
    assert "\x1b" not in out
    for row in ("guest alone", "under encryption", "same rule in plaintext", "scikit-learn"):
        assert re.search(rf"{row}.* 0\.9\d{{3}} .* 0\.[89]\d{{3}} ", out), row
    assert float(re.search(r"federated to plaintext: (\S+)", out)[1]) < 1e-6
    assert "values decrypted" in out
    assert re.search(r"key of 512 bits, fingerprint [0-9a-f]{16}; 2 iterations", out)


def test_demo_fits_narrow_terminals(call):
    _, out, _ = call("demo", *SMALL, "--iterations", 1)
    table = out[out.index("Seconds by step") : out.index("Scores")]
    assert max(map(len, table.splitlines())) < 80


def test_errors_are_one_line_and_a_code(call):
    code, out, err = call("demo", "--key-bits", 512)
    assert code == CONFIGURATION
    assert err.startswith("error: a key of 512 bits can be broken")
    assert "--allow-insecure-key-size" in err
    assert "allow_insecure" not in err
    assert err.count("\n") == 1
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys", "generate", "KEY", "--key-bits", 7),
        ("keys", "generate", "KEY", "--key-bits", 256),
        ("demo", "--iterations", 0),
        ("demo", "--key-bits", 7),
        ("certs", "FOLDER", "--days", 0),
        ("certs", "FOLDER", "bank"),
        ("estimate", "JOB", "--rows", 3),
        ("estimate", "JOB", "--rtt", -1),
    ],
    ids=lambda arguments: " ".join(map(str, arguments)),
)
def test_errors_speak_of_options(call, tmp_path, arguments):
    paths = {name: tmp_path / name for name in ("KEY", "FOLDER", "JOB")}
    code, _, err = call(*(paths.get(each, each) for each in arguments))
    assert code in (USAGE, CONFIGURATION)
    text = " ".join(err.replace(str(tmp_path), "").split())
    assert not re.search(r"\b[a-z]+_[a-z]+\b|\w=\w", text), text
    for option in arguments:
        if str(option).startswith("--") and option != "--rows":
            assert str(option) in text or "--allow-insecure-key-size" in text


def test_debug_shows_the_traceback():
    command = [sys.executable, "-m", "pyfate_gpu.cli", "--debug", "keys", "show", "/nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "KeyFileError: cannot read /nowhere" in done.stderr


def test_the_release_is_told(call):
    assert call("--version") == (0, f"pyfate-gpu {pyfate_gpu.__version__}\n", "")


def test_unknown_commands_are_errors(call):
    code, _, err = call("train")
    assert code == 2
    assert "No such command" in err


@pytest.fixture
def key(tmp_path, call):
    path = tmp_path / "key.json"
    assert call("keys", "generate", path, *SMALL)[0] == 0
    return path


def test_generate_makes_a_pair_for_its_owner_only(key, tmp_path):
    public = tmp_path / "key.pub.json"
    for path in (key, public):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(public.read_text())["kty"] == "DAJ"
    assert json.loads(public.read_text())["n"] == json.loads(key.read_text())["pub"]["n"]


@pytest.mark.parametrize("name", ["key.json", "key.pub.json"])
def test_generate_replaces_nothing_unasked(key, tmp_path, call, name):
    before = key.read_text()
    for path in (key, tmp_path / "key.pub.json"):
        if path.name != name:
            path.rename(tmp_path / "elsewhere")
    code, _, err = call("keys", "generate", key, *SMALL)
    assert code == CONFIGURATION
    assert f"{name} exists; choose another name, or --overwrite" in err
    if name == "key.json":
        assert key.read_text() == before
    else:
        assert not key.exists()  # not half a pair
    assert call("keys", "generate", key, "--overwrite", *SMALL)[0] == 0
    assert key.read_text() != before


def test_show_says_everything_but_secrets(key, tmp_path, call):
    private_n = json.loads(key.read_text())
    for path, kind in [(key, "private key"), (tmp_path / "key.pub.json", "public key")]:
        code, out, _ = call("keys", "show", path, *INSECURE)
        assert code == 0
        assert kind in out
        assert "512" in out
        assert "short exponents" in out
        assert private_n["p"] not in out


def test_check_uses_the_key(key, tmp_path, call):
    assert "good, PublicKey" in call("keys", "check", key, *INSECURE)[1]
    assert "good, PublicKey" in call("keys", "check", tmp_path / "key.pub.json", *INSECURE)[1]


def test_schemes_are_chosen_by_name(tmp_path, call):
    path, scheme = tmp_path / "short.json", "paillier-short-subgroup"
    assert call("keys", "generate", path, "--scheme", scheme, *SMALL)[0] == 0
    assert scheme in call("keys", "show", path, *INSECURE)[1]
    assert "good, ShortSubgroupPublicKey" in call("keys", "check", path, *INSECURE)[1]
    code, _, err = call("keys", "generate", tmp_path / "other.json", "--scheme", "rsa", *SMALL)
    assert code == CONFIGURATION
    assert "scheme 'rsa' is unknown" in err


def test_short_keys_need_the_opt_in(key, call):
    code, _, err = call("keys", "check", key)
    assert code == CONFIGURATION
    assert "512 bits can be broken" in err


def test_public_takes_the_public_half_out(key, tmp_path, call):
    out = tmp_path / "again.json"
    assert call("keys", "public", key, out, *INSECURE)[0] == 0
    made = json.loads((tmp_path / "key.pub.json").read_text())
    again = json.loads(out.read_text())
    assert {**again, "kid": ""} == {**made, "kid": ""}
    code, _, err = call("keys", "public", key, out, *INSECURE)
    assert code == CONFIGURATION
    assert "exists" in err


def test_a_private_key_is_not_overwritten_by_its_public_half(key, tmp_path, call):
    before = key.read_bytes()
    there = tmp_path / "folder" / ".." / key.name
    (tmp_path / "folder").mkdir()
    for arguments in (("public", key, there), ("generate", key, "--public", there)):
        code, _, err = call("keys", *arguments, "--overwrite", *INSECURE)
        assert code == CONFIGURATION
        assert "is the file of the private key" in err
    assert key.read_bytes() == before


def test_passphrases_come_from_a_file(tmp_path, call):
    pytest.importorskip("cryptography")
    secret, empty, path = tmp_path / "secret", tmp_path / "empty", tmp_path / "key.json"
    secret.write_text("correct horse\n")
    empty.write_text("")
    (tmp_path / "binary").write_bytes(b"\xff\n")
    assert call("keys", "generate", path, "--passphrase-file", secret, *SMALL)[0] == 0
    assert "good" in call("keys", "check", path, "--passphrase-file", secret, *INSECURE)[1]
    assert "is encrypted; pass --passphrase-file FILE" in call("keys", "check", path, *INSECURE)[2]
    code, out, _ = call("keys", "show", path, *INSECURE)
    assert code == 0
    assert "under a passphrase" in out.replace("\n", " ")
    assert (
        json.loads((tmp_path / "key.pub.json").read_text())["n"]
        == json.loads(path.read_text())["pub"]["n"]
    )
    for file, text in [
        (empty, "is empty"),
        (tmp_path / "none", "cannot read"),
        (tmp_path / "binary", "is no text in UTF-8"),
    ]:
        code, _, err = call("keys", "check", path, "--passphrase-file", file, *INSECURE)
        assert code == CONFIGURATION
        assert text in err


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "not json", '{"kty": "RSA"}', "\0\xff", "[" * 10**5], ids=range(7)
)
def test_files_that_are_no_keys(tmp_path, call, content):
    path = tmp_path / "key.json"
    path.write_bytes(content.encode("latin-1"))
    path.chmod(0o600)
    code, _, err = call("keys", "check", path)
    assert code == CONFIGURATION
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_importing_the_command_line_loads_nothing_heavy():
    code = (
        "import sys, pyfate_gpu.cli\n"
        "heavy = {'typer', 'rich', 'sklearn', 'numpy', 'gmpy2'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.filterwarnings("ignore:a Paillier key of 512 bits")
@pytest.mark.parametrize("number", ["nan", "inf", "1e400", "seven"])
def test_only_finite_numbers_are_encrypted(key, tmp_path, call, number):
    code, _, err = call("phe", "encrypt", tmp_path / "key.pub.json", number)
    assert code == 2
    assert "is no finite number" in err


@pytest.mark.filterwarnings("ignore:a Paillier key of 512 bits")
def test_results_of_phe_go_where_links_lead(key, tmp_path, call):
    """Into the file that is there, as python-paillier's command writes: somebody may have it open."""
    public = tmp_path / "key.pub.json"
    target, link = tmp_path / "folder" / "number", tmp_path / "link"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to(target)
    with target.open() as already_open:
        assert call("phe", "encrypt", public, "5", "--output", link)[0] == 0
        assert set(json.load(already_open)) == {"v", "e"}
    assert link.is_symlink()
    code, _, err = call("phe", "encrypt", public, "7", "--output", tmp_path / "none" / "number")
    assert (code, err.count("\n")) == (CONFIGURATION, 1)
    assert "cannot write" in err


@pytest.mark.filterwarnings("ignore:a Paillier key of 512 bits")
def test_phe_writes_into_pipes(key, tmp_path, call):
    pipe, lines = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: lines.append(pipe.read_text()), daemon=True)
    reader.start()
    assert call("phe", "encrypt", tmp_path / "key.pub.json", "5", "--output", pipe)[0] == 0
    reader.join(60)
    assert set(json.loads(lines[0])) == {"v", "e"}
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_phe_keys_are_for_their_owner(tmp_path, call):
    path = tmp_path / "private"
    path.touch(mode=0o666)
    assert call("phe", "genpkey", "--keysize", 512, path)[0] == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
