# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
import stat
import threading

import pytest

from pyfate_gpu.errors import StorageError
from pyfate_gpu.storage.files import write_atomically


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def full(handle):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_new_file(tmp_path, overwrite):
    write_atomically(tmp_path / "x", b"\0new", overwrite=overwrite)
    assert (tmp_path / "x").read_bytes() == b"\0new"
    assert names(tmp_path) == ["x"]


def test_an_old_file_is_replaced_or_kept(tmp_path):
    path = tmp_path / "x"
    write_atomically(path, b"old")
    with pytest.raises(FileExistsError):
        write_atomically(path, b"new", overwrite=False)
    assert path.read_bytes() == b"old"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_who_may_read_it(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "own", b"")
        write_atomically(tmp_path / "all", b"", mode=0o666)
        (tmp_path / "open").touch(mode=0o666)
        write_atomically(tmp_path / "open", b"")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("own", "all", "open")]
    assert modes == [0o600, 0o666 & ~umask, 0o600]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, overwrite):
    write_atomically(tmp_path / "x", b"old")
    monkeypatch.setattr("pyfate_gpu.storage.files.os.fsync", full)
    for name in ("x", "y"):
        with pytest.raises(
            StorageError, match=rf"cannot write .*{name}: No space left on device; make room"
        ):
            write_atomically(tmp_path / name, b"new", overwrite=overwrite)
    assert (tmp_path / "x").read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def test_an_interrupted_write_leaves_no_draft(tmp_path, monkeypatch):
    def stop(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr("pyfate_gpu.storage.files.os.fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "x", b"new")
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["nowhere/x", "null\0", "", "a" * 300])
def test_files_that_cannot_be(tmp_path, name):
    path = tmp_path / name if name else type(tmp_path)()
    with pytest.raises(StorageError, match="cannot write"):
        write_atomically(path, b"")
    assert names(tmp_path) == []


def test_long_names(tmp_path):
    name = "ä" * 127  # 254 bytes; a draft's name must not be longer
    write_atomically(tmp_path / name, b"x")
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_file_systems_that_cannot_keep_a_folder(tmp_path, monkeypatch, code):
    real = os.fsync

    def sync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(code, "not here")
        real(handle)

    monkeypatch.setattr("pyfate_gpu.storage.files.os.fsync", sync)
    write_atomically(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"


def test_the_file_and_its_name_are_synced(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        "pyfate_gpu.storage.files.os.fsync",
        lambda handle: synced.append(stat.S_ISDIR(os.fstat(handle).st_mode)),
    )
    write_atomically(tmp_path / "x", b"new")
    assert synced == [False, True]


def test_writers_at_the_same_time(tmp_path):
    """Each writes its own draft: what is there afterwards is whole, and of one of them."""
    path, contents = tmp_path / "x", [bytes([letter]) * 100_000 for letter in b"abcdefgh"]
    winners = []

    def write(content):
        for _ in range(5):
            write_atomically(path, content)
        try:
            write_atomically(tmp_path / "once", content, overwrite=False)
            winners.append(content)
        except FileExistsError:
            pass

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert [(tmp_path / "once").read_bytes()] == winners
    assert names(tmp_path) == ["once", "x"]
