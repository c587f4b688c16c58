# SPDX-License-Identifier: Apache-2.0
"""Opening an encrypted sum: by the key holder alone, or by the key holder and then a client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.he import CiphertextArray, PrivateKey, PublicKey
from pyfate_gpu.homo.frames import SERVER, Kind, Terms, read_hex
from pyfate_gpu.homo.paillier import blinding
from pyfate_gpu.homo.paillier.packing import Packing
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.quantiser import Layout
from pyfate_gpu.homo.report import checked_clients

Totals = npt.NDArray[np.int64]


class Opening:
    """A sum that was read.

    Parameters
    ----------
    terms : Terms
    plan : AggregationPlan
    key : PublicKey
    sealed : bytes
        What `Server.close` returned, or `unlock`.
    kind : Kind
        SUM or RESIDUES, what it has to be.
    knows_clips : bool
        Whether the plan has the clips of clients: whoever passes the sum on need not.
    """

    def __init__(
        self,
        terms: Terms,
        plan: AggregationPlan,
        key: PublicKey,
        sealed: bytes,
        kind: Kind,
        *,
        knows_clips: bool = True,
    ) -> None:
        self._terms, self._plan, self._key = terms, plan, key
        self._read = terms.read(sealed, kind)
        layout = Layout.read(plan, self._read, knows_clips=knows_clips)
        self._packing = Packing.of(layout, key)
        self.clients = checked_clients(self._read, plan)

    @property
    def said(self) -> dict[str, Any]:
        """Structure, clips and clients, as the server says."""
        return {name: self._read.members[name] for name in ("structure", "clips", "clients")}

    @property
    def layout(self) -> Layout:
        """Where the elements are."""
        return self._packing.layout

    def decrypted(self, key: PrivateKey) -> Totals:
        """The sum of all clients, element by element."""
        parts = [np.ravel(key.decrypt(array)) for array in self._arrays()]
        return self._elements(parts)

    def residues(self, key: PrivateKey) -> bytes:
        """Uniform residues, for a client to open: the key holder learns nothing of the sum."""
        size = (self._key.key_bits + 7) // 8
        pieces = [
            [int(each).to_bytes(size, "little") for each in key.decrypt_residues(array)]
            for array in self._arrays()
        ]
        return self._terms.write(Kind.RESIDUES, SERVER, self._read.members, pieces)

    def unmasked(self, secret: bytes) -> Totals:
        """The sum of all clients from uniform residues, less what clients added."""
        size = (self._key.key_bits + 7) // 8
        contexts = self._contexts()
        streams = [blinding.residues(secret, context, self._key.n) for context in contexts]
        parts = []
        for rows in self._packing.pieces:
            data = bytes(self._read.letter.take(rows * size))
            masks = sum(blinding.take(stream, rows) for stream in streams)
            masked = [
                int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size)
            ]
            plain = self._key.decode_residues(
                np.array(masked, dtype=object) - masks, 0, "i", slots=self._packing.slots
            )
            parts.append(np.ravel(plain))
        self._read.letter.finish()
        return self._elements(parts)

    def _contexts(self) -> list[bytes]:
        """What tells the residues of each client."""
        nonces = self._read.members.get("nonces")
        if not isinstance(nonces, list) or len(nonces) != len(self.clients):
            raise ProtocolError("the sum does not say how its clients masked")
        return [
            blinding.context(
                self._terms,
                number,
                read_hex(nonce, f"the nonce of client {number}", blinding.NONCE_BYTES),
            )
            for number, nonce in zip(self.clients, nonces, strict=True)
        ]

    def _arrays(self) -> Iterator[CiphertextArray]:
        lengths = self._read.members.get("frames")
        if not isinstance(lengths, list) or len(lengths) != len(self._packing.pieces):
            raise ProtocolError("the sum has not the frames that its shapes take")
        bound = self._plan.client_bound * len(self.clients)
        for rows, length in zip(self._packing.pieces, lengths, strict=True):
            if type(length) is not int:
                raise ProtocolError("the frames of the sum have no lengths")
            array = self._key.from_wire(self._read.letter.take(length))  # type: ignore[arg-type]
            if (array.shape, array.slots, array.bound) != ((rows,), self._packing.slots, bound):
                raise ProtocolError("a frame of the sum has other slots or bounds than the plan")
            yield array
        self._read.letter.finish()

    def _elements(self, parts: list[npt.NDArray[np.int64]]) -> Totals:
        elements = np.concatenate(parts)
        length = self.layout.length
        if elements[length:].any():
            raise ProtocolError(
                "spare slots of the sum are not zero: a client did not keep to the plan"
            )
        return elements[:length]
