# SPDX-License-Identifier: Apache-2.0
"""A linear layer whose weights are shared between guest and host: its mathematics, on float64 arrays.

``z = X_guest W_guest + X_host W_host`` is opened to the guest; docs/networks.md says what else is, and why.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.data.fixed_point import FRACTION_BITS
from pyfate_gpu.encoding import IntegerEncoder
from pyfate_gpu.errors import DataError, DivergenceError
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.columns import At, ColumnProduct
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.sharing.features import SharedFeatures
from pyfate_gpu.protocol.sharing.matrix import RingMatrix
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.protocol.sharing.truncation import truncate
from pyfate_gpu.typing import Floats, Integers

#: Fraction bits of what a layer puts out, and of weights.
FRACTION, WEIGHTS = 24, 32
#: Activations up to this size are taken; more can only come of steps that are too long.
LARGEST = 2.0**16


@dataclass(frozen=True)
class LayerShape:
    """What both parties know of a layer.

    Parameters
    ----------
    guest, host : int
        Inputs of each; the guest's may be 0.
    outputs : int
    input_bits : int
        Inputs in fixed point, of 24 fraction bits, are below 2**input_bits in size.
    gradient_bits : int
        The same of the gradient with respect to the outputs.
    host_gradient : bool
        Whether the host needs the gradient with respect to its inputs, for a net of its own below the layer.
    """

    guest: int
    host: int
    outputs: int
    input_bits: int = 30
    gradient_bits: int = 30
    host_gradient: bool = False


class SharedLayer(ABC):
    """One party's side.

    Parameters
    ----------
    exchange : Exchange
        The way to the other party.
    shape : LayerShape
    learning_rate, momentum : float
        Of the layer's own steps, which are taken on shares.
    generator : numpy.random.Generator
        For this party's part of the weights to begin with.
    """

    def __init__(
        self,
        exchange: Exchange,
        shape: LayerShape,
        *,
        learning_rate: float,
        momentum: float,
        generator: np.random.Generator,
    ) -> None:
        self.exchange = exchange
        self.shape = shape
        self.learning_rate = learning_rate
        self.momentum = momentum
        scale = 1 / math.sqrt(max(1, shape.guest + shape.host))

        def drawn(inputs: int) -> Ring:
            # Both parties' parts add up to uniform numbers' size; each knows its own part only.
            values = generator.uniform(-scale, scale, size=(inputs, shape.outputs)) / math.sqrt(2)
            return ring.encode(values, WEIGHTS)

        self.guest_weights, self.host_weights = drawn(shape.guest), drawn(shape.host)
        self._velocity = ring.zeros((shape.host, shape.outputs))
        self._features: SharedFeatures | None = None

    @abstractmethod
    def forward(self, inputs: Floats, at: At) -> Floats | None:
        """Return the outputs ``[rows, outputs]`` to the guest, None to the host."""

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return {
            "guest_weights": self.guest_weights,
            "host_weights": self.host_weights,
            "velocity": self._velocity,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self.guest_weights, self.host_weights = state["guest_weights"], state["host_weights"]
        self._velocity = state["velocity"]

    def _product(self, inputs: int, *, encrypted_here: bool) -> ColumnProduct:
        return ColumnProduct(
            self.exchange,
            encrypted_here=encrypted_here,
            terms=inputs,
            columns=self.shape.outputs,
            entry_bound=1 << self.shape.input_bits,
            bound=ring.SIGNED_BOUND,
        )

    def _place(self, inputs: Floats) -> SharedFeatures:
        integers = fixed_point(inputs, self.shape.input_bits, "an input of the layer")
        self._features = SharedFeatures(integers, self.shape.input_bits, self.exchange.peer_key)
        return self._features

    def _forward(self, inputs: Floats, own: Ring, other: Ring, at: At) -> Ring:
        """Return this party's shares of the outputs."""
        features = self._place(inputs)
        rows = len(inputs)
        theirs = self._product(len(other), encrypted_here=True)
        mine = self._product(len(own), encrypted_here=False)
        if len(other):
            theirs.send("weights", ring.to_words(other), at)
        found = features.times(own)
        if len(own):
            columns = mine.receive("weights", at)
            crossed = mine.send_results("activations", features.times_encrypted, columns, rows, at)
            found = ring.add(found, crossed)
        if len(other):
            found = ring.add(found, theirs.receive_results("activations", rows, at))
        drop = FRACTION_BITS + WEIGHTS - FRACTION
        return truncate(found, drop, first=self.exchange.first)

    def _gradients(self, rows: int, *, encrypted_here: bool) -> ColumnProduct:
        """Return the product of the host's inputs with the gradients that the guest encrypts."""
        return ColumnProduct(
            self.exchange,
            encrypted_here=encrypted_here,
            terms=rows,
            columns=self.shape.outputs,
            entry_bound=1 << self.shape.input_bits,
            bound=1 << self.shape.gradient_bits,
        )

    def _inputs(self, *, encrypted_here: bool) -> ColumnProduct:
        """Return the product of the guest's gradients with the host's shares of its weights."""
        return ColumnProduct(
            self.exchange,
            encrypted_here=encrypted_here,
            terms=self.shape.outputs,
            columns=self.shape.host,
            entry_bound=1 << self.shape.gradient_bits,
            bound=ring.SIGNED_BOUND,
        )

    def _descend(self, sums: Ring) -> None:
        """Move the shares of the host's weights, given shares of their gradient."""
        first = self.exchange.first
        step = truncate(sums, 2 * FRACTION_BITS - WEIGHTS, first=first)
        if self.momentum:
            kept = ring.scale(self._velocity, round(self.momentum * 2.0**FRACTION_BITS))
            step = ring.add(truncate(kept, FRACTION_BITS, first=first), step)
            self._velocity = step
        moved = ring.scale(step, round(self.learning_rate * 2.0**FRACTION_BITS))
        self.host_weights = ring.subtract(
            self.host_weights, truncate(moved, FRACTION_BITS, first=first)
        )


class GuestLayer(SharedLayer):
    """The guest's side: it gets the outputs and knows the gradient; parameters as of `SharedLayer`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._inputs_seen: Floats | None = None
        self._own_velocity = np.zeros((self.shape.guest, self.shape.outputs))

    def forward(self, inputs: Floats, at: At) -> Floats:
        """Return the outputs, float64 ``[rows, outputs]``.

        Raises
        ------
        DataError
            When an input is not finite or beyond what was agreed.
        DivergenceError
            When an output has become too large.
        """
        share = self._forward(inputs, self.guest_weights, self.host_weights, at)
        opened = self.exchange.open_from_peer("activation_share", share, **at)
        outputs = ring.decode(opened, FRACTION)
        if not (np.abs(outputs) < LARGEST).all():
            raise DivergenceError(
                f"an output of the shared layer passed the limit of {LARGEST:g}: "
                "lower the learning rate, or standardise the inputs"
            )
        self._inputs_seen = np.ldexp(np.rint(np.ldexp(inputs, FRACTION_BITS)), -FRACTION_BITS)
        return outputs

    def backward(self, gradient: Floats, at: At) -> None:
        """Take a step, given the gradient of the loss with respect to the outputs of the last `forward`.

        Raises
        ------
        DataError
            When it is not finite or beyond what was agreed.
        """
        assert self._inputs_seen is not None
        shape = self.shape
        integers = fixed_point(gradient, shape.gradient_bits, "a gradient")
        rows = len(gradient)
        product = self._gradients(rows, encrypted_here=True)
        product.send("gradients", integers[:, :, np.newaxis], at)
        if shape.host_gradient:
            self._send_input_gradient(integers, at)
        sums = product.receive_results("gradient_sums", shape.host, at)
        self._descend(sums)
        # What the guest multiplies here it knows, so its own share moves in clear.
        step = self._inputs_seen.T @ np.ldexp(integers.astype(np.float64), -FRACTION_BITS)
        self._own_velocity = step = self.momentum * self._own_velocity + step
        moved = ring.encode(self.learning_rate * step, WEIGHTS)
        self.guest_weights = ring.subtract(self.guest_weights, moved)

    def _send_input_gradient(self, integers: Integers, at: At) -> None:
        """Open the gradient with respect to the host's inputs to the host."""
        product = self._inputs(encrypted_here=False)
        columns = product.receive("input_weights", at)
        encoder = IntegerEncoder(bound=1 << self.shape.gradient_bits)
        plain = encoder.encode(integers)
        share = product.send_results(
            "input_gradients", lambda c: plain @ c, columns, len(integers), at
        )
        known = _ring_product(integers, self.host_weights)
        self.exchange.open_to_peer("input_gradient_share", ring.add(known, share), **at)

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return super().state() | {"own_velocity": self._own_velocity}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        super().restore(state)
        self._own_velocity = state["own_velocity"]


class HostLayer(SharedLayer):
    """The host's side; parameters as of `SharedLayer`."""

    def forward(self, inputs: Floats, at: At) -> None:
        """Take part in the outputs, which the guest gets.

        Raises
        ------
        DataError
            When an input is not finite or beyond what was agreed.
        """
        share = self._forward(inputs, self.host_weights, self.guest_weights, at)
        self.exchange.open_to_peer("activation_share", share, **at)

    def backward(self, rows: int, at: At) -> Floats | None:
        """Take part in a step; return the gradient with respect to the inputs where it was agreed on."""
        assert self._features is not None
        shape, features = self.shape, self._features
        product = self._gradients(rows, encrypted_here=False)
        gradients = product.receive("gradients", at)
        found = self._receive_input_gradient(rows, at) if shape.host_gradient else None
        sums = product.send_results(
            "gradient_sums", features.transposed_times_encrypted, gradients, shape.host, at
        )
        self._descend(sums)
        return found

    def _receive_input_gradient(self, rows: int, at: At) -> Floats:
        product = self._inputs(encrypted_here=True)
        weights = ring.to_words(np.ascontiguousarray(self.host_weights.swapaxes(0, 1)))
        product.send("input_weights", weights, at)
        share = product.receive_results("input_gradients", rows, at)
        opened = self.exchange.open_from_peer("input_gradient_share", share, **at)
        return ring.decode(opened, FRACTION_BITS + WEIGHTS)


def fixed_point(values: Floats, bits: int, what: str) -> Integers:
    """Return values in fixed point.

    Raises
    ------
    DataError
        When one is not finite or beyond `bits`.
    """
    limit = 2.0 ** (bits - FRACTION_BITS)
    if not (np.abs(values) < limit).all():  # NaN compares false
        raise DataError(
            f"{what} is not finite, or its size is {limit:g} or more: clip or rescale it, or lower the learning rate"
        )
    return np.rint(np.ldexp(values, FRACTION_BITS)).astype(np.int64)


def _ring_product(integers: Integers, weights: Ring) -> Ring:
    """Return ``integers @ weights.T`` mod 2^128."""
    return RingMatrix(integers).multiply(np.ascontiguousarray(weights.swapaxes(0, 1)))
