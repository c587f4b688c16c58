# SPDX-License-Identifier: Apache-2.0
"""The guest's own net, checked against layer and labels when it is made, and filled when it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.nn.modules import make_half, make_top, require_torch
from pyfate_gpu.nn.settings import Settings


def make_guest_net(settings: Settings, top: Any, bottom: Any, columns: int, outputs: int) -> Any:
    """Return the net, of which parts that are None are made here.

    Raises
    ------
    ConfigurationError
        When `top` does not take what the layer puts out, or puts out other than labels take.
    DataError
        When `bottom` does not put out a row of numbers for each row.
    """
    torch = require_torch()
    with torch.random.fork_rng(devices=[]):
        if settings.random_state is not None:
            torch.manual_seed(settings.random_state)
        if top is None:
            top = make_top(settings.width, settings.hidden, outputs)
        else:
            _check_top(top.double(), settings.width, outputs)
        if not settings.shows_activations:
            return top
        return make_half(bottom, columns, settings.width, top)


def read_guest_net(
    width: int, hidden: Sequence[int], numbers: Mapping[str, Any], columns: int, half: bool
) -> Any:
    """Return the net of a form that is made here, for numbers that were kept of one."""
    last = [value for name, value in numbers.items() if name.endswith("bias")][-1]
    top = make_top(width, hidden, len(last))
    return make_half(None, columns, width, top) if half else top


def _check_top(net: Any, width: int, outputs: int) -> None:
    torch = require_torch()
    net.eval()
    try:
        with torch.no_grad():
            found = tuple(net(torch.zeros((2, width), dtype=torch.float64)).shape)
    except RuntimeError as error:
        raise ConfigurationError(
            f"top does not take {width} numbers a row, the width of the shared layer: {error}"
        ) from None
    net.train()
    if found != (2, outputs):
        raise ConfigurationError(
            f"top makes {found[1:]} numbers of a row, labels take {outputs}: change its last layer"
        )
