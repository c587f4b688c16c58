# SPDX-License-Identifier: Apache-2.0
"""A party's half of a network to a file and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.nn.model_file import read_half, write_half
from pyfate_gpu.nn.modules import make_half, require_torch
from pyfate_gpu.nn.nets import read_guest_net
from pyfate_gpu.nn.settings import Settings
from pyfate_gpu.protocol.estimator import Estimator, PathLike
from pyfate_gpu.protocol.settings import plain

Half = TypeVar("Half", bound="NetworkHalf")


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkHalf(Estimator):
    """Base of networks: what is kept of a fitted one."""

    def save(self, path: PathLike) -> None:
        """Write this party's half: its shares, its own net's numbers, preparation, parameters; not modules.

        Raises
        ------
        ConfigurationError
            Before fit.
        StorageError
            When the file cannot be written.
        """
        self._check_fitted()
        params = {name: plain(value) for name, value in self.get_params().items()}
        made_here = params["top"] is None and params["bottom"] is None
        for name in ("callbacks", "top", "bottom"):
            del params[name]
        params["hidden"] = list(params["hidden"])
        header = {"estimator": type(self).__name__, "params": params, "made_here": made_here}
        write_half(path, vars(self), header)

    @classmethod
    def load(cls: type[Half], path: PathLike, net: Any = None, *, bottom: Any = None) -> Half:
        """Return a fitted model from what `save` wrote, to predict with.

        Parameters
        ----------
        net : torch.nn.Module, optional
            Of the form that was trained, where it was not made here: `top` of a guest, `bottom` of a host.
        bottom : torch.nn.Module, optional
            The same of a guest's `bottom`.

        Raises
        ------
        StorageError, DataError
            When the file cannot be read, or is no half of such a model, or not of `net`.
        """
        header, arrays, kept = read_half(path)
        if header["estimator"] != cls.__name__:
            raise DataError(
                f"{path} holds a {header['estimator']}: load it by that class, this is {cls.__name__}"
            )
        model = cls().set_params(**header["params"])
        vars(model).update(kept)
        try:
            vars(model)["net_"] = model._loaded_net(header, arrays, net, bottom)
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            raise DataError(f"{path} does not fit this network: {error}") from None
        if vars(model)["_classes"] is not None:
            vars(model)["classes_"] = vars(model)["_classes"]
        return model

    def _loaded_net(
        self, header: Mapping[str, Any], arrays: Mapping[str, Any], net: Any, bottom: Any
    ) -> Any:
        torch = require_torch()
        numbers = {
            name.removeprefix("net."): torch.tensor(value)
            for name, value in arrays.items()
            if name.startswith("net.")
        }
        columns, width = vars(self)["n_features_in_"], header["shape"]["outputs"]
        guest = "own_velocity" in vars(self)["_layer_state"]
        half = guest and Settings.of(self.get_params()).shows_activations
        if net is None and numbers:
            if not header["made_here"]:
                raise ValueError("it is of a net of yours: give one of the same form as net")
            net = read_guest_net(width, header["params"]["hidden"], numbers, columns, half)
        elif net is not None and half:
            net = make_half(bottom, columns, width, net)
        if net is not None:
            net = net.double()
            net.load_state_dict(numbers)
        return net

    def _check_fitted(self) -> None:
        if not hasattr(self, "_layer_state"):
            raise ConfigurationError(f"this {type(self).__name__} is not fitted: call fit first")
