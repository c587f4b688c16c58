# SPDX-License-Identifier: Apache-2.0
"""Correlations of the guest's columns with a host's, under encryption: the guest learns them, the host nothing.

The guest encrypts its standardised columns, those of a row in the slots of as few ciphertexts as have room for
them; the host multiplies them by its own and sums over all rows. Bounds: a standardised column of n rows has no
entry beyond sqrt(n), and no product of two has a sum beyond n^2 in size, whatever the rows hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pyfate_gpu.binning.plan import MESSAGE_BYTES
from pyfate_gpu.encoding import IntegerEncoder
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.errors import BoundError, DisagreementError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray, PrivateKey
from pyfate_gpu.he.scheme.public_key import SchemePublicKey
from pyfate_gpu.typing import Floats, Integers

#: Fewest rows: with few of them correlations say too much of single rows.
LEAST_ROWS = 1_000
#: Rows for each column of the guest, at least: each is one equation for every column of a host.
ROWS_A_COLUMN = 10
FRACTION_BITS = 20


@dataclass(frozen=True)
class Products:
    """How columns share ciphertexts.

    Parameters
    ----------
    rows : int
    columns : int
        Of the guest.
    """

    rows: int
    columns: int

    @property
    def bound(self) -> int:
        """Largest entry of a standardised column, as an integer."""
        return (math.isqrt(self.rows) + 1) << FRACTION_BITS

    def slots(self, key: SchemePublicKey) -> SlotLayout:
        """Of one ciphertext; the number of slots is that of the columns, or as many as there is room for."""
        width = (self.bound * self.bound * self.rows).bit_length() + 1
        room = (key.plaintext_bound.bit_length() - 1) // width
        return SlotLayout(width, max(1, min(self.columns, room)))

    def chunks(self, key: SchemePublicKey) -> list[tuple[int, int]]:
        """Return first and last row of each message."""
        each = 8 * key.ciphertext_words * self.slots(key).groups(self.columns)
        size = max(1, MESSAGE_BYTES // each)
        return [(first, min(first + size, self.rows)) for first in range(0, self.rows, size)]

    def check(self, party: Party) -> None:
        """Refuse what says too much of single rows.

        Raises
        ------
        DisagreementError
            Naming the limit.
        """
        least = max(LEAST_ROWS, ROWS_A_COLUMN * self.columns)
        if self.rows < least:
            raise DisagreementError(
                f"{party}: correlations between parties of {self.rows} rows and {self.columns} columns of the guest "
                f"take {least} rows or more: leave out the rule of correlation_between"
            )


def as_integers(values: Floats) -> Integers:
    """Return standardised columns in fixed point."""
    return np.rint(np.ldexp(values, FRACTION_BITS)).astype(np.int64)


def send_columns(session: Session, key: PrivateKey, values: Floats, hosts: list[Party]) -> Products:
    """Send the guest's standardised columns, encrypted, to hosts; the guest's first half."""
    products = Products(*values.shape)
    slots, encoder = products.slots(key.public_key), IntegerEncoder(products.bound)
    integers = as_integers(values)
    for chunk, (first, last) in enumerate(products.chunks(key.public_key)):
        grouped = slots.group(integers[first:last])
        with session.statistics.step(Step.ENCRYPT, operations=grouped.shape[0] * grouped.shape[1]):
            rows = key.encrypt(grouped, encoder, slots=slots)
        session.send(hosts, "column_rows", rows=rows, batch=chunk)
    return products


def receive_correlations(
    session: Session, key: PrivateKey, products: Products, host: Party, columns: int
) -> Floats:
    """Return the correlations of the guest's columns with a host's, [columns of the host, of the guest].

    Raises
    ------
    ProtocolError
        When the host sent what cannot be correlations.
    """
    slots = products.slots(key.public_key)
    shape = (columns, slots.groups(products.columns))
    sums = session.receive_encrypted(
        host, "column_products", "products", shape, session.party, slots
    )
    try:
        with session.statistics.step(Step.DECRYPT, operations=sums.size):
            found = slots.ungroup(key.decrypt(sums), products.columns)
    except BoundError:
        raise ProtocolError(f"{host} sent products that are none of the columns' slots") from None
    scaled = np.ldexp(found.astype(np.float64), -2 * FRACTION_BITS) / products.rows
    if (np.abs(scaled) > 1 + 1e-3).any():
        raise ProtocolError(f"{host} sent correlations beyond 1")
    return np.asarray(np.clip(scaled, -1.0, 1.0), dtype=np.float64)


def answer_products(session: Session, values: Floats, guest_columns: int) -> None:
    """Multiply the guest's columns by this host's standardised ones and send the sums; the host's side.

    Raises
    ------
    DisagreementError
        When there are too few rows for that.
    """
    products = Products(len(values), guest_columns)
    products.check(session.party)
    key = session.key_of(GUEST)
    slots, encoder = products.slots(key), IntegerEncoder(products.bound)
    integers = as_integers(values)
    total: CiphertextArray | None = None
    for chunk, (first, last) in enumerate(products.chunks(key)):
        shape = (last - first, slots.groups(guest_columns))
        rows = session.receive_encrypted(
            GUEST, "column_rows", "rows", shape, GUEST, slots, batch=chunk
        )
        with session.statistics.step(Step.MULTIPLY, operations=values.shape[1] * rows.size):
            part = encoder.encode(integers[first:last].T) @ rows
            total = part if total is None else total + part
    assert total is not None
    session.send(GUEST, "column_products", products=total)
