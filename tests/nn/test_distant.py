# SPDX-License-Identifier: Apache-2.0
"""Transfer learning between two processes over mutual TLS: what they come to, and when one is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pyfate_gpu.federation.certificates import Authority
from pyfate_gpu.federation.roles import GUEST, Party
from pyfate_gpu.jobs.ports import reserved_ports
from tests.nn.transfer_rule import rule
from tests.sshe.oracle import prepared

HOST = Party.parse("host-0")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(4)
    hidden = generator.normal(size=(60, 2))
    own = hidden @ generator.normal(size=(2, 3)) + 0.1 * generator.normal(size=(60, 3))
    other = hidden @ generator.normal(size=(2, 4)) + 0.1 * generator.normal(size=(60, 4))
    y = (hidden[:40, 0] > 0).astype(int)
    np.savez(tmp_path / "guest.npz", X=own[:40], y=y, common=np.arange(20, 40))
    np.savez(tmp_path / "host-0.npz", X=other[20:], common=np.arange(20))
    authority = Authority.create()
    (tmp_path / "authority").write_bytes(authority.pem)
    for party in (GUEST, HOST):
        key, certificate = authority.issue(party)
        (tmp_path / f"{party}.certificate").write_bytes(certificate)
        (tmp_path / f"{party}.key").write_bytes(key)
    with reserved_ports(2) as ports:
        addresses = {
            str(p): f"127.0.0.1:{port}" for p, port in zip((GUEST, HOST), ports, strict=True)
        }
        (tmp_path / "addresses.json").write_text(json.dumps(addresses))
        yield tmp_path


def run(folder, dying=None, messages=0):
    """Run both parties to their end; return how they ended."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "tests.nn.distant_party"]
    parties = [
        subprocess.Popen(
            [*command, str(party), str(folder), *([str(messages)] if party == dying else [])],
            env=environment, cwd=ROOT,
        )
        for party in (GUEST, HOST)
    ]  # fmt: skip
    return [process.wait() for process in parties]


@pytest.mark.slow
def test_two_processes_come_to_the_weights_of_the_rule(folder):
    assert run(folder) == [0, 0]
    guest, host = (np.load(folder / f"{party}.npz") for party in (GUEST, HOST))
    found = {party: np.load(folder / f"{party}.found.npz") for party in (GUEST, HOST)}
    inputs = prepared(guest["X"], 4.0), prepared(host["X"], 4.0)
    signs = 2.0 * guest["y"][:, None] - 1
    W, V, _, centres = rule(*inputs, signs, (guest["common"], host["common"]))
    np.testing.assert_allclose(found[GUEST]["weights"], W, atol=1e-6)
    np.testing.assert_allclose(found[HOST]["weights"], V, atol=1e-6)
    np.testing.assert_allclose(found[HOST]["scores"], inputs[1] @ V @ centres[0], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("dying", "messages"), [(HOST, 12), (GUEST, 9)])
def test_the_other_party_of_one_that_was_killed_ends(folder, dying, messages):
    codes = run(folder, dying, messages)
    place = (GUEST, HOST).index(dying)
    assert codes[place] == -signal.SIGKILL
    assert codes[1 - place] == 1
    other = HOST if dying == GUEST else GUEST
    text = (folder / f"{other}.error").read_text()
    assert text.startswith("PartyFailedError")
    assert str(dying) in text
