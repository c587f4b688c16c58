# SPDX-License-Identifier: Apache-2.0
"""What regression on shares costs with keys of 2,048 bits, both parties in one process, a thread each.

``python -m tests.sshe.measure_steps --json tests/results/sshe.json`` takes some minutes; no test. CPU seconds are those
of the process, both parties together, set-up apart (keys, tables, placing): a step is an iteration after the first
divided by its batches. Returns are measured alone: what comes back of a product of 1,024 rows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from pyfate_gpu import (
    HeteroBoostedTreesClassifier,
    HeteroLogisticRegression,
    HeteroSSHELogisticRegression,
    backend_info,
    generate_keypair,
    simulate,
    use_backend,
)
from pyfate_gpu.protocol.sharing.conversion import mask, plaintext, return_layout, unmask
from pyfate_gpu.protocol.sharing.features import SharedFeatures
from pyfate_gpu.protocol.sharing.masks import random_ring
from tests.glm.real_data import load_whole
from tests.sshe.oracle import Descent, prepared

KEY = {"key_bits": 2048}
#: Cubic links fall beyond their interval, where scores of breast get by momentum.
SMALL_STEPS = {"optimizer": "sgd", "alpha": 0.1}


class Clock:
    """CPU seconds of each iteration, and bytes the guest saw."""

    def __init__(self):
        self.seconds, self.nbytes = [], []
        self._last = time.process_time()

    def on_iteration(self, report):
        if report.party == "guest":
            now = time.process_time()
            self.seconds.append(now - self._last)
            self.nbytes.append(report.usage.bytes_sent + report.usage.bytes_received)
            self._last = now

    def __deepcopy__(self, memo):
        return self


def train(kind, data, arbiter=False, **params):
    """Return the models by party and the clock."""
    guest, y, host = data
    clock = Clock()

    def party(*data):
        model = kind(**KEY, callbacks=[clock], **params)
        return lambda session: model.fit(*data, session=session)

    third = party() if arbiter else None
    return simulate(guest=party(guest, y), hosts=[party(host)], arbiter=third, timeout=3600), clock


def steps(data, batch_size, iterations, **params):
    """Return CPU seconds and bytes of a step, of iterations after the first."""
    models, clock = train(
        HeteroSSHELogisticRegression, data, batch_size=batch_size, max_iter=iterations, tol=0.0, **params
    )  # fmt: skip
    batches = -(-len(data[1]) // batch_size)
    later = clock.seconds[1:] or clock.seconds
    usage = models["guest"].report_.usage
    return {
        "rows": min(batch_size, len(data[1])),
        "cpu_seconds": round(float(np.median(later)) / batches, 4),
        "first_iteration_cpu_seconds": round(clock.seconds[0], 2),
        "bytes": round(float(np.median(clock.nbytes)) / batches),
        "bytes_of_results": round(
            sum(usage.sent[name] + usage.received[name] for name in ("scores", "gradient"))
            / batches / len(clock.seconds)
        ),
    }  # fmt: skip


def returns(rows=1024, columns=13, repeats=3):
    """Return CPU seconds of what comes back of a product, with and without squeezing, in turns."""
    public, private = generate_keypair(2048)
    X = np.rint(np.random.default_rng(0).normal(size=(rows, columns)).clip(-2, 2) * 2**24)
    features = SharedFeatures(X.astype(np.int64), 26, public)
    layout = return_layout(2048, features.shape.product_bound)
    share = private.encrypt(plaintext(random_ring((columns,))))
    mask(features.times_encrypted(share))  # tables
    found = {"squeezed": [], "plain": []}
    for _ in range(repeats):
        for name, chosen in (("squeezed", layout), ("plain", None)):
            marks = [time.process_time()]
            product = features.times_encrypted(share, chosen)
            marks.append(time.process_time())
            masked, _ = mask(product)
            marks.append(time.process_time())
            data = masked.to_wire()
            unmask(private, masked)
            marks.append(time.process_time())
            found[name].append([*np.diff(marks), len(data)])
    result = {
        name: dict(zip(("product", "mask", "decrypt", "bytes"), np.median(rows, axis=0).round(5).tolist(), strict=True))
        for name, rows in found.items()
    }  # fmt: skip
    squeezed, plain = result["squeezed"], result["plain"]
    total = {name: sum(list(each.values())[:3]) for name, each in result.items()}
    result["ratios"] = {
        "decrypt": round(plain["decrypt"] / squeezed["decrypt"], 2),
        "all": round(total["plain"] / total["squeezed"], 2),
        "bytes": round(plain["bytes"] / squeezed["bytes"], 2),
    }
    return result


def quality(data, link, iterations, batch_size, **params):
    """Return the AUC of a model on its own rows, and how far its weights are from the rule in the clear."""
    guest, y, host = data
    models, clock = train(
        HeteroSSHELogisticRegression, data, link=link, max_iter=iterations, batch_size=batch_size, tol=0.0, **params
    )  # fmt: skip
    own, other = models["guest"], models["host-0"]
    weights = np.concatenate([own.coef_, [own.intercept_], other.coef_])
    parts = prepared(guest, 2.0), prepared(host, 2.0)
    rule = {"momentum": 0.9 if own.optimizer == "momentum" else 0.0, "alpha": own.alpha}
    wanted, _ = Descent(link, iterations, batch_size=batch_size, **rule).run(*parts, y)
    scores = np.hstack([parts[0], np.ones((len(y), 1)), parts[1]]) @ weights
    return {
        "link": link,
        "iterations": iterations,
        "batch_size": batch_size,
        **params,
        "auc": round(float(roc_auc_score(y, scores)), 4),
        "relative_difference": float(np.abs(weights - wanted).max() / np.abs(wanted).max()),
        "cpu_seconds": round(sum(clock.seconds), 2),
    }


def with_arbiter(data, **params):
    """Return CPU seconds and bytes of an iteration of the regression with an arbiter, all parties together."""
    models, clock = train(HeteroLogisticRegression, data, arbiter=True, tol=0.0, **params)
    sent = sum(model.report_.usage.bytes_sent for model in models.values())
    return {
        **params,
        "cpu_seconds": round(float(np.median(clock.seconds[1:] or clock.seconds)), 3),
        "bytes": round(sent / models["guest"].n_iter_),
    }


def trees(data, **params):
    """Return CPU seconds of a boosted tree, both parties together, and bytes."""
    _, clock = train(HeteroBoostedTreesClassifier, data, **params)
    return {
        **params,
        "cpu_seconds": round(float(np.median(clock.seconds[1:])), 3),
        "bytes": round(float(np.median(clock.nbytes))),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    breast, credit = load_whole("breast"), load_whole("default_credit")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    with use_backend("cpu", threads=1):
        result = {
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": commit,
            "command": "python -m tests.sshe.measure_steps --json tests/results/sshe.json",
            "isa": backend_info().isa,
            "machine": "shared, beside other work; CPU seconds",
            "returns": returns(),
            "breast, steps of 128 rows": steps(breast, 128, 4),
            "breast, steps of 128 rows, cubic": steps(
                breast, 128, 3, link="cubic_wide", **SMALL_STEPS
            ),
            "breast, steps of 128 rows, not squeezed": steps(breast, 128, 3, squeeze=False),
            "breast, all rows": steps(breast, 569, 3),
            "breast, with an arbiter, batches of 128": with_arbiter(
                breast, batch_size=128, max_iter=3
            ),
            "breast, with an arbiter, all rows": with_arbiter(breast, max_iter=4),
            "breast, a boosted tree": trees(breast, n_estimators=4, max_depth=3),
            "default_credit, steps of 1024 rows": steps(credit, 1024, 2),
            "quality of breast": quality(breast, "linear", 30, None),
            "quality of breast, cubic": quality(breast, "cubic_wide", 10, 128, **SMALL_STEPS),
            "quality of default_credit": quality(credit, "linear", 1, 1024),
        }
    step = result["default_credit, steps of 1024 rows"]
    step["epoch_cpu_seconds"] = round(step["cpu_seconds"] * -(-len(credit[1]) // 1024), 2)
    step["epoch_bytes"] = step["bytes"] * -(-len(credit[1]) // 1024)
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
