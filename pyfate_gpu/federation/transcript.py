# SPDX-License-Identifier: Apache-2.0
"""Which messages one party sent and received: names, sizes and hashes, never contents."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from pyfate_gpu.errors import ConfigurationError, StorageError
from pyfate_gpu.federation.mailbox import Address
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.storage.files import open_private


class Transcript:
    """Appends a line of JSON to a file for each message, for audits.

    The hash is the SHA-256 that ends every frame, so the lines of sender and recipient agree.

    Parameters
    ----------
    path : Path
        Appended to when it exists: a job that was restarted keeps the record of its first attempt.

    Raises
    ------
    ConfigurationError
        When the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = open_private(path, "a")  # by line: survives a kill
        except OSError as error:
            raise ConfigurationError(f"no transcript can be written: {error}") from None
        self._lock = threading.Lock()

    def record(self, direction: str, peer: Party, address: Address, data: bytes) -> None:
        """Note a frame that was ``sent`` to or ``received`` from `peer`.

        Raises
        ------
        StorageError
            When it cannot be written: a job that cannot be audited shall not go on.
        """
        entry = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            direction: peer.name,
            "name": address.name,
            "iteration": address.iteration,
            "batch": address.batch,
            "bytes": len(data),
            "sha256": data[-32:].hex(),
        }
        with self._lock:
            try:
                self._file.write(json.dumps(entry) + "\n")
            except OSError as error:
                raise StorageError(f"the transcript cannot be written: {error}") from None

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):  # of a line that `record` could not write, and said so
            self._file.close()
