# SPDX-License-Identifier: Apache-2.0
"""What FATE's distributed histograms do split by split, done for many splits at once."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import accumulate, pairwise
from typing import Any

from pyfate_gpu.config import available_cores
from pyfate_gpu.integrations.fate2.keys import SK
from pyfate_gpu.integrations.fate2.squeezing import squeeze
from pyfate_gpu.integrations.fate2.vectors import CiphertextVector, PlaintextVector, cat

LEAST_PART = 64
"""A thread gets at least so many ciphertexts to decrypt."""


def batch_histograms() -> None:
    """Let histograms be decrypted in the process of the key, and squeezed a partition at a time.

    FATE sends the private key to its worker processes with the function they run. Here the
    encrypted splits come to the key. One split by itself would leave most lanes empty. Splits are
    shuffled when they are squeezed, or else when anything first asks for them: FATE writes a table
    for each step.
    """
    module: Any = importlib.import_module("fate.arch.histogram._histogram_distributed")
    module.DistributedHistogram.decrypt = _decrypt_with(module)
    module.DistributedHistogram.i_squeeze = _squeeze_partitions
    module.DistributedHistogram.shuffle_splits = _shuffle_later
    # Whoever reads the splits, FATE's pickling among them, gets them shuffled.
    module.DistributedHistogram._splits = property(_settled_splits, _set_splits)


def _settled_splits(self: Any) -> Any:
    """The table of splits, shuffled if that was put off."""
    if self.__dict__.get("_shuffle_seed") is not None:
        seed, unshuffled = self._shuffle_seed, self._table_of_splits
        _set_splits(self, unshuffled.mapValues(partial(shuffle_split, seed)))
    return self._table_of_splits


def _set_splits(self: Any, table: Any) -> None:
    self._table_of_splits, self._shuffle_seed = table, None


def _shuffle_later(self: Any) -> Any:
    """A histogram whose splits will be shuffled; itself if there is no seed."""
    if self._seed is None:
        return self
    # One that waits to be shuffled itself is shuffled first, as FATE would have.
    shuffled = type(self)(
        self._splits, self._k, self._node_size, self._node_data_size, self._global_seed, self._seed,
        self._squeezed, True,
    )  # fmt: skip
    shuffled._shuffle_seed = self._seed
    return shuffled


def shuffle_split(seed: int, split: Any) -> Any:
    """A split of FATE's, shuffled as FATE does."""
    return split.shuffle(seed, False)


def _squeeze_partitions(self: Any, squeeze_map: Mapping[str, tuple[int, int]]) -> None:
    """Squeeze the splits; `squeeze_map` has numbers a ciphertext and bits a number."""
    seed = self.__dict__.get("_shuffle_seed")
    self._splits = self._table_of_splits.mapPartitions(
        partial(squeeze_splits, squeeze_map, seed), preserves_partitioning=True
    )
    self._squeezed = True


def squeeze_splits(
    squeeze_map: Mapping[str, tuple[int, int]], seed: int | None, items: Iterable[tuple[Any, Any]]
) -> list[tuple[Any, Any]]:
    """Squeeze splits with their keys, those of one name together; with a seed, shuffle them before."""
    splits = [(key, split if seed is None else shuffle_split(seed, split)) for key, split in items]
    for name, (count, bits) in squeeze_map.items():
        values = [split._data._data[name] for _, split in splits if name in split._data._data]
        if values and all(isinstance(each.data, CiphertextVector) for each in values):
            squeezed = squeeze([each.data for each in values], count, bits, values[0].pk)
            for each, data in zip(values, squeezed, strict=True):
                each.data = data
        else:  # of another scheme of FATE's
            for _, split in splits:
                split.i_squeeze({name: (count, bits)})
    return splits


def _decrypt_with(module: Any) -> Any:
    def decrypt(self: Any, sk_map: Any, coder_map: Any, unpacker_map: Any = None) -> Any:
        """Decrypt the splits together and join them in order."""
        splits = [split for _, split in sorted(self._splits.collect(), key=lambda item: item[0])]
        keys = decrypt_together(sk_map, splits)
        function = module._decrypt_func(keys, coder_map, self._squeezed, unpacker_map)
        data = module.HistogramSplits.cat([function(split) for split in splits])
        indexer = module.HistogramIndexer(self._node_size, [self._node_data_size])
        return module.Histogram(indexer, data)

    return decrypt


def decrypt_together(sk_map: Mapping[str, Any], splits: list[Any]) -> dict[str, Any]:
    """In place of private keys, what they make of the splits, handed out in the order of the splits."""
    wanted = {name: _Wanted() for name, key in sk_map.items() if isinstance(key, SK)}
    for split in splits:
        split.decrypt(wanted)
    ready = {name: _Decrypted(sk_map[name], each.vectors) for name, each in wanted.items()}
    return {**sk_map, **ready}


def _decrypt(key: SK, vector: CiphertextVector) -> list[PlaintextVector]:
    """Plaintexts of a vector, in parts.

    FATE's worker processes, which would decrypt, wait meanwhile: threads use their cores, unless the
    engine has threads of its own.
    """
    engine = None if vector.array is None else vector.array._engine
    alone = engine is not None and engine.backend == "cpu" and engine.threads == 1
    size = max(LEAST_PART, -(-len(vector) // (available_cores() if alone else 1)))
    starts = range(0, max(1, len(vector)), size)
    if len(starts) == 1:
        return [key.decrypt_to_encoded(vector)]
    parts = [vector.slice(start, min(size, len(vector) - start)) for start in starts]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(key.decrypt_to_encoded, parts))


class _Wanted:
    """In place of a private key: sees what it is to decrypt."""

    def __init__(self) -> None:
        self.vectors: list[CiphertextVector] = []

    def decrypt_to_encoded(self, vector: CiphertextVector) -> PlaintextVector:
        self.vectors.append(vector)
        return PlaintextVector.zeros(0)


class _Decrypted:
    """In place of a private key, which decrypted all vectors at once."""

    def __init__(self, key: SK, vectors: list[CiphertextVector]) -> None:
        parts = _decrypt(key, cat(vectors))
        first = parts[0]
        whole = PlaintextVector.of_integers(
            [integer for part in parts for integer in part.integers()],
            first.plain.exponent, bound=max(part.plain.bound for part in parts), packing=first.packing,
        )  # fmt: skip
        stops = accumulate(map(len, vectors), initial=0)
        self._parts = (whole.part(start, stop) for start, stop in pairwise(stops))

    def decrypt_to_encoded(self, vector: CiphertextVector) -> PlaintextVector:
        return next(self._parts)
