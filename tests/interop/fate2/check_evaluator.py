# SPDX-License-Identifier: Apache-2.0
"""Every operation on FATE's own engine and on ours: the same numbers. Run by ../run_fate2.py."""

from __future__ import annotations

import pickle
import sys
import warnings

import fate.arch.protocol.phe.paillier as theirs
import torch

import pyfate_gpu.integrations.fate2 as ours
from pyfate_gpu import PyFateError

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Engine:
    """One of the two modules with a key pair."""

    def __init__(self, module):
        self.e, self.module = module.evaluator, module
        self.sk, self.pk, self.coder = module.keygen(1024)

    def encrypt(self, values, dtype=torch.int64):
        tensor = torch.tensor(values, dtype=dtype)
        return self.pk.encrypt_encoded(self.coder.encode_tensor(tensor), False)

    def decrypt(self, vector, dtype=torch.int64):
        return self.coder.decode_vec(self.sk.decrypt_to_encoded(vector), dtype).tolist()

    def in_place(self, vector, operation):
        operation(vector)
        return self.decrypt(vector)


@check
def arithmetic(x):
    a, b, e, pk, coder = x.encrypt([1, -2, 3]), x.encrypt([10, 20, -30]), x.e, x.pk, x.coder
    plain = torch.tensor([7, -8, 9])
    integer = torch.int64
    return [
        x.decrypt(each)
        for each in (
            e.add(a, b, pk), e.sub(a, b, pk), e.rsub(a, b, pk), e.add(e.zeros(3, integer), a, pk),
            e.add_plain(a, plain, pk, coder), e.sub_plain(a, plain, pk, coder),
            e.rsub_plain(a, plain, pk, coder), e.mul_plain(a, plain, pk, coder),
            e.add_plain_scalar(a, 5, pk, coder, integer), e.sub_plain_scalar(a, 5, pk, coder, integer),
            e.rsub_plain_scalar(a, 5, pk, coder, integer), e.mul_plain_scalar(a, -5, pk, coder, integer),
        )
    ]  # fmt: skip


@check
def floats(x):
    results = []
    for dtype in (torch.float32, torch.float64):
        a = x.encrypt([1.5, -2e-5, 3e7], dtype)
        b = torch.tensor([0.1, -1e3, 1e-7], dtype=dtype)
        for each in (
            a,
            x.e.add_plain(a, b, x.pk, x.coder),
            x.e.mul_plain(a, b, x.pk, x.coder),
            x.e.mul_plain_scalar(a, 1 / 569, x.pk, x.coder, dtype),
            x.e.add_plain_scalar(a, 0.3, x.pk, x.coder, dtype),
            x.e.add(a, x.encrypt([1.0, 2.0, 3.0], torch.float64), x.pk),
        ):
            results.append(x.decrypt(each, dtype))
    return results


@check
def products_of_matrices(x):
    c, m = x.encrypt([1, 2, 3, 4, 5, 6]), torch.tensor([[1, 10], [0, -1], [2, 2]])
    left = x.e.rmatmul(c, m, torch.Size([2, 3]), torch.Size([3, 2]), x.pk, x.coder, torch.int64)
    right = x.e.matmul(c, m, torch.Size([2, 3]), torch.Size([3, 2]), x.pk, x.coder, torch.int64)
    real = x.e.rmatmul(
        x.encrypt([0.1, 0.2], torch.float64), torch.tensor([[1.5, -2.5]], dtype=torch.float64),
        torch.Size([2, 1]), torch.Size([1, 2]), x.pk, x.coder, torch.float64,
    )  # fmt: skip
    return [x.decrypt(left), x.decrypt(right), x.decrypt(real, torch.float64)]


@check
def histograms(x):
    b, e, pk = x.encrypt([1, 2, 10, 20, 100, 200]), x.e, x.pk
    bins = [[0, 2], [0, 1], [1, 1]]
    results = [
        x.in_place(e.zeros(6, torch.int64), lambda a: e.i_update(pk, a, b, bins, 2)),
        x.in_place(x.encrypt([5] * 6), lambda a: e.i_update(pk, a, b, bins, 2)),
        x.in_place(x.encrypt([1, 2, 3, 4]), lambda a: e.i_add(pk, a, b, 1, 2)),
        x.in_place(x.encrypt([1, 2, 3, 4]), lambda a: e.i_add(pk, a, b, 1, 2, 2)),
        x.in_place(x.encrypt([1, 2, 3, 4]), lambda a: e.i_sub(pk, a, b, 0, 2, 2)),
        x.in_place(x.encrypt([1, 2, 3, 4]), lambda a: e.i_shuffle(pk, a, [1, 2, 0, 3])),
        x.in_place(
            x.encrypt([1, 2, 10, 20, 100, 200]),
            lambda a: e.chunking_cumsum_with_step(pk, a, [4, 2], 2),
        ),
    ]
    for masks in ([True, False, True], [False, True, True], [True, True, True]):
        update = [masks, bins]
        results.append(
            x.in_place(
                e.zeros(6, torch.int64),
                lambda a, u=update: e.i_update_with_masks(pk, a, b, u[1], u[0], 2),
            )
        )
    results += [
        x.decrypt(each)
        for each in (
            e.slice(b, 1, 3), e.shuffle(pk, b, [5, 4, 3, 2, 1, 0]), e.cat([b, x.encrypt([7])]),
            e.intervals_slice(b, [(0, 2), (3, 5)]),
            # FATE calls it on the evaluator, which lacks it there; the vector has it.
            e.intervals_sum_with_step(pk, b, [(0, 4), (4, 6)], 2)
            if hasattr(e, "intervals_sum_with_step")
            else b.intervals_sum_with_step(pk.pk, [(0, 4), (4, 6)], 2),
        )
    ]  # fmt: skip
    return results


@check
def packing(x):
    packed = x.coder.pack_floats(torch.tensor([1.5, 2.25, 3.0, 4.0, 5.0]), 20, 2, 8)
    c = x.pk.encrypt_encoded(packed, True)
    doubled = x.e.add(c, c, x.pk)
    squeezed = x.e.pack_squeeze(doubled, 2, 40, x.pk)
    ties = x.coder.pack_floats(torch.tensor([0.5, 1.5, 2.5, 0.25, 3.75]), 20, 2, 0)
    return [
        x.coder.unpack_floats(ties, 20, 2, 0, 5).tolist(),
        x.coder.unpack_floats(x.sk.decrypt_to_encoded(doubled), 20, 2, 8, 5).tolist(),
        x.coder.unpack_floats(x.sk.decrypt_to_encoded(squeezed), 20, 4, 8, 5).tolist(),
    ]


@check
def decoding_to_integers(x):
    """int64 rounds down, int32 cuts off and clamps."""
    values = [1.5, -1.5, 0.99, -0.99, 3e9, -3e9, 2147483647.5, -2147483648.5, 1e12]
    c = x.encrypt(values, torch.float64)
    return [
        x.decrypt(c, torch.int32),
        x.decrypt(x.encrypt([7, -(2**40), 2**40]), torch.int32),
        x.decrypt(c),
    ]


@check
def sums_of_packed_rows(x):
    """As boosting packs, adds up and squeezes them."""
    rows = [[1.25, 0.5], [0.75, 1.0], [2.0, 0.125], [0.5, 0.25]]
    b = x.e.cat(
        [x.pk.encrypt_encoded(x.coder.pack_floats(torch.tensor(r), 40, 2, 20), True) for r in rows]
    )
    a = x.e.zeros(4, torch.int64)
    x.e.i_update(x.pk, a, b, [[0, 2], [1, 2], [0, 3], [1, 3]], 1)
    x.e.chunking_cumsum_with_step(x.pk, a, [2, 2], 1)
    squeezed = x.e.pack_squeeze(a, 3, 80, x.pk)
    return x.coder.unpack_floats(x.sk.decrypt_to_encoded(squeezed), 40, 6, 20, 8).tolist()


def same(a, b):
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b if isinstance(a, int) else abs(a - b) <= 2e-7 * max(abs(a), abs(b), 1e-9)


def check_what_is_ours_alone(x):
    """Blinding, whatever FATE says; refusals in place of aborts; the methods FATE lacks."""
    first, second = (
        x.pk.encrypt_encoded(x.coder.encode_tensor(torch.zeros(1)), False) for _ in "12"
    )
    integers = [each.array.to_ints(reblind=False)[0] for each in (first, second)]
    n = x.pk.key.n
    assert integers[0] != integers[1]
    assert all((c - 1) % n for c in integers), "an encryption without randomness"
    total = x.e.add(first, second, x.pk)
    again = pickle.loads(pickle.dumps(total))
    assert again.array.to_ints(reblind=False)[0] != total.array.to_ints(reblind=False)[0]
    assert x.decrypt(again, torch.float32) == [0.0]
    assert pickle.loads(pickle.dumps(x.pk)).key == x.pk.key
    assert len(pickle.loads(pickle.dumps(x.e.zeros(3)))) == 3
    words = x.coder.pack_vec(torch.tensor([1, 2, 3]), 8, 2)
    assert x.coder.unpack_vec(words, 8, 2, 3).tolist() == [1, 2, 3]
    for refused in (
        lambda: pickle.dumps(x.sk),
        lambda: x.encrypt([float("nan")], torch.float64),
        lambda: x.encrypt([1e30], torch.float64),
        lambda: x.e.slice(x.encrypt([1, 2]), 1, 5),
        lambda: x.coder.pack_floats(torch.tensor([-1.0]), 20, 2, 8),
        lambda: x.e.pack_squeeze(x.encrypt([1, 2, 3]), 3, 500, x.pk),
        lambda: x.coder.unpack_vec(words_twice(x), 8, 2, 2),
    ):
        try:
            refused()
        except PyFateError:
            continue
        raise AssertionError("something was not refused")


def words_twice(x):
    """A sum that outgrows its slot of 8 bits."""
    c = x.pk.encrypt_encoded(x.coder.pack_vec(torch.tensor([200, 1]), 8, 2))
    return x.sk.decrypt_to_encoded(x.e.add(c, c, x.pk))


def main():
    warnings.simplefilter("ignore")
    two = Engine(theirs), Engine(ours)
    failed = 0
    for function in CHECKS:
        expected, got = (function(each) for each in two)
        good = same(expected, got)
        failed += not good
        print(f"{function.__name__}: {'same' if good else f'DIFFERENT {expected} {got}'}")
    check_what_is_ours_alone(two[1])
    print("blinding, pickles, refusals: as promised")
    return failed


if __name__ == "__main__":
    sys.exit(main())
