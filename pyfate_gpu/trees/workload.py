# SPDX-License-Identifier: Apache-2.0
"""How many operations of each kind boosting takes, known before anything runs."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.he.array.row_packing import Trees, choose_packing
from pyfate_gpu.protocol.cost import JobShape, Steps, Workload
from pyfate_gpu.trees.packing import GradientSlots
from pyfate_gpu.trees.settings import GOSS, Settings

#: Share of a level's rows in the smaller children, as measured: boosted trees split unevenly.
SMALLER = 0.2
#: Share of rows whose rounded gradients change from round to round, by their bits, as measured on 50 trees of depth 5
#: and learning rate 0.1 (docs/trees.md).
CHANGED = {3: 0.1, 4: 0.16, 5: 0.28, 6: 0.43, 7: 0.6, 8: 0.75}


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
    (4286, 7440, 1240)
    """
    hosts = {name: count for name, count in shape.columns.items() if name != GUEST.name}
    kept = {
        name: max(1, int(columns * settings.colsample_bytree)) if columns else 0
        for name, columns in hosts.items()
    }
    candidates = {name: count * (settings.max_bin - 1) for name, count in kept.items()}
    rows, roots, others = nodes_of_round(settings, shape.rows, shape.outputs)
    slots = choose_slots(
        settings, shape.rows, shape.outputs, sum(candidates.values()), settings.key_bits
    )
    work: Steps = {name: Counter() for name in shape.columns}
    sent = kept_rows = -(-rows // slots.rows_of_each)
    if settings.is_lazy:
        others_share = (settings.n_estimators - 1) / settings.n_estimators
        sent = math.ceil(rows * (1 - others_share * (1 - CHANGED[settings.gradient_bits])))
    work[GUEST.name]["encrypt"] = sent
    trees = len(settings.trees_of_round(shape.outputs))
    levels = max(0, settings.host_levels - 1)
    for name in hosts:
        sums = candidates[name] * (roots + others)
        answers = slots.answers(sums)
        work[name].update(
            check=sent,
            add=round(rows * kept[name] * (roots + trees * levels * SMALLER))
            + sums * slots.rows_of_each,
            squeeze=sums * max(1, slots.rows_of_each - 1),
            blind=answers,
        )
        work[GUEST.name].update(check=answers, decrypt=answers)
    held = dict.fromkeys(hosts, 2 * kept_rows + candidates_of(hosts, settings)) | {GUEST.name: sent}
    return Workload(settings.n_estimators, work, 1, held)


def candidates_of(hosts: dict[str, int], settings: Settings) -> int:
    """Return how many candidates the widest host has at most."""
    return max(hosts.values(), default=0) * (settings.max_bin - 1)


def nodes_of_round(settings: Settings, rows: int, outputs: int) -> tuple[int, int, int]:
    """Return the rows that are encrypted in a round, and how many roots and other nodes are summed, at most."""
    sampled = settings.subsample
    if settings.sampling_method == GOSS:
        sampled = settings.top_rate + settings.other_rate
    rows = max(1, round(rows * sampled))
    trees = len(settings.trees_of_round(outputs))
    roots = 1 if sampled == settings.colsample_bytree == 1 else trees
    nodes = _nodes(settings.host_levels, rows, settings.min_samples_leaf)
    return rows, roots, trees * (nodes - 1)


def choose_slots(
    settings: Settings, rows: int, outputs: int, candidates: int, key_bits: int
) -> GradientSlots:
    """Return the slots of rows, which share ciphertexts where `packing` says so or that costs less.

    Parameters
    ----------
    candidates : int
        Of all hosts together.
    """
    apart = settings.keeps_apart(outputs)
    alone = GradientSlots(settings.size_bits, rows, outputs, key_bits, apart=apart)
    encrypted, roots, others = nodes_of_round(settings, rows, outputs)
    found = choose_packing(
        settings.row_packing,
        alone.row,
        Trees(encrypted, candidates, roots + others),
        key_bits=key_bits,
    )
    return replace(alone, packed=found is not None)


def _nodes(levels: int, rows: int, least: int) -> int:
    """Nodes of a tree that are summed: the root, and of each further pair one, as far as rows go."""
    if levels == 0:
        return 0
    most = max(1, rows // (2 * least))
    return 1 + sum(min(1 << (level - 1), most) for level in range(1, levels))
