# SPDX-License-Identifier: Apache-2.0
"""What a fit or a prediction has shown, as reports tell it: how small nodes were, how fine sums, who saw paths."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pyfate_gpu.trees.settings import BLINDED

if TYPE_CHECKING:
    from pyfate_gpu.trees.estimator import HeteroBoostedTrees

#: Share of a node's rows on the side that sums are of.
SIDE = 0.4


def consistent_sets(rows: int, bits: int) -> float:
    """Return how many sets of a node's rows have the sums of gradients and hessians of a side, at least about.

    Whoever knows all gradients can look for the rows that a sum is of: by 1 there is one answer. Sets of two fifths of
    the rows, over the sums that they come to: gradients uniform over a span of twice ``2**bits``, hessians over half
    of that.

    Parameters
    ----------
    rows : int
        Of the node.
    bits : int
        Of the largest gradient.

    Examples
    --------
    >>> from pyfate_gpu.trees.exposure import consistent_sets
    >>> consistent_sets(28, 24), round(consistent_sets(32, 8)), consistent_sets(100, 24) > 1e9
    (1.0, 241, True)
    """
    side = round(SIDE * rows)
    sets = math.lgamma(rows + 1) - math.lgamma(side + 1) - math.lgamma(rows - side + 1)
    # Sums of rows drawn without replacement; e to the entropy of a normal distribution is how many there are.
    deviation = math.sqrt(side * (rows - side) / max(rows, 1)) * 2.0**bits
    for width in (2.0, 1.0):
        spread = deviation * width / math.sqrt(12) * math.sqrt(2 * math.pi * math.e)
        sets -= max(0.0, math.log(max(spread, 1.0)))
    return math.exp(min(max(sets, 0.0), 700.0))


def exposure_of(model: HeteroBoostedTrees) -> list[dict[str, Any]]:
    """Return what weighs for privacy in a fit: at a host, of the sums that it has sent itself."""
    smallest, bits = model.smallest_node_, model.settings().size_bits
    of_whom = "hosts" if model._fitted_half().forest is not None else "this host"
    found: list[dict[str, Any]] = [
        {"what": f"rows of the smallest node with sums of {of_whom}", "value": smallest or "none"},
        {"what": "bits of a gradient and a hessian together", "value": 2 * bits},
    ]
    if smallest:
        sets = consistent_sets(smallest, bits)
        words = (
            "one: the guest can find out which rows are on a side"
            if sets < 2
            else f"about 10^{math.log10(sets):.0f} or more"
        )
        found.append({"what": "sets of rows that explain a sum of that node", "value": words})
    return [
        *found,
        {"what": "first rounds without hosts", "value": model.guest_only_trees},
        *_changes(model),
    ]


def exposure_of_prediction(model: HeteroBoostedTrees) -> list[dict[str, Any]]:
    """Return what a prediction shows to whom."""
    half = model._fitted_half()
    splits = len(half.table) if half.forest is None else sum(half.forest.sizes)
    if model.prediction == BLINDED:
        return [
            {"what": "splits of hosts that nobody sees rows at", "value": splits},
            {"what": "what the guest learns of a row", "value": "its score"},
        ]
    seen = "the guest sees where rows go, hosts which rows come"
    return [{"what": f"splits of hosts at which {seen}", "value": splits}]


def _changes(model: HeteroBoostedTrees) -> list[dict[str, Any]]:
    """Return how many rows hosts saw change, where they saw that."""
    changed = getattr(model, "changed_rows_", None)
    if not changed:
        return []
    return [
        {"what": "rounds in which hosts saw which rows' gradients changed", "value": len(changed)},
        {"what": "rows that changed in the last of them", "value": changed[-1]},
    ]
