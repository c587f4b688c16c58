# SPDX-License-Identifier: Apache-2.0
"""Files that are whole or not there, in a folder that one process works in."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyfate_gpu.errors import ConfigurationError, StorageError


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file, for its owner only, so that whatever happens either the old or the new one is there.

    Raises
    ------
    StorageError
        When it cannot be written; what was there before is unharmed.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name, too, has to survive a power cut
        finally:
            os.close(folder)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageError(
            f"cannot write {path}: {error.strerror}; make room or choose another directory"
        ) from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder and keep other processes of this kind out of it; a process that dies lets go.

    Raises
    ------
    ConfigurationError
        When it cannot be made, or another process works in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigurationError(f"cannot work in {folder}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError(
                f"another process works in {folder}: wait for it, or choose another directory"
            ) from None
        yield
    finally:
        os.close(handle)
