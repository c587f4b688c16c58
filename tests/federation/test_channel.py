# SPDX-License-Identifier: Apache-2.0
"""What every transport promises."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from pyfate_gpu.errors import ChannelTimeoutError, PartyFailedError, ProtocolError
from pyfate_gpu.federation.frame import Frame
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role
from pyfate_gpu.federation.transports.memory import MemoryChannel
from tests.federation.network import PATIENCE

HOST = Party(Role.HOST)


@pytest.fixture(params=["memory", "grpc", "grpc in plaintext"])
def channels(request):
    if request.param == "memory":
        return MemoryChannel.connect([GUEST, HOST, ARBITER])
    connected = request.getfixturevalue("connected")
    return connected() if request.param == "grpc" else connected(credentials=None)


def send_and_wait(channel, to, frame):
    channel.send(to, frame)
    channel.flush()


def test_frames_are_taken_by_name_in_any_order(channels):
    for iteration in (1, 2):
        channels[GUEST].send(HOST, Frame("a", iteration, 0, {"x": iteration}))
    channels[GUEST].send(HOST, Frame("b", 1, 0, {"x": 9}))
    take = channels[HOST].receive
    assert take(GUEST, "b", 1, 0, PATIENCE).payload["x"] == 9
    assert take(GUEST, "a", 2, 0, PATIENCE).payload["x"] == 2
    assert take(GUEST, "a", 1, 0, PATIENCE).payload["x"] == 1


def test_parties_share_no_memory(channels):
    values = np.zeros(3)
    channels[GUEST].send(HOST, Frame("a", payload={"x": values}))
    values[:] = 7
    assert not channels[HOST].receive(GUEST, "a", 0, 0, PATIENCE).payload["x"].any()


def test_send_returns_the_bytes_on_the_wire(channels):
    sent = channels[GUEST].send(HOST, Frame("a", payload={"x": np.zeros(100)}))
    assert sent == channels[HOST].receive(GUEST, "a", 0, 0, PATIENCE).nbytes > 800


def test_timeout_says_what_did_not_come_and_from_whom(channels):
    send_and_wait(channels[GUEST], HOST, Frame("b", 4, 0))
    with pytest.raises(ChannelTimeoutError) as caught:
        channels[HOST].receive(GUEST, "a", 4, 2, 0.01)
    text = str(caught.value)
    assert "host-0 waited 0.01 s for 'a' (iteration 4, batch 2) from guest" in text
    assert "not asked for: 'b' (iteration 4, batch 0) from guest" in text


@pytest.mark.parametrize("taken", [False, True])
def test_a_frame_is_delivered_once(channels, taken):
    send_and_wait(channels[GUEST], HOST, Frame("a"))
    if taken:
        channels[HOST].receive(GUEST, "a", 0, 0, PATIENCE)
    with pytest.raises(ProtocolError, match="sent twice or replayed"):
        send_and_wait(channels[GUEST], HOST, Frame("a"))


@pytest.mark.parametrize("to", [GUEST, Party(Role.HOST, 1)])
def test_unknown_recipients_are_refused(channels, to):
    with pytest.raises(ProtocolError, match="no such peer"):
        channels[GUEST].send(to, Frame("a"))


def test_stop_wakes_those_who_wait(channels):
    caught = []

    def wait():
        with pytest.raises(PartyFailedError, match="guest stopped by ValueError"):
            channels[HOST].receive(GUEST, "a", 0, 0, PATIENCE)
        caught.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    channels[GUEST].stop("guest stopped by ValueError")
    thread.join(PATIENCE)
    assert caught
    with pytest.raises(PartyFailedError):
        channels[ARBITER].send(HOST, Frame("x"))


def test_what_came_before_the_stop_can_still_be_read(channels):
    send_and_wait(channels[GUEST], HOST, Frame("a"))
    channels[GUEST].stop("gone")
    channels[HOST].receive(GUEST, "a", 0, 0, PATIENCE)
    with pytest.raises(PartyFailedError, match="gone"):
        channels[HOST].receive(GUEST, "b", 0, 0, PATIENCE)
