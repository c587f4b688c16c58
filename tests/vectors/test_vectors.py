# SPDX-License-Identifier: Apache-2.0
"""Every engine against the vectors; README.md says where they come from."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import phe
import pytest

from pyfate_gpu import IntegerEncoder, PrivateKey, PublicKey, SlotLayout
from pyfate_gpu.backends.words import (
    integers_to_words,
    unsigned_to_words,
    words_for_bits,
    words_to_integers,
)
from pyfate_gpu.encoding import decode_residues
from pyfate_gpu.encoding.packing import pack
from pyfate_gpu.errors import InvalidCiphertextError, InvalidKeyError, PyFateError
from pyfate_gpu.federation.frame import Sealed, decode_frame
from tests.vectors import generate

FOLDER = Path(__file__).parent


def read(name):
    return json.loads((FOLDER / name).read_text(), object_hook=_integers)


def _integers(members):
    return {
        k: int(v, 16) if type(v) is str and v.lstrip("-").startswith("0x") else v
        for k, v in members.items()
    }


def keys_of(vectors, base=None):
    public = PublicKey(vectors["n"], base, allow_insecure_key_size=True)
    return public, PrivateKey(public, vectors["p"], vectors["q"])


def wide(public, ints):
    """Ciphertexts of integers up to n/2 less the little that an operation may add."""
    return public.from_ints(ints, bound=public.n // 2 - 1)


def refused(read, case):
    try:
        read(bytes.fromhex(case["data"]))
    except PyFateError:
        return True
    return False


@pytest.fixture(params=generate.SIZES)
def vectors(request):
    return read(f"paillier-{request.param}.json")


def test_decryptions(engine, vectors):
    public, private = keys_of(vectors)
    answers = [*vectors["encrypt"], *vectors["encrypt_short"], *vectors["operations"]]
    found = private.decrypt_residues(wide(public, [a["c"] for a in answers])).tolist()
    assert found == [a["m"] % public.n for a in answers]
    first = vectors["encrypt"]
    assert private.decrypt(wide(public, [a["c"] for a in first])).tolist() == [
        a["m"] for a in first
    ]


def test_encryptions_with_given_randomness(engine, vectors):
    """The powers of r and of h^n are those of the engine: from a ciphertext with the bound 0 any scalar may be."""
    public, _ = keys_of(vectors)
    exponent = IntegerEncoder(public.n).encode(public.n)
    for answer in vectors["encrypt"][1:4]:
        power = public.from_ints(answer["r"], bound=0) * exponent
        c = power + IntegerEncoder(abs(answer["m"])).encode(answer["m"])
        assert c.to_ints(reblind=False)[()] == answer["c"]
    h_s = pow(vectors["h"], public.n, public.n**2)
    for answer in vectors["encrypt_short"]:
        power = public.from_ints(h_s, bound=0) * IntegerEncoder(public.n).encode(answer["a"])
        c = power + IntegerEncoder(2**41).encode(answer["m"])
        assert c.to_ints(reblind=False)[()] == answer["c"]


def test_operations(engine, vectors):
    public, _ = keys_of(vectors)
    for case in vectors["operations"]:
        a = public.from_ints(case["a"], bound=0)
        if case["op"] in ("add", "subtract"):
            b = public.from_ints(case["b"], bound=0)
            c = a + b if case["op"] == "add" else a - b
        else:
            k = IntegerEncoder(2**200).encode(case["k"])
            c = a * k if case["op"] == "scale" else a + k
        assert c.to_ints(reblind=False)[()] == case["c"], case["op"]


@pytest.mark.parametrize("bits", [1024, 2048])
def test_fresh_encryptions_decrypt(engine, bits):
    """Longer keys make their tables for minutes, all engines together; the powers themselves are tested above."""
    vectors = read(f"paillier-{bits}.json")
    for base in (None, vectors["h"]):
        public, private = keys_of(vectors, base)
        values = [answer["m"] for answer in vectors["encrypt"][:5]]
        encoder = IntegerEncoder(2**64)
        for key in (public, private):
            assert private.decrypt(key.encrypt(values, encoder)).tolist() == values


def test_python_paillier_agrees(vectors):
    public = phe.PaillierPublicKey(vectors["n"])
    private = phe.PaillierPrivateKey(public, vectors["p"], vectors["q"])
    for answer in vectors["encrypt"]:
        assert public.raw_encrypt(answer["m"] % public.n, answer["r"]) == answer["c"]
    for answer in [*vectors["encrypt_short"], *vectors["operations"]]:
        assert private.raw_decrypt(answer["c"]) == answer["m"] % public.n


INVALID_KEYS = read("invalid-keys.json")


@pytest.mark.parametrize("case", [*INVALID_KEYS["n"], *INVALID_KEYS["h"]], ids=lambda c: c["name"])
def test_invalid_public_keys(case):
    with pytest.raises(InvalidKeyError):
        PublicKey(case["n"], case.get("h"), allow_insecure_key_size=True)


@pytest.mark.parametrize("case", INVALID_KEYS["factors"], ids=lambda c: c["name"])
def test_invalid_private_keys(case):
    with pytest.raises(InvalidKeyError):
        keys_of(case)


def test_integers_that_are_ciphertexts_and_others(engine):
    vectors = read("ciphertexts.json")
    public, private = keys_of(vectors)
    for case in vectors["invalid"]:
        with pytest.raises(InvalidCiphertextError):
            public.from_ints([2, case["c"]])
    good = vectors["valid"]
    c = wide(public, [case["c"] for case in good])
    assert private.decrypt(c).tolist() == [case["m"] for case in good]
    assert all(math.gcd(case["c"], public.n) == 1 for case in good)


def test_arrays_on_the_wire(engine):
    vectors = read("arrays-on-the-wire.json")
    public, private = keys_of(vectors)
    for case in vectors["valid"]:
        data = bytes.fromhex(case["data"])
        c = public.from_wire(data)
        assert np.asarray(private.decrypt(c)).tolist() == case["values"], case["name"]
        assert c.to_wire(reblind=False) == data, case["name"]
    for case in vectors["invalid"]:
        assert refused(public.from_wire, case), case["name"]


def test_slots():
    cases = read("slots.json")["packing"]
    for case in cases:
        layout = SlotLayout(case["width"], case["count"])
        numbers = np.array([[int(number, 16) for number in case["numbers"]]], dtype=object)
        packed = words_to_integers(pack(integers_to_words(numbers), layout))
        assert packed.tolist() == [case["plaintext"]]
        n = (2 << layout.bits) + 1
        residue = unsigned_to_words([case["plaintext"] % n], words_for_bits(n.bit_length()))
        decoded = decode_residues(residue, n, 0, "i", layout.bound, layout)
        assert decoded.tolist() == numbers.tolist()
    assert len(cases) == 56


def test_rows_as_slots(engine):
    public, private = keys_of(read("ciphertexts.json"))
    encoder, cases = IntegerEncoder(2**15), read("slots.json")["rows"]
    for case in cases:
        layout = SlotLayout(case["width"], case["count"])
        rows, column = (
            [int(number, 16) for number in case[name]] for name in ("numbers", "column")
        )
        c = public.encrypt(layout.group(rows), encoder, slots=layout)
        product = c.rows_product(encoder.encode(column))
        assert private.decrypt_residues(product) == case["plaintext"] % public.n
        assert private.decrypt(product)[product.slots.middle] == case["middle"]
    assert len(cases) == 4


def test_messages_on_the_wire():
    vectors = read("messages-on-the-wire.json")
    for case in vectors["valid"]:
        frame, sender, recipient = decode_frame(bytes.fromhex(case["data"]))
        named = (frame.name, frame.iteration, frame.batch, sender.name, recipient.name)
        assert named == ("fit-1/forward", 2, 1, "guest", "host-0")
        found = {
            key: value.tolist()
            if isinstance(value, np.ndarray)
            else value.data.decode()
            if isinstance(value, Sealed)
            else value
            for key, value in frame.payload.items()
        }
        assert found == case["payload"], case["name"]
    for case in vectors["invalid"]:
        assert refused(decode_frame, case), case["name"]


def test_the_script_makes_these_files(monkeypatch):
    """All but the larger sizes, which take a minute."""
    monkeypatch.setattr(generate, "SIZES", (1024,))
    for name, text in generate.contents():
        assert (FOLDER / name).read_text() == text, name
