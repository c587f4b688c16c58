# SPDX-License-Identifier: Apache-2.0
"""Commands for parties in processes of their own."""

from __future__ import annotations

import json
import re
import stat
import sys

import pytest

from pyfate_gpu.cli import main
from pyfate_gpu.jobs.exits import CONFIGURATION, DATA, PEERS


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command in this process; return exit code, standard output and error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["pyfate-gpu", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_certs_makes_an_authority_and_parties(call, tmp_path):
    from cryptography import x509

    folder = tmp_path / "certs [of all]"
    code, out, _ = call("certs", folder)
    assert code == 0
    assert f"host-0: {folder}" in out
    names = {"ca.key", "ca.pem"} | {
        f"{party}.{end}" for party in ("guest", "host-0", "arbiter") for end in ("key", "pem")
    }
    assert {path.name for path in folder.iterdir()} == names
    for path in folder.glob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    before = (folder / "ca.pem").read_bytes()
    assert call("certs", folder, "host-1", "--days", 7)[0] == 0
    assert (folder / "ca.pem").read_bytes() == before
    authority = x509.load_pem_x509_certificate(before)
    late = x509.load_pem_x509_certificate((folder / "host-1.pem").read_bytes())
    late.verify_directly_issued_by(authority)
    names = late.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["host-1"]


def test_certificates_are_renewed_and_keys_stay(call, tmp_path):
    from cryptography import x509

    assert call("certs", tmp_path, "--days", 1)[0] == 0
    key, old = (tmp_path / "guest.key").read_bytes(), (tmp_path / "guest.pem").read_bytes()
    (tmp_path / "host-0.key").unlink()  # handed over long ago
    code, out, _ = call("certs", tmp_path, "guest", "host-0", "--renew", "--days", 60)
    assert code == 0
    assert f"host-0: {tmp_path / 'host-0.pem'}" in out
    assert (tmp_path / "guest.key").read_bytes() == key
    before, after = (
        x509.load_pem_x509_certificate(data)
        for data in (old, (tmp_path / "guest.pem").read_bytes())
    )
    assert after.public_key() == before.public_key()
    assert (after.not_valid_after_utc - before.not_valid_after_utc).days == 59
    (tmp_path / "arbiter.pem").write_bytes(old)
    code, _, err = call("certs", tmp_path, "arbiter", "--renew")
    assert code == CONFIGURATION
    assert "is of CN=guest, not of arbiter" in err
    code, _, err = call("certs", tmp_path, "host-7", "--renew")
    assert code == CONFIGURATION
    assert "cannot read" in err


def test_certs_replaces_nothing(call, tmp_path):
    assert call("certs", tmp_path)[0] == 0
    before = (tmp_path / "guest.key").read_bytes()
    code, _, err = call("certs", tmp_path, "guest")
    assert code == CONFIGURATION
    assert "guest.key exists" in err
    assert (tmp_path / "guest.key").read_bytes() == before


def test_certs_knows_who_can_take_part(call, tmp_path):
    code, _, err = call("certs", tmp_path, "bank")
    assert code == CONFIGURATION
    assert "no party is named 'bank'" in err


PARTY = """
[party]
name = "arbiter"
job = "x"
listen = "127.0.0.1:0"
directory = "out"
timeout = 0.2
[peers]
guest = "{address}"
host-0 = "127.0.0.1:1"
[model]
type = "linear"
"""


def test_plaintext_has_to_be_asked_for_and_stays_here(call, tmp_path):
    path = tmp_path / "arbiter.toml"
    path.write_text(PARTY.format(address="192.0.2.1:1"))
    code, _, err = call("party", "--config", path)
    assert code == CONFIGURATION
    assert "arbiter has no [tls]" in err
    code, _, err = call("party", "--config", path, "--insecure")
    assert code == CONFIGURATION
    assert "192.0.2.1:1 is not on this machine" in err


def test_a_party_alone_says_whom_it_waited_for(call, tmp_path):
    path = tmp_path / "arbiter.toml"
    path.write_text(PARTY.format(address="127.0.0.1:1"))
    code, _, err = call("party", "--config", path, "--insecure", "--quiet")
    assert code == PEERS
    assert "arbiter waited 0.2 s for guest at 127.0.0.1:1" in err
    assert err.count("\n") == 1
    assert call("--quiet", "party", "--config", path, "--insecure")[2].count("\n") == 1
    assert (
        "arbiter waits for guest at 127.0.0.1:1" in call("party", "--config", path, "--insecure")[2]
    )


def test_a_job_that_cannot_be_read(call, tmp_path):
    code, _, err = call("run", tmp_path / "job.toml")
    assert code == CONFIGURATION
    assert "cannot read" in err


def test_estimate_needs_no_tables(call, tmp_path, monkeypatch):
    monkeypatch.setattr("pyfate_gpu.jobs.calibration.BUDGET", 0.05)
    path = tmp_path / "job.toml"
    path.write_text(ESTIMATED)
    sizes = ("--rows", 100, "--columns", 3, "--columns", 5)
    code, out, err = call("estimate", path, *sizes)
    assert (code, err) == (0, "")
    assert "100 rows, columns: guest 3, host-0 5; key of 512 bits; backend" in out
    assert "multiply" in out
    assert "a machine for each party: " in out
    near, far = (
        float(re.search(r"a machine for each party: ([\d.]+) s", text)[1])
        for text in (out, call("estimate", path, *sizes, "--rtt", 2000, "--bandwidth", 100)[1])
    )
    assert (
        5.9 < far - near < 8
    )  # three round trips, a few kilobytes; the machine was measured twice
    code, _, err = call("estimate", path)
    assert code == DATA
    assert "cannot read" in err


ESTIMATED = """
[job]
name = "x"
directory = "out"
[model]
type = "linear"
key_bits = 512
allow_insecure_key_size = true
[data.guest]
path = "guest.csv"
[data.host-0]
path = "host.csv"
"""


def test_an_index_links_to_the_reports_of_a_folder(call, tmp_path):
    code, _, err = call("report", tmp_path)
    assert code == CONFIGURATION
    assert "has no report" in err
    party = {"party": "guest", "iterations": 4}
    report = {
        "format": "pyfate-gpu report",
        "estimator": "Some",
        "parties": [party],
        "losses": [0.7, 0.25],
    }
    report |= {"validation": [], "metrics": {"auc": 0.9}}
    for job in ("a", "<b>"):
        folder = tmp_path / job / "out" / "guest"
        folder.mkdir(parents=True)
        about = {"about": {"job": job, "date": "2026-11-30 10:00", "rows": 50}}
        (folder / "report.json").write_text(json.dumps(report | about))
        (folder / "other.json").write_text("[]")
    (tmp_path / "a" / "out" / "guest" / "report.html").write_text("page")
    code, out, _ = call("report", tmp_path)
    assert code == 0
    assert out.startswith("2 reports: ")
    page = (tmp_path / "index.html").read_text()
    assert 'href="a/out/guest/report.html"' in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "auc 0.9000" in page
    assert stat.S_IMODE((tmp_path / "index.html").stat().st_mode) == 0o600
