# SPDX-License-Identifier: Apache-2.0
"""Transfer learning follows the same descent in the clear, and labels rows that the guest does not have."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.errors import ConfigurationError, DataError, DivergenceError
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.nn.transfer import FederatedTransfer
from tests.sshe.oracle import prepared

SMALL = {"key_bits": 512, "allow_insecure_key_size": True, "features": 3, "max_iter": 4}


def fit(guest, y, host, common, *, new=None, at_host=None, **params):
    def guest_side(session):
        model = FederatedTransfer(**{**SMALL, "random_state": 1, **params})
        model.fit(guest, y, session=session, common=common[0])
        if new is not None:
            model.predict(session=session)
        return model

    def host_side(session):
        model = FederatedTransfer(**{**SMALL, "random_state": 2, **params, **(at_host or {})})
        model.fit(host, session=session, common=common[1])
        return model, None if new is None else model.predict(new, session=session)

    found = simulate(guest=guest_side, hosts=[host_side], timeout=60.0)
    return found["guest"], *found["host-0"]


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(4)
    hidden = generator.normal(size=(60, 2))
    own = hidden @ generator.normal(size=(2, 3)) + 0.1 * generator.normal(size=(60, 3))
    other = hidden @ generator.normal(size=(2, 4)) + 0.1 * generator.normal(size=(60, 4))
    return own[:40], other[20:], hidden


def rule(
    a, b, signs, common, *, kappa=0.1, lam=0.01, rate=0.3, momentum=0.9, iterations=4, features=3
):
    """The same descent in the clear, by derivatives taken one row after the other."""
    W, V = (
        np.random.default_rng(seed).normal(size=(x.shape[1], features)) / np.sqrt(x.shape[1])
        for seed, x in ((1, a), (2, b))
    )
    vw, vv, losses = np.zeros_like(W), np.zeros_like(V), []
    for _ in range(iterations):
        uA, uB = a @ W, (b @ V)[common[1]]
        phi = signs.T @ uA / len(a)
        n = len(common[0])
        loss = lam / 2 * ((W**2).sum() + (V**2).sum())
        dphi, duA, duB = np.zeros_like(phi), np.zeros_like(uA), np.zeros_like(uB)
        for place, row in enumerate(common[0]):
            for c in range(len(phi)):
                z, s = phi[c] @ uB[place], signs[row, c]
                loss += (np.log(2) - s * z / 2 + z**2 / 8) / n
                dz = (-s / 2 + z / 4) / n
                dphi[c] += dz * uB[place]
                duB[place] += dz * phi[c]
            gap = uA[row] - uB[place]
            loss += kappa / 2 * gap @ gap / n
            duA[row] += kappa * gap / n
            duB[place] -= kappa * gap / n
        duA += signs @ dphi / len(a)
        losses.append(loss)
        vw = momentum * vw + a.T @ duA + lam * W
        vv = momentum * vv + b[common[1]].T @ duB + lam * V
        W, V = W - rate * vw, V - rate * vv
    return W, V, losses


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("squeeze", [True, False])
def test_weights_and_losses_are_those_of_the_rule(data, classes, squeeze):
    own, other, hidden = data
    y = np.digitize(hidden[:40, 0], np.linspace(-0.5, 0.5, classes - 1))
    common = np.arange(20, 40), np.arange(20)
    guest, host, _ = fit(own, y, other, common, squeeze=squeeze)
    signs = 2.0 * (y[:, None] == np.arange(classes)) - 1 if classes > 2 else 2.0 * y[:, None] - 1
    W, V, losses = rule(prepared(own, 4.0), prepared(other, 4.0), signs, common)
    np.testing.assert_allclose(guest.weights_, W, atol=1e-6)
    np.testing.assert_allclose(host.weights_, V, atol=1e-6)
    np.testing.assert_allclose(guest.loss_history_, losses, atol=1e-6)


def test_the_host_gets_labels_of_rows_of_its_own(data):
    own, other, hidden = data
    y = np.where(hidden[:40, 0] > 0, "up", "down")
    common = np.arange(20, 40), np.arange(20)
    _, host, found = fit(own, y, other, common, new=other[20:], max_iter=40)
    wanted = np.where(hidden[40:, 0] > 0, "up", "down")
    assert (found == wanted).mean() > 0.85
    assert not hasattr(host, "classes_")
    assert not hasattr(host, "centres_")


def test_what_travels_is_encrypted_or_a_share(data, monkeypatch):
    own, other, hidden = data
    opened, sealed, original = Counter(), Counter(), MemoryChannel.send

    def send(self, to, frame):
        name = frame.name.partition("/")[2]
        for value in frame.payload.values():
            if isinstance(value, Sealed):
                sealed[name] += 1
            elif isinstance(value, np.ndarray):
                assert value.dtype == np.uint64
                opened[name] += value[..., 0].size
        return original(self, to, frame)

    monkeypatch.setattr(MemoryChannel, "send", send)
    fit(own, (hidden[:40, 0] > 0).astype(int), other, (np.arange(20, 40), np.arange(20)))
    assert set(sealed) == {"rows", "square", "gradient", "served", "loss"}
    # Gradients of each party's own weights, and the loss: nothing else is opened.
    assert opened == {"gradient_share": 4 * 3 * 3, "served_share": 4 * 4 * 3, "loss_share": 4}


def test_fewer_ciphertexts_than_a_matrix_a_row_takes():
    features, rows, key_bits = 32, 1000, 2048
    # A matrix and three rows for each common row from each party.
    formulas = rows * (2 * features**2 + 4 * features)
    from pyfate_gpu.nn.transfer.components import FACTOR_BITS, ROW_BITS, SQUARE_BITS
    from pyfate_gpu.protocol.sharing.conversion import return_layout

    bound = (rows << ROW_BITS + FACTOR_BITS) + (features << SQUARE_BITS + FACTOR_BITS)
    groups = return_layout(key_bits, bound).groups(features)
    ours = 2 * (rows + features) * groups + (2 * 32 + features) * groups
    assert formulas > 250 * ours


@pytest.mark.parametrize(
    ("common", "text"),
    [
        ([0, 0], "different row numbers"),
        ([40], "below 40"),
        ([], "row numbers"),
        ([0.5], "row numbers"),
    ],
)
def test_rows_that_are_not_common(data, common, text):
    own, other, hidden = data
    with pytest.raises(DataError, match=text):
        fit(own, (hidden[:40, 0] > 0).astype(int), other, (common, [0]))


def test_other_counts_and_parameters_are_refused(data):
    own, other, hidden = data
    y = (hidden[:40, 0] > 0).astype(int)
    with pytest.raises(ConfigurationError, match="common rows"):
        fit(own, y, other, ([1, 2, 3], [1, 2]))
    with pytest.raises(
        ConfigurationError, match="there are 4 common rows.*more common rows or fewer"
    ):
        fit(own, y, other, (np.arange(4), np.arange(4)))
    with pytest.raises(ConfigurationError, match="kappa 0.1 there, 0.2 here"):
        fit(own, y, other, ([1, 2], [1, 2]), at_host={"kappa": 0.2})
    with pytest.raises(ConfigurationError, match="features is 0"):
        FederatedTransfer(features=0).check()
    with pytest.raises(DataError, match="bottom made"):
        fit(own, y, other, ([1, 2], [1, 2]), at_host={"bottom": lambda x: x * np.nan})


def test_representations_that_explode_end_training(data):
    own, other, hidden = data
    y = (hidden[:40, 0] > 0).astype(int)
    with pytest.raises(DivergenceError, match="lower the learning rate"):
        fit(own, y, other, (np.arange(20, 40), np.arange(20)), learning_rate=1e4, max_iter=9)
