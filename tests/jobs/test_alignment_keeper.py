# SPDX-License-Identifier: Apache-2.0
"""An intersection that was cut short goes on where it was, with nothing secret in files; with other ids it does not."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu.data.rows import Rows
from pyfate_gpu.errors import StorageError
from pyfate_gpu.federation import simulate
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.jobs.alignment import align
from pyfate_gpu.jobs.alignment_keeper import AlignmentKeeper

pytest.importorskip("cryptography")

HOST = Party(Role.HOST)
IDS = {
    GUEST: ["a", "b", *(f"g{n}" for n in range(7))],
    HOST: ["a", "b", *(f"h{n}" for n in range(5))],
}


def rows_of(ids):
    return Rows(list(ids), ("x",), np.zeros((len(ids), 1)), None)


class Cut(Exception):
    """The end of a party in the middle."""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Align in folders that stay; return what each is left with, and how many pieces reached the arbiter."""
    monkeypatch.setattr("pyfate_gpu.protocol.psi.CHUNK", 2)
    original = MemoryChannel.send

    def run_parties(ids=IDS, method="psi", key=b"key", last=None):
        pieces = []

        def send(self, to, frame):
            if to == ARBITER and "blinded_ids" in frame.name:
                pieces.append(frame.batch)
                if frame.batch == last:
                    raise Cut
            return original(self, to, frame)

        def party(name):
            def align_rows(session):
                tables = {"data": rows_of(ids[name])} if name in ids else {}
                folder = tmp_path / str(name)
                keeper = AlignmentKeeper(folder, key + str(name).encode(), method, tables)
                return align(session, tables, method, keeper)

            return align_rows

        with monkeypatch.context() as patch:
            patch.setattr(MemoryChannel, "send", send)
            try:
                found = simulate(guest=party(GUEST), hosts=[party(HOST)], arbiter=party(ARBITER))
            except Cut:
                return None, pieces
        return found["guest"]["data"].ids, pieces

    return run_parties


@pytest.mark.parametrize("last", [1, 2, 4])
def test_it_goes_on_after_the_last_piece_that_all_had_sent(run, last):
    assert run(last=last)[0] is None
    found, pieces = run()
    assert found == ["a", "b"]
    assert 0 not in pieces
    assert min(pieces) <= last
    # done once, it is not done again until it is forgotten
    assert run() == (["a", "b"], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"key": b"other"},
        {"ids": {**IDS, HOST: ["a", "b"]}},
        {"ids": {**IDS, GUEST: ["a", "b", *"cdefghi"]}},
        {"method": "psi-p256"},
    ],
    ids=["key", "fewer ids", "other ids", "method"],
)
def test_another_job_begins_anew(run, changes):
    if changes.get("method"):
        pytest.importorskip("private_set_intersection")
    run(last=2)
    found, pieces = run(**changes)
    assert found == ["a", "b"]
    assert 0 in pieces


def test_what_is_kept_is_private_and_tells_no_secret(run, tmp_path):
    run(last=3)
    kept = [path for name in ("guest", "host-0", "arbiter") for path in (tmp_path / name).iterdir()]
    assert {path.name for path in kept} == {"state.json", "guest.points", "host-0.points"}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept)
    assert all(path.parent.stat().st_mode & 0o777 == 0o700 for path in kept)
    keeper = AlignmentKeeper(tmp_path / "guest", b"keyguest", "psi", {"data": rows_of(IDS[GUEST])})
    assert keeper.attempt
    for path in kept:
        data = path.read_bytes()
        for secret in (keeper.secret("exponent"), keeper.secret("order"), b"keyguest"):
            assert secret not in data
            assert secret.hex().encode() not in data
    keeper.clear()
    assert not list((tmp_path / "guest").iterdir())


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"salt": 3}', b"[1]", b"\xff"])
def test_damaged_files_are_passed_over(run, tmp_path, damage):
    run(last=2)
    (tmp_path / "guest" / "state.json").write_bytes(damage)
    found, pieces = run()
    assert found == ["a", "b"]
    assert 0 in pieces


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    keeper = AlignmentKeeper(tmp_path / "file" / "folder", b"key", "job", {})
    with pytest.raises(StorageError, match="cannot make"):
        keeper.begin("attempt", {})
    with pytest.raises(StorageError, match="cannot write .*make room"):
        keeper.add(GUEST, np.zeros((1, 32), dtype=np.uint8))
