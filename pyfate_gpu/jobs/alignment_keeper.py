# SPDX-License-Identifier: Apache-2.0
"""What a party keeps of an intersection in files, so that one that was cut short goes on where it was.

Guest and hosts keep a name, a salt and hashes. Their exponent and order are not there: they follow from the salt and
the party's private TLS key, which it keeps anyway, by HMAC. The arbiter keeps points, which tell nobody who lacks all
the exponents anything. All of it is for the owner's eyes, and goes when the job is done.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from pyfate_gpu.data.rows import Rows
from pyfate_gpu.errors import StorageError
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.protocol.id_cipher import Points
from pyfate_gpu.storage.files import open_private, write_atomically

_FORMAT = "pyfate-gpu alignment 1"
_STATE = "state.json"


class AlignmentKeeper:
    """A `Keeper` in a folder of one party.

    Parameters
    ----------
    folder : Path
        Made when there is something to keep.
    key : bytes
        A secret that the party has in this run and in the next one: its private TLS key.
    about : str
        Job, parties and method; of another one nothing is used.
    tables : mapping
        This party's rows.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from pyfate_gpu.jobs.alignment_keeper import AlignmentKeeper
    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "alignment"
    >>> keeper = AlignmentKeeper(folder, b"a private key", "job", {})
    >>> keeper.begin("first", {})
    >>> again = AlignmentKeeper(folder, b"a private key", "job", {})
    >>> again.attempt, again.secret("order") == keeper.secret("order")
    ('first', True)
    >>> AlignmentKeeper(folder, b"another key", "job", {}).attempt
    ''
    """

    def __init__(self, folder: Path, key: bytes, about: str, tables: Mapping[str, Rows]) -> None:
        self._folder = folder
        self._key = hashlib.sha256(key).digest()
        fingerprint = hashlib.sha256(about.encode())
        for kind, rows in tables.items():
            fingerprint.update(kind.encode() + rows.digest(ids_only=True))
        self._about = fingerprint.hexdigest()
        self._salt = b""
        self.attempt = self._read()

    def begin(self, attempt: str, counts: Mapping[Party, int]) -> None:
        """Forget what was kept, and keep what belongs to a new attempt.

        Raises
        ------
        StorageError
            When files cannot be written.
        """
        self._salt, self.attempt = secrets.token_bytes(32), attempt
        state = {
            "format": _FORMAT,
            "attempt": attempt,
            "salt": self._salt.hex(),
            "key": self.secret("check").hex(),
            "about": self._about,
        }
        try:
            self._folder.mkdir(exist_ok=True, mode=0o700)
            self.clear()
        except OSError as error:
            raise StorageError(f"cannot make {self._folder}: {error.strerror}") from None
        write_atomically(self._folder / _STATE, json.dumps(state).encode())

    def secret(self, use: str) -> bytes:
        """Return 32 bytes of this party and attempt for a use."""
        return hmac.digest(self._key, self._salt + use.encode(), "sha256")

    def add(self, owner: Party, points: Points) -> None:
        """Keep further points of an owner.

        Raises
        ------
        StorageError
            When they cannot be written.
        """
        try:
            with open_private(self._points(owner), "ab") as file:
                file.write(points.tobytes())
        except OSError as error:
            raise StorageError(
                f"cannot write {self._points(owner)}: {error.strerror}; make room or choose another directory"
            ) from None

    def take(self, owner: Party) -> bytearray:
        """Return the points of an owner that are kept."""
        path = self._points(owner)
        return bytearray(path.read_bytes()) if path.exists() else bytearray()

    def cut(self, owner: Party, length: int) -> None:
        """Keep so many bytes of the points of an owner."""
        path = self._points(owner)
        if path.exists():
            with open_private(path, "r+b") as file:
                file.truncate(length)

    def clear(self) -> None:
        """Forget all."""
        for path in (*self._folder.glob("*.points"), self._folder / _STATE):
            path.unlink(missing_ok=True)

    def _read(self) -> str:
        """Return the attempt that is kept, of the same party, key, job and ids; empty where there is none."""
        try:
            state = json.loads((self._folder / _STATE).read_bytes())
            salt, attempt = bytes.fromhex(state["salt"]), state["attempt"]
            known = (state["format"], state["about"]) == (_FORMAT, self._about)
            check = hmac.digest(self._key, salt + b"check", "sha256")
            if not known or not hmac.compare_digest(bytes.fromhex(state["key"]), check):
                return ""
        except (OSError, ValueError, KeyError, TypeError):  # none, or one that is damaged
            return ""
        self._salt = salt
        return attempt if isinstance(attempt, str) else ""

    def _points(self, owner: Party) -> Path:
        return self._folder / f"{owner.name}.points"
