# SPDX-License-Identifier: Apache-2.0
"""What must never happen, one test a line, as far as keys and arrays go.

Most of these were found in released Paillier libraries. The tests of single modules look closer;
secrets in frames and waits without a message are in tests/federation/test_session.py, instruction
sets that do not run here in tests/backends/test_backends.py.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys

import gmpy2
import numpy as np
import pytest

from pyfate_gpu import FixedPointEncoder, IntegerEncoder, backend_info, generate_keypair
from pyfate_gpu.errors import PyFateError, UnsupportedOperationError


def test_a_ciphertext_without_randomness_leaves(engine, keypair):
    """(c - 1) mod n = 0 is c = 1 + m n: readable by anybody."""
    public, _ = keypair
    c = public.encrypt([0, 1, -1])
    arrays = [c, c - c, c * 0, c[:0].sum(), c.segment_sum([0, 0, 0], 3), np.zeros((2, 3), int) @ c]
    for array in arrays:
        for value in np.ravel(array.to_ints()):
            assert value % public.n != 1
    for array in arrays:
        for value in np.ravel(public.from_wire(array.to_wire()).to_ints(reblind=False)):
            assert value % public.n != 1


def test_two_ciphertexts_share_r(engine, keypair):
    public, private = keypair
    exported = [
        c.to_ints() for c in (public.encrypt(np.zeros(200)), private.encrypt(np.zeros(200)))
    ]
    parts = {int(v) % public.n for v in np.ravel(exported)}
    assert len(parts) == 400


def test_a_derived_ciphertext_leaves_unblinded(engine, keypair):
    """c^e mod n = (c mod n)^e: a 53-bit e is 2^27 steps away."""
    public, _ = keypair
    c = public.encrypt([7])
    known = int(c.to_ints()[0])
    for scalar in (3, 2**40, -5):
        leaving = int((c * scalar).to_ints()[0])
        assert leaving % public.n != pow(known, scalar, public.n)
        moved = int((c + scalar).to_ints()[0])
        assert moved % public.n != known % public.n


def test_an_integer_outside_its_range_or_telling_the_plaintext(engine, keypair):
    """Signs and lengths of ciphertexts say nothing of signs and sizes of plaintexts."""
    public, _ = keypair
    n2 = public.n**2
    for values in (np.full(200, 1e6), np.full(200, -1e6), np.zeros(200)):
        c = public.encrypt(values)
        for array in (c, -c, c * -2.5, c - 3):
            integers = array.to_ints()
            assert all(0 < v < n2 for v in integers)
            high = sum(v > n2 // 2 for v in integers)
            assert abs(high - 100) < 7.5 * 200**0.5 / 2  # chance goes beyond once in 10^13
    lengths = {len(public.encrypt(v).to_wire()) for v in (0.0, 1e-9, -8e6, 8e6)}
    assert len(lengths) == 1


def test_silent_wrap_around(engine, keypair):
    public, private = keypair
    half = public.n // 2 - 1
    c = public.encrypt([half, -half], IntegerEncoder(half))
    for attempt in (lambda: c + c, lambda: c + 1, lambda: c * 2, lambda: c.sum(), lambda: c - c):
        with pytest.raises(OverflowError):
            attempt()
    assert private.decrypt(c).tolist() == [half, -half]


def test_a_numpy_int64_overflows_inside(engine, keypair):
    public, private = keypair
    big = np.int64(2**62)
    c = public.encrypt(np.array([big, -big]))
    assert private.decrypt(c * big).tolist() == [2**124, -(2**124)]
    assert private.decrypt(c + big + big).tolist() == [3 * 2**62, 2**62]
    assert private.decrypt(np.array([big, big]) @ c) == 0
    assert private.decrypt(c * np.int64(-(2**63))).tolist() == [-(2**125), 2**125]


def test_a_panic_on_bad_bytes(engine, keypair, rng):
    public, _ = keypair
    frame = bytearray(public.encrypt([1.0]).to_wire())
    for _ in range(100):
        broken = frame.copy()
        broken[rng.integers(len(frame))] ^= int(rng.integers(1, 256))
        with pytest.raises(PyFateError):
            public.from_wire(bytes(broken[: rng.integers(len(frame) + 1)]))


def test_a_key_from_a_seed(monkeypatch):
    import random

    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 - the point of the test
    gmpy2.random_state(1)
    first = generate_keypair(256, allow_insecure_key_size=True)[0].n
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    assert generate_keypair(256, allow_insecure_key_size=True)[0].n != first


def test_two_processes_make_one_key():
    code = (
        "from pyfate_gpu import generate_keypair\n"
        "print(generate_keypair(256, allow_insecure_key_size=True)[0].n)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0"}
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            check=True,
            timeout=300,
        ).stdout
        for _ in range(2)
    ]
    assert runs[0] != runs[1]


def test_a_secret_in_a_repr_pickle_log_or_error(keypair, other_keypair, caplog):
    _, private = keypair
    secrets = [form(v) for v in private._secret_factors() for form in (str, hex)]
    texts = [repr(private), str(private), repr(private._numbers), repr(private.__class__)]
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("pyfate_gpu").warning("key %s", private)
        public, _ = other_keypair
        with pytest.raises(PyFateError) as caught:
            private.decrypt(public.encrypt(1))
    texts += [caplog.text, str(caught.value)]
    with pytest.raises(UnsupportedOperationError) as caught_pickle:
        pickle.dumps(private)
    texts.append(str(caught_pickle.value))
    assert not any(secret[2:20] in text for secret in secrets for text in texts)


def test_an_array_shows_its_plaintext(keypair):
    value = 123456789012345.0
    c = keypair[0].encrypt([value], FixedPointEncoder(bound=2**50))
    assert str(int(value)) not in repr(c)
    assert str(int(value) * 2**40) not in repr(c)


def test_a_user_cannot_tell_which_backend_and_key_length_ran(engine, keypair):
    c = keypair[0].encrypt([1.0])
    assert f"backend={engine!r}" in repr(c)
    assert "key_bits=512" in repr(c)
    assert engine in str(backend_info())


def test_a_number_with_too_few_places_turns_into_zero(keypair):
    with pytest.raises(PyFateError, match="rounds to 0"):
        keypair[0].encrypt([1.0]) * 1e-30
