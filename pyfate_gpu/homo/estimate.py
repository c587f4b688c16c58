# SPDX-License-Identifier: Apache-2.0
"""What a round takes, before it runs: bytes by rule, seconds by a small part of the work on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pyfate_gpu.encoding import IntegerEncoder
from pyfate_gpu.he import PrivateKey, PublicKey, generate_keypair
from pyfate_gpu.homo.masks import graph, ring
from pyfate_gpu.homo.paillier.packing import Packing
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.quantiser import Layout, vector
from pyfate_gpu.homo.streams import CHUNK, KEY_BYTES, Stream
from pyfate_gpu.homo.updates import Member, Structure
from pyfate_gpu.protocol.settings import check_choice, check_count

SAMPLE_ROWS = 64


@dataclass(frozen=True)
class Estimate:
    """What one round takes.

    Attributes
    ----------
    client_bytes : int
        What a client sends for its update.
    server_bytes : int
        What the server holds: the sum.
    opened_bytes : int
        What the server passes on.
    client_seconds, server_seconds, open_seconds : float
        On this machine: sealing an update; adding those of all clients; opening the sum.
    """

    client_bytes: int
    server_bytes: int
    opened_bytes: int
    client_seconds: float
    server_seconds: float
    open_seconds: float


def estimate(
    plan: AggregationPlan, parameters: int, method: str, key_bits: int, scheme: str
) -> Estimate:
    """See `AggregationPlan.estimate`.

    Raises
    ------
    ConfigurationError
        When there is no such method or scheme, or `parameters` is no number of them.
    """
    check_choice("method", method, ("masks", "paillier"))
    check_count("parameters", parameters)
    if isinstance(plan.clip, tuple):
        plan = plan.with_clips(plan.clip[:1])
    layout = Layout(plan, Structure("array", (Member("0", (int(parameters),), "float32"),)))
    quantise = _seconds_an_element(plan) * layout.length
    if method == "masks":
        return _of_masks(plan, layout.length, quantise)
    return _of_paillier(layout, quantise, *_keys(key_bits, scheme))


def _of_masks(plan: AggregationPlan, length: int, quantise: float) -> Estimate:
    stream = Stream(bytes(KEY_BYTES), ring.lane_of(plan.width))
    words = np.zeros(CHUNK, dtype=ring.lane_of(plan.width))
    pad = _fastest(lambda: ring.add_pads(words, [(stream, 1)])) / CHUNK * length
    one = ring.RingVector(CHUNK, plan.width)
    content = memoryview(bytes(one.nbytes))
    add = _fastest(lambda: one.add_bytes(content)) / CHUNK * length
    nbytes = length * ring.bytes_of(plan.width)
    pads = graph.neighbours_of_each(plan) + 1
    return Estimate(nbytes, nbytes, nbytes, quantise + pads * pad, plan.clients * (add + pad), add)


def _of_paillier(
    layout: Layout, quantise: float, public: PublicKey, private: PrivateKey
) -> Estimate:
    packing = Packing.of(layout, public)
    rows = sum(packing.pieces)
    zeros = IntegerEncoder(1).encode(np.zeros((SAMPLE_ROWS, packing.slots.count), dtype=np.int64))
    some = public.encrypt(zeros, slots=packing.slots)
    frame = some.to_wire()
    encrypt = _fastest(lambda: public.encrypt(zeros, slots=packing.slots).to_wire())
    add = _fastest(lambda: public.from_wire(frame) + some)
    decrypt = _fastest(lambda: private.decrypt(some))
    each = rows / SAMPLE_ROWS
    nbytes = rows * public.ciphertext_words * 8
    return Estimate(
        nbytes, nbytes, nbytes,
        quantise + encrypt * each, layout.plan.clients * add * each, decrypt * each,
    )  # fmt: skip


def _seconds_an_element(plan: AggregationPlan) -> float:
    layout = Layout(plan, Structure("array", (Member("0", (CHUNK,), "float32"),)))
    values = np.linspace(-1, 1, CHUNK, dtype=np.float32)
    return _fastest(lambda: sum(len(part) for part in vector(layout, [values], 1))) / CHUNK


def _fastest(work: Callable[[], object]) -> float:
    """Processor seconds of the fastest of three."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


@lru_cache(maxsize=4)
def _keys(key_bits: int, scheme: str) -> tuple[PublicKey, PrivateKey]:
    return generate_keypair(key_bits, scheme, allow_insecure_key_size=True)
