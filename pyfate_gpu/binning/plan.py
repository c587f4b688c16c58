# SPDX-License-Identifier: Apache-2.0
"""How labels share ciphertexts: from public facts alone, so that guest and hosts find the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.numeric import MAX_BINS
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.errors import ConfigurationError, DisagreementError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.he.scheme.public_key import SchemePublicKey

#: Bits of the weight of a row.
WEIGHT_BITS = 16
#: Bytes of ciphertexts of a message, at most.
MESSAGE_BYTES = 1_900_000
#: More than any labels have; a plan beyond it is none.
MAX_CLASSES = 10_000


@dataclass(frozen=True)
class Plan:
    """What the guest tells hosts before anything is encrypted.

    Parameters
    ----------
    rows : int
        That have a label.
    classes : int
        Of the labels.
    weighted : bool
        Whether rows have weights.
    consent : bool
        Whether hosts will get the weight of evidence of their bins.
    kept : bool
        Whether hosts have the labels already.
    compared : int
        Further rows that bins are compared with, 0 for none.
    cuts : bool
        Whether the guest merges finer bins of hosts that want it.
    """

    rows: int
    classes: int
    weighted: bool
    consent: bool
    kept: bool = False
    compared: int = 0
    cuts: bool = False

    @property
    def other(self) -> Plan:
        """The plan of the further rows, which have no weights."""
        return Plan(self.compared, self.classes, weighted=False, consent=False)

    @property
    def outputs(self) -> int:
        """Information values of a column: one of two classes, of more one for each."""
        return 1 if self.classes == 2 else self.classes

    @property
    def bound(self) -> int:
        """Largest number of a row in the slot of its class."""
        return (1 << WEIGHT_BITS) - 1 if self.weighted else 1

    @property
    def slots(self) -> SlotLayout:
        """Of the ciphertext of a row: a slot for each class, that holds a sum over all rows."""
        return SlotLayout((self.rows * self.bound).bit_length() + 1, self.classes)

    def squeezed(self, key: SchemePublicKey) -> SlotLayout:
        """Of a ciphertext that travels back: the slots of as many bins as it has room for."""
        slots = self.slots
        room = (key.plaintext_bound.bit_length() - 1) // slots.bits
        return SlotLayout(slots.width, slots.count * room)

    def check(self, key: SchemePublicKey) -> None:
        """Refuse more classes than a ciphertext has room for.

        Raises
        ------
        ConfigurationError
            Naming the limit.
        """
        width = (self.rows * self.bound).bit_length() + 1
        limit = (key.plaintext_bound.bit_length() - 1) // width
        if self.classes > limit:
            raise ConfigurationError(
                f"labels have {self.classes} classes, a key of {key.key_bits} bits has room for {limit} with "
                f"{self.rows} rows: take a longer key, or fewer classes"
            )

    def chunks(self, key: SchemePublicKey) -> list[tuple[int, int]]:
        """Return first and last row of each message of labels."""
        size = max(1, MESSAGE_BYTES // (8 * key.ciphertext_words))
        return [(first, min(first + size, self.rows)) for first in range(0, self.rows, size)]


def announce_plan(session: Session, plan: Plan) -> None:
    """Tell all hosts; the guest's side of `receive_plan`."""
    session.send(
        session.hosts,
        "plan",
        rows=plan.rows,
        classes=plan.classes,
        weighted=plan.weighted,
        consent=plan.consent,
        kept=plan.kept,
        compared=plan.compared,
        cuts=plan.cuts,
    )


def receive_plan(session: Session, rows: int, compared: int = 0) -> Plan:
    """Return the guest's plan, checked against the rows of this host.

    Raises
    ------
    DisagreementError
        When guest and host do not have as many rows.
    ProtocolError
        When it makes no sense.
    """
    found = session.receive(
        GUEST,
        "plan",
        rows=int,
        classes=int,
        weighted=bool,
        consent=bool,
        kept=bool,
        compared=int,
        cuts=bool,
    )
    plan = Plan(*found)
    if plan.compared != compared:
        raise DisagreementError(
            f"the guest has {plan.compared} validation rows, {session.party} has {compared}: give every party "
            "the same rows"
        )
    if plan.rows != rows:
        raise DisagreementError(
            f"the guest has {plan.rows} rows, {session.party} has {rows}: give every party the same rows"
        )
    if not 2 <= plan.classes <= MAX_CLASSES:
        raise ProtocolError(f"the guest announced {plan.classes} classes; it takes 2 or more")
    return plan


def check_sizes(sizes: NDArray[np.generic], host: Party) -> list[int]:
    """Return how many bins each column of a host has.

    Raises
    ------
    ProtocolError
        When it is no list of such numbers.
    """
    wrong = (
        sizes.ndim != 1
        or sizes.dtype != np.int64
        or not all(2 <= size <= 2 * MAX_BINS for size in sizes.tolist())
    )
    if wrong:
        raise ProtocolError(f"{host} sent no numbers of bins")
    return [int(size) for size in sizes]
