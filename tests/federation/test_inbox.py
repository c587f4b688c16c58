# SPDX-License-Identifier: Apache-2.0
"""Frames from chunks: in order, whole, once; whatever connections do."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation.mailbox import Mailbox
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.transports.grpc.calls import WINDOW, Opening
from pyfate_gpu.federation.transports.grpc.inbox import Inbox, Superseded
from tests.federation.network import HOST

BODY = bytes(range(200))
DATA = BODY + hashlib.sha256(BODY).digest()
FIRST = Opening(1, "fit-1/a", 0, 0, len(DATA), DATA[-32:].hex())


@pytest.fixture
def mailbox():
    return Mailbox(HOST)


@pytest.fixture
def inbox(mailbox):
    return Inbox(mailbox, max_frame_bytes=1000)


def deliver(inbox, opening=FIRST, data=DATA):
    attempt = inbox.begin(GUEST, opening)
    if attempt is not None:
        inbox.append(GUEST, attempt, data[opening.offset :])
        inbox.finish(GUEST, attempt)
    return attempt


def test_a_frame_comes_through(inbox, mailbox):
    deliver(inbox)
    assert mailbox.take(FIRST.address(GUEST), 0) == DATA


@given(st.lists(st.integers(1, 100), max_size=8))
def test_it_goes_on_where_the_connection_dropped(pieces):
    mailbox = Mailbox(HOST)
    inbox = Inbox(mailbox, 1000)
    for length in pieces:
        offset = inbox.resume(GUEST, FIRST)
        attempt = inbox.begin(GUEST, replace(FIRST, offset=offset))
        inbox.append(GUEST, attempt, DATA[offset : min(offset + length, len(DATA))])
    deliver(inbox, replace(FIRST, offset=inbox.resume(GUEST, FIRST)))
    assert inbox.resume(GUEST, FIRST) == len(DATA)
    assert mailbox.take(FIRST.address(GUEST), 0) == DATA


def test_frames_under_way_together_come_in_any_order(inbox, mailbox):
    openings = [replace(FIRST, sequence=1 + i, iteration=i) for i in range(2 * WINDOW)]
    for first in range(0, 2 * WINDOW, WINDOW):
        together = openings[first : first + WINDOW]
        attempts = [inbox.begin(GUEST, replace(o, length=len(DATA))) for o in together[:3]]
        for opening in reversed(together[3:]):
            deliver(inbox, opening)
        for opening, attempt in zip(together[:3], attempts, strict=True):
            inbox.append(GUEST, attempt, DATA)
            inbox.finish(GUEST, attempt)
            assert inbox.begin(GUEST, opening) is None
    for opening in openings:
        assert mailbox.take(opening.address(GUEST), 0) == DATA
    with pytest.raises(ProtocolError, match=f"out of order, {2 * WINDOW} came before"):
        deliver(inbox, replace(FIRST, sequence=WINDOW, iteration=99))  # long forgotten


def test_frames_under_way_are_no_longer_than_one(inbox):
    for number in (1, 2, 3, 4):
        inbox.begin(GUEST, replace(FIRST, sequence=number, iteration=number))
    with pytest.raises(
        ProtocolError, match="232 bytes beside 928 that are under way, host-0 takes"
    ):
        inbox.begin(GUEST, replace(FIRST, sequence=5, iteration=5))


def test_a_success_that_was_not_heard_of_is_repeated_and_delivers_nothing(inbox, mailbox):
    deliver(inbox)
    assert deliver(inbox) is None
    mailbox.take(FIRST.address(GUEST), 0)
    assert mailbox.parked_bytes(GUEST) == 0


def test_what_an_older_connection_brings_is_left_out(inbox, mailbox):
    old = inbox.begin(GUEST, FIRST)
    inbox.append(GUEST, old, DATA[:50])
    assert inbox.resume(GUEST, FIRST) == 50
    for late in (lambda: inbox.append(GUEST, old, b"x"), lambda: inbox.finish(GUEST, old)):
        with pytest.raises(Superseded):
            late()
    deliver(inbox, replace(FIRST, offset=50))
    assert mailbox.take(FIRST.address(GUEST), 0) == DATA


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"sequence": 1, "name": "fit-1/b"}, "replayed or out of order, 1 came before"),
        ({"sequence": 0}, "replayed or out of order"),
        ({"sequence": 2 + WINDOW}, "replayed or out of order"),
        ({"sequence": 2}, "sent twice or replayed"),
        ({"sequence": 2, "name": "b", "offset": 5}, "at byte 5, 0 are here"),
        ({"sequence": 2, "name": "b", "length": 1001}, "1001 bytes, host-0 takes at most 1000"),
        ({"sequence": 2, "name": "b", "digest": "0" * 64}, "cut or altered"),
        ({"sequence": 2, "name": "b", "length": 500}, "cut or altered"),
        ({"sequence": 2, "name": "b", "length": 100}, "longer than the 100 bytes announced"),
    ],
)
def test_other_frames_are_refused(inbox, change, text):
    deliver(inbox)
    with pytest.raises(ProtocolError, match=text):
        deliver(inbox, replace(FIRST, **change))
    deliver(inbox, replace(FIRST, sequence=2, name="next"))  # and harm nothing


def test_unknown_names_are_refused(mailbox):
    inbox = Inbox(mailbox, 1000, rule=lambda address, to: f"{to} knows no {address.name}")
    with pytest.raises(ProtocolError, match="host-0 knows no fit-1/a"):
        deliver(inbox)


def test_openings_are_read_back():
    assert Opening.unpack(FIRST.pack()) == FIRST


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 4000,
        FIRST.pack() + b" " * 5000,
        replace(FIRST, sequence=-1).pack(),
        replace(FIRST, length=True).pack(),
        replace(FIRST, length=1 << 64).pack(),
        replace(FIRST, iteration="1").pack(),
        replace(FIRST, name="").pack(),
        replace(FIRST, name="n" * 201).pack(),
        replace(FIRST, digest="zz").pack(),
        FIRST.pack().replace(b"batch", b"patch"),
    ],
)
def test_other_openings_are_refused(data):
    with pytest.raises(ProtocolError, match="does not begin with the opening"):
        Opening.unpack(data)
