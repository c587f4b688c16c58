# SPDX-License-Identifier: Apache-2.0
"""The same Flower app twice: with FedAvg, and with secure sums; what differs is marked."""

from __future__ import annotations

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from sklearn.datasets import load_breast_cancer

from pyfate_gpu.homo import AggregationPlan
from pyfate_gpu.integrations.flower import SecureSumMod

NODES = 5
PARAMETERS = 31


def rows(partition: int) -> tuple[np.ndarray, np.ndarray]:
    """A node's rows; their numbers differ."""
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    X = np.hstack([X, np.ones((len(X), 1))])
    ends = [0, 40, 120, 250, 400, 569]
    order = np.random.default_rng(3).permutation(len(y))[ends[partition] : ends[partition + 1]]
    return X[order], y[order]


def plan() -> AggregationPlan:
    """What strategy and mod have in common."""
    return AggregationPlan(NODES, 24, clip="adaptive", max_total_weight=NODES * 1000)


def initial() -> ArrayRecord:
    """A model of zeros."""
    return ArrayRecord({"weights": Array(np.zeros(PARAMETERS))})


def train(message: Message, context) -> Message:
    """One step of logistic regression; the same in both apps."""
    X, y = rows(int(context.node_config["partition-id"]))
    w = message.content["arrays"]["weights"].numpy()
    p = 1 / (1 + np.exp(-X @ w))
    loss = -np.log(np.where(y, p, 1 - p)).mean()
    new = w - 0.5 * X.T @ (p - y) / len(y)
    content = RecordDict({
        "arrays": ArrayRecord({"weights": Array(new)}),
        "metrics": MetricRecord({"num-examples": len(y), "loss": float(loss)}),
    })  # fmt: skip
    return Message(content, reply_to=message)


def app(secure: bool, **options) -> ClientApp:
    """The client app; `mods` is the one line that differs."""
    found = ClientApp()
    mods = [SecureSumMod(plan(), **options)] if secure else []
    found.train(mods=mods)(train)
    return found
