# SPDX-License-Identifier: Apache-2.0
"""Jobs over a bad network, without memory, and with a clock that jumps: the same weights, or an error that says why."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.errors import PyFateError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.jobs.exits import MACHINE
from pyfate_gpu.jobs.job import Job, as_toml
from pyfate_gpu.jobs.launcher import _certify
from pyfate_gpu.jobs.party import run_party
from pyfate_gpu.jobs.ports import reserved_ports
from tests.federation.faulty_network import FaultyProxy
from tests.federation.network import run_together

ENGINE = {
    "backend": None,
    "threads": None,
}  # the choice of an engine is the process's, and three parties share it


@pytest.fixture
def behind_proxies(small_job):
    """Configurations of a small job whose parties reach each other through bad networks only."""
    proxies = []
    reserved = ExitStack()

    def make(kinds, changes=None, **options):
        job = Job.load(
            small_job(
                {"job": {"timeout": 300.0, "peer_timeout": 60.0}, "engine": ENGINE}
                | (changes or {})
            )
        )
        job.directory.mkdir()
        _certify(job)
        ports = reserved.enter_context(reserved_ports(len(job.parties)))
        configurations = job.configurations(ports)
        ways = {}
        for party, configuration in configurations.items():
            port = int(configuration.listen.rpartition(":")[2])
            proxies.append(FaultyProxy(port, kinds, seed=len(proxies), **options))
            ways[party] = f"127.0.0.1:{proxies[-1].port}"
        return [
            replace(c, peers={peer: ways[peer] for peer in c.peers})
            for c in configurations.values()
        ], proxies

    with reserved:
        yield make
    for proxy in proxies:
        proxy.close()


def coefficients(folder, party):
    return json.loads((folder / "out" / party / "result.json").read_text())["coef"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "faults"),
    [("delay", 12), ("cut", 12), ("damage", 6), ("stall", 2), ("lose", 1), ("repeat swap", 1)],
)
def test_a_bad_network_changes_nothing(behind_proxies, in_process, tmp_path, kinds, faults):
    """What is lost shows when gRPC hears nothing for ten seconds, so there are few of these."""
    kinds = kinds.split()
    configurations, proxies = behind_proxies(kinds, faults=faults)
    results = run_together([lambda c=c: run_party(c) for c in configurations])
    assert not any(isinstance(result, Exception) for result in results), results
    happened = [kind for proxy in proxies for kind in proxy.happened]
    assert len(happened) >= min(3 * faults, 6)
    assert set(happened) <= set(kinds)
    for party, model in zip(("guest", "host-0"), in_process(), strict=True):
        np.testing.assert_array_equal(coefficients(tmp_path, party), model.coef_)


@pytest.mark.slow
def test_processes_over_a_bad_network(behind_proxies, in_process, tmp_path):
    every = ["lose", "delay", "repeat", "swap", "damage", "cut", "stall"]
    configurations, proxies = behind_proxies(every, faults=3)
    processes = []
    for configuration in configurations:
        configuration.directory.mkdir(parents=True, exist_ok=True)
        path = configuration.directory / "party.toml"
        path.write_text(as_toml(configuration))
        command = [sys.executable, "-m", "pyfate_gpu.cli", "party", "--config", str(path)]
        processes.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
    ends = [(process.communicate(timeout=1800)[0], process.returncode) for process in processes]
    assert [code for _, code in ends] == [0, 0, 0], ends
    assert sum(len(proxy.happened) for proxy in proxies) >= 5
    for party, model in zip(("guest", "host-0"), in_process(), strict=True):
        np.testing.assert_array_equal(coefficients(tmp_path, party), model.coef_)


def test_a_network_that_dies_is_named(behind_proxies, tmp_path):
    changes = {
        "job": {"timeout": 300.0, "peer_timeout": 5.0},
        "model": {"max_iter": 100_000},
        "engine": ENGINE,
    }
    configurations, proxies = behind_proxies(["delay"], changes, faults=0)

    def pull_the_cable():
        transcript = tmp_path / "out" / "guest" / "transcript.jsonl"
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            if transcript.exists() and transcript.stat().st_size > 2000:
                break
            time.sleep(0.05)
        for proxy in proxies:
            proxy.die()

    *results, _ = run_together(
        [*(lambda c=c: run_party(c) for c in configurations), pull_the_cable]
    )
    for result in results:
        assert isinstance(result, PyFateError), result
        assert "silent for 5 s" in str(result) or "could not be brought" in str(result), result


# Clocks


class JumpingClock:
    """In place of the time of day: hours forward and back at each look."""

    def __init__(self):
        self.looks = 0

    def __call__(self):
        self.looks += 1
        return 1e9 + (self.looks * 7919 % 11 - 5) * 3600


def test_the_time_of_day_does_not_matter(in_process, monkeypatch):
    expected = in_process()
    clock = JumpingClock()
    monkeypatch.setattr(time, "time", clock)
    for model, same in zip(in_process(), expected, strict=True):
        np.testing.assert_array_equal(model.coef_, same.coef_)


def test_waits_end_whatever_the_clock_says(monkeypatch):
    monkeypatch.setattr(time, "time", JumpingClock())

    def wait(session):
        session.receive(GUEST, "never", x=int)

    started = time.monotonic()
    with pytest.raises(PyFateError, match=r"waited 0.5 s for 'never'"):
        simulate(
            guest=lambda session: time.sleep(2),
            hosts=[wait],
            arbiter=lambda session: None,
            timeout=0.5,
        )
    assert time.monotonic() - started < 600  # that clock would have it wait for an hour


# Memory

_LITTLE_MEMORY = """
import mmap, resource
import numpy as np
from pathlib import Path
from pyfate_gpu import concatenate, generate_keypair, use_backend
from pyfate_gpu.errors import HostMemoryError
use_backend("cpu", threads=2)
public, private = generate_keypair(512, allow_insecure_key_size=True)
c = public.encrypt(np.zeros(100_000, np.int8))
x = np.ones((2, 100_000), np.int8)
private.decrypt(c[:10] + 1), c[:10].to_wire(), x[:, :10] @ c[:10]  # what is made once, threads above all
size = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
resource.setrlimit(resource.RLIMIT_AS, (size + (8 << 20),) * 2)
many, spread = np.zeros(1_000_000, np.int8), np.zeros(1_000_000, int)
refused = named = 0
for attempt in (
    lambda: public.encrypt(many), lambda: private.encrypt(many), lambda: c.take(spread), lambda: -c,
    lambda: concatenate([c] * 9), lambda: c * spread[:, None][:50], lambda: c[:2000, None] * np.ones((1, 1000), int),
    lambda: c[0] + many, lambda: c.to_ints(), lambda: b"".join([c.to_wire()] * 9),
    lambda: c.broadcast_to((90, 100_000)),
):
    try:
        attempt()
    except HostMemoryError as error:
        assert "MiB of operands found no memory left" in str(error) and "fewer rows" in str(error)
        named += 1
    except MemoryError:
        refused += 1
assert private.decrypt(c[:3] + np.array([1, -2, 3])).tolist() == [1, -2, 3]
assert private.decrypt(public.encrypt([5, 6]) * 7).tolist() == [35, 42]
print("refused", refused, "named", named)
"""


def test_little_memory_is_an_error_and_not_an_end():
    ran = subprocess.run(
        [sys.executable, "-c", _LITTLE_MEMORY],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    _, refused, _, named = ran.stdout.split()
    assert int(refused) + int(named) >= 6
    assert int(named) >= 3


def test_a_party_without_memory_says_so(tmp_path):
    code = (
        "import sys\n"
        "from pyfate_gpu.cli import app\n"
        "def no_memory():\n    raise MemoryError('std::bad_alloc')\n"
        "app.app = no_memory\n"
        "app.run()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=1800, check=False
    )
    assert ran.returncode == MACHINE
    assert "error: no memory left (std::bad_alloc): take smaller batches" in ran.stderr
