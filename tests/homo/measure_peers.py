# SPDX-License-Identifier: Apache-2.0
"""What others take for a client's part of a round; run by measure_rounds.py with the Python that has them.

Prints JSON: processor seconds, the best of some turns, and bytes.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

PARAMETERS = 1_000_000
TURNS = 5
CLIENTS = 10


def best(work, turns=TURNS):
    """Processor seconds of the fastest turn, and what it returned."""
    seconds, found = [], None
    for _ in range(turns):
        start = time.process_time()
        found = work()
        seconds.append(time.process_time() - start)
    return min(seconds), found


def update():
    """float32, as a model's change is."""
    return np.random.default_rng(1).normal(0, 0.05, PARAMETERS).astype(np.float32)


def tenseal():
    """CKKS with the parameters of NVFlare's documentation, the secret key at clients."""
    import tenseal as ts

    context = ts.context(
        ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 40],
        encryption_type=ts.ENCRYPTION_TYPE.SYMMETRIC, n_threads=1,
    )  # fmt: skip
    context.global_scale = 2**40
    values = update()
    seconds, data = best(lambda: ts.ckks_vector(context, values).serialize(), min(TURNS, 3))
    return {"seal_seconds": seconds, "bytes": len(data)}


def flwr():
    """Its functions as its client calls them for SecAgg+: quantise, own mask, a mask for each of nine others."""
    from flwr.common.secure_aggregation.ndarrays_arithmetic import (
        factor_combine,
        parameters_addition,
        parameters_mod,
        parameters_multiply,
        parameters_subtraction,
    )
    from flwr.common.secure_aggregation.quantization import quantize
    from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen

    values, seeds = [update()], [bytes([number]) * 32 for number in range(CLIENTS)]

    def seal():
        found = factor_combine(1000, quantize(parameters_multiply(values, 1.0), 8.0, 1 << 22))
        shapes = [each.shape for each in found]
        found = parameters_addition(found, pseudo_rand_gen(seeds[0], 1 << 32, shapes))
        for number, seed in enumerate(seeds[1:]):
            mask = pseudo_rand_gen(seed, 1 << 32, shapes)
            change = parameters_addition if number % 2 else parameters_subtraction
            found = change(found, mask)
        return parameters_mod(found, 1 << 32)

    seconds, _ = best(seal)
    return {"mask_seconds": seconds}


def fedbiomed():
    """What its node calls to quantise to 16 bits and mask by LOM, Python lists in and out as it takes them."""
    from fedbiomed.common.secagg import SecaggLomCrypter

    names = [f"node-{number}" for number in range(CLIENTS)]
    secrets = {name: bytes([number]) * 32 for number, name in enumerate(names)}
    crypter = SecaggLomCrypter("nonce")
    values = update().astype(float).tolist()

    def seal():
        return crypter.encrypt(
            1, names[0], values, secrets, names, clipping_range=1, target_range=1 << 16
        )

    seconds, _ = best(seal, min(TURNS, 2))
    return {"mask_seconds": seconds}


def phe():
    """One number a ciphertext, and as many as fit; rates from a small part."""
    from phe import paillier

    public, _ = paillier.generate_paillier_keypair(n_length=2048)
    seconds, _ = best(lambda: [public.encrypt(0.05) for _ in range(10)], 2)
    packed, _ = best(lambda: [public.raw_encrypt((1 << 2040) - 1) for _ in range(10)], 2)
    ciphertexts = -(-PARAMETERS // 102)
    return {
        "unpacked_seconds": seconds / 10 * PARAMETERS,
        "packed_seconds": packed / 10 * ciphertexts,
    }


if __name__ == "__main__":
    PARAMETERS = int(sys.argv[2])
    peers = {"tenseal": tenseal, "flwr": flwr, "fedbiomed": fedbiomed, "phe": phe}
    json.dump(peers[sys.argv[1]](), sys.stdout)
