# SPDX-License-Identifier: Apache-2.0
"""The guest's side: labels encrypted once for all hosts, counts of their bins decrypted and weighed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.binning.labels import Labels
from pyfate_gpu.binning.plan import Plan, check_sizes
from pyfate_gpu.data.information_value import Evidence, evidence_of_classes
from pyfate_gpu.encoding import IntegerEncoder
from pyfate_gpu.errors import BoundError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.typing import Floats, Integers

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey

#: Decimals of the information values that hosts get: with more of them a host could search for the counts.
SHOWN_DECIMALS = 4


@dataclass(frozen=True)
class Weighing:
    """How evidence is made of counts.

    Parameters
    ----------
    smoothing : str
    alpha : float
    """

    smoothing: str
    alpha: float

    def weigh(self, counts: Floats) -> list[Evidence]:
        """Return what bins [bins, classes] say, by output."""
        return evidence_of_classes(counts, smoothing=self.smoothing, alpha=self.alpha)


def send_labels(
    session: Session, key: PrivateKey, plan: Plan, labels: Labels, *, sample: int = 0
) -> None:
    """Send the ciphertexts of all rows to all hosts, each row encrypted once."""
    encoder = IntegerEncoder(plan.bound)
    for chunk, (first, last) in enumerate(plan.chunks(key.public_key)):
        with session.statistics.step(Step.ENCRYPT, operations=last - first):
            rows = key.encrypt(labels.units[first:last], encoder, slots=plan.slots)
        session.send(session.hosts, "label_rows", rows=rows, iteration=sample, batch=chunk)


def weigh_host(
    session: Session, key: PrivateKey, plan: Plan, labels: Labels, host: Party, weighing: Weighing
) -> list[list[Evidence]]:
    """Return what the bins of a host say, by its column and output, and tell the host what it may know.

    Raises
    ------
    ProtocolError
        When the host sent what cannot be sums of the labels.
    """
    sizes = check_sizes(session.receive(host, "bin_counts", counts=np.ndarray), host)
    sums = decrypt_counts(session, key, plan, labels, host, sizes)
    counts = [labels.counts(each) for each in sums]
    evidence = [weighing.weigh(each) for each in counts]
    values = [[round(each.iv, SHOWN_DECIMALS) for each in column] for column in evidence]
    session.send(host, "values", iv=np.array(values, dtype=np.float64).reshape(-1, plan.outputs))
    if plan.consent:
        woe = [np.stack([each.woe for each in column], axis=1) for column in evidence]
        session.send(host, "evidence", woe=np.concatenate([np.empty((0, plan.outputs)), *woe]))
    return evidence


def decrypt_counts(
    session: Session,
    key: PrivateKey,
    plan: Plan,
    labels: Labels,
    host: Party,
    sizes: list[int],
    *,
    sample: int = 0,
) -> list[Integers]:
    """Return the units of each class in each bin, [bins, classes] by column, the bin that was not sent last.

    Raises
    ------
    ProtocolError
        When the host sent what cannot be sums of the labels.
    """
    if not sizes:
        return []
    sent = sum(sizes) - len(sizes)
    layout = plan.squeezed(key.public_key)
    length = layout.groups(sent * plan.classes)
    sums = session.receive_encrypted(
        host, "bin_sums", "sums", (length,), session.party, layout, iteration=sample
    )
    try:
        with session.statistics.step(Step.DECRYPT, operations=length):
            found = key.decrypt(sums)
    except BoundError:
        raise ProtocolError(f"{host} sent sums that are none of the labels' slots") from None
    units = layout.ungroup(found, sent * plan.classes).reshape(sent, plan.classes)
    units = np.asarray(units, dtype=np.int64)
    totals, ends = labels.totals, np.cumsum(np.array(sizes) - 1)
    by_column = []
    for part in np.split(units, ends[:-1]):
        rest = totals - part.sum(axis=0)
        column = np.concatenate([part, rest[np.newaxis]])
        if (column < 0).any():
            raise ProtocolError(
                f"{host} sent sums of bins that are more than all labels together, or less than none"
            )
        by_column.append(column)
    return by_column
