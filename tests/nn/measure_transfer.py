# SPDX-License-Identifier: Apache-2.0
"""What transfer learning gives a host on halves of digits, and what a step costs; no test.

``python -m tests.nn.measure_transfer --json tests/results/transfer.json``. Odd or even digits, 1,197 rows of the guest,
800 of the host, 200 in common, of which so many have a label; accuracies of the host's other 600 rows, means of some
divisions. Both parties in one process, a thread each, keys of 1,024 bits; a step with keys of 2,048 bits besides.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from pyfate_gpu import backend_info, simulate, use_backend
from pyfate_gpu.nn.transfer import FederatedTransfer
from tests.nn.digits import halves_of_digits
from tests.nn.transfer_rule import rule

PARAMS = {"features": 8, "max_iter": 30, "kappa": 0.6, "lam": 0.001, "own": 3.0}
COMMON = np.arange(200)


def accuracies(labelled, net, seeds):
    """Return means over divisions of what the host's new rows get."""
    found = []
    for seed in range(seeds):
        split = halves_of_digits(seed, labelled=labelled, components=80)
        below = (split.guest_net, split.host_net) if net else (None, None)

        def model(seed, bottom):
            return FederatedTransfer(
                **PARAMS, key_bits=1024, allow_insecure_key_size=True, learning_rate=0.2 if net else 0.1,
                random_state=seed, bottom=bottom,
            )  # fmt: skip

        def guest(session, split=split, below=below, model=model):
            fitted = model(1, below[0]).fit(split.guest, split.y, session=session, common=COMMON)
            fitted.predict(session=session)
            return fitted.loss_history_

        def host(session, split=split, below=below, model=model):
            fitted = model(2, below[1]).fit(split.host, session=session, common=COMMON)
            return fitted.predict(split.new, session=session)

        began = time.process_time()
        both = simulate(guest=guest, hosts=[host], timeout=600)
        seconds = time.process_time() - began
        inputs = [split.scaled(split.guest), split.scaled(split.host)]
        if net:
            inputs = [split.guest_net(inputs[0]), split.host_net(inputs[1])]
        signs = np.where(np.isnan(split.y), 0.0, 2 * split.y - 1)[:, None]
        chosen = {name: PARAMS[name] for name in ("features", "kappa", "lam", "own")}
        _, _, losses, _ = rule(
            *inputs, signs, (COMMON, COMMON), rate=0.2 if net else 0.1, iterations=PARAMS["max_iter"], **chosen
        )  # fmt: skip
        given = (split.alone if net else split.linear)(labelled) if labelled else []
        found.append(
            {
                "transfer": float((both["host-0"] == split.wanted).mean()),
                "the labels of common rows given away": float(np.mean(given)) if given else None,
                "the guest's own features of these rows": split.guest_alone(net),
                "largest class": float(max(split.wanted.mean(), 1 - split.wanted.mean())),
                "loss off by": float(np.abs(np.array(both["guest"]) - losses).max()),
                "cpu_seconds": seconds,
            }
        )
    means = {
        name: None if found[0][name] is None else round(float(np.mean([f[name] for f in found])), 4)
        for name in found[0]
    }
    return means | {
        "loss off by": max(f["loss off by"] for f in found),
        "each": [round(f["transfer"], 4) for f in found],
    }


def step(rows=1000, inputs=(32, 32), features=32):
    """Return CPU seconds, bytes and operations of a step of both parties with keys of 2,048 bits."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(rows, sum(inputs)))
    y = (X.sum(axis=1) > 0).astype(int)
    marks = []

    def party(columns, *labels):
        def run(session):
            before = session.statistics.usage()
            for count in (1, 3):
                marks.append(time.process_time())
                FederatedTransfer(features=features, max_iter=count, key_bits=2048).fit(
                    X[:, columns], *labels, session=session, common=np.arange(rows)
                )
            marks.append(time.process_time())
            usage = session.statistics.usage()
            return usage, before

        return run

    left = np.arange(sum(inputs)) < inputs[0]
    with use_backend("cpu", threads=1):
        both = simulate(guest=party(left, y), hosts=[party(~left)], timeout=3600)
    operations = {
        name: sum(after.operations.get(name, 0) for after, _ in both.values()) // 4
        for name in ("encrypt", "mask", "multiply", "decrypt")
    }
    marks = sorted(marks)
    sent = operations["encrypt"] + operations["mask"]
    formulas = rows * (2 * features**2 + 4 * features)
    return {
        "cpu_seconds": round((marks[-1] - marks[0]) / 4, 3),
        "bytes": round(sum(after.bytes_sent for after, _ in both.values()) / 4),
        "operations": operations,
        "ciphertexts": sent,
        "a matrix and two rows each for each common row": formulas,
        "times fewer": round(formulas / sent, 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    with use_backend("cpu", threads=1):
        result = {
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": commit,
            "command": "python -m tests.nn.measure_transfer --json tests/results/transfer.json",
            "isa": backend_info().isa,
            "machine": "shared, beside other work; CPU seconds",
            "parameters": PARAMS,
            "divisions": options.seeds,
        }
        for net in (True, False):
            for labelled in (0, 20, 200):
                name = f"{labelled} of 200 common rows labelled, {'nets' if net else 'features as they are'}"
                result[name] = accuracies(labelled, net, options.seeds)
                print(name, result[name], flush=True)
        result["a step, 1,000 common rows, 32 inputs of each, 32 features, 2,048 bits"] = step()
        result["breast, a step, 200 common rows, 16 features, 2,048 bits"] = step(200, (10, 20), 16)
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
