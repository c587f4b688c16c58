# SPDX-License-Identifier: Apache-2.0
"""The shared layer as a module of PyTorch (extra ``torch``), and the nets that go with it by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.extras import install_line
from pyfate_gpu.nn.layer import GuestLayer, HostLayer, SharedLayer
from pyfate_gpu.typing import Floats

try:
    import torch
except ImportError:  # asked for when a network is made
    torch = None


def require_torch() -> Any:
    """Return PyTorch.

    Raises
    ------
    ConfigurationError
        Where it is not installed.
    """
    if torch is None:
        raise ConfigurationError(f"networks take PyTorch: {install_line('torch')}")
    return torch


def make_shared_linear(layer: SharedLayer) -> Any:
    """Return a ``torch.nn.Module`` whose forward and backward are those of `layer`, at both parties at once.

    At the guest it turns inputs into outputs, float64 ``[rows, outputs]``, and the gradient that comes back moves the
    shares. At the host it turns inputs into a zero, whose ``backward()`` takes part in that and passes on the
    gradient with respect to the inputs where `LayerShape.host_gradient` says that there is one.

    Set ``at``, the numbers of iteration and batch, before each call.

    Raises
    ------
    ConfigurationError
        Without PyTorch.
    """
    require_torch()

    class SharedProduct(torch.autograd.Function):
        @staticmethod
        def forward(
            ctx: Any, inputs: Any, anchor: Any, layer: SharedLayer, at: dict[str, int]
        ) -> Any:
            ctx.layer, ctx.at, ctx.rows = layer, at, len(inputs)
            outputs = layer.forward(inputs.detach().numpy().astype(np.float64), at)
            return (
                torch.zeros((), dtype=torch.float64)
                if outputs is None
                else torch.from_numpy(outputs)
            )

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            found = None
            if isinstance(ctx.layer, GuestLayer):
                ctx.layer.backward(gradient.detach().numpy().astype(np.float64), ctx.at)
            elif isinstance(ctx.layer, HostLayer):
                found = ctx.layer.backward(ctx.rows, ctx.at)
            inputs = None if found is None else torch.from_numpy(found)
            return inputs, None, None, None

    class SharedLinear(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.at: dict[str, int] = {}
            # Without an input that needs a gradient backward would never be called.
            self._anchor = torch.zeros((), dtype=torch.float64, requires_grad=True)

        def forward(self, inputs: Any) -> Any:
            return SharedProduct.apply(inputs, self._anchor, layer, dict(self.at))

    return SharedLinear()


def apply_net(net: Callable[[Any], Any], values: Floats) -> Floats:
    """Return what a net that is not trained makes of rows: a module of PyTorch, or a function of float64 arrays."""
    if torch is None or not isinstance(net, torch.nn.Module):
        return np.asarray(net(values), dtype=np.float64)
    training = net.training
    net.double().eval()
    with torch.no_grad():
        found = net(torch.from_numpy(np.ascontiguousarray(values)))
    net.train(training)
    return np.asarray(found.numpy(), dtype=np.float64)


def put_below(net: Any, inputs: Any, width: int | None) -> Any:
    """Return what goes into a layer, given a party's net below it or None, and the width that was agreed.

    Raises
    ------
    DataError
        When the net puts out no row of numbers for each row, or of another width than it was agreed.
    """
    found = inputs if net is None else net(inputs)
    if found.ndim != 2 or len(found) != len(inputs):
        raise DataError(
            f"the net below the first layer made {tuple(found.shape)} of {tuple(inputs.shape)}; it must be a row for "
            "each row"
        )
    if width is not None and found.shape[1] != width:
        raise DataError(
            f"the net below the first layer puts out {found.shape[1]} numbers a row, {width} were agreed"
        )
    return found


def make_half(bottom: Any, columns: int, width: int, top: Any) -> Any:
    """Return the guest's net where it has a half of the first layer of its own, in clear.

    It maps the host's half of the layer's outputs and the guest's features to outputs: ``top(z_host + bottom(x) W)``.

    Raises
    ------
    DataError
        When `bottom` does not put out a row of finite numbers for each row.
    """
    require_torch()
    below = None if bottom is None else bottom.double()
    if below is not None:
        training = below.training
        below.eval()
        with torch.no_grad():
            columns = int(
                put_below(below, torch.zeros((2, columns), dtype=torch.float64), None).shape[1]
            )
        below.train(training)

    class Half(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bottom = below
            self.linear = torch.nn.Linear(columns, width, bias=False, dtype=torch.float64)
            self.top = top

        def forward(self, activations: Any, inputs: Any) -> Any:
            found = put_below(self.bottom, inputs, columns)
            if not bool(torch.isfinite(found).all()):
                raise DataError("the guest's net below the first layer puts out what is no number")
            return self.top(activations + self.linear(found))

    return Half()


def make_top(width: int, hidden: Sequence[int], outputs: int) -> Any:
    """Return the guest's net above the shared layer: biases, ReLU, and a linear layer for each width in `hidden`."""
    require_torch()
    layers: list[Any] = [Bias(width)]
    for size in hidden:
        layers += [torch.nn.ReLU(), torch.nn.Linear(width, size, dtype=torch.float64)]
        width = size
    layers += [torch.nn.ReLU(), torch.nn.Linear(width, outputs, dtype=torch.float64)]
    return torch.nn.Sequential(*layers)


def Bias(width: int) -> Any:  # noqa: N802 - makes a module
    """Return a module that adds what it learns: the shared layer has no intercept of its own."""
    require_torch()

    class Shift(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shift = torch.nn.Parameter(torch.zeros(width, dtype=torch.float64))

        def forward(self, values: Any) -> Any:
            return values + self.shift

    return Shift()
