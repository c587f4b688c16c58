# SPDX-License-Identifier: Apache-2.0
"""The parameters of a regression without a coordinator, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pyfate_gpu.data.imputation import check_method
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.protocol.batching import Division
from pyfate_gpu.protocol.keys import check_scheme
from pyfate_gpu.protocol.settings import check_choice, check_count, check_real, plain
from pyfate_gpu.sshe.links import LINKS, Link

OPTIMIZERS = ("momentum", "sgd")
PENALTIES = ("l2", "none")
STRATEGIES = ("fixed", "random")
OWNERS, NOBODY = REVEAL = ("owners", "nobody")

_LOCAL = (
    "shuffle",
    "random_state",
    "fit_intercept",
    "standardize",
    "clip",
    "impute",
    "impute_indicator",
    "allow_insecure_key_size",
)
_FLAGS = (
    "shuffle",
    "decay_sqrt",
    "fit_intercept",
    "standardize",
    "impute_indicator",
    "squeeze",
    "allow_insecure_key_size",
)


@dataclass(frozen=True)
class Settings:
    """The parameters of an estimator after checking; see `HeteroSSHE` for their meaning.

    Raises
    ------
    ConfigurationError
        For the first value that makes no sense.
    """

    link: str
    max_iter: int
    batch_size: int | None
    batch_strategy: str
    shuffle: bool
    random_state: int | None
    optimizer: str
    momentum: float
    learning_rate: float
    decay: float
    decay_sqrt: bool
    penalty: str
    alpha: float
    tol: float
    loss_every: int
    early_stopping_rounds: int | None
    reveal: str
    squeeze: bool
    fraction_bits: int
    fit_intercept: bool
    standardize: bool
    clip: float | None
    impute: str | float | None
    impute_indicator: bool
    scheme: str
    key_bits: int
    allow_insecure_key_size: bool

    @classmethod
    def of(cls, link: str, params: Mapping[str, Any]) -> Settings:
        """Pick the training parameters out of an estimator's; in files "none" is no penalty, false no limit."""
        names = {field.name for field in fields(cls)} - {"link"}
        chosen = {name: plain(params[name]) for name in names}
        if chosen["penalty"] is None:
            chosen["penalty"] = "none"
        if chosen["clip"] is False:
            chosen["clip"] = None
        return cls(link=link, **chosen)

    def __post_init__(self) -> None:
        check_choice("link", self.link, LINKS)
        check_choice("batch_strategy", self.batch_strategy, STRATEGIES)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("penalty", self.penalty, PENALTIES)
        check_choice("reveal", self.reveal, REVEAL)
        check_scheme(self.scheme, "a regression on shares")
        for name in ("max_iter", "loss_every", "key_bits", "fraction_bits"):
            check_count(name, getattr(self, name))
        for name in ("batch_size", "early_stopping_rounds"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        check_real("learning_rate", self.learning_rate, positive=True)
        for name in ("momentum", "decay", "alpha", "tol"):
            check_real(name, getattr(self, name))
        if self.clip is not None:
            check_real("clip", self.clip, positive=True)
        if self.impute is not None:
            check_method(self.impute)
        for name in _FLAGS:
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ConfigurationError(f"{name} is {value!r}; it must be True or False")
        for name, limit in (("momentum", 1), ("learning_rate", 64), ("alpha", 64)):
            if getattr(self, name) >= limit:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}; it must be below {limit}"
                )
        if not 20 <= self.fraction_bits <= 24:
            raise ConfigurationError(f"fraction_bits is {self.fraction_bits}; shares take 20 to 24")
        seed = self.random_state
        whole = isinstance(seed, int) and not isinstance(seed, bool)
        if seed is not None and not (whole and seed >= 0):
            raise ConfigurationError(
                f"random_state is {seed!r}; it must be a whole number, 0 or more, or None"
            )

    @property
    def function(self) -> Link:
        """The polynomial that stands for the inverse link."""
        return LINKS[self.link]

    def rate(self, iteration: int) -> float:
        """Return the learning rate of an iteration, counted from 1."""
        slowed = 1 + self.decay * (iteration - 1)
        return self.learning_rate / (math.sqrt(slowed) if self.decay_sqrt else slowed)

    def division(self, rows: int) -> Division:
        """Return how the guest divides its rows into batches."""
        return Division(
            rows,
            self.batch_size,
            anew=self.batch_strategy == "random",
            shuffle=self.shuffle,
            random_state=self.random_state,
        )

    def terms(self) -> dict[str, Any]:
        """Return the parameters that both parties must have set alike."""
        return {name: value for name, value in asdict(self).items() if name not in _LOCAL}
