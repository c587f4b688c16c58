# SPDX-License-Identifier: Apache-2.0
"""What parties send each other of their representations, encrypted, and what they make of it (docs/transfer.md).

Each sends a row for each common row and one symmetric matrix, columns in slots: the other one gets all of its gradient
from two products with plain matrices, ``P @ [[rows]] + Q @ [[square]]``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyfate_gpu.encoding import IntegerEncoder, PlaintextArray, SlotLayout
from pyfate_gpu.errors import DivergenceError, ProtocolError
from pyfate_gpu.federation import Party
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.protocol.sharing.columns import At
from pyfate_gpu.protocol.sharing.conversion import return_layout
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.typing import Floats, Integers

#: Of everything that is encrypted or multiplied by.
FRACTION_BITS = 24
#: Numbers of a row, of a square, and of plain factors, in fixed point.
ROW_BITS, SQUARE_BITS, FACTOR_BITS = 40, 50, 46


def fixed(values: Floats, bits: int, what: str) -> Integers:
    """Return numbers in fixed point.

    Raises
    ------
    DivergenceError
        When one is not finite or beyond `bits`.
    """
    if not (np.abs(values) < 2.0 ** (bits - FRACTION_BITS)).all():  # NaN compares false
        raise DivergenceError(
            f"{what} is not finite, or its size is {2.0 ** (bits - FRACTION_BITS):g} or more: standardise the "
            "features, or lower the learning rate"
        )
    return np.rint(np.ldexp(values, FRACTION_BITS)).astype(np.int64)


def slots_of(key_bits: int, rows: int, features: int, *, squeeze: bool) -> SlotLayout | None:
    """Return how columns share ciphertexts, None where each has its own."""
    bound = (rows << ROW_BITS + FACTOR_BITS) + (features << SQUARE_BITS + FACTOR_BITS)
    return return_layout(key_bits, bound) if squeeze and features > 1 else None


@dataclass(frozen=True)
class Components:
    """How representations of so many common rows and features travel.

    Parameters
    ----------
    exchange : Exchange
    rows, features : int
    """

    exchange: Exchange
    rows: int
    features: int

    def _layout(self, owner: Party) -> SlotLayout | None:
        key_bits = self.exchange.session.key_of(owner).key_bits
        return slots_of(key_bits, self.rows, self.features, squeeze=self.exchange.squeeze)

    def _groups(self, layout: SlotLayout | None) -> int:
        return self.features if layout is None else layout.groups(self.features)

    def send(self, rows: Floats, square: Floats, at: At) -> None:
        """Send a row for each common row and a symmetric matrix, under this party's key."""
        integers = (
            ("rows", fixed(rows, ROW_BITS, "a representation"), ROW_BITS),
            ("square", fixed(square, SQUARE_BITS, "a product of representations"), SQUARE_BITS),
        )
        layout = self._layout(self.exchange.session.party)
        groups = self._groups(layout)
        payload = {}
        for name, values, bits in integers:
            words = values[:, :, np.newaxis]
            if layout is not None:
                spare = groups * layout.count - self.features
                words = np.pad(words, ((0, 0), (0, spare), (0, 0)))
                words = words.reshape(len(values), groups, layout.count, 1)
            bound = 1 << bits
            plain = PlaintextArray(words, 0, bound, "i", IntegerEncoder(bound=bound))
            with self.exchange.session.statistics.step(
                Step.ENCRYPT, operations=len(words) * groups
            ):
                payload[name] = self.exchange.private_key.encrypt(plain, slots=layout)
        for name, value in payload.items():
            self.exchange.session.send(self.exchange.peer, name, value=value, **at)

    def receive(self, at: At) -> tuple[CiphertextArray, CiphertextArray]:
        """Return the other party's rows and square.

        Raises
        ------
        ProtocolError
            When they are declared to be other than agreed: masks would be too narrow.
        """
        peer = self.exchange.peer
        layout = self._layout(peer)
        found = []
        for name, length, bits in (
            ("rows", self.rows, ROW_BITS),
            ("square", self.features, SQUARE_BITS),
        ):
            shape = (length, self._groups(layout))
            array = self.exchange.session.receive_encrypted(
                peer, name, "value", shape, peer, layout, **at
            )
            if array.bound != 1 << bits or array.exponent:
                raise ProtocolError(
                    f"{peer} sent {name} of {array.bound_bits} bits, it takes {bits}"
                )
            found.append(array)
        return found[0], found[1]

    def combine(
        self,
        name: str,
        P: Floats,
        rows: CiphertextArray,
        Q: Floats,
        square: CiphertextArray,
        at: At,
    ) -> Ring:
        """Return this party's shares of ``P @ rows + Q @ square``, ``[len(P), features, 2]``."""
        encoder = IntegerEncoder(bound=1 << FACTOR_BITS)
        left, right = (encoder.encode(fixed(v, FACTOR_BITS, "a sum over features")) for v in (P, Q))
        work = len(P) * (self.rows + self.features) * rows.shape[1]
        with self.exchange.session.statistics.step(Step.MULTIPLY, operations=work):
            total = left @ rows + right @ square
        return self._arranged(self.exchange.mask_and_send(name, total, **at), len(P))

    def combined(self, name: str, count: int, at: At) -> Ring:
        """Return this party's shares of what the other one combined, in `count` rows."""
        layout = self._layout(self.exchange.session.party)
        shape = (count, self._groups(layout))
        own = self.exchange.receive_and_unmask(name, shape, layout, **at)
        return self._arranged(own, count)

    def _arranged(self, shares: Ring, count: int) -> Ring:
        return np.ascontiguousarray(shares.reshape(count, -1, 2)[:, : self.features])
