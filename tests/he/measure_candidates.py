# SPDX-License-Identifier: Apache-2.0
"""Sums of candidates with and without joint cells, and rows as slots beside one row a ciphertext.

``python -m tests.he.measure_candidates --json tests/results/candidate_sums.json``: 2,048 bits, one thread, CPU seconds
of this process, in turns, a quarter of an hour; not a test. ``--rows`` shortens the synthetic tables. Raises where ways
differ in a sum. default_credit is looked for where tests look for it (PYFATE_GPU_DATA).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

import pyfate_gpu as pg
from pyfate_gpu.encoding.row_slots import RowSlots
from pyfate_gpu.he.array import histograms
from pyfate_gpu.he.array.candidates import Candidates
from pyfate_gpu.he.array.histograms import cumulate, histogram
from tests.glm.real_data import load_whole
from tests.he.test_candidates import quantile_bins

BITS = 24
POOL = 2048


def timed(call):
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def encrypted(key, values, layout):
    """Ciphertexts of rows, from a small pool of randomness: additions take as long."""
    nothing = np.zeros((POOL, layout.count), dtype=np.int64)
    zeros = key.encrypt(nothing, pg.IntegerEncoder(1), slots=layout)
    plain = pg.IntegerEncoder(1 << BITS).encode(values)
    return zeros.take(np.arange(len(values)) % POOL) + plain


def columns_alone(c, codes, counts):
    """Every bin of each column by itself, and running sums."""
    histograms.SHARING_ROWS = len(codes) + 1
    first = np.cumsum(counts) - counts
    bins = codes.astype(np.int64) + first
    sums = histogram(c.reshape(-1, 1), np.arange(len(codes)), bins, int(counts.sum()))
    return cumulate(sums.ravel(), counts.tolist(), bound=sums.bound)


def joint_cells(keys, name, codes, counts, turns):
    rng = np.random.default_rng(1)
    values = rng.integers(-(1 << BITS), 1 << BITS, (len(codes), 2))
    layout = pg.SlotLayout(BITS + len(codes).bit_length() + 1, 2)
    c, every = encrypted(keys[0], values, layout), np.arange(len(codes))
    candidates = Candidates(codes, counts, np.zeros(len(counts), dtype=bool))
    seconds, _ = timed(candidates.groups)
    alone, joint = [], []
    for _ in range(turns):
        spent, before = timed(lambda: columns_alone(c, codes, counts))
        alone.append(spent)
        spent, after = timed(lambda: candidates.sums(c, every))
        joint.append(spent)
    # The running sums up to each cut but the last of a column, and what is behind them.
    cuts = np.concatenate([np.arange(count) < count - 1 for count in counts])
    left = keys[1].decrypt(before)[cuts]
    total = values.sum(axis=0)
    assert (
        np.where(candidates.complement[:, None], total - left, left) == keys[1].decrypt(after)
    ).all()
    cells = int((counts - 1).sum())
    return {
        "table": name,
        "rows": len(codes),
        "columns": len(counts),
        "additions_a_row_alone": round((codes.size + cells - int(counts.sum())) / len(codes), 2),
        "additions_a_row_joint": round(candidates.additions(every) / len(codes), 2),
        "seconds_alone": [round(each, 2) for each in alone],
        "seconds_joint": [round(each, 2) for each in joint],
        "times_faster": round(min(alone) / min(joint), 2),
        "seconds_of_grouping_once": round(seconds, 2),
    }


def nodes_of(rng, rows):
    """A tree of three levels: its root, and of each further pair the smaller child, at worst a half."""
    half = rng.permutation(rows)
    return [
        [np.arange(rows)],
        [half[: rows // 2]],
        [half[: rows // 4], half[rows // 2 :][: rows // 4]],
    ]


def one_row(keys, candidates, values, nodes):
    """Encrypt, sum, squeeze, blind, decrypt; returns bytes and sums."""
    public, private = keys
    layout = pg.SlotLayout(BITS + len(values).bit_length() + 1, 2)
    squeezed = pg.SlotLayout(layout.width, 2 * ((public.key_bits - 2) // layout.bits))
    sent = private.encrypt(values, pg.IntegerEncoder(1 << BITS), slots=layout).to_wire()
    c, sums, size = public.from_wire(sent), [], len(sent)
    for level in nodes:
        answer = candidates.level_sums(c, level).ravel().squeeze(squeezed).to_wire()
        size += len(answer)
        found = private.decrypt(public.from_wire(answer)).reshape(-1, 2)
        sums.append(found[: len(level) * candidates.size])
    return size, np.concatenate(sums)


def rows_as_slots(keys, candidates, values, nodes):
    public, private = keys
    row = pg.SlotLayout(BITS + len(values).bit_length() + 1, 2)
    slots = RowSlots.fit(row, public.key_bits)
    sent = private.encrypt(slots.join(values, 1 << BITS), slots=slots.layout).to_wire()
    c, sums, size = public.from_wire(sent), [], len(sent)
    for level in nodes:
        answer = candidates.packed_sums(c, level).to_wire()
        size += len(answer)
        found = public.from_wire(answer)
        sums.append(slots.split(private.decrypt(found)[..., found.slots.middle]).reshape(-1, 2))
    return size, np.concatenate(sums)


def packing(keys, rows, turns):
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 32, (rows, 10)).astype(np.int16)
    candidates = Candidates(codes, [32] * 10, [False] * 10)
    values = rng.integers(-(1 << BITS), 1 << BITS, (rows, 2))
    nodes = nodes_of(rng, rows)
    alone, together = [], []
    for _ in range(turns):
        spent, (alone_bytes, right) = timed(lambda: one_row(keys, candidates, values, nodes))
        alone.append(spent)
        spent, (bytes_, sums) = timed(lambda: rows_as_slots(keys, candidates, values, nodes))
        together.append(spent)
        assert (right == sums).all()
    return {
        "rows": rows,
        "columns": 10,
        "depth": 3,
        "seconds_one_row": [round(each, 2) for each in alone],
        "seconds_rows_as_slots": [round(each, 2) for each in together],
        "times_faster": round(min(alone) / min(together), 2),
        "megabytes_one_row": round(alone_bytes / 1e6, 1),
        "megabytes_rows_as_slots": round(bytes_ / 1e6, 1),
        "times_fewer_bytes": round(alone_bytes / bytes_, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=300)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--key-bits", type=int, default=2048)
    options = parser.parse_args()
    keys = pg.generate_keypair(options.key_bits, allow_insecure_key_size=True)
    rng = np.random.default_rng(0)
    found = {"key_bits": options.key_bits, "joint_cells": [], "rows_as_slots": []}
    with pg.use_backend("cpu", threads=1):
        found["instructions"] = keys[0].encrypt([1])._engine.isa
        tables = []
        for bins in (32, 10):
            codes, counts = quantile_bins(load_whole("default_credit")[2], bins)
            tables.append((f"default_credit, {bins} bins", codes, np.array(counts)))
        codes = rng.integers(0, 32, (options.rows, options.columns)).astype(np.int16)
        tables.append(("independent columns of 32 bins", codes, np.full(options.columns, 32)))
        for table in tables:
            found["joint_cells"].append(joint_cells(keys, *table, options.turns))
            print(json.dumps(found["joint_cells"][-1]), flush=True)
        for rows in (30_000, options.rows):
            found["rows_as_slots"].append(packing(keys, rows, options.turns))
            print(json.dumps(found["rows_as_slots"][-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
