# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import FixedPointEncoder, IntegerEncoder, PublicKey, use_backend
from pyfate_gpu.errors import (
    BoundError,
    EncodingError,
    InvalidCiphertextError,
    KeyMismatchError,
    PyFateError,
    WireFormatError,
)


def reseal(frame: bytes) -> bytes:
    """Give a changed frame the right checksum, as a forger would."""
    return frame[:-32] + hashlib.sha256(frame[:-32]).digest()


def rewrite(frame: bytes, **changes: object) -> bytes:
    """Change members of the header and keep everything else in order."""
    length = struct.unpack_from("<I", frame, 8)[0]
    header = json.loads(frame[12 : 12 + length]) | changes
    kept = {k: v for k, v in header.items() if v is not ...}
    text = json.dumps(kept, separators=(",", ":"), sort_keys=True).encode()
    start = frame[:8] + struct.pack("<I", len(text)) + text
    body = frame[(12 + length + 63) // 64 * 64 : -32]
    return reseal(start + bytes(-len(start) % 64) + body + bytes(32))


@pytest.fixture(scope="module")
def frame(keypair) -> bytes:
    return keypair[0].encrypt([[1.5, -2.0, 3.0]]).to_wire()


@pytest.mark.parametrize("shape", [(), (3,), (0,), (2, 0), (2, 3, 2)])
def test_round_trip(engine, keypair, shape):
    public, private = keypair
    values = np.arange(int(np.prod(shape))).reshape(shape) / 4
    c = public.encrypt(values)
    again = public.from_wire(c.to_wire())
    np.testing.assert_array_equal(private.decrypt(again), values)
    assert (again.shape, again.exponent, again.bound, again.kind, again.encoder) == (
        c.shape, c.exponent, c.bound, c.kind, c.encoder,
    )  # fmt: skip
    assert again.blinding == "derived"


def test_layout_is_the_documented_one(keypair):
    public, _ = keypair
    c = public.encrypt([5, 6])
    integers = c.to_ints(reblind=False)
    frame = c.to_wire(reblind=False)
    magic, version, reserved, length = struct.unpack_from("<4sHHI", frame)
    assert (magic, version, reserved) == (b"PFGW", 1, 0)
    header = json.loads(frame[12 : 12 + length])
    assert header == {
        "scheme": "paillier",
        "key": public.fingerprint,
        "key_bits": 512,
        "shape": [2],
        "exponent": 0,
        "bound": f"{2**63:x}",
        "kind": "i",
        "encoder": {"type": "integer", "bound": None},
    }
    start = (12 + length + 63) // 64 * 64
    assert not any(frame[12 + length : start])
    assert len(frame) == start + 2 * 128 + 32
    for row, value in enumerate(integers):
        assert int.from_bytes(frame[start + 128 * row : start + 128 * (row + 1)], "little") == value
    assert frame[-32:] == hashlib.sha256(frame[:-32]).digest()


def test_between_engines(engine, keypair):
    public, private = keypair
    frame = (public.encrypt([1.5, 2.0]) * 2).to_wire()
    with use_backend("reference"):
        there = public.from_wire(frame)
        assert there.backend == "reference"
        back = (there + there).to_wire()
    assert private.decrypt(public.from_wire(back)).tolist() == [6.0, 8.0]


def test_pickling_goes_through_the_wire(keypair):
    public, private = keypair
    c = public.encrypt([1.5]) + 1
    again = pickle.loads(pickle.dumps(c))
    assert private.decrypt(again) == [2.5]
    assert again.to_ints(reblind=False)[0] != c.to_ints(reblind=False)[0]


@pytest.mark.parametrize(
    "encoder", [FixedPointEncoder(8, 3.5), IntegerEncoder(2**100), IntegerEncoder()]
)
def test_encoders_travel(keypair, encoder):
    public, _ = keypair
    assert public.from_wire(public.encrypt([1], encoder).to_wire()).encoder == encoder


def test_memoryviews_and_bytearrays(keypair, frame):
    for data in (bytearray(frame), memoryview(frame)):
        assert keypair[1].decrypt(keypair[0].from_wire(data)).tolist() == [[1.5, -2.0, 3.0]]
    for data in ("text", 5, None, [1]):
        with pytest.raises(WireFormatError, match="a frame is bytes"):
            keypair[0].from_wire(data)


@pytest.mark.parametrize("length", [0, 1, 11, 43, 44, 100, -33, -1])
def test_truncated(keypair, frame, length):
    with pytest.raises(WireFormatError):
        keypair[0].from_wire(frame[:length])


def test_longer(keypair, frame):
    with pytest.raises(WireFormatError, match="checksum"):
        keypair[0].from_wire(frame + b"\0")
    with pytest.raises(WireFormatError, match="bytes of ciphertexts"):
        keypair[0].from_wire(reseal(frame + bytes(8)))


@given(data=st.data())
def test_any_changed_bit_is_noticed(keypair, frame, data):
    position = data.draw(st.integers(0, len(frame) - 1))
    changed = bytearray(frame)
    changed[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(WireFormatError):
        keypair[0].from_wire(bytes(changed))


@given(data=st.data())
def test_a_forger_raises_typed_errors_only(keypair, frame, data):
    changed = bytearray(frame)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(frame) - 33))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PyFateError):
        keypair[0].from_wire(reseal(bytes(changed)))


@given(st.binary(max_size=300))
def test_rubbish(keypair, data):
    with pytest.raises(WireFormatError):
        keypair[0].from_wire(data)
    with pytest.raises(WireFormatError):
        keypair[0].from_wire(reseal(b"PFGW\x01\0\0\0" + data + bytes(32)))


def test_other_magic_and_version(keypair, frame):
    with pytest.raises(WireFormatError, match="begins with b'XFGW'"):
        keypair[0].from_wire(b"X" + frame[1:])
    with pytest.raises(WireFormatError, match="version 3; this release reads versions 1 and 2"):
        keypair[0].from_wire(frame[:4] + b"\3" + frame[5:])


def test_another_key(keypair, other_keypair, frame):
    with pytest.raises(KeyMismatchError, match=keypair[0].fingerprint):
        other_keypair[0].from_wire(frame)


@pytest.mark.parametrize(
    "changes",
    [{"shape": [2]}, {"shape": [-3]}, {"shape": "3"}, {"shape": [3.0]}, {"shape": [True, 3]}, {"shape": [1] * 33},
     {"shape": [2**47, 2**47]}, {"shape": ...}, {"exponent": "0"}, {"exponent": 10**9}, {"exponent": ...},
     {"bound": 5}, {"bound": "-5"}, {"bound": ""}, {"bound": "0x5"}, {"bound": "f" * 200}, {"kind": "x"},
     {"kind": "i"}, {"kind": ...}, {"encoder": None}, {"encoder": {"type": "roman"}}, {"scheme": "rot13"},
     {"encoder": {"type": "integer", "bound": "1_0"}}, {"encoder": {"type": "integer", "bound": "00ff"}},
     {"encoder": {"type": "fixed_point", "fraction_bits": 8, "bound": "2/2"}}, {"key_bits": 513}, {"key_bits": 512.0},
     {"bound": "00ff"}, {"more": 1}, {"encoder": {"type": "integer", "bound": None, "more": 1}}],
    ids=str,
)  # fmt: skip
def test_forged_headers(keypair, frame, changes):
    with pytest.raises(WireFormatError):
        keypair[0].from_wire(rewrite(frame, **changes))


def test_a_header_written_otherwise(keypair, frame):
    """Spaces, another order, a member twice: not what to_wire writes, though JSON reads the same."""
    length = struct.unpack_from("<I", frame, 8)[0]
    text, body = frame[12 : 12 + length], frame[(12 + length + 63) // 64 * 64 : -32]
    members = json.loads(text)
    for other in (
        json.dumps(members, sort_keys=True).encode(),
        json.dumps(dict(reversed(members.items())), separators=(",", ":")).encode(),
        text[:-1] + b',"shape":[1,3]}',
    ):
        start = frame[:8] + struct.pack("<I", len(other)) + other
        with pytest.raises(WireFormatError, match="as to_wire writes it"):
            keypair[0].from_wire(reseal(start + bytes(-len(start) % 64) + body + bytes(32)))


def test_header_that_is_no_object(keypair):
    for text in (b"[]", b"nonsense", b"\xff\xfe", b"[" * 60000):
        start = b"PFGW\x01\0\0\0" + struct.pack("<I", len(text)) + text
        with pytest.raises(WireFormatError):
            keypair[0].from_wire(reseal(start + bytes(-len(start) % 64) + bytes(32)))


def test_integers_that_are_no_ciphertexts(engine, keypair, frame):
    public, private = keypair
    p, _ = private._secret_factors()
    n2 = public.n**2
    for value, reason in (
        (0, "outside"), (n2, "outside"), (n2 + 1, "outside"), (2**1024 - 1, "outside"),
        (p, "not coprime"), (public.n, "not coprime"), (n2 - p, "not coprime"),
    ):  # fmt: skip
        body = value.to_bytes(128, "little")
        with pytest.raises(InvalidCiphertextError, match=reason):
            public.from_wire(reseal(frame[: -32 - 128] + body + bytes(32)))
        if value < 2**1024:
            with pytest.raises(InvalidCiphertextError, match=reason):
                public.from_ints([5, value])
    body = (n2 - 1).to_bytes(128, "little")
    public.from_wire(reseal(frame[: -32 - 128] + body + bytes(32)))


def test_ints_round_trip(engine, keypair):
    public, private = keypair
    c = public.encrypt([[1.5], [-2.0]])
    ints = c.to_ints()
    assert ints.shape == (2, 1)
    assert all(0 < v < public.n**2 for v in ints.ravel())
    again = public.from_ints(ints, exponent=-40, bound=c.bound)
    assert again.blinding == "derived"
    np.testing.assert_array_equal(private.decrypt(again + c), [[3.0], [-4.0]])
    assert public.from_ints(int(ints[0, 0])).shape == ()
    assert public.from_ints([]).shape == (0,)


def test_from_ints_refuses(keypair):
    public, _ = keypair
    for bad in ([1.5], ["7"], [None], [True], [[1], [2, 3]]):
        with pytest.raises(InvalidCiphertextError):
            public.from_ints(bad)
    with pytest.raises(BoundError):
        public.from_ints([1], bound=public.n)
    for bound in (-1, 1.5, "9"):
        with pytest.raises(BoundError):
            public.from_ints([1], bound=bound)
    for options in (
        {"exponent": 1.5}, {"exponent": "1"}, {"exponent": 1 << 17}, {"kind": "x"},
        {"kind": "i", "exponent": -3}, {"encoder": 5}, {"encoder": IntegerEncoder},
    ):  # fmt: skip
        with pytest.raises(EncodingError):
            public.from_ints([1], **options)


def test_bare_keys_read_frames(keypair, frame):
    bare = PublicKey(keypair[0].n, allow_insecure_key_size=True)
    assert keypair[1].decrypt(bare.from_wire(frame) * 2).tolist() == [[3.0, -4.0, 6.0]]
