# SPDX-License-Identifier: Apache-2.0
"""Curve25519 against the vectors of RFC 9380 and other arithmetic, and processes that compute on curves."""

from __future__ import annotations

import subprocess

import gmpy2
import numpy as np
import pytest

from pyfate_gpu.backends import use_backend
from pyfate_gpu.errors import ProtocolError, WorkerLostError
from pyfate_gpu.protocol import id_cipher
from pyfate_gpu.protocol.blinding import worker
from pyfate_gpu.protocol.blinding.curve25519 import Blinder, hash_to_curve_var
from pyfate_gpu.protocol.blinding.pool import Pool
from pyfate_gpu.protocol.id_cipher import IdCipher

pytest.importorskip("cryptography")

P = 2**255 - 19
DOMAIN = b"QUUX-V01-CS02-with-curve25519_XMD:SHA-512_ELL2_NU_"
#: Appendix J.4.2 of RFC 9380: message, Q.x, P.x.
VECTORS = [
    (
        b"",
        "51125222da5e763d97f3c10fcc92ea6860b9ccbbd2eb1285728f566721c1e65b",
        "1bb913f0c9daefa0b3375378ffa534bda5526c97391952a7789eb976edfe4d08",
    ),
    (
        b"abc",
        "7d56d1e08cb0ccb92baf069c18c49bb5a0dcd927eff8dcf75ca921ef7f3e6eeb",
        "7c22950b7d900fa866334262fcaea47a441a578df43b894b4625c9b450f9a026",
    ),
    (
        b"abcdef0123456789",
        "3fbe66b9c9883d79e8407150e7c2a1c8680bee496c62fabe4619a72b3cabe90f",
        "31ad08a8b0deeb2a4d8b0206ca25f567ab4e042746f792f4b7973f3ae2096c52",
    ),
]


def doubled(x):
    """Return the first coordinate of twice a point of the curve."""
    numerator = (x * x - 1) ** 2
    return numerator * pow(4 * x * (x * x + 486662 * x + 1), -1, P) % P


@pytest.mark.parametrize(("message", "q", "p"), VECTORS)
def test_hashes_are_those_of_the_standard(message, q, p):
    found = int.from_bytes(hash_to_curve_var(message, DOMAIN), "little")
    assert f"{found:064x}" == q
    assert f"{doubled(doubled(doubled(found))):064x}" == p


def test_hashes_are_on_the_curve_and_stay_there():
    blinder = Blinder(bytes(range(32)))
    for number in range(40):
        name = str(number).encode()
        for point in (hash_to_curve_var(name), blinder.blind([name])):
            x = int.from_bytes(point, "little")
            assert gmpy2.legendre((x**3 + 486662 * x * x + x) % P, P) == 1


@pytest.mark.parametrize("point", [0, 1, P, P + 1, P - 1])
def test_points_of_small_order_are_refused(point):
    with pytest.raises(ValueError, match="a point of small order"):
        Blinder(bytes(range(32))).blind_again(point.to_bytes(32, "little"))


@pytest.fixture
def workers(monkeypatch):
    """Processes of workers for few ids too."""
    monkeypatch.setattr(id_cipher, "_FEW", 1)
    with use_backend("cpu", threads=2):
        yield


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("curve", id_cipher.CURVES)
def test_processes_give_what_one_process_gives(curve):
    if curve == "p256":
        pytest.importorskip("private_set_intersection")
    ids = ["ann", "bob", "", "é", "cy"]
    secret = bytes(range(32))
    with IdCipher(curve, secret=secret) as one, IdCipher(curve, secret=secret, count=5) as many:
        assert (one._pool, len(many._pool)) == (None, 2)
        points = many.blind(ids)
        np.testing.assert_array_equal(points, one.blind(ids))
        np.testing.assert_array_equal(many.blind_again(points), one.blind_again(points))
        assert many.blind([]).shape == (0, many.point_bytes)


@pytest.mark.usefixtures("workers")
def test_processes_refuse_what_is_no_point_and_go_on():
    with IdCipher(count=2) as cipher:
        with pytest.raises(ProtocolError, match="is no point of the curve"):
            cipher.blind_again(np.zeros((3, 32), dtype=np.uint8))
        assert cipher.blind(["ann"]).shape == (1, 32)


def test_a_worker_that_is_gone_is_an_error_with_a_remedy():
    pool = Pool("curve25519", bytes(range(32)), 1)
    try:
        pool._all[0].kill()
        pool._all[0].wait()
        with pytest.raises(WorkerLostError, match="fewer threads"):
            pool.submit(worker.IDS, worker.join_ids([b"ann"])).result(60)
    finally:
        pool.close()


def test_secrets_go_by_pipes_alone(monkeypatch):
    """Neither arguments nor the environment, which others may see, have them."""
    secret, seen = b"a secret of thirty-two bytes ....", []
    original = subprocess.Popen

    def popen(command, **options):
        seen.append(repr((command, options["env"])))
        return original(command, **options)

    monkeypatch.setattr("pyfate_gpu.protocol.blinding.pool.subprocess.Popen", popen)
    pool = Pool("curve25519", secret[:32], 1)
    pool.close()
    assert len(seen) == 1
    assert "thirty-two" not in seen[0]
    assert pool._all[0].returncode is not None
