# SPDX-License-Identifier: Apache-2.0
"""The parameters of transfer learning, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.nn.transfer.components import FACTOR_BITS, FRACTION_BITS, ROW_BITS, SQUARE_BITS
from pyfate_gpu.protocol.keys import check_scheme
from pyfate_gpu.protocol.settings import check_count, check_real, plain

_LOCAL = ("random_state", "clip", "allow_insecure_key_size")


@dataclass(frozen=True)
class Settings:
    """The parameters of an estimator after checking; see `FederatedTransfer` for their meaning.

    Raises
    ------
    ConfigurationError
        For the first value that makes no sense.
    """

    features: int
    kappa: float
    lam: float
    own: float
    max_iter: int
    tol: float
    learning_rate: float
    momentum: float
    random_state: int | None
    warm_start: bool
    squeeze: bool
    clip: float
    scheme: str
    key_bits: int
    allow_insecure_key_size: bool

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Settings:
        """Pick the training parameters out of an estimator's."""
        return cls(**{field.name: plain(params[field.name]) for field in fields(cls)})

    def __post_init__(self) -> None:
        for name in ("features", "max_iter", "key_bits"):
            check_count(name, getattr(self, name))
        for name in ("kappa", "lam", "own", "tol", "momentum"):
            check_real(name, getattr(self, name))
        for name in ("learning_rate", "clip"):
            check_real(name, getattr(self, name), positive=True)
        for name, limit in (("kappa", 16), ("own", 16), ("momentum", 1), ("clip", 64)):
            if getattr(self, name) >= limit:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}; it must be below {limit}"
                )
        for name in ("warm_start", "squeeze", "allow_insecure_key_size"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)!r}; it must be True or False"
                )
        seed = self.random_state
        if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or seed < 0):
            raise ConfigurationError(
                f"random_state is {seed!r}; it must be a whole number, 0 or more, or None"
            )
        check_scheme(self.scheme, "transfer learning")

    def terms(self) -> dict[str, Any]:
        """Return what both parties must have set alike; the fixed point of messages is that of the release."""
        found = {name: value for name, value in asdict(self).items() if name not in _LOCAL}
        bits = {"fraction": FRACTION_BITS, "row": ROW_BITS, "square": SQUARE_BITS}
        return found | {"fixed_point": {**bits, "factor": FACTOR_BITS}}
