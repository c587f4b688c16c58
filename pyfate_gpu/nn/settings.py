# SPDX-License-Identifier: Apache-2.0
"""The parameters of a network, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pyfate_gpu.data.imputation import check_method
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.protocol.batching import Division
from pyfate_gpu.protocol.keys import check_scheme
from pyfate_gpu.protocol.settings import check_choice, check_count, check_real, plain

OPTIMIZERS = ("sgd", "adam")
MODES = ("shared", "interactive")
_LOCAL = (
    "hidden",
    "optimizer",
    "net_learning_rate",
    "shuffle",
    "random_state",
    "standardize",
    "clip",
    "impute",
    "allow_insecure_key_size",
)


@dataclass(frozen=True)
class Settings:
    """The parameters of an estimator after checking; see `HeteroNetwork` for their meaning.

    Raises
    ------
    ConfigurationError
        For the first value that makes no sense.
    """

    mode: str
    open_activations: bool
    width: int
    hidden: tuple[int, ...]
    max_iter: int
    batch_size: int
    shuffle: bool
    random_state: int | None
    optimizer: str
    learning_rate: float
    net_learning_rate: float
    momentum: float
    early_stopping_rounds: int | None
    squeeze: bool
    standardize: bool
    clip: float
    impute: str | float | None
    scheme: str
    key_bits: int
    allow_insecure_key_size: bool

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Settings:
        """Pick the training parameters out of an estimator's."""
        chosen = {field.name: plain(params[field.name]) for field in fields(cls)}
        hidden = chosen["hidden"]
        if not isinstance(hidden, list | tuple):
            raise ConfigurationError(f"hidden is {hidden!r}; it must be a list of widths")
        chosen["hidden"] = tuple(plain(size) for size in hidden)
        return cls(**chosen)

    def __post_init__(self) -> None:
        for name in ("width", "max_iter", "batch_size", "key_bits"):
            check_count(name, getattr(self, name))
        for size in self.hidden:
            check_count("a width of hidden", size)
        if self.early_stopping_rounds is not None:
            check_count("early_stopping_rounds", self.early_stopping_rounds)
        check_choice("mode", self.mode, MODES)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_scheme(self.scheme, "a network on shares")
        for name in ("learning_rate", "net_learning_rate", "clip"):
            check_real(name, getattr(self, name), positive=True)
        check_real("momentum", self.momentum)
        for name, limit in (("momentum", 1), ("learning_rate", 64), ("clip", 64)):
            if getattr(self, name) >= limit:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}; it must be below {limit}"
                )
        flags = ("open_activations", "shuffle", "squeeze", "standardize", "allow_insecure_key_size")
        for name in flags:
            if not isinstance(getattr(self, name), bool):
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)!r}; it must be True or False"
                )
        if self.impute is not None:
            check_method(self.impute)
        seed = self.random_state
        if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or seed < 0):
            raise ConfigurationError(
                f"random_state is {seed!r}; it must be a whole number, 0 or more, or None"
            )

    @property
    def shows_activations(self) -> bool:
        """Whether the guest sees what the host's half puts out, and so has a half of its own in clear."""
        return self.open_activations or self.mode == "interactive"

    def division(self, rows: int) -> Division:
        """Return how the guest divides its rows into batches, anew in each pass where they are shuffled."""
        return Division(rows, self.batch_size, anew=self.shuffle, random_state=self.random_state)

    def terms(self) -> dict[str, Any]:
        """Return the parameters that both parties must have set alike."""
        return {name: value for name, value in asdict(self).items() if name not in _LOCAL}
