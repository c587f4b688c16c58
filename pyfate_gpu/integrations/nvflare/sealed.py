# SPDX-License-Identifier: Apache-2.0
"""Sealed bytes in the dictionaries of NVFlare, and what all three components have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import ConfigurationError, ProtocolError
from pyfate_gpu.he import PrivateKey, PublicKey, load_private_key, load_public_key
from pyfate_gpu.homo.aggregator import SecureAggregator
from pyfate_gpu.homo.plan import AggregationPlan

ALGORITHM = "pyfate_gpu.paillier"
WEIGHTS = dict[str, npt.NDArray[Any]]


def fill(names: Sequence[str], data: bytes) -> WEIGHTS:
    """A dictionary of the model's names whose first array is the bytes: other components find what they look for."""
    first, *others = sorted(names)
    empty = np.empty(0, dtype=np.uint8)
    return {first: np.frombuffer(data, dtype=np.uint8), **dict.fromkeys(others, empty)}


def taken(weights: WEIGHTS) -> bytes:
    """The bytes that `fill` put there.

    Raises
    ------
    ProtocolError
        When there are none.
    """
    first = weights[min(weights)]
    if not isinstance(first, np.ndarray) or first.dtype != np.uint8 or first.ndim != 1:
        raise ProtocolError("the model is not sealed: every client needs PaillierModelEncryptor")
    return first.tobytes()


class Settings:
    """Arguments of all three components; the same everywhere.

    Parameters
    ----------
    key_file : str
        The private key at clients, the public one at the server; as `save_private_key` and `save_public_key` write.
    clients : list of str
        Names of the sites, in the same order everywhere.
    value_bits, clip, max_total_weight, min_clients
        As of `AggregationPlan` and `SecureAggregator`.
    allow_insecure_key_size : bool
        For tests.
    """

    def __init__(
        self,
        key_file: str,
        clients: list[str],
        value_bits: int,
        clip: float,
        max_total_weight: int | None,
        min_clients: int | None,
        allow_insecure_key_size: bool,
    ) -> None:
        self.clients = list(clients)
        self._key_file = key_file
        self._insecure = allow_insecure_key_size
        self._plan = AggregationPlan(
            len(self.clients), value_bits, clip=clip, max_total_weight=max_total_weight
        )
        self._min_clients = min_clients

    def aggregator(self, *, private: bool) -> SecureAggregator:
        """One with the key of the file."""
        path = Path(self._key_file)
        key: PrivateKey | PublicKey
        if private:
            key = load_private_key(path, allow_insecure_key_size=self._insecure)
        else:
            key = load_public_key(path, allow_insecure_key_size=self._insecure)
        return SecureAggregator(
            "paillier", self._plan, key=key, shared_key=True, min_clients=self._min_clients
        )

    def number(self, name: str) -> int:
        """The number of a site.

        Raises
        ------
        ConfigurationError
            When it is none of the clients.
        """
        if name not in self.clients:
            raise ConfigurationError(f"{name!r} is none of clients = {self.clients}")
        return self.clients.index(name)
