# SPDX-License-Identifier: Apache-2.0
"""Several classes of a row in one ciphertext, where the passes of a search allow.

A pass without labels multiplies the directions of all classes by the same columns: as slots of one plaintext they
take one product, one mask and one decryption. All that a ciphertext holds then belongs to the owner of the
columns, so masks stay uniform mod n. A labelled pass multiplies each class by numbers of its own, for the loss,
and is not packed. Layouts follow from public facts alone: key length, parties, outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.data.fixed_point import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.encoding import FixedPointEncoder
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.glm.residuals import SCALE, gradient_sums
from pyfate_gpu.protocol.masking import reveal, serve
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.federation import Party, Session
    from pyfate_gpu.he import CiphertextArray, PrivateKey

AUTO, ROWS, CLASSES, NONE = PACKINGS = ("auto", "rows", "classes", "none")
#: Slots have room for sums over so many rows; the arbiter knows the layout and not the number of rows.
MAX_ROWS = 1 << 24
_FEATURE_BITS = 63  # features come as int64, whose values are nobody's business


@dataclass(frozen=True)
class ClassSlots:
    """How the outputs of a row are spread over ciphertexts.

    Parameters
    ----------
    outputs : int
        Scores of a row.
    slots : SlotLayout or None
        Of a ciphertext; None for one output each.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.glm.packing import ClassSlots
    >>> packing = ClassSlots.of("auto", key_bits=2048, parties=2, outputs=4)
    >>> packing.slots.count, packing.groups
    (4, 1)
    >>> packing.spread(np.zeros((30, 4))).shape
    (30, 1, 4)
    """

    outputs: int
    slots: SlotLayout | None

    @classmethod
    def of(cls, packing: str, *, key_bits: int, parties: int, outputs: int) -> ClassSlots:
        """Return the spread that all parties choose alike."""
        width = slot_width(parties)
        count = min((key_bits - 2) // width, outputs)
        packed = packing != NONE and count > 1
        return cls(outputs, SlotLayout(width, count) if packed else None)

    @property
    def name(self) -> str:
        """What shares ciphertexts."""
        return NONE if self.slots is None else CLASSES

    @property
    def groups(self) -> int:
        """Ciphertexts that a row takes."""
        return self.outputs if self.slots is None else self.slots.groups(self.outputs)

    def shape(self, rows: int) -> tuple[int, ...]:
        """Return the shape of so many rows, encrypted."""
        return rows, self.groups

    def spread(self, values: Floats) -> Any:
        """Return values [rows, outputs] as `PublicKey.encrypt` takes them with `slots`."""
        return values if self.slots is None else self.slots.group(values)

    def gather(self, values: Floats, columns: int) -> Floats:
        """Return what was revealed of [columns * groups] ciphertexts as [columns, outputs]."""
        if self.slots is None:
            return values.reshape(columns, self.outputs)
        grouped = values.reshape(columns, self.groups, self.slots.count)
        return np.asarray(self.slots.ungroup(grouped, self.outputs), dtype=np.float64)

    def check(self, scores: CiphertextArray) -> CiphertextArray:
        """Return what came from another party: its slots have been checked, and bounds are of any size."""
        return scores

    def reveal(
        self,
        session: Session,
        features: FixedPointMatrix,
        scores: CiphertextArray,
        at: dict[str, int],
    ) -> Floats:
        """Return X^T d, [columns, outputs], of encrypted d; the owner's side of `serve`."""
        sums = reveal(session, gradient_sums(session, features, scores), "gradient", **at)
        return self.gather(sums / SCALE, features.columns)

    def serve(
        self, session: Session, key: PrivateKey, party: Party, columns: int, at: dict[str, int]
    ) -> None:
        """Decrypt what `party` has masked of its columns."""
        serve(session, key, party, "gradient", columns * self.groups, self.slots, **at)


def slot_width(parties: int) -> int:
    """Return the bits of a slot that holds any sum of a pass: proof in docs/algorithms/slots.md.

    Scores of all parties, times weights of at most the number of rows, times features, over all rows.
    """
    scores = FixedPointEncoder().integer_bound * parties
    weights = MAX_ROWS << FRACTION_BITS
    return (scores * weights * MAX_ROWS << _FEATURE_BITS).bit_length() + 1


def check_rows(rows: int, packing: ClassSlots) -> None:
    """Refuse more rows than slots have room for.

    Raises
    ------
    ConfigurationError
        Naming the limit.
    """
    if packing.slots is not None and rows > MAX_ROWS:
        raise ConfigurationError(
            f"{rows} rows are more than slots have room for, {MAX_ROWS}: set packing='none'"
        )
