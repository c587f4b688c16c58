# SPDX-License-Identifier: Apache-2.0
"""Frames: what goes in comes out, what must not travel does not, broken bytes are refused."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyfate_gpu.errors import ProtocolError, WireFormatError
from pyfate_gpu.federation.frame import Frame, Sealed, decode_frame, encode_frame
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role
from pyfate_gpu.storage.envelope import ALIGNMENT

HOST = Party(Role.HOST, 3)

arrays = hnp.arrays(
    dtype=st.sampled_from(["?", "<i1", "<i8", ">i4", "<u8", "<f4", ">f8"]),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
)
scalars = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.text(), st.binary().map(Sealed), arrays
)


@given(st.dictionaries(st.text(), scalars, max_size=4), st.integers(0, 2**40), st.integers(0, 9))
def test_round_trip(payload, iteration, batch):
    frame = Frame("fit-1/forward", iteration, batch, payload)
    data = encode_frame(frame, GUEST, HOST)
    back, sender, recipient = decode_frame(data)
    assert (sender, recipient) == (GUEST, HOST)
    assert (back.name, back.iteration, back.batch) == (frame.name, iteration, batch)
    assert back.nbytes == len(data)
    assert list(back.payload) == list(payload)
    for key, value in payload.items():
        other = back.payload[key]
        if isinstance(value, np.ndarray):
            assert other.dtype == value.dtype.newbyteorder("<")
            np.testing.assert_array_equal(other, value)
            assert other.shape == value.shape
            assert not other.flags.writeable
        else:
            assert type(other) is type(value)
            assert other == value or value != value


def test_buffers_are_aligned():
    data = encode_frame(Frame("n", payload={"a": np.ones(3), "b": np.ones(2)}), GUEST, ARBITER)
    ones = np.float64(1).tobytes()
    first = data.index(ones)
    assert first % ALIGNMENT == 0
    assert data.index(ones, first + 24) % ALIGNMENT == 0


class _PrivateKey:
    pass


@dataclass
class _Unknown:
    x: int = 0


@pytest.mark.parametrize(
    "value",
    [
        _PrivateKey(),
        _Unknown(),
        None,
        [1, 2],
        {"a": 1},
        b"raw",
        np.array([object()]),
        np.array(["text"]),
        np.array([1 + 2j]),
        np.float64,
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_else_travels(value):
    with pytest.raises(ProtocolError, match="never travels"):
        encode_frame(Frame("secret", payload={"value": value}), GUEST, HOST)


def test_no_pickle_inside():
    data = encode_frame(Frame("n", payload={"a": np.arange(5), "t": "text"}), GUEST, HOST)
    assert b"numpy" not in data
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(data)


def _sample() -> bytes:
    payload = {"x": np.arange(10.0), "c": Sealed(b"abc"), "t": "text", "n": 7}
    return encode_frame(Frame("fit-1/forward", 2, 1, payload), GUEST, HOST)


@given(st.data())
def test_any_altered_bit_is_noticed(data):
    good = _sample()
    position = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(WireFormatError):
        decode_frame(bytes(bad))


def test_any_cut_is_noticed():
    good = _sample()
    for length in range(len(good)):
        with pytest.raises(WireFormatError):
            decode_frame(good[:length])
    with pytest.raises(WireFormatError):
        decode_frame(good + b"\0")


def _resealed(data: bytes, old: bytes, new: bytes) -> bytes:
    """A liar's frame: altered, with a checksum that holds."""
    assert old in data
    assert len(old) == len(new)
    body = data[:-32].replace(old, new)
    return body + hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"bytes":3', b'"bytes":9'),
        (b'"bytes":3', b'"bytes":0'),
        (b'"shape":[10]', b'"shape":[99]'),
        (b'"shape":[10]', b'"shape":[-1]'),
        (b'"dtype":"<f8"', b'"dtype":"|O8"'),
        (b'"type":"str"', b'"type":"int"'),
        (b'"from":"guest"', b'"from":"guezt"'),
        (b'"iteration":2', b'"iteration":x'),
        (b'{"name"', b'["name"'),
        (b'"values"', b'"valuez"'),
    ],
)
def test_headers_that_lie_are_refused(old, new):
    with pytest.raises(WireFormatError):
        decode_frame(_resealed(_sample(), old, new))


def _relabelled(**changes: object) -> bytes:
    """A liar's frame without buffers: members changed, lengths and checksum right."""
    entry = {"key": "n", "type": "int", "value": "0x7"}
    header = {
        "name": "a",
        "iteration": 2,
        "batch": 1,
        "from": "guest",
        "to": "host-0",
        "values": [entry],
    }
    text = json.dumps(header | changes, separators=(",", ":")).encode()
    body = b"PFGF" + struct.pack("<HHIQ", 1, 0, len(text), 20 + len(text) + 32) + text
    return body + hashlib.sha256(body).digest()


def test_a_frame_relabelled_as_it_was_is_read():
    assert decode_frame(_relabelled())[0].payload == {"n": 7}


@pytest.mark.parametrize(
    "changes",
    [
        {"iteration": 2.5},
        {"iteration": "2"},
        {"iteration": True},
        {"iteration": 1e400},
        {"batch": float("nan")},
        {"name": ["a"]},
        {"from": "host-\u0663"},
        {"to": 3},
        {"more": 1},
        {"values": {}},
        {"values": [{"key": "n", "type": "int", "value": "7"}]},
        {"values": [{"key": "n", "type": "int", "value": "0x1_0"}]},
        {"values": [{"key": "n", "type": "int", "value": 7}]},
        {"values": [{"key": "n", "type": "float", "value": "0x1p9999"}]},
        {"values": [{"key": "n", "type": "float", "value": "1.5"}]},
        {"values": [{"key": "n", "type": "bool", "value": 1}]},
        {"values": [{"key": 1, "type": "bool", "value": True}]},
        {"values": [{"key": "n", "type": "bool", "value": True}] * 2},
        {"values": [{"key": "n", "type": "array", "dtype": "<f8", "shape": [0, 2**70]}]},
        {"values": [{"key": "n", "type": "array", "dtype": "<f8", "shape": [0.0]}]},
        {"values": [{"key": "n", "type": "array", "dtype": ["<f8"], "shape": [0]}]},
        {"values": [{"key": "n", "type": "sealed", "bytes": 0.0}]},
        {"values": [{"key": "n", "type": [], "bytes": 0}]},
        {"values": [7]},
    ],
    ids=str,
)  # fmt: skip
def test_other_types_are_not_converted(changes):
    """What a lenient reader would take for a number that nobody sent, or stumble over."""
    with pytest.raises(WireFormatError):
        decode_frame(_relabelled(**changes))


def test_truth_values_and_padding_are_what_is_written():
    good = encode_frame(
        Frame("a", payload={"b": np.array([True]), "c": Sealed(b"xyz")}), GUEST, HOST
    )
    at = good.index(b"xyz")
    for position in (at - 64, at - 1):
        bad = bytearray(good[:-32])
        bad[position] = 2
        with pytest.raises(WireFormatError):
            decode_frame(bytes(bad) + hashlib.sha256(bad).digest())


def test_unknown_version_says_what_to_do():
    data = bytearray(_sample())
    data[4] = 9
    with pytest.raises(WireFormatError, match=r"version 9; this release reads version 1: install"):
        decode_frame(bytes(data))
