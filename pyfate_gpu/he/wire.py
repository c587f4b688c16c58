# SPDX-License-Identifier: Apache-2.0
"""The wire format of encrypted arrays, versions 1 and 2 (docs/wire-format.md)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.backends.words import UnsignedWords, less_than
from pyfate_gpu.encoding import SlotLayout, from_description
from pyfate_gpu.encoding.plaintext import check_kind
from pyfate_gpu.errors import (
    BoundError,
    EncodingError,
    InvalidCiphertextError,
    KeyMismatchError,
    WireFormatError,
)
from pyfate_gpu.he.array.arrays import CiphertextArray
from pyfate_gpu.he.array.bounds import check_layout, check_room
from pyfate_gpu.he.array.export import canonical_chunks
from pyfate_gpu.he.array.freshness import DERIVED
from pyfate_gpu.he.validity import check_coprime
from pyfate_gpu.storage.envelope import Form

if TYPE_CHECKING:
    from pyfate_gpu.he.scheme.public_key import SchemePublicKey

VERSION = 1
SLOTS_VERSION = 2
"""Version 2 is version 1 with a layout of slots; arrays without slots are written as version 1."""
FORM = Form(
    b"PFGW", (VERSION, SLOTS_VERSION), "to_wire", max_header_bytes=1 << 16, sorts_members=True
)
MAX_AXES = 32
CHUNK_ROWS = 1 << 16
_MEMBERS = {"scheme", "key", "key_bits", "shape", "exponent", "bound", "kind", "encoder"}


def write_array(c: CiphertextArray, reblind: bool) -> bytes:
    """An envelope with the state of the array as header and its canonical words as the one buffer."""
    header: dict[str, Any] = {
        "scheme": c.public_key.scheme,
        "key": c.public_key.fingerprint,
        "key_bits": c.public_key.key_bits,
        "shape": list(c.shape),
        "exponent": c.exponent,
        "bound": f"{c.bound:x}",
        "kind": c.kind,
        "encoder": c.encoder.describe(),
    }
    version = VERSION
    if c.slots is not None:
        version, header["slots"] = SLOTS_VERSION, [c.slots.width, c.slots.count]
    chunks = canonical_chunks(c, reblind)
    words = (np.ascontiguousarray(chunk).astype("<u8", copy=False).data for chunk in chunks)
    return FORM.seal(header, [words], version)


def read_array(data: bytes, public_key: SchemePublicKey) -> CiphertextArray:
    """Read and check a frame; nothing of it is used before everything of it is checked."""
    letter = FORM.open(data)
    header, body = letter.header, letter.rest()
    shape, exponent, bound = _read_header(letter.version, header, public_key)
    try:
        slots = _read_slots(header, public_key)
        encoder = from_description(header["encoder"])
        if encoder.describe() != header["encoder"]:
            raise EncodingError(f"{header['encoder']!r} is no encoder as to_wire describes it")
        check_room(bound, public_key, "the bound of the frame", slots)
        check_kind(header["kind"], exponent)
    except (EncodingError, BoundError) as error:
        raise WireFormatError(f"the header of the frame is wrong: {error}") from None
    width = public_key.ciphertext_words
    count = int(np.prod([1, *shape], dtype=object))
    if len(body) != count * width * 8:
        raise WireFormatError(
            f"the frame carries {len(body)} bytes of ciphertexts; shape {shape} under a "
            f"{public_key.key_bits}-bit key takes {count * width * 8}"
        )
    words = np.frombuffer(body, dtype="<u8").astype(np.uint64, copy=False).reshape(count, width)
    _check_range(words, public_key)
    engine = public_key.engine()
    rows = engine.import_words(words)
    check_coprime(rows, engine, public_key)
    return CiphertextArray(
        rows, shape, exponent=exponent, bound=bound, kind=header["kind"], encoder=encoder,
        batches=DERIVED, public_key=public_key, engine=engine, slots=slots,
    )  # fmt: skip


def _read_slots(header: dict[str, Any], public_key: SchemePublicKey) -> SlotLayout | None:
    """The layout of a frame of version 2; raises unless it fits the key."""
    if "slots" not in header:
        return None
    numbers = header["slots"]
    if not isinstance(numbers, list) or [type(number) for number in numbers] != [int, int]:
        raise EncodingError(f"slots are {numbers!r}; their width and their count were expected")
    return check_layout(SlotLayout(*numbers), public_key)


def _read_header(
    version: int, header: dict[str, Any], public_key: SchemePublicKey
) -> tuple[tuple[int, ...], int, int]:
    """Shape, exponent and bound; raises unless every member has its type and range."""
    expected = _MEMBERS | {"slots"} if version == SLOTS_VERSION else _MEMBERS
    if set(header) != expected:
        raise WireFormatError(
            f"the header of the frame has the members {sorted(header)}; {sorted(expected)} were expected"
        )
    if header.get("scheme") != public_key.scheme:
        raise WireFormatError(
            f"the frame has scheme {header.get('scheme')!r}; the key has {public_key.scheme!r}"
        )
    if header.get("key") != public_key.fingerprint:
        raise KeyMismatchError(
            f"the frame belongs to key {header.get('key')!r}; this is {public_key.fingerprint!r}: "
            f"read it with the key it was encrypted under"
        )
    if type(header["key_bits"]) is not int or header["key_bits"] != public_key.key_bits:
        raise WireFormatError(
            f"the frame says {header['key_bits']!r} key bits; the key has {public_key.key_bits}"
        )
    shape, exponent = header.get("shape"), header.get("exponent")
    bound = header.get("bound")
    natural = (
        isinstance(shape, list)
        and len(shape) <= MAX_AXES
        and all(type(length) is int and 0 <= length < 1 << 48 for length in shape)
    )
    if not natural:
        raise WireFormatError(f"the frame has the shape {shape!r}; a list of lengths was expected")
    if type(exponent) is not int:
        raise WireFormatError(f"the frame has the exponent {exponent!r}; it must be an integer")
    if not isinstance(bound, str) or not re.fullmatch("0|[1-9a-f][0-9a-f]*", bound):
        raise WireFormatError(
            f"the frame has the bound {bound!r}; hexadecimal digits were expected"
        )
    if not isinstance(header.get("encoder"), dict):
        raise WireFormatError("the frame names no encoder")
    return tuple(shape or ()), exponent, int(bound, 16)


def _check_range(words: UnsignedWords, public_key: SchemePublicKey) -> None:
    """Raise unless every integer is in the range of ciphertexts."""
    limit = public_key.ciphertext_limit
    for start in range(0, len(words), CHUNK_ROWS):
        chunk = words[start : start + CHUNK_ROWS]
        good = less_than(chunk, limit) & chunk.any(axis=1)
        if not good.all():
            raise InvalidCiphertextError(
                f"ciphertext {start + int(np.argmin(good))} is outside the ciphertexts of the "
                f"{public_key.key_bits}-bit key; its sender must send canonical integers"
            )
