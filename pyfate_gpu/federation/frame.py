# SPDX-License-Identifier: Apache-2.0
"""Messages between parties as bytes: a JSON header, aligned buffers, a checksum; never pickle.

The layout is described in ``docs/protocol.md``.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ProtocolError, WireFormatError
from pyfate_gpu.federation.roles import Party

MAGIC = b"PFGF"
VERSION = 1
ALIGNMENT = 64
MAX_HEADER_BYTES = 1 << 20
_PREFIX = struct.Struct("<4sHHIQ")  # magic, version, reserved, header bytes, bytes of the frame
_DIGEST_BYTES = hashlib.sha256().digest_size
_DTYPES = frozenset(
    np.dtype(kind).newbyteorder("<").str
    for kind in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
)


# The members of the header and of each kind of value, in their order. Nothing else, and no other types: a
# reader that takes "3" or 3.5 for 3 gives a number that nobody sent.
_HEADER: dict[str, type] = {
    "name": str,
    "iteration": int,
    "batch": int,
    "from": str,
    "to": str,
    "values": list,
}
_ENTRIES: dict[str, dict[str, type]] = {
    "bool": {"key": str, "type": str, "value": bool},
    "str": {"key": str, "type": str, "value": str},
    "int": {"key": str, "type": str, "value": str},
    "float": {"key": str, "type": str, "value": str},
    "array": {"key": str, "type": str, "dtype": str, "shape": list},
    "sealed": {"key": str, "type": str, "bytes": int},
}


@runtime_checkable
class Sealable(Protocol):
    """What knows how to leave the process by itself, blinded: an encrypted array."""

    def to_wire(self) -> bytes:
        """Return the bytes that may leave the process."""


@dataclass(frozen=True)
class Sealed:
    """The bytes of an encrypted array, not yet checked against a key."""

    data: bytes

    def to_wire(self) -> bytes:
        """Return the bytes as they came."""
        return self.data


Value = bool | int | float | str | NDArray[Any] | Sealable


@dataclass(frozen=True)
class Frame:
    """One message of the protocol.

    Parameters
    ----------
    name : str
        What it is, for example ``fit-1/residual``.
    iteration, batch : int
        Which one of that name; the pair with the name is unique between two parties.
    payload : mapping
        Values by name: numbers, texts, numeric arrays and encrypted arrays; nothing else.
    nbytes : int
        Length on the wire, known for a frame that was received.
    """

    name: str
    iteration: int = 0
    batch: int = 0
    payload: Mapping[str, Value] = field(default_factory=dict)
    nbytes: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return describe(self.name, self.iteration, self.batch)


def describe(name: str, iteration: int, batch: int) -> str:
    """Return the words by which errors and logs name a message."""
    return f"{name!r} (iteration {iteration}, batch {batch})"


def encode_frame(frame: Frame, sender: Party, recipient: Party) -> bytes:
    """Return the bytes of `frame`.

    Raises
    ------
    ProtocolError
        When the payload holds anything outside the closed list of `Value`, a private key above all.
    """
    values: list[dict[str, Any]] = []
    buffers: list[bytes] = []
    for key, value in frame.payload.items():
        entry, buffer = _encode_value(key, value, frame)
        values.append(entry)
        if buffer is not None:
            buffers.append(buffer)
    header = _json(
        {
            "name": frame.name,
            "iteration": frame.iteration,
            "batch": frame.batch,
            "from": sender.name,
            "to": recipient.name,
            "values": values,
        }
    )
    if len(header) > MAX_HEADER_BYTES:
        raise ProtocolError(
            f"the header of {frame} takes {len(header)} bytes, the limit is {MAX_HEADER_BYTES}: "
            "send long texts as arrays"
        )
    body = bytearray(_PREFIX.size) + header
    for buffer in buffers:
        body += bytes(-len(body) % ALIGNMENT) + buffer
    _PREFIX.pack_into(body, 0, MAGIC, VERSION, 0, len(header), len(body) + _DIGEST_BYTES)
    return bytes(body + hashlib.sha256(body).digest())


def decode_frame(data: bytes) -> tuple[Frame, Party, Party]:
    """Return the frame in `data`, its sender and its recipient.

    Arrays are views of `data` and read-only; encrypted arrays stay `Sealed`.

    Raises
    ------
    WireFormatError
        For bytes that `encode_frame` does not write: truncated, altered, of an unknown version.
    """
    header, position = _checked_header(data)
    try:
        _check_members(header, _HEADER)
        payload: dict[str, Value] = {}
        for entry in header["values"]:
            _check_members(entry, _ENTRIES[entry["type"]])
            if entry["key"] in payload:
                raise ValueError(f"two values named {entry['key']!r}")
            payload[entry["key"]], position = _decode_value(entry, data, position)
        if position != len(data) - _DIGEST_BYTES:
            raise ValueError("bytes that no value accounts for")
        frame = Frame(
            header["name"], header["iteration"], header["batch"], payload, nbytes=len(data)
        )
        return frame, Party.parse(header["from"]), Party.parse(header["to"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise WireFormatError(
            f"the frame's header does not describe its content: {error}"
        ) from None


def _encode_value(key: str, value: Value, frame: Frame) -> tuple[dict[str, Any], bytes | None]:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | str):
        return {"key": key, "type": type(value).__name__, "value": value}, None
    if isinstance(value, int):
        return {"key": key, "type": "int", "value": hex(value)}, None
    if isinstance(value, float):
        return {"key": key, "type": "float", "value": value.hex()}, None
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
        if array.dtype.str in _DTYPES:
            kind = {"type": "array", "dtype": array.dtype.str, "shape": value.shape}
            return {"key": key, **kind}, array.tobytes()
    elif isinstance(value, Sealable):
        data = value.to_wire()
        return {"key": key, "type": "sealed", "bytes": len(data)}, data
    raise ProtocolError(
        f"{key!r} of {frame} is a {_type_name(value)}, which never travels: a frame carries numbers, "
        "texts, numeric arrays and encrypted arrays, and no private key"
    )


def _type_name(value: object) -> str:
    kind = type(value).__name__
    return f"{kind} of {value.dtype}" if isinstance(value, np.ndarray) else kind


def _check_members(found: Any, expected: Mapping[str, type]) -> None:
    """Raise ValueError unless `found` has these members, of these types, in this order."""
    if [(key, type(value)) for key, value in found.items()] != list(expected.items()):
        raise ValueError(f"members other than {', '.join(expected)}, or of other types")


def _decode_value(entry: Mapping[str, Any], data: bytes, position: int) -> tuple[Value, int]:
    """Return the value of an entry that has its members, and the position after its buffer."""
    kind, value = entry["type"], entry.get("value")
    if kind in ("bool", "str"):
        return value, position  # type: ignore[return-value]
    if kind in ("int", "float"):
        number: int | float = int(value, 16) if kind == "int" else float.fromhex(value)  # type: ignore[arg-type]
        text = hex(number) if isinstance(number, int) else number.hex()
        if text != value:
            raise ValueError(f"{value!r} in place of {text!r}")
        return number, position
    start = position + -position % ALIGNMENT
    if any(data[position:start]):
        raise ValueError("bytes other than 0 between two values")
    if kind == "sealed":
        end = _end_of_buffer(data, start, entry["bytes"])
        return Sealed(data[start:end]), end
    if entry["dtype"] not in _DTYPES:
        raise ValueError(f"no array of {entry['dtype']!r}")
    dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
    count = 1
    for length in shape:
        if type(length) is not int or not 0 <= length < 1 << 48:
            raise ValueError(f"an axis of length {length!r}")
        count *= length
    end = _end_of_buffer(data, start, count * dtype.itemsize)
    if dtype.kind == "b" and (np.frombuffer(data, np.uint8, count, start) > 1).any():
        raise ValueError("truth values other than 0 and 1")
    return np.frombuffer(data, dtype, count, start).reshape(shape), end


def _end_of_buffer(data: bytes, position: int, length: int) -> int:
    end = position + length
    if length < 0 or end > len(data) - _DIGEST_BYTES:
        raise ValueError(f"a buffer of {length} bytes does not fit")
    return end


def _checked_header(data: bytes) -> tuple[Any, int]:
    """Return the parsed header and the position after it, of bytes whose checksum holds."""
    if len(data) < _PREFIX.size + _DIGEST_BYTES:
        raise WireFormatError(f"{len(data)} bytes are too few for a frame: it was cut")
    magic, version, reserved, header_bytes, length = _PREFIX.unpack_from(data)
    if magic != MAGIC:
        raise WireFormatError(f"a frame begins with {MAGIC!r}, this begins with {magic!r}")
    if version != VERSION or reserved:
        raise WireFormatError(
            f"this frame has version {version}, this release reads {VERSION}: "
            "install the same release at every party"
        )
    if length != len(data):
        raise WireFormatError(
            f"the frame says {length} bytes, {len(data)} came: it was cut or glued"
        )
    if hashlib.sha256(data[:-_DIGEST_BYTES]).digest() != data[-_DIGEST_BYTES:]:
        raise WireFormatError("the frame's checksum does not hold: it was altered on its way")
    end = _PREFIX.size + header_bytes
    if header_bytes > MAX_HEADER_BYTES or end > length - _DIGEST_BYTES:
        raise WireFormatError(f"a header of {header_bytes} bytes does not fit its frame")
    try:
        header = json.loads(data[_PREFIX.size : end])
        same = isinstance(header, dict) and _json(header) == data[_PREFIX.size : end]
    except (ValueError, RecursionError):
        raise WireFormatError("the frame's header is not JSON") from None
    if not same:
        raise WireFormatError("the frame's header is not a JSON object as encode_frame writes it")
    return header, end


def _json(header: Mapping[str, Any]) -> bytes:
    """The one way to write a header: what reads back differently was not written by this package."""
    return json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
