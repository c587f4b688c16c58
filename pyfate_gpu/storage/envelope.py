# SPDX-License-Identifier: Apache-2.0
"""Bytes that tell what they are and whether they are whole: prelude, header, buffers, checksum; never pickle.

The prelude has magic, version, two zero bytes, the length of the header and, if the form says so, that of
everything. The header is JSON, written in one way only. Each buffer begins at a multiple of 64. SHA-256 of
everything before comes last: it finds accidents, not forgers.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyfate_gpu.errors import WireFormatError

ALIGNMENT = 64
CHECKSUM_BYTES = hashlib.sha256().digest_size

Buffer = Iterable[bytes | memoryview]
"""The pieces of one buffer, in their order."""


@dataclass(frozen=True)
class Form:
    """One form of envelope.

    Parameters
    ----------
    magic : bytes
        Four bytes that all of them begin with.
    versions : tuple of int
        Those that are read.
    writer : str
        Name of the function that writes them, for errors.
    max_header_bytes : int
        Longest header that is read.
    has_length : bool
        Whether the prelude also has the number of all bytes.
    sorts_members : bool
        Whether members of the header come by name, or in the order in which they were given.

    Examples
    --------
    >>> form = Form(b"DEMO", (1,), "demo", 1000)
    >>> letter = form.open(form.seal({"of": "me"}, [[b"some ", b"bytes"]], version=1))
    >>> letter.version, letter.header, bytes(letter.rest())
    (1, {'of': 'me'}, b'some bytes')
    """

    magic: bytes
    versions: tuple[int, ...]
    writer: str
    max_header_bytes: int
    has_length: bool = False
    sorts_members: bool = False
    _prelude: struct.Struct = field(init=False, repr=False)

    def __post_init__(self) -> None:
        form = "<4sHHIQ" if self.has_length else "<4sHHI"
        object.__setattr__(self, "_prelude", struct.Struct(form))

    def seal(self, header: Mapping[str, Any], buffers: Iterable[Buffer], version: int) -> bytes:
        """Return an envelope of some version with a header and buffers.

        Raises
        ------
        OverflowError
            When the header is longer than what is read.
        """
        text = self._write(header)
        if len(text) > self.max_header_bytes:
            raise OverflowError(
                f"a header of {len(text)} bytes; the limit is {self.max_header_bytes}"
            )
        total = []
        if self.has_length:
            buffers = [list(pieces) for pieces in buffers]
            total = [self._length(len(text), buffers)]
        out, digest = io.BytesIO(), hashlib.sha256()

        def write(piece: bytes | memoryview) -> None:
            # Not the copy: what was just made is still in a cache, a long copy is not.
            digest.update(piece)
            out.write(piece)

        write(self._prelude.pack(self.magic, version, 0, len(text), *total) + text)
        for pieces in buffers:
            write(bytes(-out.tell() % ALIGNMENT))
            for piece in pieces:
                write(piece)
        out.write(digest.digest())
        return out.getvalue()

    def open(self, data: Any) -> Letter:
        """Return what is in an envelope of this form and version whose checksum holds.

        Raises
        ------
        WireFormatError
            For all other bytes: truncated, altered, or with a header that `seal` writes in another way.
        """
        try:
            view = memoryview(data).cast("B")
        except TypeError:
            raise WireFormatError(f"a frame is bytes, not {type(data).__name__}") from None
        version, end = self._check_prelude(view)
        if hashlib.sha256(view[:-CHECKSUM_BYTES]).digest() != view[-CHECKSUM_BYTES:]:
            raise WireFormatError(
                "the checksum does not hold: the frame was damaged or truncated on its way"
            )
        text = bytes(view[self._prelude.size : end])
        try:
            header = json.loads(text.decode("ascii"))
            same = isinstance(header, dict) and self._write(header) == text
        except (ValueError, RecursionError):
            raise WireFormatError("the header of the frame is no ASCII JSON") from None
        if not same:
            raise WireFormatError(
                f"the header of the frame is no JSON object as {self.writer} writes it"
            )
        return Letter(version, header, view[:-CHECKSUM_BYTES], end)

    def _length(self, header_bytes: int, buffers: Iterable[Buffer]) -> int:
        """Return the number of bytes of an envelope."""
        end = self._prelude.size + header_bytes
        for pieces in buffers:
            end += -end % ALIGNMENT + sum(memoryview(piece).nbytes for piece in pieces)
        return end + CHECKSUM_BYTES

    def _check_prelude(self, view: memoryview) -> tuple[int, int]:
        """Return the version, and the position after the header."""
        if len(view) < self._prelude.size + CHECKSUM_BYTES:
            raise WireFormatError(
                f"{len(view)} bytes are too few for a frame; it was truncated, ask for it again"
            )
        magic, version, reserved, header_bytes, *total = self._prelude.unpack_from(view)
        if magic != self.magic:
            raise WireFormatError(
                f"the frame begins with {magic!r}; one of {self.writer} begins with {self.magic!r}"
            )
        if version not in self.versions or reserved:
            known = " and ".join(map(str, self.versions))
            raise WireFormatError(
                f"the frame has version {version}; this release reads "
                f"version{'s' if len(self.versions) > 1 else ''} {known}: "
                f"install the same release at every party"
            )
        if total and total[0] != len(view):
            raise WireFormatError(
                f"the frame says {total[0]} bytes, {len(view)} came: it was cut or glued"
            )
        end = self._prelude.size + int(header_bytes)
        if header_bytes > self.max_header_bytes or end > len(view) - CHECKSUM_BYTES:
            raise WireFormatError(
                f"a header of {header_bytes} bytes does not fit; the frame is damaged"
            )
        return version, end

    def _write(self, header: Mapping[str, Any]) -> bytes:
        """The one way to write a header: what reads back differently was not written by this package."""
        text = json.dumps(
            header, separators=(",", ":"), sort_keys=self.sorts_members, allow_nan=False
        )
        return text.encode("ascii")


class Letter:
    """What was in an envelope: a header, and buffers that are taken one after the other.

    Parameters
    ----------
    version : int
    header : dict
    content : memoryview
        Everything before the checksum.
    position : int
        Where the header ends.
    """

    def __init__(
        self, version: int, header: dict[str, Any], content: memoryview, position: int
    ) -> None:
        self.version = version
        self.header = header
        self._content = content
        self._position = position

    def take(self, length: int) -> memoryview:
        """Return the next buffer, which has `length` bytes.

        Raises
        ------
        WireFormatError
            When there are not as many, or bytes other than 0 before it.
        """
        start = self._position + -self._position % ALIGNMENT
        end = start + length
        if length < 0 or end > len(self._content):
            raise WireFormatError(f"a buffer of {length} bytes does not fit")
        if any(self._content[self._position : start]):
            raise WireFormatError("bytes other than 0 before a buffer")
        self._position = end
        return self._content[start:end]

    def rest(self) -> memoryview:
        """Return the next buffer, which is the last."""
        start = self._position + -self._position % ALIGNMENT
        return self.take(len(self._content) - start)

    def finish(self) -> None:
        """Raise WireFormatError unless everything was taken."""
        if self._position != len(self._content):
            raise WireFormatError("bytes that no value accounts for")
