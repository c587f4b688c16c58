# SPDX-License-Identifier: Apache-2.0
"""A Ray cluster of this machine: what arrays do there, who has the private key, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from pyfate_gpu import (
    HeteroLogisticRegression,
    generate_keypair,
    save_private_key,
    simulate,
    use_backend,
)
from pyfate_gpu.backends import backend_info
from pyfate_gpu.backends.base import ClusterOptions, EngineOptions
from pyfate_gpu.backends.ray import backend as registration
from pyfate_gpu.backends.ray import cluster, workers
from pyfate_gpu.backends.ray.backend import RayBackend
from pyfate_gpu.backends.words import integers_to_words
from pyfate_gpu.errors import (
    BackendUnavailableError,
    ConfigurationError,
    KeyMismatchError,
    WorkerLostError,
)
from tests.backends.soak_workers import Soak

pytestmark = pytest.mark.skipif(
    not RayBackend().availability().available, reason="Ray has no release for this machine"
)


@pytest.fixture
def two():
    with use_backend("ray", workers=2):
        yield


def sealed_key(path, bits=512):
    public, private = generate_keypair(bits, allow_insecure_key_size=True)
    save_private_key(private, path)
    return public, private


def test_rows_lie_at_the_workers(two, keypair):
    public, private = keypair
    c = public.encrypt(np.arange(1000.0))
    assert (c.device, c.backend) == ("ray", "ray")
    assert [part.rows for part in c._rows.parts] == [500, 500]
    assert private.decrypt(c.sum()) == 499500.0


def test_both_encodings_of_an_array_are_those_of_the_cpu(two, keypair):
    public, _ = keypair
    c = public.encrypt(np.arange(100.0))
    here = c.to_device("cpu")
    for there, expected in ((c * 3 + c, here * 3 + here), (c.sum(), here.sum())):
        np.testing.assert_array_equal(there.to_ints(reblind=False), expected.to_ints(reblind=False))


def fitted(x, y):
    """Weights of guest and host."""

    def model():
        return HeteroLogisticRegression(max_iter=3, key_bits=512, allow_insecure_key_size=True)

    halves = simulate(
        guest=lambda session: model().fit(x[:, :2], y, session=session),
        hosts=[lambda session: model().fit(x[:, 2:], session=session)],
        arbiter=lambda session: model().fit(session=session),
    )
    assert halves["guest"].report_.backend == backend_info().name
    return np.concatenate([halves["guest"].coef_, halves["host-0"].coef_])


def test_a_regression_is_that_of_the_cpu(two, rows_of_two):
    there = fitted(*rows_of_two)
    with use_backend("cpu"):
        np.testing.assert_allclose(there, fitted(*rows_of_two), atol=1e-12)


@pytest.fixture
def rows_of_two(rng):
    x = rng.normal(size=(150, 5))
    return x, (x.sum(axis=1) > 0).astype(int)


IN_A_THREAD = """
import threading, time
from pyfate_gpu import generate_keypair, use_backend

public, private = generate_keypair(512, allow_insecure_key_size=True)
use_backend("ray", workers=1)
thread = threading.Thread(target=lambda: public.encrypt([1.0]))
thread.start()
thread.join()
time.sleep(1)
print(private.decrypt(public.encrypt([2.0, 3.0]).sum()))
"""


def test_a_cluster_outlives_the_thread_that_asked_for_it():
    found = subprocess.run(
        [sys.executable, "-c", IN_A_THREAD],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert found.stdout == "5.0\n", found.stderr[-2000:]


def test_workers_with_the_key_file_decrypt(tmp_path):
    public, private = sealed_key(tmp_path / "key.json")
    with use_backend("ray", workers=2, key_file=str(tmp_path / "key.json")):
        c = private.encrypt(np.arange(100.0))
        assert type(private._engine(c._engine)).__name__ == "WorkersPrivateEngine"
        assert private.decrypt(c + public.encrypt(1.0)).tolist() == (np.arange(100.0) + 1).tolist()


def test_a_file_of_another_key_is_refused(tmp_path, keypair):
    sealed_key(tmp_path / "key.json")
    public, private = keypair
    with (
        use_backend("ray", workers=2, key_file=str(tmp_path / "key.json")),
        pytest.raises(KeyMismatchError, match="another key"),
    ):
        private.decrypt(public.encrypt([1.0]))


def test_a_sealed_key_file_opens_by_a_file_at_the_worker(tmp_path, monkeypatch):
    from pyfate_gpu.config import environment
    from pyfate_gpu.he.key_files import read_numbers

    _, private = generate_keypair(512, allow_insecure_key_size=True)
    save_private_key(private, tmp_path / "key.json", passphrase="a long one")
    (tmp_path / "words").write_text("a long one\nand more\n")
    monkeypatch.setenv("PYFATE_GPU_PASSPHRASE", str(tmp_path / "words"))
    environment.cache_clear()
    try:
        assert read_numbers(tmp_path / "key.json").p == private._numbers.p
    finally:
        monkeypatch.undo()
        environment.cache_clear()


def test_the_death_of_a_worker_is_said_and_the_next_engine_has_new_ones(keypair):
    public, private = keypair
    with use_backend("ray", workers=2, threads=2):
        c = public.encrypt(np.arange(1000.0))
        pid = c._engine.workers.wait([c._engine.workers.call(1, "process", 0)])[0]
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerLostError, match="last checkpoint"):
            (c + c).sum()
        with pytest.raises(WorkerLostError):  # no second try, no actor that took its place
            c._engine.encrypt(integers_to_words(np.arange(1000)))
        again = public.encrypt(np.arange(10.0))
        assert again._engine.engine_id != c._engine.engine_id
        assert private.decrypt(again.sum()) == 45.0


class Cluster:
    """What a cluster says it has."""

    exceptions = None

    def __init__(self, **resources):
        self.cluster_resources = lambda: resources


def test_nothing_that_draws_randomness_is_tried_again(monkeypatch):
    """Ray repeats tasks of actors, and starts actors again, unless it is told not to."""
    asked = []

    class Ray(Cluster):
        def remote(self, **options):
            asked.append(options)
            return lambda actor: Mock()

    monkeypatch.setattr(workers.RayWorkers, "_check_releases", lambda self: None)
    workers.RayWorkers(Ray(CPU=2.0), 2, "cpu", 1, "ray:9", True)
    assert [(each["max_restarts"], each["max_task_retries"]) for each in asked] == [(0, 0)]


def spellings(number):
    """How a secret number could stand in a file: any 16 bytes of it in a row, decimal, hexadecimal, or in memory."""
    size = -(-number.bit_length() // 8)
    texts = (str(number).encode(), f"{number:x}".encode(), f"{number:X}".encode())
    return [text[:32] for text in texts] + [
        number.to_bytes(size, order)[8:24] for order in ("little", "big")
    ]


def bytes_of_the_cluster():
    """What a cluster of this machine has written: files of its session, and its object store."""
    import ray

    node = ray._private.worker._global_node
    for path in Path(node.get_session_dir_path()).rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()
    raylet = node.all_processes["raylet"][0].process.pid
    for link in Path(f"/proc/{raylet}/fd").iterdir():
        if cluster.SHARED_MEMORY in str(link.readlink()):
            with link.open("rb") as store:
                yield "object store", b"".join(written(store))


def written(file):
    """The parts of a sparse file that something was written to."""
    end = 0
    while True:
        try:
            start = os.lseek(file.fileno(), end, os.SEEK_DATA)
        except OSError:
            return
        end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
        yield os.pread(file.fileno(), end - start, start)


def shown_by_dashboards():
    """What a cluster's own books, which dashboards read, say of jobs, actors and their tasks, once these are there."""
    import ray

    state, end = ray._private.state, time.monotonic() + 300
    while not any(each["name"] == "call" for each in ray.timeline()):
        assert time.monotonic() < end
        time.sleep(0.2)
    return json.dumps([ray.timeline(), state.actors(), state.jobs()], default=repr).encode()


def test_nothing_secret_is_in_logs_or_object_store_or_dashboards(tmp_path):
    """Of a job's work with the key at the workers, and of failures that are logged."""
    import ray

    public, private = sealed_key(tmp_path / "key.json", bits=1024)
    seen = ray.put(np.frombuffer(b"this lies in the store" * 10000, dtype=np.uint8))
    with use_backend("ray", workers=2, key_file=str(tmp_path / "key.json")):
        c = private.encrypt(np.arange(3000.0))
        assert private.decrypt((c + c).sum()) == 2999 * 3000
        with pytest.raises(KeyMismatchError):
            c._engine.open_key("pyfate_gpu.he.key_files:read_numbers", str(other_key(tmp_path)))
        at_worker = c._engine.workers
        with pytest.raises(KeyError):  # in the middle of decryption, where the key is in a variable
            at_worker.wait([at_worker.call(0, "decrypt", c._engine._key, -1)])
        shown = shown_by_dashboards()
    with use_backend("ray", workers=2):  # the driver has the key
        assert private.decrypt(public.encrypt(np.arange(3000.0)).sum()) == 2999 * 1500
    numbers = private._numbers
    secrets = [text for each in (numbers.p, numbers.q) for text in spellings(int(each))]
    everything = dict(bytes_of_the_cluster()) | {"dashboards": shown}
    assert b"ShardActor" in shown
    assert b"another key" in shown  # texts of errors, which name the file
    assert any("this lies in the store" in text.decode("latin-1") for text in everything.values())
    assert any(name.endswith((".log", ".out", ".err")) for name in everything)
    for name, text in everything.items():
        assert not [secret for secret in secrets if secret in text], name
    assert seen is not None


def other_key(folder):
    sealed_key(folder / "other.json")
    return folder / "other.json"


def test_a_forked_process_is_told_and_does_not_wait_for_ever(two, keypair, monkeypatch):
    c = keypair[0].encrypt(np.arange(10))
    parent = os.getpid()
    monkeypatch.setattr(workers.os, "getpid", lambda: parent + 1)
    with pytest.raises(BackendUnavailableError, match="forked .* by 'spawn'"):
        c + c
    with (
        use_backend("ray", workers=1, threads=3),
        pytest.raises(BackendUnavailableError, match="forked .* by 'spawn'"),
    ):
        keypair[0].encrypt([1])


def test_more_workers_than_a_machine_is_for(keypair):
    with (
        use_backend("ray", workers=1000),
        pytest.raises(BackendUnavailableError, match="1000 workers .* by its address"),
    ):
        keypair[0].encrypt([1.0])


def test_a_cluster_that_is_too_small_is_said():
    with pytest.raises(
        BackendUnavailableError, match="4 workers need 8 CPUs and the cluster has 6"
    ):
        workers.RayWorkers(Cluster(CPU=6.0), 4, "cpu", 2, "ray:9", True)


def test_gpus_that_a_cluster_has_not(keypair):
    with (
        use_backend("ray", workers=1, device="cuda"),
        pytest.raises(BackendUnavailableError, match="1 workers need 1 GPUs and the cluster has 0"),
    ):
        keypair[0].encrypt([1.0])


def test_another_release_at_a_worker_is_refused(keypair, monkeypatch):
    monkeypatch.setattr(workers, "version", lambda name: "9.9")
    with (
        use_backend("ray", workers=1, threads=2),
        pytest.raises(BackendUnavailableError, match=r"release .* this process 9\.9"),
    ):
        keypair[0].encrypt([1.0])


OTHER_RAY = """Version mismatch: The cluster was started with:
    Ray: 2.43.0
    Python: 3.12.3
This process on node 10.0.0.2 was started with:
    Ray: 2.58.0
    Python: 3.11.9
"""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionError("Could not find any running Ray instance"), "any running Ray instance"),
        (
            RuntimeError(OTHER_RAY),
            r"Ray: 2\.43\.0 Python: 3\.12\.3 This .* Ray: 2\.58\.0 .*; start one",
        ),
        (RuntimeError("x" * 5000), r"x{300} \.\.\."),
    ],
    ids=["none", "another release", "long"],
)
def test_no_cluster_at_the_address(keypair, monkeypatch, error, words):
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)

    def refuse(*args, **named):
        raise error

    monkeypatch.setattr(ray, "init", refuse)
    with (
        use_backend("ray", workers=1, address="10.0.0.1:6379"),
        pytest.raises(
            BackendUnavailableError, match=rf"no Ray cluster at 10\.0\.0\.1:6379.*{words}"
        ),
    ):
        keypair[0].encrypt([1.0])


def test_little_shared_memory_is_named(monkeypatch):
    monkeypatch.setattr(cluster.os, "statvfs", lambda path: os.statvfs_result([4096] * 5 + [0] * 5))
    monkeypatch.setattr(cluster, "STORE_BYTES", 1 << 60)
    with pytest.warns(RuntimeWarning, match=r"/dev/shm.*--shm-size"):
        cluster._warn_of_little_memory()


def test_an_old_release_of_ray_is_not_available(monkeypatch):
    monkeypatch.setattr(registration, "version", lambda name: "2.9.3")
    assert "2.9.3 is too old" in RayBackend().availability().reason


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"device": "tpu"}, "workers compute on cpu or cuda"),
        ({"workers": 0}, "workers is 0"),
        ({"workers": "two"}, "workers is 'two'"),
        ({"isa": "avx2"}, "leave isa out"),
        ({"hardened": True}, "no hardened encryption"),
    ],
)
def test_choices_that_make_no_sense(choice, message):
    with pytest.raises((ConfigurationError, BackendUnavailableError), match=message):
        use_backend("ray", **choice)


def test_other_backends_have_no_cluster():
    with pytest.raises(ConfigurationError, match="'cpu' has no cluster"):
        use_backend("cpu", workers=2)


def test_workers_are_as_many_as_cores():
    resolved = RayBackend().resolve(EngineOptions(cluster=ClusterOptions()))
    assert resolved.cluster.workers >= 1
    assert resolved.threads == 1


def test_an_hour_in_short(two):
    """The long form is `python -m tests.backends.soak_workers`."""
    soak = Soak(256, longest=150)
    for _ in range(3):
        soak.round()
    before = soak.held()
    for _ in range(9):  # a second key among them, which puts the first one out
        soak.round()
    for (results, keys), (results_before, keys_before) in zip(soak.held(), before, strict=True):
        assert results <= results_before + 1  # what is garbage is dropped with the next call
        assert keys <= keys_before + 1
