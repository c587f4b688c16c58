# SPDX-License-Identifier: Apache-2.0
"""A client that encrypts its update."""

from __future__ import annotations

import os
from typing import Any

from pyfate_gpu.he import PrivateKey, PublicKey
from pyfate_gpu.homo.frames import Kind, Terms
from pyfate_gpu.homo.paillier import blinding
from pyfate_gpu.homo.paillier.packing import Packing
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.quantiser import Layout, check_weight, vector
from pyfate_gpu.homo.updates import take_apart


class PaillierClient:
    """Made by `SecureAggregator.client`.

    Parameters
    ----------
    terms : Terms
    plan : AggregationPlan
    number : int
        Among the clients.
    key : PublicKey or PrivateKey
        The private key where clients share it: it encrypts faster.
    client_secret : bytes, optional
        Hides the sum from the key holder.
    """

    def __init__(
        self,
        terms: Terms,
        plan: AggregationPlan,
        number: int,
        key: PublicKey | PrivateKey,
        client_secret: bytes | None,
    ) -> None:
        self._terms, self._plan, self._number, self._key = terms, plan, number, key
        self._public = key.public_key if isinstance(key, PrivateKey) else key
        self._secret = client_secret

    def answer(self, request: bytes, update: Any = None, weight: int = 1) -> bytes:
        """Return the sealed update for the server's request, empty when `seal` comes next."""
        self._terms.read(request, Kind.START)
        return b"" if update is None else self.seal(update, weight)

    def seal(self, update: Any, weight: int = 1) -> bytes:
        """Return the update, encrypted.

        Parameters
        ----------
        update : list or dict of arrays, state_dict, or fitted linear model
        weight : int
            How often it counts.

        Raises
        ------
        DataError
            When a value is not finite, or the weight beyond the plan.
        ConfigurationError
            When the plan does not take integer arrays, or lists other clips than there are arrays.
        """
        structure, arrays = take_apart(update)
        layout = Layout(self._plan, structure)
        packing = Packing.of(layout, self._public)
        elements = vector(layout, arrays, check_weight(weight, self._plan))
        nonce = os.urandom(blinding.NONCE_BYTES)
        masks = None
        if self._secret is not None:
            context = blinding.context(self._terms, self._number, nonce)
            masks = blinding.residues(self._secret, context, self._public.n)
        frames = []
        for rows in packing.rows(elements):
            plain = packing.encoder.encode(rows)
            if masks is None:
                array = self._key.encrypt(plain, slots=packing.slots)
            else:
                some = blinding.take(masks, len(rows))
                array = self._public.encrypt_masked(plain, some, slots=packing.slots)
            frames.append(array.to_wire())
        members = {
            **layout.describe(),
            "frames": [len(frame) for frame in frames],
            "nonce": nonce.hex() if self._secret is not None else "",
        }
        return self._terms.write(Kind.VALUES, self._number, members, [[each] for each in frames])
