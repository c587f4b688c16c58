# SPDX-License-Identifier: Apache-2.0
"""Rounds in which clients leave by chance, each compared with the sum of integers of those that stayed.

``python -m tests.homo.soak --rounds 200 --json tests/results/homo_soak.json``. Plans, updates, weights and graphs
are drawn by chance, and so is who leaves after how many answers. In the rounds that count, as many leave at most as
the protocol promises to do without: under masks fewer than a third of those that hold shares of a client, under
Paillier all but `min_clients`. Each of these ends in the exact sum. In further rounds more may leave: these end in
the exact sum, or in a typed error where too few were left.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from pathlib import Path

import numpy as np

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.homo import AggregationPlan
from pyfate_gpu.homo.masks import graph
from tests.homo.conftest import Parties, levels


def draw(choice: random.Random) -> tuple[AggregationPlan, int]:
    """A plan, and the least number of clients."""
    clients = choice.randint(3, 14)
    sparse = clients > 6 and choice.random() < 0.4
    plan = AggregationPlan(
        clients,
        choice.choice([8, 12, 16, 24]),
        clip=choice.choice([0.5, 1.0, 3.0]),
        max_total_weight=clients * choice.choice([1, 7, 1000]),
        rounding="nearest",
        neighbours=choice.randint(4, clients - 1) if sparse else None,
    )
    return plan, choice.randint(2, max(2, clients // 2))


def one_round(choice: random.Random, number: int, promised: bool) -> tuple[str, int]:
    """What came of a round, "exact" or "refused", never the latter if `promised`; and how many left."""
    plan, least = draw(choice)
    values = np.random.default_rng(choice.getrandbits(32))
    updates = list(values.normal(0, plan.clips(1)[0], (plan.clients, choice.randint(1, 300))))
    weights = [choice.randint(1, plan.max_weight) for _ in updates]
    rate = choice.choice([0.0, 0.05, 0.2, 0.4])
    leave = {i: choice.randint(0, 4) for i in range(plan.clients) if choice.random() < rate}
    mode = choice.choice(["masks"] * 4 + ["paillier", "blind"])
    if mode != "masks":
        leave = {client: 0 for client, after in leave.items() if after < 3}
    while promised and may_fail(plan, least, leave, mode):
        del leave[choice.choice(sorted(leave))]
    survivors = [
        i
        for i in range(plan.clients)
        if leave.get(i, 3) >= 3 or (mode != "masks" and i not in leave)
    ]
    try:
        opener, sealed = Parties(plan, mode, least).run(updates, weights, leave, number)
    except ProtocolError:
        assert may_fail(plan, least, leave, mode), (plan, leave)
        return "refused", len(leave)
    sums = opener.open_sums(sealed)
    clip = plan.clips(1)[0]
    expected = sum(weights[i] * levels(updates[i], clip, plan.value_bits) for i in survivors)
    np.testing.assert_array_equal(sums.values, expected)
    assert opener.open(sealed)[1].clients == tuple(survivors)
    return "exact", len(leave)


def may_fail(plan: AggregationPlan, least: int, leave: dict[int, int], mode: str) -> bool:
    """Whether too few are left for the sum, or perhaps for some client's secrets."""
    stayed = plan.clients - len(leave)
    if mode != "masks":
        return stayed < least
    holders = graph.neighbours_of_each(plan) + 1
    return stayed < least or len(leave) > holders - graph.threshold_of(holders)


def main() -> None:
    """Run the rounds and write what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--further", type=int, default=50, help="rounds in which more may leave")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    choice, started = random.Random(options.seed), time.monotonic()
    rounds = [one_round(choice, number, True) for number in range(options.rounds)]
    further = [one_round(choice, number, False) for number in range(options.further)]
    result = {
        "command": f"python -m tests.homo.soak --rounds {options.rounds} --further {options.further} "
        f"--seed {options.seed}",
        "rounds": options.rounds, "outcomes": Counter(each for each, _ in rounds),
        "rounds_that_clients_left": sum(left > 0 for _, left in rounds),
        "clients_that_left": sum(left for _, left in rounds),
        "further": Counter(each for each, _ in further), "wrong": 0,
        "seconds": round(time.monotonic() - started),
    }  # fmt: skip
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
