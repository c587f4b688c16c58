# SPDX-License-Identifier: Apache-2.0
"""What few bits and lazy gradients save, and cost in AUC: ``python -m tests.trees.measure_few_bits --json FILE``.

Not a test. All parties run in this process, one thread each, so that its CPU seconds are those of all together. AUC is
that of rows left out, of models that are trained with all columns at the guest: the same trees, as
tests/trees/test_bit_identity.py has it, without encryption.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from pyfate_gpu import (
    HeteroBoostedTreesClassifier,
    backend_info,
    generate_keypair,
    simulate,
    use_backend,
)
from pyfate_gpu.trees.packing import GradientSlots
from tests.trees.make_xgboost_trees import load

CREDIT = {"max_depth": 5, "max_bin": 32, "learning_rate": 0.1, "key_bits": 2048}
BREAST = {
    "max_depth": 3,
    "max_bin": 32,
    "learning_rate": 0.3,
    "key_bits": 2048,
    "min_samples_leaf": 1,
}
LAZY = {"gradient_bits": 4, "lazy_gradients": "show_changed_rows"}
SEEDS = 5


class Clock:
    """CPU seconds of the process, and what parties had done and sent, at their reports."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.usages: dict[str, list[Any]] = {}

    def on_iteration(self, report: Any) -> None:
        if report.party == "guest":
            self.times.append(time.process_time())
        self.usages.setdefault(report.party, []).append(report.usage)


def train(parts: list[Any], y: Any, trees: int, **params: Any) -> tuple[Clock, Any]:
    """Train, and return what it took and the guest's model."""
    clock = Clock()

    def party(X: Any, labels: Any = None) -> Any:
        model = HeteroBoostedTreesClassifier(n_estimators=trees, callbacks=[clock], **params)
        return lambda session: model.fit(X, labels, session=session)

    done = simulate(
        guest=party(parts[0], y), hosts=[party(part) for part in parts[1:]], timeout=36_000
    )
    return clock, done["guest"]


def cost(clock: Clock, first: int) -> dict[str, Any]:
    """Return the mean tree of those from the one numbered `first` on, from 0."""
    trees, found = len(clock.times) - first, {}
    if first:
        found["cpu_seconds"] = round((clock.times[-1] - clock.times[first - 1]) / trees, 3)
    usages = [usage for each in clock.usages.values() for usage in each[first:]]
    return found | {
        "bytes": round(sum(usage.bytes_sent for usage in usages) / trees),
        "encryptions": round(sum(usage.operations.get("encrypt", 0) for usage in usages) / trees),
    }


def area(params: dict[str, Any], trees: int, seed: int) -> float:
    """Return the AUC of a fifth of the rows, left out."""
    parts, y = load("default_credit")
    x = np.hstack(parts)
    order = np.random.default_rng(0).permutation(len(y))
    kept, tested = np.split(order, [int(0.8 * len(y))])

    def guest(session: Any) -> Any:
        model = HeteroBoostedTreesClassifier(n_estimators=trees, random_state=seed, **params)
        model.fit(x[kept], y[kept], session=session)
        return model.decision_function(x[tested], session=session)

    def host(session: Any) -> None:
        model = HeteroBoostedTreesClassifier(n_estimators=trees, random_state=seed, **params)
        model.fit(np.empty((len(kept), 0)), session=session)
        model.decision_function(np.empty((len(tested), 0)), session=session)

    scores = simulate(guest=guest, hosts=[host], timeout=3600)["guest"]
    return float(roc_auc_score(y[tested], scores))


def lazy(trees: int) -> dict[str, Any]:
    """Lazy gradients of 4 bits against all rows in each round."""
    parts, y = load("default_credit")
    clock, model = train(parts, y, trees, **CREDIT | LAZY)
    changed = model.changed_rows_
    found = {
        "trees": trees,
        "lazy": cost(clock, 1) | {"all_trees": cost(clock, 0)},
        "share_of_rows": round(float(np.mean(changed)) / len(y), 4),
        "share_at_tree": {n: round(changed[n - 1] / len(y), 3) for n in (1, 2, 5, 10, 20, trees)},
    }
    for name, params in (
        ("4 bits, all rows, one a ciphertext", {"gradient_bits": 4, "packing": "none"}),
        ("24 bits, all rows, packing auto", {}),
    ):
        clock, _ = train(parts, y, 4, **CREDIT | params)
        found[name] = cost(clock, 1)
    diligent = found["4 bits, all rows, one a ciphertext"]
    whole = found["lazy"]["all_trees"]
    found["times_fewer_encryptions"] = round(len(y) / whole["encryptions"], 2)
    found["times_fewer_bytes"] = round(diligent["bytes"] / whole["bytes"], 2)
    return found


def areas(trees: int) -> dict[str, Any]:
    """AUC of exact gradients, and of few bits over seeds."""
    params = {name: value for name, value in CREDIT.items() if name != "key_bits"}
    small = {"key_bits": 512, "allow_insecure_key_size": True}  # nothing is encrypted
    exact = area(params | small, trees, 0)
    found: dict[str, Any] = {"exact": round(exact, 5)}
    for name, more in (("lazy, 4 bits", LAZY), ("5 bits", {"gradient_bits": 5})):
        each = [area(params | small | more, trees, seed) for seed in range(SEEDS)]
        found[name] = {
            "each": [round(value, 5) for value in each],
            "mean": round(float(np.mean(each)), 5),
            "loss": round(exact - float(np.mean(each)), 5),
        }
    return found


def tail(bits: int, rounds: int) -> float:
    """Return the CPU seconds of squeezing, blinding, reading and decrypting what a breast tree is answered by."""
    settings = HeteroBoostedTreesClassifier(**BREAST | {"gradient_bits": bits}).settings()
    slots = GradientSlots(settings.size_bits, 569, 1, 2048)
    public, private = generate_keypair(2048)
    rows = np.random.default_rng(0).integers(0, slots.bound, size=(2 * 20 * 31, 2))
    sums = private.encrypt(slots.encode(rows), slots=slots.sent)
    spent = []
    for _ in range(rounds + 1):
        began = time.process_time()
        for nodes in (1, 1, 2):
            answer = sums[: nodes * 20 * 31]
            sent = answer.squeeze(slots.answered(answer.size)).to_wire()
            slots.read(private.decrypt(public.from_wire(sent)))
        spent.append(time.process_time() - began)
    return float(np.mean(spent[1:]))


def breast(rounds: int) -> dict[str, Any]:
    """5 bits against 24 on breast cancer, in turns."""
    parts, y = load("breast")
    costs: dict[int, list[dict[str, Any]]] = {24: [], 5: []}
    for _ in range(rounds):
        for bits, kept in costs.items():
            clock, _ = train(parts, y, 4, **BREAST | {"gradient_bits": bits})
            kept.append(cost(clock, 1))
    found: dict[str, Any] = {
        f"{bits} bits": {
            name: round(float(np.mean([c[name] for c in kept])), 4) for name in kept[0]
        }
        for bits, kept in costs.items()
    }
    tails = {bits: np.mean([tail(bits, rounds) for _ in range(rounds)]) for bits in costs}
    for bits, seconds in tails.items():
        found[f"{bits} bits"]["tail_cpu_seconds"] = round(float(seconds), 4)
    many, few = found["24 bits"], found["5 bits"]
    for name in ("cpu_seconds", "tail_cpu_seconds"):
        found[f"ratio_of_{name}"] = round(many[name] / few[name], 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trees", type=int, default=50)
    parser.add_argument("--isa", help="instruction set; by default the best one")
    parser.add_argument("--only", choices=("lazy", "areas", "breast"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cases = {
        "lazy": lambda: lazy(options.trees),
        "areas": lambda: areas(options.trees),
        "breast": lambda: breast(4),
    }
    found: dict[str, Any] = {}
    with use_backend("cpu", threads=1, isa=options.isa):
        for name, measure in cases.items():
            if options.only in (None, name):
                found[name] = measure()
                print(json.dumps({name: found[name]}), flush=True)
        info = backend_info()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    result = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": commit,
        "command": "python -m tests.trees.measure_few_bits",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "instruction_set": info.isa,
        **found,
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
