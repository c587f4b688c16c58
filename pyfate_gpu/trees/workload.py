# SPDX-License-Identifier: Apache-2.0
"""How many operations of each kind boosting takes, known before anything runs."""

from __future__ import annotations

from collections import Counter

from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.protocol.cost import JobShape, Steps, Workload
from pyfate_gpu.trees.packing import GradientSlots
from pyfate_gpu.trees.settings import GOSS, Settings

#: Share of a level's rows in the smaller children, as measured: boosted trees split unevenly.
SMALLER = 0.2


def workload_of(shape: JobShape, settings: Settings) -> Workload:
    """Return what a whole training takes; of columns with as many bins as there may be, so at most.

    Examples
    --------
    >>> from pyfate_gpu import HeteroBoostedTreesClassifier
    >>> from pyfate_gpu.protocol.cost import JobShape
    >>> shape = JobShape(rows=30_000, columns={"guest": 13, "host-0": 10})
    >>> model = HeteroBoostedTreesClassifier(max_depth=3, key_bits=2048)
    >>> work = model.workload(shape).steps
    >>> work["guest"]["encrypt"], work["host-0"]["squeeze"], work["guest"]["decrypt"]
    (30000, 1240, 50)
    """
    slots = GradientSlots(settings.gradient_bits, shape.rows, shape.outputs, settings.key_bits)
    sampled = settings.subsample
    if settings.sampling_method == GOSS:
        sampled = settings.top_rate + settings.other_rate
    rows = max(1, round(shape.rows * sampled))
    hosts = {name: count for name, count in shape.columns.items() if name != GUEST.name}
    work: Steps = {name: Counter() for name in shape.columns}
    work[GUEST.name]["encrypt"] = rows
    trees = len(settings.trees_of_round(shape.outputs))
    nodes = _nodes(settings.host_levels, rows, settings.min_samples_leaf)
    roots = 1 if sampled == settings.colsample_bytree == 1 else trees
    levels = max(0, settings.host_levels - 1)
    for name, columns in hosts.items():
        kept = max(1, int(columns * settings.colsample_bytree)) if columns else 0
        candidates = kept * (settings.max_bin - 1)
        sums = candidates * (roots + trees * (nodes - 1))
        squeezed = -(-sums // slots.sums)
        work[name].update(
            check=rows,
            add=round(rows * kept * (roots + trees * levels * SMALLER)) + sums,
            squeeze=sums,
            blind=squeezed,
        )
        work[GUEST.name].update(check=squeezed, decrypt=squeezed)
    held = dict.fromkeys(hosts, 2 * rows + candidates_of(hosts, settings)) | {GUEST.name: rows}
    return Workload(settings.n_estimators, work, 1, held)


def candidates_of(hosts: dict[str, int], settings: Settings) -> int:
    """Return how many candidates the widest host has at most."""
    return max(hosts.values(), default=0) * (settings.max_bin - 1)


def _nodes(levels: int, rows: int, least: int) -> int:
    """Nodes of a tree that are summed: the root, and of each further pair one, as far as rows go."""
    if levels == 0:
        return 0
    most = max(1, rows // (2 * least))
    return 1 + sum(min(1 << (level - 1), most) for level in range(1, levels))
