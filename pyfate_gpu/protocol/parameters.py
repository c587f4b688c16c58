# SPDX-License-Identifier: Apache-2.0
"""scikit-learn's manners for parameters, without importing scikit-learn."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from pyfate_gpu.errors import ConfigurationError

Self = TypeVar("Self", bound="Parameters")


class Parameters:
    """Parameters are the keywords of ``__init__``, kept as attributes of the same names."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        keywords = inspect.signature(cls.__init__).parameters
        return sorted(name for name in keywords if name != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all parameters; `deep` is there for scikit-learn and changes nothing."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self: Self, **params: Any) -> Self:
        """Set some parameters.

        Raises
        ------
        ConfigurationError
            For a name that is no parameter; then nothing is set.
        """
        known = self._parameter_names()
        unknown = sorted(set(params) - set(known))
        if unknown:
            raise ConfigurationError(
                f"{type(self).__name__} has no parameter {', '.join(unknown)}; it has {', '.join(known)}"
            )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if not _same(value, defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


def _same(value: object, default: object) -> bool:
    return type(value) is type(default) and value == default
