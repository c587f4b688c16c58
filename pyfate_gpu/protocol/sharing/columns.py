# SPDX-License-Identifier: Apache-2.0
"""Products of a plain matrix with encrypted ones of several columns: neighbouring columns share a ciphertext.

One factor of the matrix multiplies all slots of a ciphertext, so a product with k columns takes as many
multiplications as one with as many columns as there are groups of slots, and its results come back in slots.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pyfate_gpu.backends.words import SignedWords
from pyfate_gpu.encoding import IntegerEncoder, PlaintextArray, SlotLayout
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.protocol.sharing.conversion import return_layout
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.sharing.ring import Ring

At = dict[str, int]


class ColumnProduct:
    """One product ``matrix @ columns``, whose matrix one party has and whose columns the other one encrypts.

    Parameters
    ----------
    exchange : Exchange
    encrypted_here : bool
        Whether the columns are this party's, and so the key.
    terms, columns : int
        Rows and columns of what is encrypted.
    entry_bound, bound : int
        Largest size of an entry of the matrix, and of what is encrypted; both public.

    Raises
    ------
    BoundError
        When a result does not fit the key.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        encrypted_here: bool,
        terms: int,
        columns: int,
        entry_bound: int,
        bound: int,
    ) -> None:
        self._exchange = exchange
        self._terms, self._columns = terms, columns
        self._encoder = IntegerEncoder(bound=bound)
        session = exchange.session
        owner = session.party if encrypted_here else exchange.peer
        found = return_layout(session.key_of(owner).key_bits, entry_bound * bound * max(1, terms))
        self._layout: SlotLayout | None = found if exchange.squeeze and columns > 1 else None
        self._groups = columns if self._layout is None else self._layout.groups(columns)

    def send(self, name: str, words: SignedWords, at: At) -> None:
        """Send the columns, int64 ``[terms, columns, words]``, encrypted under this party's key."""
        layout, count = self._layout, self._terms * self._groups
        if layout is not None:
            spare = self._groups * layout.count - self._columns
            words = np.pad(words, ((0, 0), (0, spare), (0, 0))).reshape(
                self._terms, self._groups, layout.count, words.shape[-1]
            )
        bound = self._encoder.bound
        assert bound is not None
        plain = PlaintextArray(np.ascontiguousarray(words), 0, bound, "i", self._encoder)
        with self._exchange.session.statistics.step(Step.ENCRYPT, operations=count):
            encrypted = self._exchange.private_key.encrypt(plain, slots=layout)
        self._exchange.session.send(self._exchange.peer, name, columns=encrypted, **at)

    def receive(self, name: str, at: At) -> CiphertextArray:
        """Return the columns, under the other party's key.

        Raises
        ------
        ProtocolError
            When they are declared to be other than agreed: masks would be too narrow.
        """
        peer, shape = self._exchange.peer, (self._terms, self._groups)
        found = self._exchange.session.receive_encrypted(
            peer, name, "columns", shape, peer, self._layout, **at
        )
        if found.bound != self._encoder.bound or found.exponent:
            raise ProtocolError(
                f"{peer} sent numbers of {found.bound_bits} bits for {name}, it takes {self._encoder}"
            )
        return found

    def send_results(
        self,
        name: str,
        multiply: Callable[[CiphertextArray], CiphertextArray],
        columns: CiphertextArray,
        rows: int,
        at: At,
    ) -> Ring:
        """Turn the product into shares; return this party's, ``[rows, columns, 2]``."""
        work = rows * self._terms * self._groups
        with self._exchange.session.statistics.step(Step.MULTIPLY, operations=work):
            product = multiply(columns)
        return self._arranged(self._exchange.mask_and_send(name, product, **at), rows)

    def receive_results(self, name: str, rows: int, at: At) -> Ring:
        """Return this party's shares of the product that the other one computed."""
        shape = (rows, self._groups)
        own = self._exchange.receive_and_unmask(name, shape, self._layout, **at)
        return self._arranged(own, rows)

    def _arranged(self, shares: Ring, rows: int) -> Ring:
        return np.ascontiguousarray(shares.reshape(rows, -1, 2)[:, : self._columns])
