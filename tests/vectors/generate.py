# SPDX-License-Identifier: Apache-2.0
"""Make the test vectors: ``python tests/vectors/generate.py``. Needs gmpy2 and nothing of the package.

Written from the papers and the documents, with Python's integers and gmpy2's primes; README.md has the provenance.
Everything follows from the labels below by SHA-256, so that anybody can make the same files again: these keys
protect nothing.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import gmpy2

SIZES = (1024, 1234, 2048, 3072, 4096)
FOLDER = Path(__file__).parent


def draw(label, bits):
    """An integer below 2**bits: SHA-256 of the label and a counter, as many times as it takes."""
    blocks = -(-bits // 256)
    data = b"".join(hashlib.sha256(f"{label}/{block}".encode()).digest() for block in range(blocks))
    return int.from_bytes(data, "big") >> (256 * blocks - bits)


def prime(label, bits):
    """A prime of exactly `bits` bits, its two highest bits set, that is 3 mod 4."""
    start = draw(label, bits) | 3 << (bits - 2)
    p = int(gmpy2.next_prime(start))
    while p % 4 != 3:
        p = int(gmpy2.next_prime(p))
    assert p.bit_length() == bits
    return p


class Key:
    """Primes, modulus and a blinding base -x^2 (Damgard, Jurik, Nielsen 2010)."""

    def __init__(self, bits):
        self.bits = bits
        self.p, self.q = prime(f"p/{bits}", bits // 2), prime(f"q/{bits}", bits // 2)
        self.n = self.p * self.q
        assert self.n.bit_length() == bits
        assert gmpy2.gcd(self.n, (self.p - 1) * (self.q - 1)) == 1
        self.n2 = self.n**2
        self.x = draw(f"x/{bits}", bits) % self.n
        self.h = -(self.x**2) % self.n

    def encrypt(self, m, r):
        """c = (1 + n)^m r^n mod n^2 (Paillier 1999, with g = 1 + n)."""
        return pow(1 + self.n, m % self.n, self.n2) * pow(r, self.n, self.n2) % self.n2

    def encrypt_short(self, m, a):
        """c = (1 + n)^m (h^n)^a mod n^2."""
        h_s = pow(self.h, self.n, self.n2)
        return pow(1 + self.n, m % self.n, self.n2) * pow(h_s, a, self.n2) % self.n2

    def decrypt(self, c):
        """m = L(c^lambda) / L((1 + n)^lambda) mod n with lambda = lcm(p - 1, q - 1), no CRT."""
        order = int(gmpy2.lcm(self.p - 1, self.q - 1))
        top = (pow(c, order, self.n2) - 1) // self.n
        bottom = (pow(1 + self.n, order, self.n2) - 1) // self.n
        m = top * int(gmpy2.invert(bottom, self.n)) % self.n
        return m if m <= self.n // 2 else m - self.n


def known_answers(key):
    """Encryptions with given randomness, and what operations make of them."""
    half = key.n // 2
    plain = [0, 1, -1, 2**53 - 1, -(2**63), draw(f"m/{key.bits}", key.bits - 2), 1 - half, half - 1]
    encryptions = []
    for index, m in enumerate(plain):
        r = (
            1
            if index == 1
            else key.n - 1
            if index == 2
            else draw(f"r/{key.bits}/{index}", key.bits) % key.n
        )
        c = key.encrypt(m, r)
        assert key.decrypt(c) == m
        encryptions.append({"m": m, "r": r, "c": c})
    short = []
    for index, m in enumerate((0, -7, 2**40)):
        a = draw(f"a/{key.bits}/{index}", key.bits // 2)
        short.append({"m": m, "a": a, "c": key.encrypt_short(m, a)})
    operations = []
    for first, second in ((3, 4), (1, 2), (3, 3)):
        a, b = encryptions[first], encryptions[second]
        result = {"m": a["m"] + b["m"], "c": a["c"] * b["c"] % key.n2}
        operations.append({"op": "add", "a": a["c"], "b": b["c"], **result})
        result = {"m": a["m"] - b["m"], "c": a["c"] * pow(b["c"], -1, key.n2) % key.n2}
        operations.append({"op": "subtract", "a": a["c"], "b": b["c"], **result})
    for index, k in enumerate((0, 1, -1, 3, -(2**63), 2**64 - 1, draw("k", 200))):
        a = encryptions[3 + index % 2]
        result = {"m": a["m"] * k, "c": pow(a["c"], k, key.n2)}
        operations.append({"op": "scale", "a": a["c"], "k": k, **result})
        result = {"m": a["m"] + k, "c": a["c"] * pow(1 + key.n, k, key.n2) % key.n2}
        operations.append({"op": "add_plain", "a": a["c"], "k": k, **result})
    for operation in operations:
        assert key.decrypt(operation["c"]) == operation["m"]
    return {
        "bits": key.bits, "n": key.n, "p": key.p, "q": key.q, "x": key.x, "h": key.h,
        "encrypt": encryptions, "encrypt_short": short, "operations": operations,
    }  # fmt: skip


def invalid_keys(key):
    """Numbers that are no key, each with the rule it breaks."""
    n, p, q, h = key.n, key.p, key.q, key.h
    outside = next(y for y in range(2, 1000) if gmpy2.jacobi(y, n) == -1)
    other = prime("other", key.bits // 2)
    inside = int(gmpy2.next_prime(draw("inside", 200)))  # p divides q - 1
    over = next(k for k in range(2, 10**6, 2) if gmpy2.is_prime(k * inside + 1)) * inside + 1
    three = prime("a", 342) * prime("b", 342)
    moduli = [
        ("even", 2 * prime("even", key.bits - 1)), ("zero", 0), ("one", 1), ("negative", -n),
        ("square of a prime", p * p), ("square of a product", (prime("s", 256) * prime("t", 256)) ** 2),
        ("prime", prime("whole", key.bits)),
        ("a factor of 3", 3 * (draw("three", key.bits - 2) | 1 | 1 << (key.bits - 3))),
        ("255 bits", prime("c", 127) * prime("d", 128)), ("odd number of bits", prime("e", 512) * prime("f", 513)),
        ("beyond 8192 bits", 1 | 1 << 8193),
    ]  # fmt: skip
    bases = [
        ("h = 0", 0), ("h = 1", 1), ("h = -1", n - 1), ("h = n", n), ("h > n", n + h), ("h negative", -h),
        ("h multiple of p", p * 12345), ("h multiple of q", q * 54321), ("h of Jacobi symbol -1", outside),
    ]  # fmt: skip
    factors = [
        ("p = q", p * p, p, p), ("1 and n", n, 1, n), ("negative", n, -p, -q), ("another prime", n, p, other),
        ("neighbours", n, p + 2, q - 2), ("p not prime", three * q, three, q),
        ("p divides q - 1", inside * over, inside, over), ("zero", n, 0, 0),
    ]  # fmt: skip
    return {
        "n": [{"name": name, "n": value} for name, value in moduli],
        "h": [{"name": name, "n": n, "h": value} for name, value in bases],
        "factors": [
            {"name": name, "n": a * b if name == "p = q" else m, "p": a, "q": b}
            for name, m, a, b in factors
        ],
    }


def ciphertexts(key):
    """Integers that are no ciphertexts, and unusual ones that are."""
    n, p, q, n2 = key.n, key.p, key.q, key.n2
    bad = {
        "0": 0, "n^2": n2, "n^2 + 1": n2 + 1, "2^(2 bits) - 1": (1 << 2 * key.bits) - 1, "n": n, "2 n": 2 * n,
        "n^2 - n": n2 - n, "(n - 1) n": (n - 1) * n, "p": p, "q": q, "p^2": p * p, "p q^2 - p": p * q * q - p,
        "n^2 - q": n2 - q, "-1": -1, "-n - 1": -n - 1,
    }  # fmt: skip
    good = {
        "1": 1,
        "2": 2,
        "n + 1": n + 1,
        "n - 1": n - 1,
        "n^2 - 1": n2 - 1,
        "n^2 - n - 1": n2 - n - 1,
    }
    return {
        "n": n, "p": p, "q": q,
        "invalid": [{"name": name, "c": value} for name, value in bad.items()],
        "valid": [{"name": name, "c": value, "m": key.decrypt(value)} for name, value in good.items()],
    }  # fmt: skip


def slot_sum(numbers, width):
    """Numbers in the slots of one plaintext."""
    return sum(number << width * slot for slot, number in enumerate(numbers))


def slot_layouts():
    """Numbers and the plaintexts that hold them: at either end of a slot, alternating, small, drawn."""
    cases = []
    for width, count in (
        (2, 9),
        (8, 3),
        (63, 4),
        (64, 16),
        (65, 7),
        (100, 16),
        (128, 5),
        (200, 10),
    ):
        top = 2 ** (width - 1) - 1
        rows = [
            [top] * count, [-top] * count, [top * (-1) ** s for s in range(count)], [-1] + [0] * (count - 1),
            [0] * (count - 1) + [-1], [s % 2 for s in range(count)],
            [draw(f"slots/{width}/{count}/{s}", width) % (2 * top + 1) - top for s in range(count)],
        ]  # fmt: skip
        cases += [
            {"width": width, "count": count, "numbers": row, "plaintext": slot_sum(row, width)}
            for row in rows
        ]
    return {
        "packing": cases,
        "rows": [row_product(*size) for size in ((40, 3, 7), (63, 2, 4), (64, 8, 17), (130, 4, 4))],
    }


def row_product(width, count, length):
    """Rows in slots times a column: the sum over groups of products of their plaintexts, the column's turned round."""
    rows, column = (
        [draw(f"rows/{name}/{width}/{r}", 16) - 2**15 for r in range(length)] for name in ("d", "x")
    )
    starts = range(0, length, count)
    left = [rows[at : at + count] + [0] * (at + count - length) for at in starts]
    right = [column[at : at + count] + [0] * (at + count - length) for at in starts]
    plaintext = sum(
        slot_sum(d, width) * slot_sum(x[::-1], width) for d, x in zip(left, right, strict=True)
    )
    inner = sum(d * x for d, x in zip(rows, column, strict=True))
    return {
        "width": width,
        "count": count,
        "numbers": rows,
        "column": column,
        "plaintext": plaintext,
        "middle": inner,
    }


def seal(body):
    """SHA-256 at the end, as in docs/wire-format.md."""
    return body + hashlib.sha256(body).digest()


def array_frame(pair, values, changes=None, *, version=1, reserved=0, padding=0, text=None):
    """An encrypted array on the wire, or something like it."""
    fingerprint = hashlib.sha256(pair.n.to_bytes(pair.bits // 8, "big")).hexdigest()[:16]
    header = {
        "scheme": "paillier", "key": fingerprint, "key_bits": pair.bits, "shape": [len(values)], "exponent": 0,
        "bound": "7fffffffffffffff", "kind": "i", "encoder": {"type": "integer", "bound": None},
    } | (changes or {})  # fmt: skip
    header = {name: value for name, value in header.items() if value is not ...}
    text = (
        json.dumps(header, separators=(",", ":"), sort_keys=True).encode() if text is None else text
    )
    start = struct.pack("<4sHHI", b"PFGW", version, reserved, len(text)) + text
    start += bytes([padding]) * (-len(start) % 64)
    width = -(-pair.bits // 64) * 16
    return seal(start + b"".join(value.to_bytes(width, "little") for value in values))


def array_frames(key):
    """Frames of encrypted arrays, good ones with their plaintexts."""
    c = [key.encrypt(m, draw(f"wire/{m}", key.bits) % key.n) for m in (5, -6)]
    good = [
        ("two integers", array_frame(key, c), [5, -6]),
        ("floats", array_frame(key, c, {"exponent": -2, "kind": "f",
         "encoder": {"type": "fixed_point", "fraction_bits": 2, "bound": "10/1"}, "bound": "40"}), [1.25, -1.5]),
        ("one number", array_frame(key, c[:1], {"shape": []}), 5),
        ("nothing", array_frame(key, [], {"shape": [0, 3]}), []),
    ]  # fmt: skip
    rows = [[5, -6, 0], [1 - 2**19, 2**19 - 1, -1]]
    slots = [key.encrypt(slot_sum(row, 20), draw(f"wire/{row}", key.bits) % key.n) for row in rows]
    layout = {"slots": [20, 3], "bound": "7ffff"}
    good += [
        ("slots", array_frame(key, slots, layout, version=2), rows),
        ("slots of one plaintext", array_frame(key, slots[:1], layout | {"shape": []}, version=2), rows[0]),
        ("as many slots as fit", array_frame(key, c[:1], {"slots": [511, 2]}, version=2), [[5, 0]]),
    ]  # fmt: skip
    plain = array_frame(key, c)
    flipped = bytearray(plain)
    flipped[100] ^= 4
    text = plain[12 : 12 + struct.unpack_from("<I", plain, 8)[0]]
    spaced = json.dumps(json.loads(text), sort_keys=True).encode()
    twice = text[:-1] + b',"shape":[2]}'
    bad = [
        ("empty", b""), ("version 0", array_frame(key, c, version=0)),
        ("version 3", array_frame(key, c, version=3)), ("version 65535", array_frame(key, c, version=65535)),
        ("reserved", array_frame(key, c, reserved=1)), ("other magic", seal(b"PFGX" + plain[4:-32])),
        ("a message", seal(b"PFGF" + plain[4:-32])), ("flipped bit", bytes(flipped)), ("cut", plain[:-1]),
        ("cut and sealed", seal(plain[:-40])), ("glued", plain + b"\0"), ("twice", plain + plain),
        ("padding", array_frame(key, c, padding=1)), ("spaces", array_frame(key, c, text=spaced)),
        ("member twice", array_frame(key, c, text=twice)),
        ("header too long", seal(plain[:8] + struct.pack("<I", 65537) + plain[12:-32])),
        ("header no JSON", array_frame(key, c, text=b"{")), ("header a list", array_frame(key, c, text=b"[]")),
        ("header not ASCII", array_frame(key, c, text=b'{"\xff":1}')),
        ("deep", array_frame(key, c, text=b"[" * 5000)), ("zero", array_frame(key, [0, c[0]])),
        ("n^2", array_frame(key, [c[0], key.n2])), ("multiple of p", array_frame(key, [c[0], key.p * 99])),
        ("n", array_frame(key, [key.n, c[0]])),
    ]  # fmt: skip
    changes = [
        {"shape": [3]}, {"shape": [2.0]}, {"shape": [-2]}, {"shape": [True, 2]}, {"shape": "2"},
        {"shape": [1] * 32 + [2]}, {"shape": [2**47, 2**47]}, {"shape": ...}, {"exponent": 65537},
        {"exponent": -1}, {"exponent": 0.0}, {"exponent": None}, {"bound": f"{key.n // 2:x}"}, {"bound": "-1"},
        {"bound": "0x7"}, {"bound": "07"}, {"bound": 7}, {"bound": ""}, {"kind": "x"}, {"kind": ...},
        {"scheme": "rot13"}, {"key": "0" * 16}, {"key": ...}, {"key_bits": 512}, {"key_bits": "1024"}, {"more": 1},
        {"encoder": {}}, {"encoder": {"type": "integer"}}, {"encoder": {"type": "integer", "bound": "1_0"}},
        {"encoder": {"type": "fixed_point", "fraction_bits": 8193, "bound": "1/1"}},
        {"encoder": {"type": "fixed_point", "fraction_bits": 8, "bound": "1/0"}},
    ]  # fmt: skip
    bad += [(f"{name} = {str(value)[:40]}" if value is not ... else f"no {name}", array_frame(key, c, {name: value}))
            for change in changes for name, value in change.items()]  # fmt: skip
    bad += [
        ("slots in version 1", array_frame(key, slots, layout)),
        ("no slots in version 2", array_frame(key, c, version=2)),
    ]
    bad += [(f"slots = {value}", array_frame(key, slots, layout | {"slots": value}, version=2)) for value in (
        [20], [20, 3, 1], {"width": 20, "count": 3}, 20, None, [20, 0], [0, 3], [1, 3], [-20, 3], [20.0, 3], ["20", 3],
        [True, 3], [511, 3], [1023, 1], [20, 52], [20, 2**70], [2**70, 20], [19, 3],
    )]  # fmt: skip
    bad += [("beyond a slot", array_frame(key, slots, layout | {"bound": "80000"}, version=2))]
    return {
        "n": key.n, "p": key.p, "q": key.q,
        "valid": [{"name": name, "data": data.hex(), "values": values} for name, data, values in good],
        "invalid": [{"name": name, "data": data.hex()} for name, data in bad],
    }  # fmt: skip


def message(values=(), buffers=b"", changes=None, *, version=1, reserved=0, text=None):
    """A message between parties, or something like it (docs/protocol.md)."""
    header = {
        "name": "fit-1/forward", "iteration": 2, "batch": 1, "from": "guest", "to": "host-0", "values": list(values),
    } | (changes or {})  # fmt: skip
    header = {name: value for name, value in header.items() if value is not ...}
    text = json.dumps(header, separators=(",", ":")).encode() if text is None else text
    end = 20 + len(text)
    gap = bytes(-end % 64) if buffers else b""
    length = end + len(gap) + len(buffers) + 32
    return seal(
        struct.pack("<4sHHIQ", b"PFGF", version, reserved, len(text), length) + text + gap + buffers
    )


def messages():
    """Messages between parties, good ones with what they carry."""
    number = {"key": "n", "type": "int", "value": "-0x10000000000000000"}
    share = {"key": "share", "type": "float", "value": "-0x1.8000000000000p-3"}
    array = {"key": "x", "type": "array", "dtype": "<i4", "shape": [1, 2]}
    sealed = {"key": "c", "type": "sealed", "bytes": 3}
    text = {"key": "t", "type": "str", "value": "\u00e9"}
    truth = {"key": "b", "type": "bool", "value": True}
    two = struct.pack("<2i", 7, -8)
    good = [
        ("empty", message(), {}),
        ("numbers", message([number, share, text, truth]), {"n": -(2**64), "share": -0.1875, "t": "\u00e9", "b": True}),
        ("an array", message([array], two), {"x": [[7, -8]]}),
        ("an array and a sealed one", message([array, sealed], two + bytes(56) + b"abc"), {"x": [[7, -8]], "c": "abc"}),
    ]  # fmt: skip
    plain = message([array], two)
    flipped = bytearray(plain)
    flipped[30] ^= 1
    bad = [
        ("nothing", b""), ("version 0", message(version=0)), ("version 2", message(version=2)),
        ("reserved", message(reserved=1)), ("version 65535", message(version=65535)),
        ("an encrypted array", seal(b"PFGW" + plain[4:-32])), ("flipped bit", bytes(flipped)), ("cut", plain[:-1]),
        ("glued", plain + b"\0"), ("header no JSON", message(text=b"{")), ("header a list", message(text=b"[]")),
        ("header with spaces", message(text=b'{"name": "a"}')), ("deep", message(text=b"[" * 5000)),
        ("bytes left over", message([array], two + b"\0")), ("bytes missing", message([array], two[:-1])),
        ("nonzero gap", message([array, sealed], two + bytes(55) + b"\1abc")),
        ("twice the same", message([number, number])),
        ("truth of 2", message([{"key": "b", "type": "array", "dtype": "|b1", "shape": [1]}], b"\2")),
    ]  # fmt: skip
    for change in (
        {"iteration": "2"}, {"iteration": 2.0}, {"iteration": True}, {"iteration": None}, {"batch": 1.5},
        {"name": 3}, {"name": ...}, {"from": "guezt"}, {"from": "host-01"}, {"to": "host-\u0663"}, {"to": ...},
        {"values": {}}, {"values": [1]}, {"more": 1},
    ):  # fmt: skip
        bad += [
            (f"{name} = {value}" if value is not ... else f"no {name}", message(changes=change))
            for name, value in change.items()
        ]
    for entry in (
        number | {"value": "16"}, number | {"value": "0x1_0"}, number | {"value": 16}, number | {"value": "-0x0"},
        number | {"type": "long"}, number | {"key": 1}, share | {"value": "0.5"}, share | {"value": "0x1p5000"},
        {"key": "b", "type": "bool", "value": 1}, {"key": "t", "type": "str", "value": None},
        {"key": "n", "type": "int"}, array | {"dtype": "|O"}, array | {"dtype": ">i4"}, array | {"dtype": "<U1"},
        array | {"shape": [-1, -2]}, array | {"shape": [2.0]}, array | {"shape": [0, 2**70]},
        array | {"shape": [2**62, 4]}, sealed | {"bytes": -1}, sealed | {"bytes": 9.0},
    ):  # fmt: skip
        bad.append(
            (f"entry {json.dumps(entry)}", message([entry], two if entry.get("dtype") else b""))
        )
    return {
        "valid": [
            {"name": name, "data": data.hex(), "payload": payload} for name, data, payload in good
        ],
        "invalid": [{"name": name, "data": data.hex()} for name, data in bad],
    }


def files():
    """Every file, name and content; integers in hexadecimal, as JSON numbers have no length."""
    keys = {bits: Key(bits) for bits in SIZES}
    yield from ((f"paillier-{bits}.json", known_answers(key)) for bits, key in keys.items())
    yield "invalid-keys.json", invalid_keys(keys[1024])
    yield "ciphertexts.json", ciphertexts(keys[1024])
    yield "arrays-on-the-wire.json", array_frames(keys[1024])
    yield "slots.json", slot_layouts()
    yield "messages-on-the-wire.json", messages()


def in_hexadecimal(value):
    if isinstance(value, dict):
        plain = ("bits", "values", "payload")
        return {k: v if k in plain else in_hexadecimal(v) for k, v in value.items()}
    if isinstance(value, list):
        return [in_hexadecimal(each) for each in value]
    return hex(value) if type(value) is int else value


def contents():
    for name, content in files():
        yield name, json.dumps(in_hexadecimal(content), indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    for file_name, file_text in contents():
        (FOLDER / file_name).write_text(file_text)
