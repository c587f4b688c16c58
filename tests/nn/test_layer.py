# SPDX-License-Identifier: Apache-2.0
"""The shared layer computes what a linear layer in one place does, to 2^-20; no PyTorch."""

from __future__ import annotations

import copy
from collections import Counter

import numpy as np
import pytest

from pyfate_gpu.errors import DataError, DivergenceError, PartyFailedError, ProtocolError
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.nn.layer import LayerShape
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


@pytest.mark.parametrize("squeeze", [True, False])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_outputs_gradients_and_steps(data, squeeze, momentum):
    own, other, gradient = data
    shape = LayerShape(3, 4, 5, host_gradient=True)
    options = {"squeeze": squeeze, "momentum": momentum, "bits": 1024}

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


@pytest.mark.parametrize("value", [np.nan, np.inf, 64.0, -64.0])
def test_inputs_that_are_no_numbers_or_too_large(data, value):
    own, other, _ = data
    broken = other.copy()
    broken[2, 1] = value
    shape = LayerShape(3, 4, 5)

    def guest(session):
        layer_of(session, shape).forward(own, {})

    def host(session):
        layer_of(session, shape).forward(broken, {})

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


def test_outputs_and_gradients_of_the_host_are_all_that_is_opened(data, monkeypatch):
    own, other, gradient = data
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
    shape = LayerShape(3, 4, 5, host_gradient=True)

    def guest(session):
        layer = layer_of(session, shape)
        layer.forward(own, {})
        layer.backward(gradient, {})
        return session.statistics.usage()

    def host(session):
        layer = layer_of(session, shape)
        layer.forward(other, {})
        layer.backward(9, {})
        return session.statistics.usage()

    usages = run_both(guest, host)
    assert opened == {"activation_share": 9 * 5, "input_gradient_share": 9 * 4}
    assert sealed == {
        "weights": 2, "activations": 2, "gradients": 1, "gradient_sums": 1, "input_weights": 1, "input_gradients": 1,
    }  # fmt: skip
    assert all(usage.operations.get("blind", 0) == 0 for usage in usages)
