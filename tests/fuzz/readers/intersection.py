# SPDX-License-Identifier: Apache-2.0
"""Messages of the private set intersection: one of them changed, all others as they should be."""

from __future__ import annotations

import importlib.util
from functools import lru_cache

import numpy as np

from pyfate_gpu.errors import ChannelTimeoutError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.frame import Frame, decode_frame, encode_frame
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role
from pyfate_gpu.protocol.id_cipher import IdCipher
from pyfate_gpu.protocol.psi import intersect
from tests.fuzz.readers.messages import join_frame, split_frame
from tests.fuzz.target import Target, reseal

HAS_PSI = importlib.util.find_spec("cryptography") is not None
HOST = Party(Role.HOST)
IDS = ("ann", "bob", "cy")


@lru_cache(maxsize=1)
def points():
    """Ids of one owner under two exponents."""
    return IdCipher(secret=bytes(32)).blind_again(IdCipher(secret=bytes(32)).blind(IDS))


def good(name, sender, iteration):
    """A frame as it should be."""
    payload = {
        "align-1/id_count": {"count": len(IDS), "attempt": ""},
        "align-1/exchange_from": {"attempt": "0123", "chunk": 0},
        "align-1/blinded_ids": {"points": points()},
        "align-1/common_ids": {"positions": np.array([0, 2])},
    }
    return Frame(name, iteration, 0, payload[name])


class _Script:
    """Gives the frame under test where it is waited for, good ones elsewhere."""

    def __init__(self, frame, sender, recipient):
        self.frame, self.sender, self.party = frame, sender, recipient

    def send(self, to, frame):
        return len(encode_frame(frame, self.party, to))

    def receive(self, sender, name, iteration, batch, timeout):
        changed = self.frame
        if (sender, name, iteration, batch) == (
            self.sender, changed.name, changed.iteration, changed.batch,
        ):  # fmt: skip
            self.taken = True
            return changed
        if batch:
            raise ChannelTimeoutError(f"no {name}")
        return good(name, sender, iteration)


def _read(data):
    frame, sender, recipient = decode_frame(data)
    channel = _Script(frame, sender, recipient)
    parties = {GUEST, HOST, ARBITER} - {recipient}
    session = Session(recipient, sorted(parties, key=str), channel)
    session.begin("align")
    found = intersect(session, () if recipient == ARBITER else IDS).tolist()
    if not hasattr(channel, "taken"):
        raise ChannelTimeoutError("a frame that nobody waits for")
    return recipient, found


def _holds(data, read):
    recipient, found = read
    frame, sender, _ = decode_frame(data)
    return encode_frame(frame, sender, recipient) == data and (
        found == sorted(set(found)) and set(found) <= set(range(len(IDS)))
    )


PSI = Target("psi", _read, _holds, split_frame, join_frame, reseal)
