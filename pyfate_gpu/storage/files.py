# SPDX-License-Identifier: Apache-2.0
"""Files that are whole or not there, and folders that one process works in."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pyfate_gpu.errors import ConfigurationError, StorageError


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600, overwrite: bool = True) -> None:
    """Write a file so that whatever happens either the old or the new one is there, whole.

    Parameters
    ----------
    mode : int
        Who may read it, less what the process takes away by its umask; by default its owner only.
    overwrite : bool
        Whether it may be there already; if not, that is found out and done in one step.

    Raises
    ------
    FileExistsError
        When it is there and may not be.
    StorageError
        When it cannot be written. In either case, what was there before is unharmed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "numbers")
    ...     write_atomically(path, b"1 2")
    ...     write_atomically(path, b"1 2 3")
    ...     path.read_bytes()
    b'1 2 3'
    """
    try:
        # A name of its own: two that write the same file at once do not write into one draft.
        draft = path.with_name(f".{secrets.token_hex(8)}.draft")
        try:
            with os.fdopen(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb"
            ) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if overwrite:
                draft.replace(path)
            else:
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        _sync(path.parent)
    except FileExistsError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise StorageError(
            f"cannot write {path}: {reason}; make room or choose another directory"
        ) from None


def open_private(path: Path, mode: str) -> IO[Any]:
    """Open a file to write or append to that its owner alone can read, also where it was there before.

    Raises
    ------
    OSError
        As `open` does.
    """

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "buffering": 1}
    file = open(path, mode, opener=opener, **text)  # noqa: SIM115 # Path.open takes no opener
    os.fchmod(file.fileno(), 0o600)
    return file


def _sync(folder: Path) -> None:
    """Let the names in a folder survive a power cut, where the file system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder to put things in, not to look at
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


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


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """Return what is in a file.

    Raises
    ------
    StorageError
        When it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from None
