# SPDX-License-Identifier: Apache-2.0
"""Several rows in one ciphertext.

The sums over rows come to the middle slot of a product of polynomials; its other slots hold what nobody may
learn, so every slot is masked, and the arbiter returns the middle one alone. The layout follows from public
facts, key length, parties and a power of two above the number of rows: proof in docs/algorithms/rows-as-slots.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.data.fixed_point import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.encoding import FixedPointEncoder, PlaintextArray
from pyfate_gpu.encoding.slots import HIDING_BITS, SlotLayout, hiding_width
from pyfate_gpu.errors import DataError, ProtocolError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.glm.packing import AUTO, MAX_ROWS, ROWS, At, part_encoder
from pyfate_gpu.glm.residuals import SCALE
from pyfate_gpu.protocol.slot_masking import (
    read_middle,
    reveal_middle,
    reveal_total,
    serve_middle,
    serve_total,
    show_middle,
)
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.federation import Party, Session
    from pyfate_gpu.glm.settings import Settings
    from pyfate_gpu.he import CiphertextArray, PrivateKey

#: Root of the mean square of one party's share of residuals, at most; that of scaled targets is about 1.
SHARE_BOUND = 16
#: What is left of the width goes to further digits of shares.
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
    row_bits : int
        There are at most ``2**row_bits`` rows.
    slots : SlotLayout
        Of a ciphertext.
    fraction_bits : int
        Of a share.

    Examples
    --------
    >>> from pyfate_gpu.glm.row_slots import RowSlots
    >>> packing = RowSlots.of(key_bits=2048, parties=2, row_bits=15)
    >>> packing.slots, packing.fraction_bits
    (SlotLayout(width=136, count=8), 26)
    >>> packing.shape(30)
    (4,)
    """

    parties: int
    row_bits: int
    slots: SlotLayout
    fraction_bits: int

    @classmethod
    def of(cls, *, key_bits: int, parties: int, row_bits: int) -> RowSlots | None:
        """Return the spread that all parties choose alike; None where not even two rows fit."""
        room = key_bits - 2
        least = _width(parties, row_bits, LEAST_FRACTION_BITS)
        count = (room // least + 1) // 2
        if count < 2:
            return None
        spare = room // (2 * count - 1) - least
        fraction_bits = min(LEAST_FRACTION_BITS + spare, MOST_FRACTION_BITS)
        width = _width(parties, row_bits, fraction_bits)
        return cls(parties, row_bits, SlotLayout(width, count), fraction_bits)

    @property
    def name(self) -> str:
        """What shares ciphertexts."""
        return ROWS

    @property
    def groups(self) -> int:
        """Ciphertexts that a column of a product takes."""
        return 1

    @property
    def encoder(self) -> FixedPointEncoder:
        """What encodes one party's shares: one of them is at most as long as all together."""
        return FixedPointEncoder(self.fraction_bits, bound=_root(1 << self.row_bits, SHARE_BOUND))

    @property
    def rows_norm(self) -> int:
        """Largest norm of the sum of all parties' shares, as integers."""
        return self.parties * _root(1 << self.row_bits, (SHARE_BOUND << self.fraction_bits) + 1)

    def shape(self, rows: int) -> tuple[int, ...]:
        """Return the shape of so many rows, encrypted."""
        return (self.slots.groups(rows),)

    def spread(self, values: Floats) -> PlaintextArray:
        """Return shares [rows, 1] as `PublicKey.encrypt` takes them with `slots`.

        Raises
        ------
        DataError
            When they are beyond what slots have room for.
        """
        with np.errstate(over="ignore"):
            square = float((values**2).sum())
        if not square <= SHARE_BOUND**2 * 2.0**self.row_bits:  # NaN compares false
            raise DataError(
                f"a share of the residuals has a mean square beyond {SHARE_BOUND}^2, which rows in slots have room "
                "for: standardise or clip the features, lower the learning rate, or set packing='none'"
            )
        return self.encoder.encode(self.slots.group(values[:, 0]))

    def check(self, scores: CiphertextArray) -> CiphertextArray:
        """Return encrypted sums of shares as they came from another party.

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

    def gradient(
        self, session: Session, features: FixedPointMatrix, residuals: CiphertextArray
    ) -> CiphertextArray:
        """Return X^T d, one column after the other, as `reveal` takes it."""
        columns = np.ascontiguousarray(features.integers.T)
        norm, rows_norm = norm_bound(self.row_bits), self.rows_norm
        with session.statistics.step(Step.MULTIPLY, operations=columns.size):
            return residuals.rows_product(columns, norm=norm, rows_norm=rows_norm)

    def gradient_and_label(
        self,
        session: Session,
        features: FixedPointMatrix,
        residuals: CiphertextArray,
        labels: Floats,
    ) -> tuple[CiphertextArray, CiphertextArray]:
        """Return X^T d, and d times `labels` [rows, 1], whose mean square is at most 1."""
        last = FixedPointMatrix.round(labels).integers
        columns = FixedPointMatrix(np.hstack([features.integers, last]))
        sums = self.gradient(session, columns, residuals)
        return sums[:-1], sums[-1:]

    def reveal(self, session: Session, sums: CiphertextArray, at: At) -> Floats:
        """Have X^T d decrypted under masks: [columns, 1]."""
        return reveal_middle(session, sums, "gradient", **at).reshape(-1, 1) / SCALE

    def serve(self, session: Session, key: PrivateKey, party: Party, columns: int, at: At) -> None:
        """Decrypt one middle slot for each column of `party`: the arbiter's side of `reveal`."""
        serve_middle(session, key, party, "gradient", columns, self.slots.product, **at)

    @property
    def part_unit(self) -> int:
        """What parts of the loss are multiplied by before `part_encoder` encodes them."""
        return SCALE

    @property
    def part_encoder(self) -> FixedPointEncoder:
        """What encodes a host's part of the loss as residuals times labels are."""
        return part_encoder(self.fraction_bits)

    def reveal_loss(
        self, session: Session, label: CiphertextArray, parts: CiphertextArray, at: At
    ) -> float:
        """Have the sum of residuals times labels, and of the hosts' `parts`, decrypted under masks."""
        middle = [self.slots.product.middle]
        return reveal_total(session, label, middle, parts, "loss", **at) / SCALE

    def serve_loss(self, session: Session, key: PrivateKey, at: At) -> None:
        """Be the arbiter's side of `reveal_loss`."""
        product = self.slots.product
        serve_total(session, key, GUEST, "loss", [product.middle], product, **at)

    def show(
        self, session: Session, sums: CiphertextArray, addends: FixedPointMatrix
    ) -> CiphertextArray:
        """Return X^T d plus `addends` [columns, 1] for an arbiter that may see it, and no other slot."""
        scaled = [int(addend) << self.fraction_bits for addend in addends.integers[:, 0]]
        return show_middle(session, sums, scaled)

    def read(self, session: Session, key: PrivateKey, party: Party, columns: int, at: At) -> Floats:
        """Return what `party` shows, [columns, 1]."""
        found = read_middle(session, key, party, "gradient", columns, self.slots.product, **at)
        return np.array([math.ldexp(number, -self.fraction_bits) / SCALE for number in found])[
            :, np.newaxis
        ]


def slot_terms() -> dict[str, int]:
    """Return what layouts follow from beside a job's own numbers: parties agree on it in their terms."""
    return {
        "share": SHARE_BOUND,
        "least_fraction_bits": LEAST_FRACTION_BITS,
        "most_fraction_bits": MOST_FRACTION_BITS,
        "feature_fraction_bits": FRACTION_BITS,
        "hiding_bits": HIDING_BITS,
        "rows": MAX_ROWS,
    }


def row_bits_of(rows: int) -> int:
    """Return how many bits count so many rows, as layouts follow from them."""
    return max(rows - 1, 1).bit_length()


def norm_bound(row_bits: int) -> int:
    """Return the largest norm of a standardised column in fixed point: its entries have the mean square 1, or less."""
    return _root(1 << row_bits, (1 << FRACTION_BITS) + 1)  # 1 for rounding


def why_terms_forbid(settings: Settings, *, parties: int, outputs: int, row_bits: int) -> str:
    """Return why rows cannot share ciphertexts, as everybody can tell; empty if they can."""
    if settings.packing not in (AUTO, ROWS):
        return f"packing is {settings.packing!r}"
    if not settings.is_quadratic:
        return f"the {settings.family} family multiplies encrypted rows one by one"
    if settings.masked_rate:
        return "rows that do not count are multiplied by 0 one by one"
    if outputs > 1:
        return f"there are {outputs} outputs, which share ciphertexts instead"
    if row_bits > MAX_ROWS.bit_length() - 1:
        return f"there is room for {MAX_ROWS} of them"
    if RowSlots.of(key_bits=settings.key_bits, parties=parties, row_bits=row_bits) is None:
        return f"a key of {settings.key_bits} bits has no room for two of them"
    return ""


def why_data_forbid(
    settings: Settings, *, rows: int, columns: int, weighted: bool, standardized: bool
) -> str:
    """Return why rows should not share ciphertexts, as the guest alone can tell; empty if they should.

    Parameters
    ----------
    rows : int
        Of a batch.
    columns : int
        Of all parties.
    """
    if weighted:
        return "weights of rows are multiplied one by one"
    if not standardized:
        return "columns that are not standardised, or by other rows, have no public norm"
    least = max(LEAST_ROWS, LEAST_ROWS_A_COLUMN * columns)
    if settings.packing == AUTO and rows < least:
        return f"fewer than {least} of them in a batch, with {columns} columns, gain nothing"
    return ""


def _width(parties: int, row_bits: int, fraction_bits: int) -> int:
    """Bits of a slot that holds any coefficient of a product, by Cauchy and Schwarz, and hides it."""
    shares = parties * _root(1 << row_bits, (SHARE_BOUND << fraction_bits) + 1)
    return hiding_width(shares * norm_bound(row_bits) + 1)


def _root(rows: int, factor: int) -> int:
    """The square root of `rows`, times `factor`, rounded up."""
    return math.isqrt(rows * factor**2) + 1
