# SPDX-License-Identifier: Apache-2.0
"""FATE's own engine and ours, one thread, alternating in one process: python measure.py [--key 2048]

Calls as FATE's tensors make them, blinded on both sides. Prints microseconds an element and the ratio of
each pair, medians of the rounds. Run by ../run_fate2.py --measure.
"""

from __future__ import annotations

import argparse
import pickle
import warnings

import fate.arch.protocol.phe.paillier as theirs
import torch
import turns

import pyfate_gpu.integrations.fate2 as ours
from pyfate_gpu import backend_info, use_backend


def calls(module, key, rows):
    """Name of a call, the call, elements it works on; `rows` are encrypted."""
    torch.manual_seed(0)
    e = module.evaluator
    sk, pk, coder = module.keygen(key)
    d = torch.randn(200, dtype=torch.float32)
    features = (torch.randn(20, 200) * 2**23).long()
    many = (torch.randn(20, 2000) * 2**23).long()
    few = coder.encode_tensor(d[:rows])
    c = pk.encrypt_encoded(coder.encode_tensor(d), True)
    shapes = torch.Size([200, 1]), torch.Size([20, 200])
    long = e.cat([c] * 10)
    gradient = e.rmatmul(c, features, *shapes, pk, coder, torch.float32)
    bins = [[row % 32, 32 + row % 7] for row in range(200)]
    data = pickle.dumps(c)
    return {
        "encrypt float32": (lambda: pk.encrypt_encoded(few, True), rows),
        "add": (lambda: e.add(c, c, pk), 200),
        "add, 2000": (lambda: e.add(long, long, pk), 2000),
        "add_plain": (lambda: e.add_plain(c, d, pk, coder), 200),
        "mul_plain float32": (lambda: e.mul_plain(c, d, pk, coder), 200),
        "matmul, X.T of 200 x 20 as FATE's LR encodes it": (
            lambda: e.rmatmul(c, features, *shapes, pk, coder, torch.float32), 4000
        ),
        "the same, X.T of 2000 x 20": (
            lambda: e.rmatmul(long, many, torch.Size([2000, 1]), torch.Size([20, 2000]), pk, coder, torch.float32),
            40000,
        ),
        "i_update, 200 rows in 2 of 64 bins": (lambda: e.i_update(pk, e.zeros(64, torch.float32), c, bins, 1), 400),
        "decrypt": (lambda: coder.decode_vec(sk.decrypt_to_encoded(gradient), torch.float32), 20),
        "unpickle": (lambda: pickle.loads(data), 200),
        "pickle, computed": (lambda: pickle.dumps(e.add(c, c, pk)), 200),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--key", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    use_backend(None, threads=1)
    print(str(backend_info()).splitlines()[0], f"key {options.key}")
    turns.compare(
        calls(ours, options.key, 200), calls(theirs, options.key, 20), "FATE", options.rounds
    )


if __name__ == "__main__":
    main()
