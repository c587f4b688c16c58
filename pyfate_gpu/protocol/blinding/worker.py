# SPDX-License-Identifier: Apache-2.0
"""The process of a `Pool`: it is told a curve and a secret on its standard input, then ids and points, and answers.

Messages of both ways are a letter, the length of what follows as four bytes, and that.
"""

from __future__ import annotations

import importlib
import signal
import struct
import sys
from typing import IO

HEAD = struct.Struct("<cI")
_LENGTH = struct.Struct("<I")
SECRET, IDS, POINTS, DONE, REFUSED = b"S", b"I", b"P", b"+", b"-"


def write(stream: IO[bytes], kind: bytes, data: bytes) -> None:
    """Send a message."""
    stream.write(HEAD.pack(kind, len(data)))
    stream.write(data)
    stream.flush()


def read(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    """Return the next message, None where the other process has gone."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    kind, length = HEAD.unpack(head)
    data = stream.read(length)
    return (kind, data) if len(data) == length else None


def join_ids(ids: list[bytes]) -> bytes:
    """Return ids one after the other, each after its length."""
    return b"".join(part for name in ids for part in (_LENGTH.pack(len(name)), name))


def split_ids(data: bytes) -> list[bytes]:
    """Return the ids that `join_ids` put together.

    Examples
    --------
    >>> from pyfate_gpu.protocol.blinding.worker import join_ids, split_ids
    >>> split_ids(join_ids([b"ann", b""]))
    [b'ann', b'']
    """
    found, start = [], 0
    while start < len(data):
        (length,) = _LENGTH.unpack_from(data, start)
        start += _LENGTH.size
        found.append(data[start : start + length])
        start += length
    return found


def main() -> None:
    """Serve until the other process goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the party ends, and its workers by that
    source, target = sys.stdin.buffer, sys.stdout.buffer
    told = read(source)
    if told is None:
        return
    curve, _, secret = told[1].partition(b"\0")
    blinder = importlib.import_module(f"pyfate_gpu.protocol.blinding.{curve.decode()}").Blinder(
        secret
    )
    while (message := read(source)) is not None:
        kind, data = message
        try:
            found = blinder.blind(split_ids(data)) if kind == IDS else blinder.blind_again(data)
        except ValueError:
            write(target, REFUSED, b"")
        else:
            write(target, DONE, found)


if __name__ == "__main__":
    main()
