# SPDX-License-Identifier: Apache-2.0
"""Messages between parties: whatever is accepted is written again bit for bit."""

from __future__ import annotations

import json
import struct

from pyfate_gpu.federation.frame import Frame, decode_frame, encode_frame
from pyfate_gpu.federation.transports.grpc.calls import Opening
from tests.fuzz.target import Target, join_json, reseal, split_json


def split_frame(data):
    length = struct.unpack_from("<I", data, 8)[0]
    return json.loads(data[20 : 20 + length]), data[20 + length : -32]


def join_frame(header, rest):
    text = json.dumps(header, separators=(",", ":")).encode()
    length = 20 + len(text) + len(rest) + 32
    return reseal(
        struct.pack("<4sHHIQ", b"PFGF", 1, 0, len(text), length) + text + rest + bytes(32)
    )


def _frame_holds(data, decoded):
    frame, sender, recipient = decoded
    assert isinstance(frame, Frame)
    return encode_frame(frame, sender, recipient) == data


def _opening_holds(data, opening):
    return opening.pack() == data


FRAME = Target("frame", decode_frame, _frame_holds, split_frame, join_frame, reseal)
OPENING = Target("opening", Opening.unpack, _opening_holds, split_json, join_json)
