# SPDX-License-Identifier: Apache-2.0
"""Changes to bytes and to JSON documents, drawn from a seeded generator so that every case can be made again."""

from __future__ import annotations

import copy
import json

#: What readers stumble over: limits of machine words, numbers Python reads and others do not, lone surrogates.
NASTY = (
    None, True, False, 0, 1, -1, 7, 255, 2**16, 2**31, 2**32, 2**48, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30,
    10**400, 0.0, -0.0, 1.5, 1e308, float("inf"), float("nan"), "", "0", "-1", "1", "0x10", "-0x0", "0xfg", " 5 ",
    "1_0", "+1", "\u0663", "1\u0663", "nan", "inf", "0x1p5000", "0x1.8p+1", "\x00", "\ud800", "\u202e", "guest",
    "host-0", "host-1\u0663", "arbiter", "<f8", "<i8", "|b1", "|O", ">f8", "<U4", "int", "array", "sealed",
    "float", "i", "f", "a" * 5000, "A" * 200, "AQAB", "_-8", "AQ==", "f" * 300, [], [0], [-1], [2**40, 2**40],
    [0, 2**70], [True], [1.0], [1] * 33, [[]], {}, {"": None},
    {"type": "integer", "bound": None}, {"type": "fixed_point", "fraction_bits": 2**40, "bound": "1/0"},
)  # fmt: skip
#: The same for texts.
TOKENS = (
    b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80",
    *(text.encode() for text in (
        "\x00", "\n", "\r", "\r\n", '"', "'", ",", ":", "=", "[", "]", "{", "}", "#", "\\", "nan", "inf", "-", "1e999",
        "1_0", "\u0663", "0x10", "99999999999999999999", "9" * 5000, "[" * 3000, "{" * 3000, '"' * 3, "\ufeff",
        "null", "true",
        "-1:1", "1:1:1", "4294967296:1", "999999999999:1", "id", "label", "[model]", "[[peers]]", "2026-01-01",
    )),
)  # fmt: skip


def mutate_bytes(random, data, others):
    """Change bytes in one to four places."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(changed))
        kind = random.randrange(9)
        if kind < 2 and changed:
            changed[at - 1] ^= 1 << random.randrange(8)
        elif kind == 2 and changed:
            changed[at - 1] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
        elif kind == 3:
            changed[at:at] = random.randbytes(random.choice((1, 2, 8, 64)))
        elif kind == 4:
            del changed[at : at + random.choice((1, 2, 8, 64))]
        elif kind == 5:
            del changed[at:]
        elif kind == 6:
            changed[at:at] = random.choice(TOKENS)
        elif kind == 7:
            changed[at:at] = changed[at : at + random.choice((1, 8, 64, 1000))]
        else:
            other = random.choice(others)
            start = random.randint(0, len(other))
            changed[at : at + 16] = other[start : start + random.choice((1, 8, 64))]
    return bytes(changed)


def mutate_document(random, text):
    """Change members of a JSON document in one to three places; takes its text, returns the document."""
    holder = {"": json.loads(text)}
    for _ in range(random.randint(1, 3)):
        inside, key = _place(random, holder)
        kind = random.randrange(8)
        if kind < 4:
            value = random.choice(NASTY)
            inside[key] = copy.deepcopy(value) if isinstance(value, list | dict) else value
        elif kind == 4 and inside is not holder:
            del inside[key]
        elif kind == 5:
            inside[key] = [inside[key]]
        elif kind == 6 and isinstance(inside, dict):
            name = random.choice(("x", "h", "bytes", "shape", "value", str(key) + " "))
            inside[name] = copy.deepcopy(inside[key])
        else:
            inside[key] = _nudge(random, inside[key])
    return holder[""]


def _place(random, holder):
    """A member anywhere: walk inwards, and stop sooner or later."""
    inside, key = holder, ""
    while isinstance(inside[key], dict | list) and inside[key] and random.random() < 0.9:
        inside = inside[key]
        key = (
            random.choice(list(inside))
            if isinstance(inside, dict)
            else random.randrange(len(inside))
        )
    return inside, key


def _nudge(random, value):
    """Something near: another number, a text that differs in one place."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return random.choice(
            (
                value + 1,
                value - 1,
                -value,
                value * 2,
                float(value) if abs(value) < 1e300 else 0,
                str(value),
            )
        )
    if isinstance(value, str) and value:
        at = random.randrange(len(value))
        letter = random.choice("0123456789abcdefABCXYZ_-/= ")
        return random.choice(
            (
                value[:at] + letter + value[at + 1 :],
                value[:at] + value[at + 1 :],
                value + letter,
                letter + value,
            )
        )
    return value
