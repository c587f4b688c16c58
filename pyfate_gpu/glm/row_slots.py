# SPDX-License-Identifier: Apache-2.0
"""Several rows in one ciphertext, in the passes of a search that no label enters.

The sums over rows come to the middle slot of a product of polynomials; its other slots hold what nobody may
learn, so every slot is masked, and the arbiter returns the middle one alone. The layout follows from public
facts, key length and parties: proof in docs/algorithms/conjugate-gradients.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.data.fixed_point import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.encoding import FixedPointEncoder, PlaintextArray
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.errors import DataError, ProtocolError
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.glm.packing import AUTO, MAX_ROWS, ROWS
from pyfate_gpu.glm.residuals import SCALE
from pyfate_gpu.protocol.masking import hiding_width, reveal_middle, serve_middle
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.federation import Party, Session
    from pyfate_gpu.glm.settings import Settings
    from pyfate_gpu.he import CiphertextArray, PrivateKey

#: Of one party's share of a direction's score, whose mean square is about 1.
SCORE_BOUND = 2**14
#: What is left of the width goes to further digits of scores.
LEAST_FRACTION_BITS, MOST_FRACTION_BITS = 26, 40
#: Fewer rows save less than the product costs more for each column; messages are shorter in any case.
LEAST_ROWS, LEAST_ROWS_A_COLUMN = 128, 8


@dataclass(frozen=True)
class RowSlots:
    """How the rows of one output are spread over ciphertexts.

    Parameters
    ----------
    parties : int
        Whose shares are added up.
    slots : SlotLayout
        Of a ciphertext.
    fraction_bits : int
        Of a score.

    Examples
    --------
    >>> from pyfate_gpu.glm.row_slots import RowSlots
    >>> packing = RowSlots.of(key_bits=2048, parties=2)
    >>> packing.slots, packing.fraction_bits
    (SlotLayout(width=157, count=7), 28)
    >>> packing.shape(30)
    (5,)
    """

    parties: int
    slots: SlotLayout
    fraction_bits: int

    @classmethod
    def of(cls, *, key_bits: int, parties: int) -> RowSlots | None:
        """Return the spread that all parties choose alike; None where not even two rows fit."""
        room = key_bits - 2
        least = _width(parties, LEAST_FRACTION_BITS)
        count = (room // least + 1) // 2
        if count < 2:
            return None
        spare = room // (2 * count - 1) - least
        fraction_bits = min(LEAST_FRACTION_BITS + spare, MOST_FRACTION_BITS)
        return cls(parties, SlotLayout(_width(parties, fraction_bits), count), fraction_bits)

    @property
    def name(self) -> str:
        """What shares ciphertexts."""
        return ROWS

    @property
    def encoder(self) -> FixedPointEncoder:
        """What encodes one party's scores."""
        return FixedPointEncoder(self.fraction_bits, bound=SCORE_BOUND)

    def shape(self, rows: int) -> tuple[int, ...]:
        """Return the shape of so many rows, encrypted."""
        return (self.slots.groups(rows),)

    def spread(self, values: Floats) -> PlaintextArray:
        """Return values [rows, 1] as `PublicKey.encrypt` takes them with `slots`.

        Raises
        ------
        DataError
            When one is beyond what slots have room for.
        """
        if not (np.abs(values) <= SCORE_BOUND).all():  # NaN compares false
            raise DataError(
                f"a direction has a score beyond {SCORE_BOUND}, which rows in slots have room for: standardise "
                "or clip the features, or set packing='none'"
            )
        return self.encoder.encode(self.slots.group(values[:, 0]))

    def check(self, scores: CiphertextArray) -> CiphertextArray:
        """Return encrypted sums of scores as they came from another party.

        Raises
        ------
        ProtocolError
            When they were encoded otherwise than agreed.
        """
        bound = self.parties * self.encoder.integer_bound
        if scores.exponent != -self.fraction_bits or scores.bound > bound:
            raise ProtocolError(
                f"scores came with exponent {scores.exponent} and a bound of {scores.bound_bits} bits, agreed are "
                f"{-self.fraction_bits} and at most {bound.bit_length()} bits"
            )
        return scores

    def reveal(
        self,
        session: Session,
        features: FixedPointMatrix,
        scores: CiphertextArray,
        at: dict[str, int],
    ) -> Floats:
        """Return X^T d, [columns, 1], of encrypted d; the owner's side of `serve`."""
        columns = np.ascontiguousarray(features.integers.T)
        with session.statistics.step(Step.MULTIPLY, operations=columns.size):
            sums = scores.rows_product(columns, norm=norm_bound(features.rows))
        found = reveal_middle(session, sums, "gradient", **at)
        return found.reshape(-1, 1) / SCALE

    def serve(
        self, session: Session, key: PrivateKey, party: Party, columns: int, at: dict[str, int]
    ) -> None:
        """Decrypt one middle slot for each column of `party`."""
        serve_middle(session, key, party, "gradient", columns, self.slots.product, **at)


def norm_bound(rows: int) -> int:
    """Return the largest norm of a standardised column in fixed point: its entries have the mean square 1, or less."""
    return _root(rows, (1 << FRACTION_BITS) + 1)  # 1 for rounding


def why_terms_forbid(settings: Settings, *, parties: int, outputs: int) -> str:
    """Return why rows cannot share ciphertexts, as everybody can tell; empty if they can."""
    if settings.packing not in (AUTO, ROWS):
        return f"packing is {settings.packing!r}"
    if outputs > 1:
        return f"there are {outputs} outputs, which share ciphertexts instead"
    if RowSlots.of(key_bits=settings.key_bits, parties=parties) is None:
        return f"a key of {settings.key_bits} bits has no room for two of them"
    return ""


def why_data_forbid(
    settings: Settings, *, rows: int, columns: int, weighted: bool, standardized: bool
) -> str:
    """Return why rows should not share ciphertexts, as the guest alone can tell; empty if they should."""
    if weighted:
        return "weights of rows are multiplied one by one"
    if not standardized:
        return "columns that are not standardised, or by other rows, have no public norm"
    if rows > MAX_ROWS:
        return f"there is room for {MAX_ROWS} of them"
    least = max(LEAST_ROWS, LEAST_ROWS_A_COLUMN * columns)
    if settings.packing == AUTO and rows < least:
        return f"fewer than {least} of them, with {columns} columns, gain nothing"
    return ""


def _width(parties: int, fraction_bits: int) -> int:
    """Bits of a slot that holds any coefficient of a product, by Cauchy and Schwarz, and hides it."""
    scores = parties * SCORE_BOUND << fraction_bits
    return hiding_width(_root(MAX_ROWS, scores * norm_bound(MAX_ROWS)))


def _root(rows: int, factor: int) -> int:
    """The square root of `rows`, times `factor`, rounded up."""
    return math.isqrt(rows * factor**2) + 1
