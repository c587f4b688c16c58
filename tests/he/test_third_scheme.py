# SPDX-License-Identifier: Apache-2.0
"""A scheme is a file and a line: generic code finds keys with other members, in files, frames, jobs."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu import generate_keypair
from pyfate_gpu.cli.app import app
from pyfate_gpu.errors import InvalidKeyError, KeyFileError, KeyMismatchError
from pyfate_gpu.he import load_private_key, load_public_key, save_private_key, save_public_key
from pyfate_gpu.he.scheme.registry import SCHEMES, private_from_jwk, public_from_jwk
from tests.he.toy_scheme import TOY, ToyPrivateKey, ToyPublicKey

INSECURE = {"allow_insecure_key_size": True}


@pytest.fixture
def toy(monkeypatch):
    """Register the scheme, which is the one line, and return a key pair."""
    monkeypatch.setitem(SCHEMES, "toy", TOY)
    return generate_keypair(512, "toy", **INSECURE)


def test_arrays_and_frames(toy, keypair):
    public, private = toy
    c = public.encrypt([[1.5, -2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(
        private.decrypt(c.T @ [2.0, 1.0] + private.encrypt(1)), [7.0, 1.0]
    )
    there = public.from_wire(c.to_wire())
    np.testing.assert_array_equal(private.decrypt(there - 1), [[0.5, -3.0], [2.0, 3.0]])
    with pytest.raises(KeyMismatchError):
        private.decrypt(keypair[0].encrypt([1]))


def test_files_and_documents(toy, tmp_path):
    public, private = toy
    save_public_key(public, tmp_path / "public.json")
    save_private_key(private, tmp_path / "private.json")
    again = load_public_key(tmp_path / "public.json", **INSECURE)
    assert isinstance(again, ToyPublicKey)
    assert (again.modulus, again.salt) == (public.modulus, 7)
    owner = load_private_key(tmp_path / "private.json", **INSECURE)
    assert isinstance(owner, ToyPrivateKey)
    assert owner.decrypt(again.encrypt(5)) == 5


def test_members_that_are_missing_or_wrong(toy):
    public, private = toy
    document = public.to_jwk()
    del document["salt"]
    with pytest.raises(KeyFileError, match="member 'salt' of the key is missing"):
        public_from_jwk(document, **INSECURE)
    secret = private.to_secret_jwk()
    secret["smaller"] = secret["larger"]
    with pytest.raises(InvalidKeyError, match="not those of the modulus"):
        private_from_jwk(secret, **INSECURE)


def test_training(toy):
    from pyfate_gpu import HeteroLinearRegression, simulate
    from pyfate_gpu.glm.plaintext import fit_plaintext

    rng = np.random.default_rng(2)
    guest, host = rng.normal(size=(30, 2)), rng.normal(size=(30, 3))
    y = guest[:, 0] - host[:, 1]

    def model():
        return HeteroLinearRegression(
            scheme="toy", max_iter=2, tol=0.0, key_bits=512, allow_insecure_key_size=True
        )

    def party(*data):
        return lambda session: model().fit(*data, session=session)

    fitted = simulate(guest=party(guest, y), hosts=[party(host)], arbiter=party())
    plain = fit_plaintext([guest, host], y, model().settings())
    np.testing.assert_allclose(fitted["host-0"].coef_, plain.weights[1], atol=1e-6)
    assert fitted["guest"].scheme == "toy"


def test_command_line(toy, tmp_path):
    from typer.testing import CliRunner

    save_private_key(toy[1], tmp_path / "private.json")
    shown = CliRunner().invoke(
        app, ["keys", "check", str(tmp_path / "private.json"), "--allow-insecure-key-size"]
    )
    assert shown.exit_code == 0, shown.output
