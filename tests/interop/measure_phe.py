# SPDX-License-Identifier: Apache-2.0
"""Our phe beside python-paillier, alternating in one process: python tests/interop/measure_phe.py

Prints microseconds an operation and the ratio of each pair; the median of the rounds. Threads: one.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import phe as theirs
import turns

from pyfate_gpu import backend_info, use_backend
from pyfate_gpu.integrations import phe as ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--key", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    use_backend(None, threads=1)
    print(str(backend_info()).splitlines()[0], f"key {options.key}")
    public, private = ours.generate_paillier_keypair(n_length=options.key)
    key = theirs.PaillierPublicKey(public.n)
    secret = theirs.PaillierPrivateKey(key, private.p, private.q)
    bare = ours.PaillierPublicKey(public.n)

    values = np.random.default_rng(0).normal(size=1024)
    some, few, x = values[:256].tolist(), values[:16].tolist(), values.reshape(4, 256)
    c = public.encrypt_many(some)
    d = np.array([theirs.EncryptedNumber(key, a.ciphertext(), a.exponent) for a in c])
    public.encrypt(0)
    listed = lambda: [key.encrypt(v) for v in few], 16
    single = lambda: [secret.decrypt(a) for a in d[:16]], 16
    our_calls: turns.Calls = {
        "[key.encrypt(x) for x in xs]": (lambda: [public.encrypt(v) for v in some], 256),
        "key.encrypt_many(xs)": (lambda: public.encrypt_many(some), 256),
        "the same, key of n alone": (lambda: bare.encrypt_many(some[:64]), 64),
        "[key.decrypt(c) for c in cs]": (lambda: [private.decrypt(a) for a in c[:16]], 16),
        "key.decrypt_many(cs)": (lambda: private.decrypt_many(c), 256),
        "sum(cs)": (lambda: sum(c).ciphertext(False), 256),
        "np.dot(X, cs), a term": (lambda: [a.ciphertext(False) for a in np.dot(x, c)], 1024),
    }
    their_calls: turns.Calls = {
        **dict.fromkeys(list(our_calls)[:3], listed),
        **dict.fromkeys(list(our_calls)[3:5], single),
        "sum(cs)": (lambda: sum(d).ciphertext(False), 256),
        "np.dot(X, cs), a term": (lambda: [a.ciphertext(False) for a in np.dot(x, d)], 1024),
    }
    turns.compare(our_calls, their_calls, "phe", options.rounds)


if __name__ == "__main__":
    main()
