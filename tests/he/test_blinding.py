# SPDX-License-Identifier: Apache-2.0
"""Where randomness comes from, that it is never used twice, and that derived arrays get new one."""

from __future__ import annotations

import multiprocessing
import os
import pickle

import gmpy2
import numpy as np
import pytest

from pyfate_gpu import PublicKey, concatenate
from pyfate_gpu.config import environment
from pyfate_gpu.he.scheme.paillier.blinding import blinding_numbers


def blinding_parts(c, public) -> list[int]:
    """r^n mod n of every ciphertext: c mod n, as 1 + m n is 1 mod n."""
    return [int(v) % public.n for v in np.ravel(c.to_ints(reblind=False))]


def test_states(keypair):
    public, private = keypair
    c = public.encrypt([1.0, 2.0, 3.0])
    fresh = [c, c[1:], c[::-1], c.reshape(3, 1), c[[2, 0]], c[None].T, private.encrypt(1),
             c.add_residue_mask(public.random_residues(3)), concatenate([c, public.encrypt([1.0])]),
             (c + 1).add_residue_mask(public.random_residues(3))]  # fmt: skip
    assert [each.blinding for each in fresh] == ["fresh"] * len(fresh)
    derived = [c + c, c + 1, 1 - c, -c, c * 2, c.sum(), c[:1].sum(), c[[0, 0]], c.broadcast_to((2, 3)),
               np.eye(3) @ c, c @ np.eye(3), c.segment_sum([0, 1, 2], 3), concatenate([c, c]),
               concatenate([c, c + 1]), concatenate([c[:1], c[1:]]), public.from_ints(c.to_ints()),
               public.from_wire(public.encrypt(1).to_wire())]  # fmt: skip
    assert [each.blinding for each in derived] == ["derived"] * len(derived)


def test_a_fresh_array_leaves_as_it_is_once(engine, keypair):
    public, private = keypair
    c = public.encrypt([1.0, 2.0])
    before = c.to_ints(reblind=False).tolist()
    c = public.encrypt([1.0, 2.0])
    held = c._engine.export_words(c._rows)
    first = c.to_ints()
    assert c.blinding == "derived"
    np.testing.assert_array_equal(
        first, [int.from_bytes(row.astype("<u8").tobytes(), "little") for row in held]
    )
    second = c.to_ints()
    assert not set(first) & set(second)
    assert not set(before) & set(first)
    assert private.decrypt(public.from_ints(second, -40)).tolist() == [1.0, 2.0]


def test_slices_share_their_freshness(keypair):
    c = keypair[0].encrypt([1.0, 2.0, 3.0])
    shuffled = c[[2, 0, 1]]
    first = c.to_ints()
    assert shuffled.blinding == "derived"
    assert not set(first) & set(shuffled.to_ints())


@pytest.mark.parametrize("export", ["to_ints", "to_wire", "pickle"])
def test_derived_arrays_leave_reblinded(engine, keypair, plain_keypair, export):
    for public, private in (keypair, plain_keypair):
        c = public.encrypt([3, -4])
        derived = c * 5 + 1
        inside = blinding_parts(derived, public)
        outside = {
            "to_ints": lambda d=derived, p=public: p.from_ints(d.to_ints()),
            "to_wire": lambda d=derived, p=public: p.from_wire(d.to_wire()),
            "pickle": lambda d=derived: pickle.loads(pickle.dumps(d)),
        }[export]()
        assert not set(inside) & set(blinding_parts(outside, public))
        assert private.decrypt(outside).tolist() == [16, -19]
        # Without new randomness the exponent would be a discrete logarithm away.
        for part, original in zip(
            blinding_parts(outside, public), blinding_parts(c, public), strict=True
        ):
            assert part != pow(original, 5, public.n)


def test_without_reblinding_by_name_only(keypair):
    public, _ = keypair
    c = public.encrypt([3]) * 5
    assert c.to_ints(reblind=False)[0] == c.to_ints(reblind=False)[0]
    assert (
        public.from_wire(c.to_wire(reblind=False)).to_ints(reblind=False)[0]
        == (c.to_ints(reblind=False)[0])
    )
    with pytest.raises(TypeError):
        c.to_ints(False)


def test_no_two_ciphertexts_share_randomness(engine, keypair, plain_keypair):
    for public, private in (keypair, plain_keypair):
        parts = [
            part
            for encrypt in (public.encrypt, public.encrypt, private.encrypt)
            for part in blinding_parts(encrypt(np.zeros(300)), public)
        ]
        parts += blinding_parts(
            public.from_ints((public.encrypt(np.zeros(300)) + 1).to_ints()), public
        )
        assert len(set(parts)) == len(parts) == 1200
        assert 1 not in parts


def test_jacobi_symbols_are_a_fair_coin(engine, keypair):
    public, private = keypair

    def positive(c) -> int:
        return sum(gmpy2.jacobi(part, public.n) == 1 for part in blinding_parts(c, public))

    c = public.encrypt(np.zeros(600, dtype=np.int64))
    even = (c * 2).to_ints()  # squares: all +1 before they are re-blinded
    odd = (c * 3).to_ints()
    samples = [c, private.encrypt(np.zeros(600)), public.from_ints(even), public.from_ints(odd)]
    for sample in samples:
        assert abs(positive(sample) - 300) < 92  # 7.5 standard deviations
    assert positive(c * 2) == 600


def test_bases_are_computed_from_h(keypair):
    public, private = keypair
    p, q = private._secret_factors()
    numbers = blinding_numbers(public.n, public.h)
    n2 = public.n**2
    assert numbers.base == pow(public.h, public.n, n2)
    assert numbers.exponent_bits == 256
    y = next(y for y in range(2, 1000) if gmpy2.jacobi(y, public.n) == -1)
    assert numbers.sign_base == pow(y, public.n, n2)
    for base in (numbers.base, numbers.sign_base):  # n-th powers: encryptions of 0
        assert pow(base, (p - 1) * (q - 1), n2) == 1


def test_ciphertexts_look_uniform(engine, keypair):
    """Mean of c / n^2 over many encryptions of one value, and of its bits."""
    public, _ = keypair
    values = [int(v) for v in public.encrypt(np.ones(500)).to_ints()]
    mean = np.mean([v / public.n**2 for v in values])
    assert abs(mean - 0.5) < 7.5 * (1 / 12 / 500) ** 0.5
    for bit in (0, 1, 100, 900):
        ones = sum(v >> bit & 1 for v in values)
        assert abs(ones - 250) < 7.5 * 500**0.5 / 2


def _export(public, c, queue):
    queue.put((blinding_parts(public.encrypt(np.zeros(20)), public), c.to_ints().tolist()))


@pytest.mark.skipif(
    environment().backend == "ray", reason="refuses forked processes: tests/backends/test_ray.py"
)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forks_do_not_repeat_randomness(keypair):
    public, _ = keypair
    c = public.encrypt(np.zeros(20))  # builds the table before the fork
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=_export, args=(public, c, queue)) for _ in range(2)]
    for child in children:
        child.start()
    results = [queue.get(timeout=300) for _ in children]
    for child in children:
        child.join(timeout=300)
    parts = blinding_parts(public.encrypt(np.zeros(20)), public)
    exported = c.to_ints().tolist()
    for fresh, inherited in results:
        parts += fresh
        exported += inherited
    assert len(set(parts)) == 60
    assert len(set(exported)) == 60


def test_a_base_from_elsewhere_is_never_used(keypair):
    """h alone travels: h_s is computed on load, so a hostile one cannot come in."""
    from pyfate_gpu.he.scheme.registry import public_from_jwk

    public, _ = keypair
    jwk = public.to_jwk() | {"hs": "AQ"}
    again = public_from_jwk(jwk, allow_insecure_key_size=True)
    assert isinstance(again, PublicKey)
    assert again.numbers == public.numbers
