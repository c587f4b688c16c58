# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from pyfate_gpu import IntegerEncoder, SlotLayout, generate_keypair
from pyfate_gpu.encoding.packing import pack, unpack
from pyfate_gpu.errors import BoundError, EncodingError, ProtocolError, ShapeError
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.conversion import mask, plaintext, return_layout, ungroup, unmask
from pyfate_gpu.protocol.sharing.features import FeatureShape, SharedFeatures
from pyfate_gpu.protocol.sharing.masks import random_ring, residue_masks, slot_masks
from tests.protocol.sharing.test_ring import integers_of

BOUND = 1 << 157
Q = 1 << 128


@pytest.fixture(scope="module")
def keys():
    return generate_keypair(1024, allow_insecure_key_size=True)


@pytest.fixture(scope="module")
def numbers():
    generator = np.random.default_rng(3)
    values = [int.from_bytes(generator.bytes(19), "big") * s for s in (1, -1) for _ in range(5)]
    return [*values, BOUND, -BOUND, 0]


@pytest.mark.parametrize("squeezed", [False, True])
def test_shares_add_up_to_what_was_encrypted(keys, numbers, squeezed):
    public, private = keys
    layout = return_layout(1024, BOUND)
    c = public.encrypt(numbers, IntegerEncoder(bound=BOUND))
    masked, own = mask(c.squeeze(layout) if squeezed else c)
    theirs = unmask(private, masked)
    chosen = layout if squeezed else None
    sums = ring.add(*(ungroup(part, chosen, len(numbers)) for part in (own, theirs)))
    assert integers_of(sums) == [v % Q for v in numbers]
    assert masked.size == (layout.groups(len(numbers)) if squeezed else len(numbers))
    assert masked.blinding == "fresh"


def test_shares_encrypt_as_signed_integers_of_128_bits(keys):
    public, private = keys
    share = random_ring((4,))
    share[0], share[1] = (0, 1 << 63), ((1 << 64) - 1, (1 << 63) - 1)  # the least and the greatest
    c = public.encrypt(plaintext(share))
    assert c.bound == 1 << 127
    found = [int(v) for v in private.decrypt(c)]
    assert [v % Q for v in found] == integers_of(share)
    assert found[:2] == [-(1 << 127), (1 << 127) - 1]


def test_masks_are_uniform_below_n_and_never_twice_the_same(keys):
    n = keys[0].n
    words = residue_masks(2000, n)[0].view(np.uint64)
    values = [sum(int(w) << 64 * i for i, w in enumerate(row)) for row in words]
    assert max(values) < n
    assert len(set(values)) == 2000
    places = np.array([v * 10 // n for v in values])
    counts = np.bincount(places, minlength=10)
    assert ((counts - 200) ** 2 / 200).sum() < 80  # chi-squared of 9 degrees, below 10^-12


def test_masks_of_slots_reach_over_their_whole_range():
    layout = SlotLayout(67, 3)
    packed, shares = slot_masks(3000, layout)
    signed = ring.to_words(ring.negate(shares))
    values = [int(a) % (1 << 64) + (int(b) << 64) for a, b in signed.reshape(-1, 2)]
    half = 1 << 65
    assert -half <= min(values) < -half * 0.99
    assert half * 0.99 < max(values) < half
    assert (unpack(_residues(packed), 1 << 400, layout) == signed).all()
    assert (pack(signed, layout) == packed).all()


def _residues(words):
    n = 1 << 400
    values = [
        sum(
            (int(w) if i == len(row) - 1 else int(w) % (1 << 64)) << 64 * i
            for i, w in enumerate(row)
        )
        % n
        for row in words
    ]
    return np.array([[v >> 64 * i & (1 << 64) - 1 for i in range(7)] for v in values], np.uint64)


def test_what_a_slot_cannot_hide_is_refused(keys):
    c = keys[0].encrypt([1, 2, 3], IntegerEncoder(bound=1 << 40)).squeeze(SlotLayout(80, 3))
    with pytest.raises(BoundError, match="takes slots of 106 bits"):
        mask(c)


def test_results_that_do_not_fit_the_key_are_refused():
    with pytest.raises(BoundError, match="use a longer key"):
        return_layout(512, 1 << 500)
    assert return_layout(512, 1 << 300) is None  # one a ciphertext


def test_masks_have_to_be_one_for_each_ciphertext_and_below_n(keys):
    public, _ = keys
    c = public.encrypt([1, 2])
    with pytest.raises(ShapeError, match="used twice"):
        c.add_mask_words(np.zeros((1, 2), dtype=np.int64))
    with pytest.raises(EncodingError, match="between -n and n"):
        c.add_mask_words(np.full((2, 17), 7, dtype=np.int64))


def test_a_plaintext_that_is_not_of_the_slots_is_a_protocol_error(keys):
    public, private = keys
    layout = SlotLayout(100, 2)
    lied = public.from_ints(
        public.encrypt([1 << 300], IntegerEncoder(bound=1 << 300)).to_ints(), slots=layout
    )
    with pytest.raises(ProtocolError, match="encrypted something else"):
        unmask(private, lied)


def test_products_with_encrypted_shares_are_those_of_the_ring(keys):
    public, private = keys
    X = np.random.default_rng(0).integers(-(1 << 25), 1 << 25, size=(9, 4))
    features = SharedFeatures(X, 26, public)
    assert features.shape == FeatureShape(9, 4, 26)
    w, e = random_ring((4,)), random_ring((9,))
    z = features.times_encrypted(private.encrypt(plaintext(w)))
    assert z.bound == features.shape.product_bound
    g = features.transposed_times_encrypted(private.encrypt(plaintext(e)))
    assert g.bound == features.shape.transposed_bound
    assert [int(v) % Q for v in private.decrypt(z)] == integers_of(features.times(w))
    assert [int(v) % Q for v in private.decrypt(g)] == integers_of(features.transposed_times(e))
