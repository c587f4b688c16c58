# SPDX-License-Identifier: Apache-2.0
"""Configuration files: what is in them arrives, what makes no sense is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.backends import backend_info, use_backend
from pyfate_gpu.errors import BackendUnavailableError, ConfigurationError
from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.federation import Party
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.jobs.configuration import EngineChoice, PartyConfiguration
from pyfate_gpu.jobs.job import Job, as_toml
from pyfate_gpu.storage.toml import dump_toml, load_toml
from tests.jobs.conftest import PORTS

GUEST_FILE = """
[party]
name = "guest"
job = "credit"
listen = "0.0.0.0:7000"
directory = "out"
timeout = 30
[peers]
host-0 = "bank.example:7000"
arbiter = "[::1]:7001"
[tls]
authority = "certs/ca.pem"
certificate = "certs/guest.pem"
key = "/keys/guest.key"
[data]
path = "guest.csv"
label = "y"
columns = ["a", "b"]
[model]
type = "logistic"
learning_rate = 0.1
[engine]
backend = "cpu"
hardened = true
"""


@pytest.fixture
def load(tmp_path):
    def from_text(text):
        path = tmp_path / "guest.toml"
        path.write_text(text)
        return PartyConfiguration.load(path)

    return from_text


def test_a_party_reads_its_file(load, tmp_path):
    found = load(GUEST_FILE)
    assert found.party == GUEST
    assert found.peers == {Party.parse("host-0"): "bank.example:7000", ARBITER: "[::1]:7001"}
    assert found.directory == tmp_path / "out"
    assert str(found.tls.key) == "/keys/guest.key"
    assert found.data.path == tmp_path / "guest.csv"
    assert (found.data.id, found.data.label, found.data.columns) == ("id", "y", ["a", "b"])
    assert (found.model, found.parameters) == ("logistic", {"learning_rate": 0.1})
    assert (found.engine.backend, found.engine.hardened) == ("cpu", True)
    assert (found.timeout, found.checkpoint_every) == (30.0, 0)


@pytest.mark.parametrize("backend", ["cpu", None])
def test_the_engine_of_a_file_computes(backend):
    with use_backend("reference"):
        with EngineChoice(backend, threads=1, hardened=True).use():
            found = backend_info()
            assert (found.name, found.threads, found.hardened) == ("cpu", 1, True)
        with EngineChoice().use():
            assert backend_info().name == "reference"
    with (
        pytest.raises(BackendUnavailableError, match="'reference' has no hardened encryption"),
        EngineChoice("reference", hardened=True).use(),
    ):
        pass


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('name = "guest"', 'name = "gast"', "no party is named 'gast'"),
        ('job = "credit"\n', "", r"\[party\] lacks job"),
        ("timeout = 30", 'timeout = "30"', "timeout is '30'; it must be a number"),
        ("timeout = 30", "timeout = 0", "timeout is 0.0; it must be a positive"),
        ("timeout = 30", "checkpoint_every = -1", "checkpoint_every is -1; it must be 0"),
        ("timeout = 30", "checkpoint_every = true", "must be a whole number"),
        ("timeout = 30", "tmeout = 30", r"\[party\] has tmeout, which nobody knows; it takes name"),
        ("bank.example:7000", "bank.example", r'host-0 is .*; it must be "address:port"'),
        ("bank.example:7000", "bank.example:70000", r"host-0 is .*, a port being below 65536"),
        ("bank.example:7000", "bank.example:\u0667", "host-0 is .*; it must be"),
        ("bank.example:7000", ":7000", "host-0 is ':7000'; it must be"),
        ("0.0.0.0:7000", "0.0.0.0", r"\[party\] listen is '0.0.0.0'; it must be"),
        ("host-0 = ", "server = ", "guest with peers .* is no federation"),
        ("host-0 = ", "host-1 = ", "is no federation: it takes one guest"),
        ("host-0 = ", 'guest = "a:1"\nhost-0 = ', "each named once"),
        ('"out"', '"~nobody-of-this-name/out"', r"\[party\] directory is .*; it must be a path"),
        ("guest.csv", "a\\u0000b", r"\[data\] path is .*; it must be a path"),
        ("hardened = true", "hardened = 1", "hardened is 1; it must be a truth value"),
        ("[engine]", "[engin]", "has engin, which nobody knows; its tables are party"),
        ("[party]", "party = 3\n[party2]", r"\[party\] must be a table|nobody knows"),
        ('columns = ["a", "b"]', "columns = [1]", "must be a list of texts"),
        ("[data]", "[data", "is no TOML file"),
        ("[data]", "x = " + "[" * 5000, "is no TOML file"),
        ('name = "guest"', 'name = "arbiter"', "each named once"),
    ],
)
def test_what_makes_no_sense_is_named(load, old, new, text):
    assert old in GUEST_FILE
    with pytest.raises(ConfigurationError, match=text):
        load(GUEST_FILE.replace(old, new))


def test_an_arbiter_has_no_data(load):
    text = GUEST_FILE.replace("arbiter =", "guest =").replace('name = "guest"', 'name = "arbiter"')
    with pytest.raises(ConfigurationError, match=r"arbiter takes no \[data\]"):
        load(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot read .*nowhere.toml"):
        PartyConfiguration.load(tmp_path / "nowhere.toml")


def test_parties_of_a_job_find_each_other(small_job, tmp_path):
    found = Job.load(small_job()).configurations(PORTS)
    assert [p.name for p in found] == ["guest", "host-0", "arbiter"]
    for party, configuration in found.items():
        for peer, address in configuration.peers.items():
            assert found[peer].listen == address
        path = tmp_path / f"{party}.toml"
        path.write_text(as_toml(configuration))
        again = PartyConfiguration.load(path)
        assert again.peers == configuration.peers
        assert (again.data, again.parameters) == (configuration.data, configuration.parameters)
        assert again.engine == configuration.engine


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"data.host-2": {"path": "x.csv"}}, "numbered without gaps"),
        ({"data.arbiter": {"path": "x.csv"}}, "numbered without gaps"),
        ({"job": {"workers": 3}}, "has workers, which nobody knows"),
        ({"party": {"name": "guest"}}, "has party, which nobody knows"),
    ],
)
def test_jobs_that_make_no_sense_are_refused(small_job, changes, text):
    with pytest.raises(ConfigurationError, match=text):
        Job.load(small_job(changes))


@pytest.mark.parametrize("name", ["linear", "logistic", "poisson"])
def test_files_have_words_for_none(small_job, tmp_path, name):
    model = {"type": name, "clip": False, "penalty": "none"}
    guest = Job.load(small_job({"model": model})).configurations(PORTS)[GUEST]
    path = tmp_path / "guest.toml"
    path.write_text(as_toml(guest))
    read = PartyConfiguration.load(path)
    settings = make_estimator(read.model, read.parameters).settings()
    assert (settings.clip, settings.penalty) == (None, "none")


@pytest.mark.parametrize(
    ("name", "parameters", "text"),
    [
        ("boosting", {}, "no model is named 'boosting': choose one of linear, logistic"),
        ("linear", {"learning_rat": 0.1}, "has no parameter learning_rat"),
        ("linear", {"learning_rate": -1}, "learning_rate is -1"),
        ("linear", {"callbacks": []}, "callbacks are Python objects"),
    ],
)
def test_models_that_make_no_sense_are_refused(name, parameters, text):
    with pytest.raises(ConfigurationError, match=text):
        make_estimator(name, parameters)


texts = st.text(st.characters(blacklist_categories=["Cs"]))
values = st.one_of(
    st.booleans(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False), texts, st.lists(texts)
)


@given(st.dictionaries(st.sampled_from("abcd"), values))
def test_written_tables_are_read_back(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("toml") / "x.toml"
    path.write_text(dump_toml({"t": table}), encoding="utf-8")
    assert load_toml(path) == {"t": table}
