# SPDX-License-Identifier: Apache-2.0
"""Ten thousand ciphertexts: no two share their randomness, and nothing that shows in them follows the plaintext.

c mod n = (1 + m n) rho mod n = rho, so two ciphertexts have the quotient 1 mod n, that is the same rho, exactly if
they are equal mod n: a set of ten thousand residues looks at all fifty million pairs. Limits of scores are at eight
standard deviations, which chance passes once in 10^10 scores, those with a longer tail included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings
from itertools import pairwise

import gmpy2
import numpy as np
import pytest

from pyfate_gpu import generate_keypair
from pyfate_gpu.config import environment

COUNT = 10_000
LIMIT = 8
#: Plaintexts that a bad cipher tells apart: signs, sizes, parities.
PLAIN = np.tile([0, 1, -1, 2**62, -(2**62), 3, -4, 2**40], COUNT // 8)


def encrypt(how, keypair):
    public, private = keypair
    if how == "public":
        return public.encrypt(PLAIN)
    if how == "private":
        return private.encrypt(PLAIN)
    return public.encrypt(1) * PLAIN  # one ciphertext, scaled, re-blinded when it leaves


@pytest.fixture(scope="module", params=["public", "private", "re-blinded"])
def integers(request, keypair):
    """Ten thousand ciphertexts as another party sees them."""
    return [int(c) for c in encrypt(request.param, keypair).to_ints()]


@pytest.fixture(scope="module")
def n(keypair):
    return keypair[0].n


def test_no_two_share_their_randomness(integers, n):
    residues = [c % n for c in integers]
    assert len(set(residues)) == len({-r % n for r in residues} | set(residues)) / 2 == COUNT
    assert not set(residues) & {1, n - 1}
    inverses = {int(gmpy2.invert(r, n)) for r in residues}
    assert not inverses & set(residues)


def test_randomness_is_no_sequence(integers, n):
    """Exponents that count up, or double, show in quotients and in squares of neighbours."""
    residues = [c % n for c in integers]
    steps = {a * int(gmpy2.invert(b, n)) % n for a, b in pairwise(residues)}
    assert len(steps) == COUNT - 1
    assert not {r * r % n for r in residues} & set(residues)


def test_no_bit_follows_the_plaintext(integers, n):
    width = (n * n).bit_length()
    positions = [*range(16), *range(width - 17, width - 1)]
    bits = np.array([[c >> at & 1 for at in positions] for c in integers])
    jacobi = np.array([gmpy2.jacobi(c, n) for c in integers])
    seen = np.column_stack([bits, jacobi == 1, [c > n * n // 2 for c in integers]]).astype(float)
    for trait in (PLAIN < 0, PLAIN == 0, PLAIN & 1, np.abs(PLAIN) > 2**50):
        one, other = seen[trait != 0], seen[trait == 0]
        spread = np.sqrt(seen.var(axis=0) * (1 / len(one) + 1 / len(other))) + 1e-12
        assert (np.abs(one.mean(axis=0) - other.mean(axis=0)) < LIMIT * spread).all()
    even = np.r_[seen[:, :16].mean(axis=0), seen[:, -2:].mean(axis=0)]
    assert (np.abs(even - 0.5) < LIMIT * 0.5 / COUNT**0.5).all()


def test_low_bytes_are_even(integers):
    for shift in (0, 8):
        counts = np.bincount([c >> shift & 255 for c in integers], minlength=256)
        chi = ((counts - COUNT / 256) ** 2).sum() / (COUNT / 256)
        assert abs(chi - 255) < LIMIT * (2 * 255) ** 0.5


def test_no_length_follows_the_plaintext(integers, n):
    """Lengths of integers as others send them; of ours all have as many bytes on the wire."""
    lengths = np.array([c.bit_length() for c in integers], dtype=float)
    for trait in (PLAIN < 0, PLAIN == 0, np.abs(PLAIN) > 2**50):
        one, other = lengths[trait], lengths[~trait]
        spread = (lengths.var() * (1 / len(one) + 1 / len(other))) ** 0.5
        assert abs(one.mean() - other.mean()) < LIMIT * spread
    assert lengths.min() > 2 * n.bit_length() - 64


def residues_of(public, count=500):
    return [int(c) % public.n for c in public.encrypt(np.zeros(count, int)).to_ints()]


def forked(function):
    """What `function` returns, a text, in a child that shares everything drawn so far."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads
        child = os.fork()
    if child == 0:
        try:
            os.write(writer, function().encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(child, 0)
    assert text
    return text


@pytest.mark.skipif(
    environment().backend == "ray", reason="refuses forked processes: tests/backends/test_ray.py"
)
@pytest.mark.parametrize("how", ["public", "private", "masks", "keys"])
def test_a_fork_repeats_nothing(keypair, how):
    public, private = keypair
    draw = {
        "public": lambda: {int(c) % public.n for c in public.encrypt([0] * 20).to_ints()},
        "private": lambda: {int(c) % public.n for c in private.encrypt([0] * 20).to_ints()},
        "masks": lambda: set(public.random_residues(20).tolist()),
        "keys": lambda: {generate_keypair(256, allow_insecure_key_size=True)[0].n},
    }[how]
    before = draw()  # whatever has a state has one now
    children = [set(map(int, forked(lambda: " ".join(map(str, draw()))).split())) for _ in range(3)]
    sets = [before, *children, draw()]
    assert len(set.union(*sets)) == sum(map(len, sets))


def test_threads_repeat_nothing(keypair):
    found = [[] for _ in range(8)]
    threads = [
        threading.Thread(target=lambda out=out: out.extend(residues_of(keypair[0])))
        for out in found
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({r for part in found for r in part}) == 8 * 500


def test_processes_repeat_nothing(keypair):
    public, _ = keypair
    code = (
        "from pyfate_gpu import PublicKey\n"
        f"key = PublicKey({public.n}, {public.h}, allow_insecure_key_size=True)\n"
        "print(*(int(c) % key.n for c in key.encrypt([0] * 100).to_ints()))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, timeout=300, text=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert len({*runs[0], *runs[1]}) == 200
