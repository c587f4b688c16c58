# SPDX-License-Identifier: Apache-2.0
"""Indices of HEU's arrays: where they are NumPy's, where they are not, and masks in every form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.integrations.heu import numpy as hnp
from pyfate_gpu.integrations.heu import phe

pytestmark = pytest.mark.filterwarnings(
    "ignore::pyfate_gpu.integrations.key_sizes.InsecureKeySizeWarning"
)
M, V = np.arange(6).reshape(3, 2), np.arange(4)
MASKS = st.lists(st.booleans(), min_size=3, max_size=3)


@pytest.fixture(scope="module")
def kit():
    return hnp.setup(phe.SchemaType.ZPaillier, 512)


def chosen(kit, array, key):
    """Shape and numbers of what a key takes of a plain and of an encrypted array."""
    plain = kit.array(array)
    taken = kit.decryptor().decrypt(kit.encryptor().encrypt(plain)[key])
    results = []
    for each in (taken, plain[key]):
        if isinstance(each, phe.Plaintext):
            results.append(((), int(each)))
        else:
            results.append((tuple(each.shape), each.to_numpy().tolist()))
    assert results[0] == results[1]
    return results[0]


@pytest.mark.parametrize(
    ("array", "key", "shape", "values"),
    [
        # A tuple of one integer is a sequence of one row, as in HEU; an integer by itself is a row.
        (M, (0,), (1, 2), [[0, 1]]),
        (M, (-1,), (1, 2), [[4, 5]]),
        (M, (np.int64(1),), (1, 2), [[2, 3]]),
        (V, (0,), (1,), [0]),
        (M, 0, (2,), [0, 1]),
        (V, 0, (), 0),
        (M, (), (0, 2), []),
        (M, [], (0, 2), []),
        (M, np.array([], dtype=bool), (0, 2), []),
        (M, (0, 1), (), 1),
        (M, ([0], 0), (1,), [0]),
        (M, (0, [0]), (1,), [0]),
        # Sequences on both axes cross.
        (M, ([0], [0]), (1, 1), [[0]]),
        (M, ([0, 2], [1, 0]), (2, 2), [[1, 0], [5, 4]]),
        (M, (range(2), 1), (2,), [1, 3]),
        (M, [0, 0, -1], (3, 2), [[0, 1], [0, 1], [4, 5]]),
        (M, np.array([0, 1], dtype=np.uint8), (2, 2), [[0, 1], [2, 3]]),
        (M, slice(5, 9), (0, 2), []),
        (M, slice(None, None, -1), (3, 2), [[4, 5], [2, 3], [0, 1]]),
    ],
)
def test_keys(kit, array, key, shape, values):
    assert chosen(kit, array, key) == (shape, values)


@given(mask=MASKS, other=st.lists(st.booleans(), min_size=2, max_size=2))
def test_masks_in_every_form(kit, mask, other):
    rows, columns = np.flatnonzero(mask), np.flatnonzero(other)
    for form in (
        mask,
        np.array(mask),
        [np.bool_(each) for each in mask],
        np.array(mask, dtype=object).astype(bool),
    ):
        assert chosen(kit, M, form)[1] == M[rows].tolist()
        assert chosen(kit, M, (form,))[1] == M[rows].tolist()
        assert chosen(kit, M, (form, 1))[1] == M[rows, 1].tolist()
        assert chosen(kit, M, (form, slice(None)))[1] == M[rows].tolist()
        assert chosen(kit, M, (form, other))[1] == M[rows][:, columns].tolist()
        assert chosen(kit, V[:3], form)[1] == V[rows].tolist()
        c = kit.encryptor().encrypt(kit.array(M))
        assert int(kit.decryptor().decrypt(kit.evaluator().select_sum(c, form))) == M[rows].sum()
    whole = np.array(mask)[:, None] & np.array(other)
    for form in (whole, whole.tolist()):
        assert chosen(kit, M, form)[1] == M[whole].tolist()


def test_elements_are_replaced_by_masks(kit):
    c = kit.encryptor().encrypt(kit.array(M))
    c[[True, False, True]] = kit.encryptor().encrypt(kit.array([[9, 8], [7, 6]]))
    c[(1,)] = kit.encryptor().encrypt(kit.array([[5, 4]]))
    assert kit.decryptor().decrypt(c).to_numpy().tolist() == [[9, 8], [5, 4], [7, 6]]
    x = kit.array(M)
    x[np.array([False, True, False]), [True, False]] = kit.plaintext(77)
    assert x.to_numpy().tolist() == [[0, 1], [77, 3], [4, 5]]


@pytest.mark.parametrize(
    "key",
    [True, np.bool_(True), (True,), (0, True), (True, False), [True, 2], [True, False], np.ones(4, dtype=bool),
     np.ones((2, 3), dtype=bool), [[True], [False, True]], None, ..., (..., 0), 1.0, [1.0], "a", ("a",),
     [[0, 1], [1, 2]],
     np.array([[0, 1]]), np.array(True), 3, -4, [0, 3], (0, 2), (0, 0, 0), slice(0.5), slice(None, None, 0), {0}, b"a",
     np.array([0.0, 1.0]), [2**70]],
    ids=repr,
)  # fmt: skip
def test_what_is_no_key(kit, key):
    c = kit.encryptor().encrypt(kit.array(M))
    for operation in (
        lambda: c[key], lambda: kit.array(M)[key], lambda: kit.evaluator().select_sum(c, key),
        lambda: kit.evaluator().batch_select_sum(c, [key]),
    ):  # fmt: skip
        with pytest.raises(phe.PheRuntimeError):
            operation()


def test_a_row_that_kept_its_axis_broadcasts_as_a_row(kit):
    c, e = kit.encryptor().encrypt(kit.array([[1, 2], [3, 4]])), kit.evaluator()
    for key, expected in (((0,), [[2, 4], [4, 6]]), (0, [[2, 3], [5, 6]])):
        assert kit.decryptor().decrypt(e.add(c, c[key])).to_numpy().tolist() == expected
