# SPDX-License-Identifier: Apache-2.0
"""Decryption of FATE's distributed histograms where the private key is."""

from __future__ import annotations

import importlib
from typing import Any


def decrypt_histograms_here() -> None:
    """Let histograms be decrypted in the process of the key.

    FATE sends the private key to its worker processes with the function they run. Here the
    encrypted splits come to the key: they are few, and a batch of them takes all cores anyway.
    """
    module: Any = importlib.import_module("fate.arch.histogram._histogram_distributed")
    module.DistributedHistogram.decrypt = _decrypt_with(module)


def _decrypt_with(module: Any) -> Any:
    def decrypt(self: Any, sk_map: Any, coder_map: Any, unpacker_map: Any = None) -> Any:
        """Decrypt the splits one by one and join them in order."""
        function = module._decrypt_func(sk_map, coder_map, self._squeezed, unpacker_map)
        splits = sorted(self._splits.collect(), key=lambda item: item[0])
        data = module.HistogramSplits.cat([function(split) for _, split in splits])
        indexer = module.HistogramIndexer(self._node_size, [self._node_data_size])
        return module.Histogram(indexer, data)

    return decrypt
