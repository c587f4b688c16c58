# SPDX-License-Identifier: Apache-2.0
"""A network on digits of ten clients: secure sums of 16 and 8 bits against averages in the clear.

``python -m tests.homo.measure_network --json tests/results/homo_network.json``, with a Python that has PyTorch. Not a
test: a run takes a minute. Ends with an error beyond 0.3 points of accuracy at 16 bits, 1 at 8, in the mean of seeds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

from pyfate_gpu import simulate
from pyfate_gpu.homo.network import HomoNetworkClassifier

CLIENTS, ROUNDS, SEEDS = 10, 20, 5
TEST = 400


def network():
    """64-64-10, with a counter of integers in it."""
    return torch.nn.Sequential(
        torch.nn.Linear(64, 64), torch.nn.BatchNorm1d(64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
    )


def model(bits: int, seed: int) -> HomoNetworkClassifier:
    """The same at every party."""
    return HomoNetworkClassifier(
        network=network,
        classes=range(10),
        seed=seed,
        max_iter=ROUNDS,
        value_bits=bits,
        max_rows=1024,
    )


def secure(bits: int, seed: int, parts) -> HomoNetworkClassifier:
    """Trained by sums under masks."""
    torch.manual_seed(seed)
    clients = [
        lambda session, rows=rows: model(bits, seed).fit(*rows, session=session) for rows in parts
    ]
    found = simulate(server=lambda session: model(bits, seed).fit(session=session), clients=clients)
    return found["client-0"]


def clear(seed: int, parts):
    """Averages in the clear, of the same local training."""
    torch.manual_seed(seed)
    mine = model(16, seed)
    common = mine._new_network()
    total = sum(len(y) for _, y in parts)
    for _ in range(ROUNDS):
        before = {name: value.clone() for name, value in common.state_dict().items()}
        mean = {name: torch.zeros_like(value) for name, value in before.items()}
        for X, y in parts:
            common.load_state_dict(before)
            mine._descend(torch, common, *mine._tensors(X, y))
            for name, value in common.state_dict().items():
                share = 1 if value.dtype == torch.int64 else len(y) / total
                mean[name] += share * (value - before[name])
        common.load_state_dict({name: before[name] + mean[name] for name in before})
    mine.network_ = common
    return mine


def main() -> None:
    """Train all and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    X, y = load_digits(return_X_y=True)
    X = X / 16
    accuracies: dict[str, list[float]] = {"clear": [], "16 bits": [], "8 bits": []}
    for seed in range(SEEDS):
        order = np.random.default_rng(seed).permutation(len(y))
        tested, rest = order[:TEST], order[TEST:]
        cuts = np.sort(
            np.random.default_rng(seed).choice(
                np.arange(60, len(rest) - 60, 60), CLIENTS - 1, False
            )
        )
        parts = [(X[rows], y[rows]) for rows in np.split(rest, cuts)]
        found = {
            "clear": clear(seed, parts),
            "16 bits": secure(16, seed, parts),
            "8 bits": secure(8, seed, parts),
        }
        assert (
            found["16 bits"].network_[1].num_batches_tracked
            == found["clear"].network_[1].num_batches_tracked
        )
        for name, each in found.items():
            accuracies[name].append(float((each.predict(X[tested]) == y[tested]).mean()))
    means = {name: round(100 * float(np.mean(values)), 2) for name, values in accuracies.items()}
    result = {
        "command": "python -m tests.homo.measure_network", "torch": torch.__version__, "clients": CLIENTS,
        "rounds": ROUNDS, "seeds": SEEDS, "accuracy": means,
    }  # fmt: skip
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    assert abs(means["16 bits"] - means["clear"]) <= 0.3
    assert abs(means["8 bits"] - means["clear"]) <= 1


if __name__ == "__main__":
    main()
