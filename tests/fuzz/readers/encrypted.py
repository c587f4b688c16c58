# SPDX-License-Identifier: Apache-2.0
"""Encrypted arrays: whatever is accepted is written again bit for bit, and holds ciphertexts of the key."""

from __future__ import annotations

import json
import struct

import gmpy2
import numpy as np

from tests.fuzz.readers.keys import PUBLIC
from tests.fuzz.target import Target, reseal


def _split_wire(data):
    length = struct.unpack_from("<I", data, 8)[0]
    return json.loads(data[12 : 12 + length]), data[(12 + length + 63) // 64 * 64 : -32]


def _join_wire(header, body):
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    version = 2 if isinstance(header, dict) and "slots" in header else 1
    start = struct.pack("<4sHHI", b"PFGW", version, 0, len(text)) + text
    return reseal(start + bytes(-len(start) % 64) + body + bytes(32))


def _wire_holds(data, array):
    header, body = _split_wire(data)
    step = 2 * 8 * -(-PUBLIC.key_bits // 64)
    integers = [int.from_bytes(body[at : at + step], "little") for at in range(0, len(body), step)]
    return (
        array.to_wire(reblind=False) == data
        and len(integers) == int(np.prod(header["shape"], dtype=object))
        and all(0 < c < PUBLIC.n**2 and gmpy2.gcd(c, PUBLIC.n) == 1 for c in integers)
        and int(header["bound"], 16) < PUBLIC.n // 2
        and _slots_fit(header)
    )


def _slots_fit(header):
    if "slots" not in header:
        return True
    width, count = header["slots"]
    return 2 ** (width * count) <= PUBLIC.n // 2 and int(header["bound"], 16) < 2 ** (width - 1)


WIRE = Target("wire", PUBLIC.from_wire, _wire_holds, _split_wire, _join_wire, reseal)
