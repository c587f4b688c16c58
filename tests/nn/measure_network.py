# SPDX-License-Identifier: Apache-2.0
"""What a shared layer costs with keys of 2,048 bits, and how good networks on three sets of data are; no test.

``python -m tests.nn.measure_network --json tests/results/network.json``. The layer is that of 256 rows, 32 inputs of
each party, 16 outputs, forward and backward, both parties in one process, a thread each, with columns in slots and
without in turns. Networks take PyTorch and keys of 1,024 bits; the left half of each digit is the guest's.
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
from pyfate_gpu.nn.layer import LayerShape
from tests.nn.pair import layer_of, run_both

ROWS, INPUTS, OUTPUTS = 256, 32, 16


#: What FATE 1's layer takes for the same with a gradient to the host, counted from its messages, a ciphertext a number.
COUNTED = {
    "encrypt": ROWS * INPUTS + INPUTS * OUTPUTS,
    "multiply": 3 * ROWS * INPUTS * OUTPUTS,
    "decrypt": ROWS * OUTPUTS + INPUTS * OUTPUTS + ROWS * INPUTS,
}


def layer_steps(squeeze, host_gradient, count=3, mode="shared", sizes=(ROWS, INPUTS, INPUTS)):
    """Return CPU seconds and bytes of a forward and backward, and the operations of both parties."""
    rows, own, other = sizes
    if mode == "interactive":  # the guest's half of it is its own, in clear
        own = 0
    shape = LayerShape(own, other, OUTPUTS, input_bits=28, host_gradient=host_gradient)
    generator = np.random.default_rng(0)
    inputs = [generator.normal(size=(rows, n)).clip(-8, 8) for n in (own, other)]
    gradient = generator.normal(size=(rows, OUTPUTS)) / rows
    marks = []

    def guest(session):
        layer = layer_of(session, shape, bits=2048, squeeze=squeeze, mode=mode)
        for number in range(count):
            marks.append(time.process_time())
            layer.forward(inputs[0], {"batch": number})
            layer.backward(gradient, {"batch": number})
        session.receive(session.hosts[0], "done", done=bool)
        marks.append(time.process_time())
        return session.statistics.usage()

    def host(session):
        layer = layer_of(session, shape, bits=2048, squeeze=squeeze, mode=mode)
        for number in range(count):
            layer.forward(inputs[1], {"batch": number})
            layer.backward(rows, {"batch": number})
        session.send(session.parties[0], "done", done=True)
        return session.statistics.usage()

    usages = run_both(guest, host)
    operations = {
        step: sum(usage.operations.get(step, 0) for usage in usages) // count
        for step in ("encrypt", "mask", "multiply", "decrypt")
    }
    return {
        "cpu_seconds": round(float(np.min(np.diff(marks[1:]))), 3),
        "bytes": round(sum(usage.bytes_sent for usage in usages) / count),
        "operations": operations,
    }


def data_of(name):
    """Return features, labels, and which columns are the guest's."""
    from sklearn.datasets import load_digits

    from tests.glm.real_data import load_breast_cancer, load_sample

    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return X, y, np.arange(64) % 8 < 4
    guest, y, host = load_breast_cancer() if name == "breast" else load_sample("vehicle_scale")
    X = np.hstack([guest, host])
    return X, y.astype(int), np.arange(X.shape[1]) < guest.shape[1]


def in_one_place(X, y, tested, wanted, passes):
    """Return accuracies of the same network in one place, of some seeds."""
    import torch

    from pyfate_gpu.nn.modules import make_top

    mean, scale = X.mean(axis=0), np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
    own, new = (torch.from_numpy(((v - mean) / scale).clip(-8, 8)) for v in (X, tested))
    accuracies = []
    for seed in range(16):
        torch.manual_seed(seed)
        columns = X.shape[1]
        first = torch.nn.Linear(columns, 16, bias=False, dtype=torch.float64)
        torch.nn.init.uniform_(first.weight, -(columns**-0.5), columns**-0.5)
        top = make_top(16, (), len(set(y.tolist())))
        steps = [
            torch.optim.SGD(first.parameters(), lr=0.1, momentum=0.9),
            torch.optim.Adam(top.parameters(), lr=0.01),
        ]
        generator = np.random.default_rng(seed)
        for _ in range(passes):
            order = generator.permutation(len(y))
            for start in range(0, len(y), 128):
                rows = order[start : start + 128]
                loss = torch.nn.functional.cross_entropy(
                    top(first(own[rows])), torch.from_numpy(y[rows])
                )
                for step in steps:
                    step.zero_grad()
                loss.backward()
                for step in steps:
                    step.step()
        accuracies.append(float((top(first(new)).argmax(axis=1).numpy() == wanted).mean()))
    return [round(a, 4) for a in accuracies]


def quality(name):
    """Return accuracies on the rows left out: of the shared network, and of the same in one place."""
    import torch
    from sklearn.model_selection import train_test_split

    from pyfate_gpu import HeteroNetworkClassifier

    X, y, left = data_of(name)
    X, tested, y, wanted = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
    params = {
        "width": 16,
        "max_iter": 12 if name == "digits" else 20,
        "batch_size": 128,
        "learning_rate": 0.1,
        "net_learning_rate": 0.01,
    }

    def party(columns, **data):
        def run(session):
            model = HeteroNetworkClassifier(
                key_bits=1024, allow_insecure_key_size=True, random_state=0, **params
            )
            return model.fit(X[:, columns], session=session, **data).predict(
                tested[:, columns], session=session
            )

        return run

    began = time.process_time()
    found = [
        simulate(guest=party(left, y=y), hosts=[party(~left)], timeout=3600)["guest"]
        for _ in range(1 if name == "digits" else 3)  # each begins with other shares
    ]
    seconds = (time.process_time() - began) / len(found)
    return {
        **params,
        "accuracy": [round(float((each == wanted).mean()), 4) for each in found],
        "in_one_place": in_one_place(X, y, tested, wanted, params["max_iter"]),
        "cpu_seconds": round(seconds, 1),
        "torch": torch.__version__,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--layer-alone", action="store_true", help="no networks on data")
    options = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    with use_backend("cpu", threads=1):
        result = {
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": commit,
            "command": "python -m tests.nn.measure_network --json tests/results/network.json",
            "isa": backend_info().isa,
            "machine": "shared, beside other work; CPU seconds",
            "layer, columns in slots": layer_steps(True, False),
            "layer, a ciphertext a number": layer_steps(False, False),
            "layer, columns in slots, gradient to the host": layer_steps(True, True),
            "layer, a ciphertext a number, gradient to the host": layer_steps(False, True),
            "interactive layer, in slots": layer_steps(True, True, mode="interactive"),
            "interactive layer, a ciphertext a number": layer_steps(
                False, True, mode="interactive"
            ),
            "interactive layer of FATE 1, counted": COUNTED,
            "breast, a step of 128 rows": layer_steps(True, False, sizes=(128, 10, 20)),
        }
        try:
            for name in () if options.layer_alone else ("digits", "breast", "vehicle"):
                result[name] = quality(name)
        except ImportError:
            result["digits"] = "no PyTorch here"
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
