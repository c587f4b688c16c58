# SPDX-License-Identifier: Apache-2.0
"""Networks of PyTorch; what needs it is skipped without it, tests/homo/measure_network.py compares accuracies."""

import numpy as np
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.homo import HomoNetworkClassifier


@pytest.mark.parametrize(
    "wrong",
    [{}, {"network": "linear"}, {"max_iter": 0}, {"learning_rate": 0.0}, {"proximal": -1.0}, {"value_bits": 1.5}],
)  # fmt: skip
def test_parameters_that_make_no_sense(wrong):
    with pytest.raises(ConfigurationError):
        HomoNetworkClassifier(**{"network": (lambda: None) if wrong else None} | wrong).check()
    with pytest.raises(ConfigurationError, match="fit first"):
        HomoNetworkClassifier(network=lambda: None).predict([[1.0]])


def test_clients_end_with_one_network():
    torch = pytest.importorskip("torch")
    X = np.random.default_rng(0).normal(size=(90, 4))
    y = np.where(X[:, 0] > X[:, 1], "up", "down")

    def model():
        network = lambda: torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))  # noqa: E731
        return HomoNetworkClassifier(
            network=network, classes=["down", "up"], max_iter=8, learning_rate=0.5
        )

    def client(rows):
        return lambda session: model().fit(X[rows], y[rows], session=session)

    server = lambda session: model().fit(session=session)  # noqa: E731
    found = simulate(server=server, clients=[client(slice(0, 30)), client(slice(30, 90))])
    first, second = found["client-0"], found["client-1"]
    assert (first.predict(X) == y).mean() > 0.9
    np.testing.assert_array_equal(first.decision_function(X), second.decision_function(X))
    assert first.network_[0].num_batches_tracked == 8 * (1 + 2)  # of both clients
    assert first.loss_history_[-1] < first.loss_history_[0]
    with pytest.raises(DataError):
        simulate(server=server, clients=[client(slice(0, 0)), client(slice(30, 90))])
