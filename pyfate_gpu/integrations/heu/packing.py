# SPDX-License-Identifier: Apache-2.0
"""Bytes of keys, plaintexts and ciphertexts: never a pickle, and not HEU's own formats.

``PFHEU`` and a version byte; kind, numbers and text as JSON, its length before it; the rest is the
frame of a ciphertext array (docs/wire-format.md).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pyfate_gpu.errors import WireFormatError

MAGIC = b"PFHEU\x01"
MOST_DIGITS = 8192 // 4
"""Hexadecimal digits of the longest number of a key."""


def pack(kind: str, *, numbers: Sequence[int] = (), frame: bytes = b"") -> bytes:
    """Bytes of something: its kind, its integers, and a frame."""
    header = json.dumps({"kind": kind, "numbers": [f"{number:x}" for number in numbers]}).encode()
    return MAGIC + len(header).to_bytes(8, "little") + header + frame


def unpack(
    data: bytes, kind: str, counts: Sequence[int] | None, most_digits: int = MOST_DIGITS
) -> tuple[list[int], bytes]:
    """Integers and frame of what `pack` wrote; `counts` says how many integers there may be.

    Raises
    ------
    WireFormatError
        If it is something else. Pickles are never read, whoever made them.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise WireFormatError(f"load_from takes bytes, not {type(data).__name__}")
    data = bytes(data)
    start = len(MAGIC) + 8
    if not data.startswith(MAGIC) or len(data) < start:
        what = "a pickle, which is never read," if data[:1] == b"\x80" else "HEU's own or damaged"
        raise WireFormatError(
            f"these bytes are no {kind} of pyfate_gpu: they are {what}; both sides must run this "
            f"module, and bytes come from serialize()"
        )
    end = start + int.from_bytes(data[len(MAGIC) : start], "little")
    try:
        header = json.loads(data[start:end])
        found, texts = header["kind"], header["numbers"]
        wrong = (
            found != kind
            or not isinstance(texts, list)
            or max(map(len, texts), default=0) > most_digits
        )
        numbers = [] if wrong else [int(text, 16) for text in texts]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise WireFormatError(f"the header of a {kind} is damaged") from None
    if wrong or (counts is not None and len(numbers) not in counts):
        raise WireFormatError(f"these bytes hold another thing than a {kind}")
    return numbers, data[end:]
