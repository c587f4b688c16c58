# SPDX-License-Identifier: Apache-2.0
"""What is fuzzed: readers of bytes from outside, each with what must hold for whatever it accepts."""

from __future__ import annotations

import atexit
import base64
import hashlib
import json
import os
import shutil
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gmpy2
import numpy as np

from pyfate_gpu.federation.frame import Frame, decode_frame, encode_frame
from pyfate_gpu.federation.transports.grpc.calls import Opening
from pyfate_gpu.he.key_files import load_private_key, load_public_key
from pyfate_gpu.jobs.configuration import DataSource, PartyConfiguration
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.tables import read_rows

CORPUS = Path(__file__).with_name("corpus")
KEY_FILE = CORPUS / "private_key" / "key.json"
#: Files that mutated bytes are written to, for readers that take paths.
SCRATCH = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)


@dataclass(frozen=True)
class Target:
    """One reader.

    Parameters
    ----------
    name : str
        Also of its folder in the corpus.
    read : callable
        Takes bytes; returns what they say, or raises PyFateError.
    holds : callable
        Takes the bytes and what `read` returned; whether the reader was right to accept them, by the
        documents and not by the code.
    split, join : callable or None
        Take a JSON document out of good bytes, and put a changed one back with lengths and checksums put right.
    """

    name: str
    read: Callable[[bytes], Any]
    holds: Callable[[bytes, Any], bool]
    split: Callable[[bytes], tuple[Any, bytes]] | None = None
    join: Callable[[Any, bytes], bytes] | None = None
    reseal: Callable[[bytes], bytes] = field(default=lambda data: data)

    def seeds(self) -> list[bytes]:
        """The files of the corpus."""
        return [path.read_bytes() for path in sorted((CORPUS / self.name).iterdir())]


def _reseal(data: bytes) -> bytes:
    return data[:-32] + hashlib.sha256(data[:-32]).digest()


def _key_pair():
    KEY_FILE.chmod(0o600)  # git keeps no modes but that for execution
    private = load_private_key(KEY_FILE, allow_insecure_key_size=True)
    return private.public_key, private


PUBLIC, PRIVATE = _key_pair()


# Encrypted arrays: whatever is accepted is written again bit for bit, and holds ciphertexts of the key.


def _split_wire(data):
    length = struct.unpack_from("<I", data, 8)[0]
    return json.loads(data[12 : 12 + length]), data[(12 + length + 63) // 64 * 64 : -32]


def _join_wire(header, body):
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    start = struct.pack("<4sHHI", b"PFGW", 1, 0, len(text)) + text
    return _reseal(start + bytes(-len(start) % 64) + body + bytes(32))


def _wire_holds(data, array):
    header, body = _split_wire(data)
    step = 2 * 8 * -(-PUBLIC.key_bits // 64)
    integers = [int.from_bytes(body[at : at + step], "little") for at in range(0, len(body), step)]
    return (
        array.to_wire(reblind=False) == data
        and len(integers) == int(np.prod(header["shape"], dtype=object))
        and all(0 < c < PUBLIC.n**2 and gmpy2.gcd(c, PUBLIC.n) == 1 for c in integers)
        and int(header["bound"], 16) < PUBLIC.n // 2
    )


# Messages between parties: whatever is accepted is written again bit for bit.


def _split_frame(data):
    length = struct.unpack_from("<I", data, 8)[0]
    return json.loads(data[20 : 20 + length]), data[20 + length : -32]


def _join_frame(header, rest):
    text = json.dumps(header, separators=(",", ":")).encode()
    length = 20 + len(text) + len(rest) + 32
    return _reseal(
        struct.pack("<4sHHIQ", b"PFGF", 1, 0, len(text), length) + text + rest + bytes(32)
    )


def _frame_holds(data, decoded):
    frame, sender, recipient = decoded
    assert isinstance(frame, Frame)
    return encode_frame(frame, sender, recipient) == data


def _opening_holds(data, opening):
    return opening.pack() == data


# Key files.


def _from_file(name, read, mode=0o600):
    def run(data):
        path = SCRATCH / f"{os.getpid()}-{name}"  # workers are forked
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        os.write(handle, data)
        os.close(handle)
        return read(path)

    return run


def _number(text):
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def _public_holds(data, key):
    """n and h are the numbers of the file and pass every check that takes no factors."""
    document = json.loads(data)
    n, h = key.n, key.h
    return (
        n == _number(document["n"].rstrip("="))
        and n % 2 == 1
        and n.bit_length() % 2 == 0
        and not gmpy2.is_square(n)
        and not gmpy2.is_prime(n)
        and (h is None) == ("h" not in document)
        and (h is None or (1 < h < n - 1 and gmpy2.gcd(h, n) == 1 and gmpy2.jacobi(h, n) == 1))
    )


def _private_holds(data, key):
    """The primes of the key that was changed: no other ones are found by chance."""
    return set(key._secret_factors()) == set(PRIVATE._secret_factors())


# Tables and configurations.


def _csv(path):
    return read_rows(DataSource(path, format="csv", id="id", label="y"))


def _libsvm(path):
    return read_rows(DataSource(path, format="libsvm", label="label", leading=["label"]))


def _rows_hold(data, rows):
    """One row for each id, one name for each column, numbers that the text spells in ASCII."""
    count, width = rows.values.shape
    shapes = count == len(rows.ids) == len(set(rows.ids)) and width == len(rows.names)
    return shapes and rows.labels.shape == (count,) and rows.values.dtype == np.float64


TARGETS = {
    target.name: target
    for target in (
        Target("wire", PUBLIC.from_wire, _wire_holds, _split_wire, _join_wire, _reseal),
        Target("frame", decode_frame, _frame_holds, _split_frame, _join_frame, _reseal),
        Target("opening", Opening.unpack, _opening_holds, lambda data: (json.loads(data), b""),
               lambda document, _: json.dumps(document).encode()),
        Target("public_key", _from_file("public", lambda p: load_public_key(p, allow_insecure_key_size=True)),
               _public_holds, lambda data: (json.loads(data), b""), lambda document, _: json.dumps(document).encode()),
        Target("private_key", _from_file("private", lambda p: load_private_key(p, allow_insecure_key_size=True)),
               _private_holds, lambda data: (json.loads(data), b""), lambda document, _: json.dumps(document).encode()),
        Target("csv", _from_file("table.csv", _csv), _rows_hold),
        Target("libsvm", _from_file("table.svm", _libsvm), _rows_hold),
        Target("party", _from_file("party.toml", PartyConfiguration.load), lambda data, found: bool(found.party.name)),
        Target("job", _from_file("job.toml", Job.load), lambda data, found: isinstance(found, Job)),
    )
}  # fmt: skip
