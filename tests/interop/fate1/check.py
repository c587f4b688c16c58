# SPDX-License-Identifier: Apache-2.0
"""FATE 1.11's own classes and ours: the same integers. Run by ../run_fate1.py, FATE's python/ on PYTHONPATH."""

from __future__ import annotations

import argparse
import collections
import collections.abc
import importlib.util
import math
import pickle
import statistics
import sys
import time
import unittest
import warnings

import numpy as np

collections.Iterable = (
    collections.abc.Iterable
)  # FATE 1.11 wants Python 3.9; install() does it, too
import federatedml.secureprotol.encrypt as fate_encrypt  # noqa: E402
import federatedml.secureprotol.fate_paillier as paillier  # noqa: E402
from federatedml.secureprotol.fixedpoint import FixedPointNumber  # noqa: E402

from pyfate_gpu.integrations import fate1  # noqa: E402


def second_copy(name, module):
    """A module of FATE's that install() does not know."""
    spec = importlib.util.spec_from_file_location(name, module.__file__)
    copy = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


theirs = second_copy("original_paillier", paillier)
their_encrypt = second_copy("original_encrypt", fate_encrypt)
their_encrypt.PaillierKeypair = theirs.PaillierKeypair
their_encrypt.PaillierEncryptedNumber = theirs.PaillierEncryptedNumber
BASES = paillier.PaillierEncryptedNumber, paillier.PaillierPublicKey, fate_encrypt.PaillierEncrypt


warnings.simplefilter("ignore")
VALUES = [3, -7, 0, 2.5, -1e-9, 1e9, 0.1, -123456.789, 1 / 3, 2**40]
FORMULAS = {
    "p + q": lambda p, q, x: p + q,
    "p - q": lambda p, q, x: p - q,
    "p * x + q": lambda p, q, x: p * x + q,
    "x - p": lambda p, q, x: x - p,
    "p + x": lambda p, q, x: p + x,
    "p - x": lambda p, q, x: p - x,
    "p / 3 + q * x": lambda p, q, x: p / 3 + q * x,
    "p.increase_exponent_to": lambda p, q, x: p.increase_exponent_to(p.exponent + 3),
    "sum([p, q, p])": lambda p, q, x: sum([p, q, p]),
    "FixedPointNumber": lambda p, q, x: p * FixedPointNumber.encode(x) + FixedPointNumber.encode(x),
}


def same_numbers(public, private, original_public, original_private):
    """The same ciphertexts for the same randomness, and the same results of formulas."""
    count = 0
    for a in VALUES:
        for b in (VALUES[3], VALUES[1]):
            ours = [public.encrypt(v, random_value=r) for v, r in ((a, 12345), (b, 67890))]
            other = [
                original_public.encrypt(v, random_value=r) for v, r in ((a, 12345), (b, 67890))
            ]
            for name, formula in FORMULAS.items():
                mine, yours = formula(*ours, b), formula(*other, b)
                assert mine.exponent == yours.exponent, (name, a, b)
                assert mine.ciphertext(False) == yours.ciphertext(False), (name, a, b)
                crossed = theirs.PaillierEncryptedNumber(
                    original_public, mine.ciphertext(), mine.exponent
                )
                assert private.decrypt(mine) == original_private.decrypt(crossed), (name, a, b)
                count += 1
    print(f"{count} formulas: the same ciphertexts, exponents and numbers")
    return count


def far_number(rng):
    """Integers and floats of every size, and what is no number."""
    kind = rng.integers(6)
    if kind == 0:
        return [0, 0.0, 1e200, -1e-200, 1e308, 5e-324, 1e-199, 2**1020, math.nan, math.inf, None, 1j, np.float64(0)][
            rng.integers(13)
        ]  # fmt: skip
    if kind == 1:
        return int(rng.integers(-9, 9)) << int(rng.integers(0, 1100))
    return float(
        rng.choice([1, -1]) * 2.0 ** rng.uniform(*((-700, 700) if kind < 4 else (-60, 60)))
    )


FAR = {
    "a": lambda encrypt, key, a, b, x, k: encrypt(a),
    "a + b": lambda encrypt, key, a, b, x, k: encrypt(a) + encrypt(b),
    "a - b": lambda encrypt, key, a, b, x, k: encrypt(a) - encrypt(b),
    "a + x": lambda encrypt, key, a, b, x, k: encrypt(a) + x,
    "x - a": lambda encrypt, key, a, b, x, k: x - encrypt(a),
    "a * x + a": lambda encrypt, key, a, b, x, k: encrypt(a) * x + a,
    "a / x": lambda encrypt, key, a, b, x, k: encrypt(a) / x,
    "a * b * x": lambda encrypt, key, a, b, x, k: encrypt(a) * b * x,
    "increase_exponent_to": lambda encrypt, key, a, b, x, k: encrypt(a).increase_exponent_to(k),
}


def outcome(formula, key, secret, arguments):
    """Ciphertext, exponent and number, or the error."""
    try:
        result = formula(lambda value: key.encrypt(value, random_value=12345), key, *arguments)
        return result.ciphertext(False), result.exponent, secret.decrypt(result)
    except Exception as error:
        return error


def same_outcomes(public, private, original_public, original_private, count=3000):
    """Far exponents and odd operands: the same integers, or an error of ours that is of FATE's type, too.

    Where FATE's float of a power of 16 is 0, its number is 0; ours is the right one.
    """
    rng = np.random.default_rng(0)
    for _ in range(count):
        name = str(rng.choice(list(FAR)))
        arguments = [far_number(rng) for _ in "abx"] + [int(rng.integers(-400, 500))]
        mine = outcome(FAR[name], public, private, arguments)
        yours = outcome(FAR[name], original_public, original_private, arguments)
        if isinstance(yours, Exception):
            kind = (
                TypeError if isinstance(yours, TypeError) else type(yours)
            )  # NumPy has types of its own
            assert isinstance(mine, kind), (name, arguments, mine, yours)
        else:
            assert not isinstance(mine, Exception), (name, arguments, mine, yours)
            lost = yours[1] > 250 and not yours[2]
            assert mine[:2] == yours[:2], (name, arguments, mine, yours)
            assert lost or mine[2] == yours[2], (name, arguments, mine, yours)
    print(f"{count} far or odd operands: the same outcome")
    return count


def own_tests():
    """FATE's own tests of these classes, which now are ours; some decrypt in worker processes."""
    fate1.install(share_private_key=True)
    names = [
        f"federatedml.secureprotol.test.{n}_test"
        for n in ("fate_paillier", "fixedpoint", "encrypt_mode")
    ]
    loader, suite = unittest.TestLoader(), unittest.TestSuite()
    for name in names:
        found = loader.loadTestsFromName(name)
        if any("FailedTest" in type(test).__name__ for test in _flat(found)):
            print(f"{name} does not load here")
        else:
            suite.addTest(found)
    result = unittest.TextTestRunner(verbosity=0, stream=sys.stdout).run(suite)
    fate1.install()
    assert result.wasSuccessful()
    return result.testsRun


def _flat(suite):
    for test in suite:
        yield from _flat(test) if isinstance(test, unittest.TestSuite) else [test]


def encrypter(tool):
    """Lists, nested values, FATE's type checks."""
    assert isinstance(tool, BASES[2])
    assert isinstance(tool.public_key, BASES[1])
    numbers = tool.encrypt_list([1.5, -2])
    assert all(isinstance(number, BASES[0]) for number in numbers)
    assert tool.decrypt_list(np.array(numbers)) == [1.5, -2]
    nested = tool.recursive_decrypt(tool.recursive_encrypt([np.arange(4).reshape(2, 2), (0.5,)]))
    assert nested[0].tolist() == [[0, 1], [2, 3]]
    assert nested[1] == (0.5,)
    again = pickle.loads(pickle.dumps(numbers[0]))
    assert type(again) is type(numbers[0])
    assert tool.decrypt(again) == 1.5
    print("lists, nested values, pickles, isinstance checks: as promised")


def tables(tool):
    """Encryption and gradients on FATE's standalone tables, in its worker processes."""
    from fate_arch.computing.standalone import CSession

    session = CSession("pyfate_gpu", {"task_cores": 2})
    values = np.random.default_rng(0).normal(size=50)
    table = session.parallelize(list(enumerate(values.tolist())), partition=2, include_key=True)
    encrypted = tool.distribute_encrypt(table)
    found = dict(encrypted.collect())
    np.testing.assert_allclose([tool.decrypt(found[i]) for i in range(50)], values)
    total = encrypted.mapValues(lambda number: number * 2 + 1).reduce(lambda a, b: a + b)
    np.testing.assert_allclose(tool.decrypt(total), 2 * values.sum() + 50)
    session.destroy()
    print("FATE's standalone tables: encrypted and computed in its worker processes")


def gradient(numbers, features):
    """FATE's own function for the gradient of a partition."""
    from federatedml.optim.gradient.hetero_linear_model_gradient import HeteroGradientBase
    from federatedml.util.fixpoint_solver import FixedPointEncoder

    data = ((row, (features[row], number)) for row, number in enumerate(numbers))
    function = HeteroGradientBase._HeteroGradientBase__apply_cal_gradient
    return function(data, FixedPointEncoder(2**23), False)


def measure(tool, original, rounds):
    """Alternating in one process; the median of the ratios."""
    rng = np.random.default_rng(0)
    values, features = rng.normal(size=200).tolist(), rng.normal(size=(200, 10))
    few = values[:10]
    ours, other = tool.encrypt_list(values), [original.encrypt(v) for v in few] * 20

    def finished(numbers):
        return [pickle.dumps(number) for number in gradient(numbers, features)]

    expected = gradient(values, features)
    np.testing.assert_allclose(tool.decrypt_list(gradient(ours, features)), expected, atol=1e-5)
    pairs = {
        "encrypt_list, a number": (lambda: tool.encrypt_list(values), 200, lambda: original.encrypt_list(few), 10),
        "[tool.encrypt(x) for x in xs]": (
            lambda: [tool.encrypt(v) for v in values], 200, lambda: [original.encrypt(v) for v in few], 10
        ),
        "decrypt_list, a number": (lambda: tool.decrypt_list(ours), 200, lambda: original.decrypt_list(other[:10]), 10),
        "gradient of 200 x 10, a term": (lambda: finished(ours), 2000, lambda: finished(other), 2000),
    }  # fmt: skip
    for name, (mine, my_count, theirs_, their_count) in pairs.items():
        times = ([], [])
        for _ in range(rounds):
            for side, (call, count) in enumerate(((mine, my_count), (theirs_, their_count))):
                start = time.perf_counter()
                call()
                times[side].append((time.perf_counter() - start) / count * 1e6)
        ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
        ours_us, fate_us = map(statistics.median, times)
        print(
            f"{name:32} ours {ours_us:8.0f} us  FATE {fate_us:8.0f} us  {ratio:6.1f} times",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--key", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    original = their_encrypt.PaillierEncrypt()
    fate1.install()
    tool = fate_encrypt.PaillierEncrypt()
    tool.generate_key(options.key)
    public, private = tool.get_key_pair()
    original_public = theirs.PaillierPublicKey(public.n)
    original_private = theirs.PaillierPrivateKey(original_public, private.p, private.q)
    original.set_public_key(original_public)
    original.set_privacy_key(original_private)
    count = same_numbers(public, private, original_public, original_private)
    count += same_outcomes(public, private, original_public, original_private)
    count += own_tests()
    encrypter(tool)
    tables(tool)
    print(f"{count + 2} checks passed")
    measure(tool, original, options.rounds)


if __name__ == "__main__":
    main()
