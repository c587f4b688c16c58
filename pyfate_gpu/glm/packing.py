# SPDX-License-Identifier: Apache-2.0
"""Several classes of a row in one ciphertext, or one score each.

All classes are multiplied by the same columns: as slots of one plaintext they take one product, one mask and one
decryption. All that such a ciphertext holds then belongs to the owner of the columns, so masks stay uniform mod n.
Only where labels enter does each class have numbers of its own: the guest multiplies by the labels of each, and
the arbiter returns the sum of the slots that count. Layouts follow from public facts alone: key length, parties,
outputs (docs/algorithms/slots.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.data.fixed_point import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.encoding import FixedPointEncoder
from pyfate_gpu.encoding.slots import SlotLayout, hiding_width
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.glm.residuals import SCALE, gradient_sums, weighted_sum
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.protocol.masking import reveal, serve
from pyfate_gpu.protocol.slot_masking import reveal_total, serve_total
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.federation import Party, Session
    from pyfate_gpu.he import PrivateKey

At = dict[str, int]
AUTO, ROWS, CLASSES, NONE = PACKINGS = ("auto", "rows", "classes", "none")
#: Slots have room for sums over so many rows.
MAX_ROWS = 1 << 24
_FEATURE_BITS = 63  # features come as int64, whose values are nobody's business
#: Labels of classes are +-1/4 where the loss multiplies by them.
_LABELS = FixedPointEncoder(fraction_bits=2, bound=0.25)


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

    def gather(self, values: Floats) -> Floats:
        """Return what [columns * groups] ciphertexts hold as [columns, outputs]."""
        if self.slots is None:
            return values.reshape(-1, self.outputs)
        grouped = values.reshape(-1, self.groups, self.slots.count)
        return np.asarray(self.slots.ungroup(grouped, self.outputs), dtype=np.float64)

    def check(self, scores: CiphertextArray) -> CiphertextArray:
        """Return what came from another party: its slots have been checked, and bounds are of any size."""
        return scores

    def gradient(
        self, session: Session, features: FixedPointMatrix, residuals: CiphertextArray
    ) -> CiphertextArray:
        """Return X^T d as `reveal` takes it."""
        return gradient_sums(session, features, residuals)

    def gradient_and_label(
        self,
        session: Session,
        features: FixedPointMatrix,
        residuals: CiphertextArray,
        labels: Floats,
    ) -> tuple[CiphertextArray, CiphertextArray]:
        """Return X^T d, and what `reveal_loss` takes of `labels` [rows, outputs]."""
        sums = gradient_sums(session, features, residuals)
        if self.slots is None:
            return sums, weighted_sum(session, labels, residuals)
        with session.statistics.step(Step.MULTIPLY, operations=labels.size * self.groups):
            products: Any = _LABELS.encode(labels.T.copy()) @ residuals
        each = np.arange(self.outputs)
        return sums, products[each, each // self.slots.count]

    def reveal(self, session: Session, sums: CiphertextArray, at: At) -> Floats:
        """Have X^T d decrypted under masks: [columns, outputs]."""
        return self.gather(reveal(session, sums, "gradient", **at) / SCALE)

    def serve(self, session: Session, key: PrivateKey, party: Party, columns: int, at: At) -> None:
        """Decrypt what `party` has masked of its columns: the arbiter's side of `reveal`."""
        serve(session, key, party, "gradient", columns * self.groups, self.slots, **at)

    @property
    def part_unit(self) -> int:
        """What parts of the loss are multiplied by before `part_encoder` encodes them."""
        return SCALE if self.slots is None else 1

    @property
    def part_encoder(self) -> FixedPointEncoder:
        """What encodes a host's part of the loss as residuals times labels are."""
        bits = FixedPointEncoder().fraction_bits
        return part_encoder(bits if self.slots is None else bits + _LABELS.fraction_bits)

    def reveal_loss(
        self, session: Session, label: CiphertextArray, parts: CiphertextArray, at: At
    ) -> float:
        """Have the sum of residuals times labels, and of the hosts' `parts`, decrypted under masks."""
        if self.slots is not None:
            return reveal_total(session, label, self._places, parts, "loss", **at)
        with session.statistics.step(Step.ADD, operations=1):
            total = label + parts
        return float(reveal(session, total, "loss", **at)[0]) / SCALE

    def serve_loss(self, session: Session, key: PrivateKey, at: At) -> None:
        """Be the arbiter's side of `reveal_loss`."""
        if self.slots is None:
            serve(session, key, GUEST, "loss", 1, **at)
        else:
            serve_total(session, key, GUEST, "loss", self._places, self.slots, **at)

    def show(
        self, session: Session, sums: CiphertextArray, addends: FixedPointMatrix
    ) -> CiphertextArray:
        """Return X^T d plus `addends` [columns, outputs] for an arbiter that may see it."""
        own = self.spread(addends.integers)  # type: ignore[arg-type]
        shown: CiphertextArray = sums + own.reshape(
            sums.shape if self.slots is None else (*sums.shape, -1)
        )
        return shown

    def read(self, session: Session, key: PrivateKey, party: Party, columns: int, at: At) -> Floats:
        """Return what `party` shows, [columns, outputs]."""
        shape = (columns * self.groups,)
        shown = session.receive_encrypted(
            party, "gradient", "gradient", shape, ARBITER, self.slots, **at
        )
        with session.statistics.step(Step.DECRYPT, operations=shown.size):
            return self.gather(key.decrypt(shown) / SCALE)

    @property
    def _places(self) -> list[int]:
        """The slot of each class in the ciphertext that is multiplied by its labels."""
        assert self.slots is not None
        return [each % self.slots.count for each in range(self.outputs)]


def part_encoder(fraction_bits: int) -> FixedPointEncoder:
    """Return what encodes a host's part of the loss of a batch."""
    return FixedPointEncoder(fraction_bits, bound=2.0**72)


def slot_width(parties: int) -> int:
    """Return the bits of a slot that holds any sum of a pass: proof in docs/algorithms/slots.md.

    Scores of all parties, times weights of at most the number of rows, times features, over all rows; or the same
    times labels, with a mask.
    """
    scores = FixedPointEncoder().integer_bound * parties
    weighted = scores * (MAX_ROWS << FRACTION_BITS) * MAX_ROWS
    return max(
        (weighted << _FEATURE_BITS).bit_length() + 1, hiding_width(weighted * _LABELS.integer_bound)
    )


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
