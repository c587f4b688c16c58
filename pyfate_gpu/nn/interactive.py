# SPDX-License-Identifier: Apache-2.0
"""The interactive layer of FATE 1: activations encrypted, weights at the guest under noise of the host's.

For comparisons. **It shows the guest what the host's net puts out of each row, times the weights**, and so do FATE's
layer and this one; what differs is that masks here hide (docs/networks.md). The guest holds W - E in clear, the
host E, the sum of the noise that it put on each gradient before the guest got it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyfate_gpu.data.fixed_point import FRACTION_BITS
from pyfate_gpu.encoding import IntegerEncoder, PlaintextArray
from pyfate_gpu.errors import DivergenceError
from pyfate_gpu.nn.layer import (
    LARGEST,
    WEIGHTS,
    GuestLayer,
    HostLayer,
    LayerShape,
    fixed_point,
)
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.columns import At, ColumnProduct
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.sharing.masks import random_words
from pyfate_gpu.protocol.sharing.matrix import RingMatrix
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.typing import Floats, Integers

#: Noise on a gradient is uniform up to this size.
NOISE = 2.0**10
#: Of what the guest holds, in fixed point, noise included.
HELD_BITS = 60


def _outputs(
    exchange: Exchange, shape: LayerShape, rows: int, *, encrypted_here: bool
) -> ColumnProduct:
    """Return the product of what the guest holds with the host's activations, a column a row."""
    return ColumnProduct(
        exchange,
        encrypted_here=encrypted_here,
        terms=shape.host,
        columns=rows,
        entry_bound=1 << HELD_BITS,
        bound=1 << shape.input_bits,
    )


def _gradients(
    exchange: Exchange, shape: LayerShape, rows: int, *, encrypted_here: bool
) -> ColumnProduct:
    """Return the product of the guest's gradients with the host's activations."""
    return ColumnProduct(
        exchange,
        encrypted_here=encrypted_here,
        terms=rows,
        columns=shape.host,
        entry_bound=1 << shape.gradient_bits,
        bound=1 << shape.input_bits,
    )


class InteractiveGuest(GuestLayer):
    """The guest's side; parameters as of `SharedLayer`, and the guest has no inputs of its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._noisy_velocity = np.zeros((self.shape.host, self.shape.outputs))

    def forward(self, inputs: Floats, at: At) -> Floats:
        """Return the host's activations times the weights, float64 ``[rows, outputs]``.

        Raises
        ------
        DivergenceError
            When an output, or a weight under its noise, has become too large.
        """
        rows = len(inputs)
        product = _outputs(self.exchange, self.shape, rows, encrypted_here=False)
        columns = product.receive("inputs", at)
        plain = _encode(self._held().T, HELD_BITS)
        share = product.send_results(
            "outputs", lambda c: plain @ c, columns, self.shape.outputs, at
        )
        opened = self.exchange.open_from_peer("activation_share", share, **at)
        outputs = ring.decode(opened, FRACTION_BITS + WEIGHTS).T
        if not (np.abs(outputs) < LARGEST).all():  # the text goes to the other party
            raise DivergenceError(
                f"an output of the interactive layer is beyond {LARGEST:g}: lower the learning rate, or standardise "
                "the inputs"
            )
        return np.ascontiguousarray(outputs)

    def backward(self, gradient: Floats, at: At) -> None:
        """Take a step, given the gradient of the loss with respect to the outputs of the last `forward`.

        Raises
        ------
        DataError
            When it is not finite or beyond what was agreed.
        """
        integers = fixed_point(gradient, self.shape.gradient_bits, "a gradient")
        product = _gradients(self.exchange, self.shape, len(gradient), encrypted_here=False)
        columns = product.receive("inputs_again", at)
        if self.shape.host_gradient:
            self._send_input_gradient(integers, at)
        plain = _encode(integers.T, self.shape.gradient_bits)
        share = product.send_results(
            "weight_gradients", lambda c: plain @ c, columns, self.shape.outputs, at
        )
        opened = self.exchange.open_from_peer("noisy_gradients", share, **at)
        noisy = ring.decode(opened, 2 * FRACTION_BITS).T
        self._noisy_velocity = self.momentum * self._noisy_velocity + noisy
        moved = ring.encode(self.learning_rate * self._noisy_velocity, WEIGHTS)
        self.host_weights = ring.subtract(self.host_weights, moved)

    def _held(self) -> Integers:
        """Return the weights under their noise, in fixed point."""
        words = ring.to_words(self.host_weights)
        held = words[..., 0]
        if not ((held >> 63 == words[..., 1]) & (np.abs(held) < 1 << HELD_BITS)).all():
            raise DivergenceError(
                f"a weight under the host's noise passed {2.0 ** (HELD_BITS - WEIGHTS):g}: lower the learning "
                "rate, or train for fewer steps"
            )
        return np.asarray(held)

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return super().state() | {"noisy_velocity": self._noisy_velocity}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        super().restore(state)
        self._noisy_velocity = state["noisy_velocity"]


class InteractiveHost(HostLayer):
    """The host's side; parameters as of `SharedLayer`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._noise_velocity = np.zeros((self.shape.host, self.shape.outputs))
        self._integers: Integers = np.zeros((0, self.shape.host), dtype=np.int64)

    def forward(self, inputs: Floats, at: At) -> None:
        """Give the guest the activations times the weights.

        Raises
        ------
        DataError
            When an input is not finite or beyond what was agreed.
        """
        shape = self.shape
        self._integers = fixed_point(inputs, shape.input_bits, "an input of the layer")
        product = _outputs(self.exchange, shape, len(inputs), encrypted_here=True)
        product.send("inputs", self._integers.T[:, :, np.newaxis], at)
        noisy = product.receive_results("outputs", shape.outputs, at)
        noise = RingMatrix(self._integers).multiply(self.host_weights).swapaxes(0, 1)
        self.exchange.open_to_peer("activation_share", ring.add(noisy, noise), **at)

    def backward(self, rows: int, at: At) -> Floats | None:
        """Take part in a step; return the gradient with respect to the inputs where it was agreed on."""
        shape = self.shape
        product = _gradients(self.exchange, shape, rows, encrypted_here=True)
        product.send("inputs_again", self._integers[:, :, np.newaxis], at)
        found = self._receive_input_gradient(rows, at) if shape.host_gradient else None
        share = product.receive_results("weight_gradients", shape.outputs, at)
        drawn = _noise((shape.host, shape.outputs))
        noise: Ring = ring.shift_left(ring.encode(drawn, FRACTION_BITS), FRACTION_BITS)
        self.exchange.open_to_peer("noisy_gradients", ring.add(share, noise.swapaxes(0, 1)), **at)
        self._noise_velocity = self.momentum * self._noise_velocity + drawn
        moved = ring.encode(self.learning_rate * self._noise_velocity, WEIGHTS)
        self.host_weights = ring.add(self.host_weights, moved)
        return found

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return super().state() | {"noise_velocity": self._noise_velocity}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        super().restore(state)
        self._noise_velocity = state["noise_velocity"]


def _noise(shape: tuple[int, ...]) -> Floats:
    """Return uniform numbers up to `NOISE` in size, of 24 fraction bits."""
    steps = 1 << FRACTION_BITS + int(np.log2(NOISE)) + 1  # a power of two, so every one as often
    drawn = random_words(shape) % np.uint64(steps)
    return np.ldexp(drawn.astype(np.float64), -FRACTION_BITS) - NOISE


def _encode(integers: Integers, bits: int) -> PlaintextArray:
    return IntegerEncoder(bound=1 << bits).encode(np.ascontiguousarray(integers))
