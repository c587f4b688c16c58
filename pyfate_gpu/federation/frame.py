# SPDX-License-Identifier: Apache-2.0
"""Messages between parties as bytes: a JSON header, aligned buffers, a checksum; never pickle.

The layout is described in ``docs/protocol.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ProtocolError, WireFormatError
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.storage.envelope import Form, Letter

VERSION = 1
FORM = Form(b"PFGF", (VERSION,), "encode_frame", max_header_bytes=1 << 20, has_length=True)
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
    buffers: list[list[bytes]] = []
    for key, value in frame.payload.items():
        entry, buffer = _encode_value(key, value, frame)
        values.append(entry)
        if buffer is not None:
            buffers.append([buffer])
    header = {
        "name": frame.name,
        "iteration": frame.iteration,
        "batch": frame.batch,
        "from": sender.name,
        "to": recipient.name,
        "values": values,
    }
    try:
        return FORM.seal(header, buffers, VERSION)
    except OverflowError as error:
        raise ProtocolError(f"{frame} has {error}: send long texts as arrays") from None


def decode_frame(data: bytes) -> tuple[Frame, Party, Party]:
    """Return the frame in `data`, its sender and its recipient.

    Arrays are views of `data` and read-only; encrypted arrays stay `Sealed`.

    Raises
    ------
    WireFormatError
        For bytes that `encode_frame` does not write: truncated, altered, of an unknown version.
    """
    letter = FORM.open(data)
    header = letter.header
    try:
        _check_members(header, _HEADER)
        payload: dict[str, Value] = {}
        for entry in header["values"]:
            _check_members(entry, _ENTRIES[entry["type"]])
            if entry["key"] in payload:
                raise ValueError(f"two values named {entry['key']!r}")
            payload[entry["key"]] = _decode_value(entry, letter)
        letter.finish()
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


def _decode_value(entry: Mapping[str, Any], letter: Letter) -> Value:
    """Return the value of an entry that has its members."""
    kind, value = entry["type"], entry.get("value")
    if kind in ("bool", "str"):
        return value  # type: ignore[return-value]
    if kind in ("int", "float"):
        number: int | float = int(value, 16) if kind == "int" else float.fromhex(value)  # type: ignore[arg-type]
        text = hex(number) if isinstance(number, int) else number.hex()
        if text != value:
            raise ValueError(f"{value!r} in place of {text!r}")
        return number
    if kind == "sealed":
        return Sealed(bytes(letter.take(entry["bytes"])))
    if entry["dtype"] not in _DTYPES:
        raise ValueError(f"no array of {entry['dtype']!r}")
    dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
    for length in shape:
        if type(length) is not int or not 0 <= length < 1 << 48:
            raise ValueError(f"an axis of length {length!r}")
    buffer = letter.take(math.prod(shape) * dtype.itemsize)
    if dtype.kind == "b" and (np.frombuffer(buffer, np.uint8) > 1).any():
        raise ValueError("truth values other than 0 and 1")
    return np.frombuffer(buffer, dtype).reshape(shape)
