# SPDX-License-Identifier: Apache-2.0
"""How many operations of each kind boosting takes, known before anything runs."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.he.array.row_packing import Trees, additions_of_pairs, choose_packing
from pyfate_gpu.he.array.streams import HELD, ROWS_OF_CELLS
from pyfate_gpu.protocol.cost import JobShape, Steps, Workload
from pyfate_gpu.trees.packing import GradientSlots
from pyfate_gpu.trees.settings import GOSS, Settings

#: Share of a level's rows in the smaller children, as measured: boosted trees split unevenly.
SMALLER = 0.2
#: Share of rows whose rounded gradients change from round to round, by their bits, as measured on 50 trees of depth 5
#: and learning rate 0.1 (docs/trees.md).
CHANGED = {3: 0.05, 4: 0.09, 5: 0.17, 6: 0.3, 7: 0.46, 8: 0.62}


def workload_of(shape: JobShape, settings: Settings) -> Workload:
    """Return what a whole training takes; of columns with as many bins as there may be, so at most.

    Examples
    --------
    >>> from pyfate_gpu import HeteroBoostedTreesClassifier
    >>> from pyfate_gpu.protocol.cost import JobShape
    >>> shape = JobShape(rows=30_000, columns={"guest": 13, "host-0": 10})
    >>> model = HeteroBoostedTreesClassifier(max_depth=3, key_bits=2048)
    >>> work = model.workload(shape).steps
    >>> work["guest"]["encrypt"], work["host-0"]["blind"], work["guest"]["decrypt"]
    (4286, 1240, 1240)
    """
    hosts = {name: count for name, count in shape.columns.items() if name != GUEST.name}
    kept = {
        name: max(1, int(columns * settings.colsample_bytree)) if columns else 0
        for name, columns in hosts.items()
    }
    candidates = {name: count * (settings.max_bin - 1) for name, count in kept.items()}
    encrypted, rows, roots, others = nodes_of_round(settings, shape.rows, shape.outputs)
    slots = choose_slots(
        settings, shape.rows, shape.outputs, sum(candidates.values()), settings.key_bits
    )
    work: Steps = {name: Counter() for name in shape.columns}
    sent = kept_rows = -(-encrypted // slots.rows_of_each)
    if settings.is_lazy:
        later = settings.n_estimators - 1
        sent = math.ceil(
            encrypted * (1 + later * CHANGED[settings.gradient_bits]) / settings.n_estimators
        )
    work[GUEST.name]["encrypt"] = sent
    trees = len(settings.trees_of_round(shape.outputs))
    held = {GUEST.name: sent}
    for name in hosts:
        sums = candidates[name] * (roots + others)
        answers = sum(
            slots.answers(candidates[name] * nodes)
            for nodes in nodes_of_levels(settings, roots, rows, trees)
        )
        work[name].update(
            check=sent,
            add=_additions(settings, kept[name], rows, roots, trees, slots.rows_of_each)
            + sums * slots.rows_of_each,
            shift=sums * _bits_shifted(slots),
            blind=answers,
        )
        work[GUEST.name].update(check=answers, decrypt=answers)
        level = max(nodes_of_levels(settings, roots, rows, trees), default=0)
        cells = _held_cells(settings, kept[name], kept_rows, slots.rows_of_each)
        held[name] = 2 * kept_rows + 2 * level * candidates[name] * slots.rows_of_each + cells
    # Gradients, then a level after the other; several hosts are told of each other's splits.
    round_trips = (1.0 + settings.levels_of_hosts) * min(len(hosts), 2)
    return Workload(settings.n_estimators, work, 1, held, round_trips=round_trips)


def _bits_shifted(slots: GradientSlots) -> int:
    """Return by how many bits a sum is shifted: to beside others, or from each position of a row to the middle."""
    if slots.packed:
        return (slots.rows_of_each - 1) * slots.sent.width
    return slots.row.bits


def _additions(
    settings: Settings, columns: int, rows: int, roots: int, trees: int, positions: int
) -> int:
    """Additions of rows into bins: of columns in pairs that know nothing of each other, in all nodes of a round."""
    nodes = nodes_of_levels(settings, roots, rows, trees)
    if not nodes:
        return 0
    found = nodes[0] * additions_of_pairs(columns, settings.max_bin, rows, positions)
    for count in nodes[1:]:
        each = rows * trees * SMALLER / count
        found += count * additions_of_pairs(columns, settings.max_bin, each, positions)
    return round(found)


def _held_cells(settings: Settings, columns: int, ciphertexts: int, positions: int) -> int:
    """Sums of joint cells that a host keeps, twice while they are put together: of three columns, or of all pairs."""
    bins, rows = settings.max_bin, ciphertexts * positions
    if columns > 2 and rows > 2 * positions * bins**3:
        return 2 * positions * bins**3  # one group at a time, when all rows are there
    cells = positions * bins**2
    if cells * 2 * ROWS_OF_CELLS > rows:
        return 0  # the root is summed in the end
    times = -(-ciphertexts // max(HELD, ROWS_OF_CELLS * bins**2))
    return 2 * times * cells * (columns // 2)


def nodes_of_round(settings: Settings, rows: int, outputs: int) -> tuple[int, int, int, int]:
    """Return the rows that are encrypted in a round, those of a tree, and how many roots and other nodes are summed.

    At most; trees of a forest share the rows that several have.
    """
    goss = settings.sampling_method == GOSS
    share = settings.top_rate + settings.other_rate if goss else settings.subsample
    each = max(1, round(rows * share))
    encrypted = each
    if not goss:
        encrypted = max(1, round(rows * (1 - (1 - share) ** settings.num_parallel_tree)))
    trees = len(settings.trees_of_round(outputs))
    alike = (goss or share == 1) and settings.colsample_bytree == 1
    roots = 1 if alike else trees
    return encrypted, each, roots, sum(nodes_of_levels(settings, roots, each, trees)[1:])


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
    encrypted, _, roots, others = nodes_of_round(settings, rows, outputs)
    found = choose_packing(
        settings.row_packing,
        alone.row,
        Trees(encrypted, candidates, roots + others),
        key_bits=key_bits,
    )
    return replace(alone, packed=found is not None)


def nodes_of_levels(settings: Settings, roots: int, rows: int, trees: int) -> list[int]:
    """Return how many nodes are summed on each level that hosts take part in, as far as the rows of a tree go."""
    levels = settings.levels_of_hosts
    most = max(1, rows // (2 * settings.min_samples_leaf))
    others = [trees * min(1 << (level - 1), most) for level in range(1, levels)]
    return [roots, *others] if levels else []
