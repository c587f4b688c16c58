# SPDX-License-Identifier: Apache-2.0
"""HEU's own engine and ours, one core, alternating in one process: python measure.py [--key 2048]

Whole calls as HEU's users make them. Prints microseconds an element and the ratio of each pair, medians
of the rounds. Run by ../run_heu.py --measure on one core: HEU starts a thread for each it sees.
"""

from __future__ import annotations

import argparse
import warnings

import heu.numpy as theirs
import numpy as np
import turns
from heu import phe as their_phe

from pyfate_gpu import backend_info, use_backend
from pyfate_gpu.integrations.heu import numpy as ours
from pyfate_gpu.integrations.heu import phe as our_phe


def calls(hnp, phe, key):
    """Name of a call, the call, elements it works on."""
    rng = np.random.default_rng(0)
    kit = hnp.setup(phe.SchemaType.ZPaillier, key)
    party = hnp.setup(kit.public_key())
    encryptor, own, ev, decryptor = (
        party.encryptor(),
        kit.encryptor(),
        party.evaluator(),
        kit.decryptor(),
    )
    x = kit.array(rng.integers(-(2**52), 2**52, 256))
    c = encryptor.encrypt(x)
    many = encryptor.encrypt(kit.array(rng.integers(-(2**40), 2**40, 512)))
    features = kit.array((rng.normal(size=(10, 512)) * 2**23).astype(np.int64))
    pairs = encryptor.encrypt(kit.array(rng.integers(-(2**40), 2**40, (512, 2))))
    bins, group = rng.integers(0, 32, (512, 10)).astype(np.int8), np.ones(512, dtype=np.int8)
    return {
        "encrypt, party with the public key": (lambda: encryptor.encrypt(x), 256),
        "encrypt, owner of the key": (lambda: own.encrypt(x), 256),
        "decrypt": (lambda: decryptor.decrypt(c), 256),
        "add, ciphertexts": (lambda: ev.add(c, c), 256),
        "mul by 53-bit integers": (lambda: ev.mul(c, x), 256),
        "matmul 10 x 512, 26-bit integers": (lambda: ev.matmul(features, many), 5120),
        "sum of 512": (lambda: ev.sum(many), 512),
        "bucket sum, 512 x 10, 2 columns": (
            lambda: ev.feature_wise_bucket_sum(pairs, group, bins, 32, False), 10240
        ),
        "serialize": (lambda: many.serialize(), 512),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--key", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    use_backend(None, threads=1)
    print(str(backend_info()).splitlines()[0], f"key {options.key}")
    turns.compare(
        calls(ours, our_phe, options.key),
        calls(theirs, their_phe, options.key),
        "HEU",
        options.rounds,
    )


if __name__ == "__main__":
    main()
