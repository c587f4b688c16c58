# SPDX-License-Identifier: Apache-2.0
"""The shared layer computes what a linear layer in one place does, to 2^-20; no PyTorch."""

from __future__ import annotations

import copy
from collections import Counter

import numpy as np
import pytest

from pyfate_gpu.errors import (
    ChannelTimeoutError,
    DataError,
    DivergenceError,
    PartyFailedError,
    ProtocolError,
)
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.nn.layer import LayerShape
from pyfate_gpu.protocol.sharing.exchange import Exchange
from tests.nn.pair import layer_of, run_both, weights_of

CLOSE = 2.0**-20


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(5)
    return (
        generator.normal(size=(9, 3)),
        generator.normal(size=(9, 4)),
        generator.normal(size=(9, 5)) / 9,
    )


@pytest.mark.parametrize("mode", ["shared", "interactive"])
@pytest.mark.parametrize("squeeze", [True, False])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_outputs_gradients_and_steps(data, mode, squeeze, momentum):
    own, other, gradient = data
    own = own[:, : 3 if mode == "shared" else 0]
    shape = LayerShape(own.shape[1], 4, 5, host_gradient=True)
    options = {"squeeze": squeeze, "momentum": momentum, "bits": 1024, "mode": mode}

    def guest(session):
        layer = layer_of(session, shape, **options)
        before, outputs = copy.copy(layer), []
        for number in range(3):
            outputs.append(layer.forward(own, {"batch": number}))
            layer.backward(gradient * (number + 1), {"batch": number})
        return before, layer, outputs

    def host(session):
        layer = layer_of(session, shape, **options)
        before, gradients = copy.copy(layer), []
        for number in range(3):
            layer.forward(other, {"batch": number})
            gradients.append(layer.backward(9, {"batch": number}))
        return before, layer, gradients

    (guest_before, guest_after, outputs), (host_before, host_after, gradients) = run_both(
        guest, host
    )
    A, B = weights_of(guest_before, host_before)
    velocity_a, velocity_b = np.zeros_like(A), np.zeros_like(B)
    for number in range(3):
        np.testing.assert_allclose(outputs[number], own @ A + other @ B, atol=CLOSE)
        delta = gradient * (number + 1)
        np.testing.assert_allclose(gradients[number], delta @ B.T, atol=CLOSE)
        velocity_a = momentum * velocity_a + own.T @ delta
        velocity_b = momentum * velocity_b + other.T @ delta
        A, B = A - 0.1 * velocity_a, B - 0.1 * velocity_b
    found = weights_of(guest_after, host_after)
    np.testing.assert_allclose(found[0], A, atol=CLOSE)
    np.testing.assert_allclose(found[1], B, atol=CLOSE)


def test_a_guest_without_inputs(data):
    _, other, gradient = data
    shape = LayerShape(0, 4, 5)

    def guest(session):
        layer = layer_of(session, shape)
        before = copy.copy(layer)
        outputs = layer.forward(np.empty((9, 0)), {})
        layer.backward(gradient, {})
        return before, layer, outputs

    def host(session):
        layer = layer_of(session, shape)
        before = copy.copy(layer)
        layer.forward(other, {})
        assert layer.backward(9, {}) is None
        return before, layer

    (own_before, own, outputs), (before, after) = run_both(guest, host)
    B = weights_of(own_before, before)[1]
    np.testing.assert_allclose(outputs, other @ B, atol=CLOSE)
    np.testing.assert_allclose(weights_of(own, after)[1], B - 0.1 * other.T @ gradient, atol=CLOSE)


def test_neither_party_knows_the_weights(data):
    shape = LayerShape(3, 4, 5)

    def side(session):
        return layer_of(session, shape)

    guest, host = run_both(side, side)
    for name, whole in zip(("guest_weights", "host_weights"), weights_of(guest, host), strict=True):
        assert np.abs(whole).max() < 1.0
        for layer in (guest, host):
            assert not np.allclose(whole, getattr(layer, name)[..., 0].astype(np.int64) * 2.0**-32)


@pytest.mark.parametrize("mode", ["shared", "interactive"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 64.0, -64.0])
def test_inputs_that_are_no_numbers_or_too_large(data, mode, value):
    own, other, _ = data
    broken = other.copy()
    broken[2, 1] = value
    shape = LayerShape(3, 4, 5)

    def guest(session):
        layer_of(session, shape, mode=mode).forward(own, {})

    def host(session):
        layer_of(session, shape, mode=mode).forward(broken, {})

    with pytest.raises(
        DataError, match="an input of the layer is not finite, or its size is 64 or more"
    ):
        run_both(guest, host)


@pytest.mark.parametrize("value", [np.nan, 64.0])
def test_gradients_that_are_no_numbers_or_too_large(data, value):
    own, other, gradient = data
    broken = gradient.copy()
    broken[0, 0] = value
    shape = LayerShape(3, 4, 5)

    def guest(session):
        layer = layer_of(session, shape)
        layer.forward(own, {})
        layer.backward(broken, {})

    def host(session):
        layer = layer_of(session, shape)
        layer.forward(other, {})
        layer.backward(9, {})

    with pytest.raises(DataError, match="a gradient is not finite"):
        run_both(guest, host)


def test_outputs_that_explode_end_training(data):
    own, other, _ = data
    shape = LayerShape(3, 4, 5)
    large = np.full((9, 5), 60.0)

    def guest(session):
        layer = layer_of(session, shape, learning_rate=60.0)
        for number in range(5):
            layer.forward(own * 8, {"batch": number})
            layer.backward(large, {"batch": number})

    def host(session):
        layer = layer_of(session, shape, learning_rate=60.0)
        for number in range(5):
            layer.forward(other * 8, {"batch": number})
            layer.backward(9, {"batch": number})

    with pytest.raises(DivergenceError, match="an output of the shared layer passed"):
        run_both(guest, host)


def test_a_host_with_another_layer_is_refused(data):
    own, other, _ = data

    def guest(session):
        layer_of(session, LayerShape(3, 4, 5)).forward(own, {})

    def host(session):
        session.timeout = 2.0
        layer_of(session, LayerShape(3, 4, 6)).forward(other, {})

    with pytest.raises((ProtocolError, PartyFailedError), match="it takes"):
        run_both(guest, host)


OPENED = {
    "shared": {"activation_share": 9 * 5, "input_gradient_share": 9 * 4},
    "interactive": {
        "activation_share": 9 * 5,
        "noisy_gradients": 4 * 5,
        "input_gradient_share": 9 * 4,
    },
}
SEALED = {
    "shared": {
        "weights": 2, "activations": 2, "gradients": 1, "gradient_sums": 1, "input_weights": 1, "input_gradients": 1,
    },
    "interactive": {
        "inputs": 1, "outputs": 1, "inputs_again": 1, "weight_gradients": 1, "input_weights": 1, "input_gradients": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("mode", ["shared", "interactive"])
def test_every_opened_value_is_on_the_list(data, monkeypatch, mode):
    own, other, gradient = data
    own = own[:, : 3 if mode == "shared" else 0]
    opened, sealed, original = Counter(), Counter(), MemoryChannel.send

    def send(self, to, frame):
        for value in frame.payload.values():
            if isinstance(value, Sealed):
                sealed[frame.name.partition("/")[2] or frame.name] += 1
            elif isinstance(value, np.ndarray):
                assert value.dtype == np.uint64
                opened[frame.name] += value[..., 0].size
        return original(self, to, frame)

    monkeypatch.setattr(MemoryChannel, "send", send)
    shape = LayerShape(own.shape[1], 4, 5, host_gradient=True)

    def guest(session):
        layer = layer_of(session, shape, mode=mode)
        layer.forward(own, {})
        layer.backward(gradient, {})
        return session.statistics.usage()

    def host(session):
        layer = layer_of(session, shape, mode=mode)
        layer.forward(other, {})
        layer.backward(9, {})
        return session.statistics.usage()

    usages = run_both(guest, host)
    assert opened == OPENED[mode]
    assert sealed == SEALED[mode]
    assert all(usage.operations.get("blind", 0) == 0 for usage in usages)


@pytest.mark.parametrize("mode", ["shared", "interactive"])
@pytest.mark.parametrize("squeeze", [True, False])
def test_decrypted_words_say_nothing_of_the_other_party(data, monkeypatch, mode, squeeze):
    """Of 12 steps on the same rows: what a key's owner decrypts is noise to a regression on the other's inputs."""
    own, other, gradient = data
    own = own[:, : 3 if mode == "shared" else 0]
    shape = LayerShape(own.shape[1], 4, 5)
    found, original = {}, Exchange.receive_and_unmask

    def receive(self, name, *arguments, **at):
        share = original(self, name, *arguments, **at)
        found.setdefault((self.session.party.name, name), []).append(share.reshape(-1, 2))
        return share

    monkeypatch.setattr(Exchange, "receive_and_unmask", receive)

    def guest(session):
        layer = layer_of(session, shape, mode=mode, squeeze=squeeze)
        for number in range(12):
            layer.forward(own, {"batch": number})
            layer.backward(gradient, {"batch": number})

    def host(session):
        layer = layer_of(session, shape, mode=mode, squeeze=squeeze)
        for number in range(12):
            layer.forward(other, {"batch": number})
            layer.backward(9, {"batch": number})

    run_both(guest, host)
    assert len(found) == (3 if mode == "shared" else 2)
    for (party, name), shares in found.items():
        # Low words of value plus mask, as numbers in -1 ... 1.
        values = np.concatenate([share[:, 0].view(np.int64) / 2.0**63 for share in shares])
        assert len(values) >= 12 * 20
        assert len(set(values.tolist())) == len(values)
        # Uniform numbers of variance 1/3: beyond eight standard deviations less than once in 10^15 times.
        assert abs(values.mean()) < 8 / np.sqrt(3 * len(values)), (party, name)
        edges = np.histogram(values, bins=4, range=(-1, 1))[0]
        assert ((edges - len(values) / 4) ** 2 / (len(values) / 4)).sum() < 60, (party, name)
        if "activation" not in name:
            continue
        features = other if party == "guest" else own
        rows = values.reshape(12, -1)[:, : 9 * 5].reshape(12 * 9, 5)[:, 0]
        X = np.column_stack([np.tile(features, (12, 1)), np.ones(len(rows))])
        residual = rows - X @ np.linalg.lstsq(X, rows, rcond=None)[0]
        assert (
            1 - residual.var() / rows.var() < 0.5
        )  # five coefficients of 108 numbers explain about 0.04


@pytest.mark.parametrize("mode", ["shared", "interactive"])
def test_a_host_that_vanishes_mid_batch(data, mode):
    own, other, gradient = data
    own = own[:, : 3 if mode == "shared" else 0]
    shape = LayerShape(own.shape[1], 4, 5)
    seen = []

    def guest(session):
        layer = layer_of(session, shape, mode=mode)
        layer.forward(own, {})
        session.timeout = 0.5
        with pytest.raises(ChannelTimeoutError, match="host-0") as caught:
            layer.backward(gradient, {})
        seen.append(caught.value)
        session.send(session.hosts[0], "done", done=True)

    def host(session):
        layer_of(session, shape, mode=mode).forward(other, {})
        session.receive(session.parties[0], "done", done=bool)  # it is there and takes no part

    run_both(guest, host)
    assert len(seen) == 1


def test_an_odd_last_batch(data):
    own, other, gradient = data
    shape = LayerShape(3, 4, 5)
    batches = (slice(0, 5), slice(5, 8), slice(8, 9))

    def guest(session):
        layer = layer_of(session, shape)
        before, outputs = copy.copy(layer), []
        for number, rows in enumerate(batches):
            outputs.append(layer.forward(own[rows], {"batch": number}))
            layer.backward(gradient[rows], {"batch": number})
        return before, outputs

    def host(session):
        layer = layer_of(session, shape)
        before = copy.copy(layer)
        for number, rows in enumerate(batches):
            layer.forward(other[rows], {"batch": number})
            layer.backward(len(other[rows]), {"batch": number})
        return before

    (guest_before, outputs), host_before = run_both(guest, host)
    A, B = weights_of(guest_before, host_before)
    for rows, found in zip(batches, outputs, strict=True):
        np.testing.assert_allclose(found, own[rows] @ A + other[rows] @ B, atol=CLOSE)
        A = A - 0.1 * own[rows].T @ gradient[rows]
        B = B - 0.1 * other[rows].T @ gradient[rows]
