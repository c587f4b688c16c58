# SPDX-License-Identifier: Apache-2.0
"""How many operations binning takes, known before it runs: bins are taken to be as many as there may be."""

from __future__ import annotations

from collections import Counter

from pyfate_gpu.binning.plan import Plan
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.protocol.cost import JobShape, Steps, Workload


def workload_of(shape: JobShape, key_bits: int, max_bins: int) -> Workload:
    """Return what a whole fit takes.

    A host adds each row once a column, but for those of the bin that is not sent, which are counted all the same.
    Memory: a message of labels at a time, at guest and hosts.
    """
    classes = shape.outputs if shape.outputs > 1 else 2
    plan = Plan(shape.rows, classes, shape.weighted, consent=False)
    layout: SlotLayout = plan.slots
    room = max(1, (key_bits - 2) // layout.bits)
    work: Steps = {GUEST.name: Counter(encrypt=shape.rows)}
    for name, columns in shape.columns.items():
        if name == GUEST.name:
            continue
        sums = -(-columns * max_bins // room)
        work[name] = Counter(check=shape.rows, add=shape.rows * columns, blind=sums)
        work[GUEST.name].update(check=sums, decrypt=sums)
    return Workload(1, work, shape.rows, dict.fromkeys(shape.columns, min(shape.rows, 4000)))
