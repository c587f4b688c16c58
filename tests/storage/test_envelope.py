# SPDX-License-Identifier: Apache-2.0
"""The one way to write and to read envelopes, against a reading of the bytes by hand."""

from __future__ import annotations

import hashlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.errors import WireFormatError
from pyfate_gpu.storage.envelope import Form

PLAIN = Form(b"TEST", (3, 7), "the test", 200, sorts_members=True)
COUNTED = Form(b"TEST", (3,), "the test", 200, has_length=True)
forms = pytest.mark.parametrize("form", [PLAIN, COUNTED], ids=["plain", "counted"])

headers = st.dictionaries(
    st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=5), max_size=3
)
pieces = st.lists(st.lists(st.binary(max_size=150), max_size=3), max_size=3)


def by_hand(data, has_length):
    """Header and everything behind it, read as the documents have it."""
    magic, version, reserved, length = struct.unpack_from("<4sHHI", data)
    assert (magic, version, reserved) == (b"TEST", 3, 0)
    start = 12
    if has_length:
        assert struct.unpack_from("<Q", data, start) == (len(data),)
        start += 8
    assert data[-32:] == hashlib.sha256(data[:-32]).digest()
    return json.loads(data[start : start + length]), start + length


@forms
@given(header=headers, buffers=pieces)
def test_what_goes_in_comes_out(form, header, buffers):
    data = form.seal(header, buffers, 3)
    read, position = by_hand(data, form.has_length)
    letter = form.open(data)
    assert read == letter.header == header
    assert list(letter.header) == (sorted(header) if form.sorts_members else list(header))
    for buffer in (b"".join(buffer) for buffer in buffers):
        start = -(-position // 64) * 64
        assert not any(data[position:start])
        position = start + len(buffer)
        assert bytes(letter.take(len(buffer))) == buffer == data[start:position]
    assert position == len(data) - 32
    letter.finish()


def test_every_version_that_is_read():
    for version in (3, 7):
        letter = PLAIN.open(PLAIN.seal({"a": 1}, [[b"x"]], version))
        assert (letter.version, letter.header, bytes(letter.rest())) == (version, {"a": 1}, b"x")
    with pytest.raises(WireFormatError, match="version 7; this release reads version 3: install"):
        COUNTED.open(COUNTED.seal({}, [], 7))


@forms
@given(data=st.data())
def test_any_changed_bit_and_any_cut_is_noticed(form, data):
    good = form.seal({"a": 1}, [[b"x" * 70], [b"y"]], 3)
    bad = bytearray(good)
    bad[data.draw(st.integers(0, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    for changed in (bad, good[: data.draw(st.integers(0, len(good) - 1))], good + b"\0"):
        with pytest.raises(WireFormatError):
            form.open(changed)


def resealed(body):
    return bytes(body) + hashlib.sha256(body).digest()


def test_bytes_that_are_not_zero_before_a_buffer():
    good = PLAIN.seal({"a": 1}, [[b"x"]], 3)
    bad = bytearray(good[:-32])
    bad[-2] = 1
    for take in (lambda letter: letter.rest(), lambda letter: letter.take(1)):
        with pytest.raises(WireFormatError, match="other than 0"):
            take(PLAIN.open(resealed(bad)))


@pytest.mark.parametrize("length", [-1, 2, 1 << 70])
def test_buffers_that_are_not_there(length):
    with pytest.raises(WireFormatError, match="does not fit"):
        PLAIN.open(PLAIN.seal({}, [[b"x"]], 3)).take(length)


def test_bytes_that_nobody_takes():
    with pytest.raises(WireFormatError, match="no value accounts for"):
        PLAIN.open(PLAIN.seal({}, [[b"x"]], 3)).finish()


@pytest.mark.parametrize(
    "text",
    [b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1,"a":1}', b"[]", b"1", b"{", b'{"a":NaN}', b'{"a":1e400}',
     b'{"a":"\xc3\xa4"}', b"[" * 150, b'{"a":1.50}'],
    ids=repr,
)  # fmt: skip
def test_headers_written_otherwise(text):
    body = struct.pack("<4sHHI", b"TEST", 3, 0, len(text)) + text
    with pytest.raises(WireFormatError, match="header of the frame"):
        PLAIN.open(resealed(body))


@forms
def test_long_headers(form):
    longest = {"a": "x" * (form.max_header_bytes - len('{"a":""}'))}
    assert form.open(form.seal(longest, [], 3)).header == longest
    with pytest.raises(OverflowError, match="201 bytes; the limit is 200"):
        form.seal({"a": longest["a"] + "x"}, [], 3)
    text = json.dumps({"a": longest["a"] + "x"}, separators=(",", ":")).encode()
    total = struct.pack("<Q", 20 + len(text) + 32) if form.has_length else b""
    body = struct.pack("<4sHHI", b"TEST", 3, 0, len(text)) + total + text
    with pytest.raises(WireFormatError, match="201 bytes does not fit"):
        form.open(resealed(body))


@pytest.mark.parametrize(
    ("at", "new", "text"),
    [(0, b"REST", "begins with b'REST'; one of the test begins with b'TEST'"),
     (4, b"\4", "version 4; this release reads versions 3 and 7: install"), (6, b"\1", "version 3; this release")],
)  # fmt: skip
def test_other_forms(at, new, text):
    body = bytearray(PLAIN.seal({}, [], 3)[:-32])
    body[at : at + len(new)] = new
    with pytest.raises(WireFormatError, match=text):
        PLAIN.open(resealed(body))


@pytest.mark.parametrize(
    "data", ["text", None, 5, [1], memoryview(b"abcd")[::2]], ids=lambda v: type(v).__name__
)
def test_what_are_no_bytes(data):
    with pytest.raises(WireFormatError):
        PLAIN.open(data)
