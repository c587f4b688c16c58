# SPDX-License-Identifier: Apache-2.0
"""What a fuzzed reader is: how it reads, and what must hold for whatever it accepts."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).with_name("corpus")
#: Files that mutated bytes are written to, for readers that take paths.
SCRATCH = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)


@dataclass(frozen=True)
class Target:
    """One reader.

    Parameters
    ----------
    name : str
        Also of its folder in the corpus.
    read : callable
        Takes bytes; returns what they say, or raises PyFateError.
    holds : callable
        Takes the bytes and what `read` returned; whether the reader was right to accept them, by the
        documents and not by the code.
    split, join : callable or None
        Take a JSON document out of good bytes, and put a changed one back with lengths and checksums put right.
    """

    name: str
    read: Callable[[bytes], Any]
    holds: Callable[[bytes, Any], bool]
    split: Callable[[bytes], tuple[Any, bytes]] | None = None
    join: Callable[[Any, bytes], bytes] | None = None
    reseal: Callable[[bytes], bytes] = field(default=lambda data: data)

    def seeds(self) -> list[bytes]:
        """The files of the corpus."""
        return [path.read_bytes() for path in sorted((CORPUS / self.name).iterdir())]


def reseal(data):
    """Put the checksum of a frame right."""
    return data[:-32] + hashlib.sha256(data[:-32]).digest()


def from_file(name, read, mode=0o600):
    """A reader of bytes out of one of files, for workers that are forked."""

    def run(data):
        path = SCRATCH / f"{os.getpid()}-{name}"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        os.write(handle, data)
        os.close(handle)
        return read(path)

    return run


def split_json(data):
    """All of it is a document."""
    return json.loads(data), b""


def join_json(document, _):
    """Write what `split_json` took apart."""
    return json.dumps(document).encode()
