# SPDX-License-Identifier: Apache-2.0
"""What FATE's distributed histograms do split by split, done for many splits at once."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import accumulate, pairwise
from typing import Any

from pyfate_gpu.integrations.fate2.evaluator import squeeze
from pyfate_gpu.integrations.fate2.keys import SK
from pyfate_gpu.integrations.fate2.vectors import CiphertextVector, PlaintextVector, cat


def batch_histograms() -> None:
    """Let histograms be decrypted in the process of the key, and squeezed a partition at a time.

    FATE sends the private key to its worker processes with the function they run. Here the
    encrypted splits come to the key. One split by itself would leave most lanes empty.
    """
    module: Any = importlib.import_module("fate.arch.histogram._histogram_distributed")
    module.DistributedHistogram.decrypt = _decrypt_with(module)
    module.DistributedHistogram.i_squeeze = _squeeze_partitions


def _squeeze_partitions(self: Any, squeeze_map: Mapping[str, tuple[int, int]]) -> None:
    """Squeeze the splits; `squeeze_map` has numbers a ciphertext and bits a number."""
    self._splits = self._splits.mapPartitions(
        partial(squeeze_splits, squeeze_map), preserves_partitioning=True
    )
    self._squeezed = True


def squeeze_splits(
    squeeze_map: Mapping[str, tuple[int, int]], items: Iterable[tuple[Any, Any]]
) -> list[tuple[Any, Any]]:
    """Squeeze splits with their keys, those of one name together."""
    splits = list(items)
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
        whole = key.decrypt_to_encoded(cat(vectors))
        integers, exponent, stops = whole.integers(), whole.plain.exponent, [0]
        stops += accumulate(map(len, vectors))
        self._parts = (
            PlaintextVector.of_integers(integers[start:stop], exponent)
            for start, stop in pairwise(stops)
        )

    def decrypt_to_encoded(self, vector: CiphertextVector) -> PlaintextVector:
        return next(self._parts)
