# SPDX-License-Identifier: Apache-2.0
"""Training parameters, checked; and which of them all parties must share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from pyfate_gpu.data.imputation import check_method
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.glm.families import FAMILIES, Quadratic
from pyfate_gpu.glm.packing import PACKINGS, ClassSlots
from pyfate_gpu.glm.row_slots import slot_terms
from pyfate_gpu.learning.convergence import CRITERIA
from pyfate_gpu.learning.optimizers import OPTIMIZERS
from pyfate_gpu.learning.penalties import PENALTIES
from pyfate_gpu.protocol.batching import Division
from pyfate_gpu.protocol.keys import check_scheme
from pyfate_gpu.protocol.settings import check_choice, check_count, check_real, plain

STRATEGIES = ("fixed", "random")
ARBITER_OPTIMIZER = "arbiter_optimizer"
MODES = ("masked", ARBITER_OPTIMIZER)
#: Conjugate gradients; the other optimizers take first-order steps.
NEWTON = "newton"
#: Newton where it can be used, otherwise `FIRST_ORDER`.
AUTO = "auto"
FIRST_ORDER = "adam"

#: Known to the guest alone, or each party's own choice for its own columns.
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
    "warm_start",
    "fit_intercept",
    "standardize",
    "impute_indicator",
    "allow_insecure_key_size",
)


@dataclass(frozen=True)
class Settings:
    """The parameters of an estimator after checking; see `HeteroGLM` for their meaning.

    Raises
    ------
    ConfigurationError
        For the first value that makes no sense.
    """

    family: str
    mode: str
    packing: str
    max_iter: int
    batch_size: int | None
    batch_strategy: str
    masked_rate: float
    shuffle: bool
    random_state: int | None
    optimizer: str
    learning_rate: float
    decay: float
    decay_sqrt: bool
    penalty: str
    alpha: float
    convergence: str
    tol: float
    early_stopping_rounds: int | None
    warm_start: bool
    fit_intercept: bool
    standardize: bool
    clip: float | None
    impute: str | float | None
    impute_indicator: bool
    scheme: str
    key_bits: int
    allow_insecure_key_size: bool

    @classmethod
    def of(cls, family: str, params: Mapping[str, Any]) -> Settings:
        """Pick the training parameters out of an estimator's.

        Files have no word for None: there, "none" is no penalty and false no limit to clip at.
        """
        names = {field.name for field in fields(cls)} - {"family"}
        chosen = {name: plain(params[name]) for name in names}
        if chosen["penalty"] is None:
            chosen["penalty"] = "none"
        if chosen["clip"] is False:
            chosen["clip"] = None
        found = cls(family=family, **chosen)
        if found.optimizer == AUTO:
            first_order = _why_no_newton(family, chosen)
            return replace(found, optimizer=FIRST_ORDER if first_order else NEWTON)
        return found

    def __post_init__(self) -> None:
        check_choice("family", self.family, FAMILIES)
        check_choice("mode", self.mode, MODES)
        check_choice("packing", self.packing, PACKINGS)
        check_choice("batch_strategy", self.batch_strategy, STRATEGIES)
        check_choice("optimizer", self.optimizer, (AUTO, NEWTON, *OPTIMIZERS))
        check_choice("penalty", self.penalty, PENALTIES)
        check_choice("convergence", self.convergence, CRITERIA)
        check_scheme(self.scheme, "regression")
        check_count("max_iter", self.max_iter)
        check_count("key_bits", self.key_bits)
        if self.batch_size is not None:
            check_count("batch_size", self.batch_size)
        if self.early_stopping_rounds is not None:
            check_count("early_stopping_rounds", self.early_stopping_rounds)
        check_real("learning_rate", self.learning_rate, positive=True)
        for name in ("masked_rate", "decay", "alpha", "tol"):
            check_real(name, getattr(self, name))
        if self.clip is not None:
            check_real("clip", self.clip, positive=True)
        if self.impute is not None:
            check_method(self.impute)
        for name in _FLAGS:
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ConfigurationError(f"{name} is {value!r}; it must be True or False")
        seed = self.random_state
        whole = isinstance(seed, int) and not isinstance(seed, bool)
        if seed is not None and not (whole and seed >= 0):
            raise ConfigurationError(
                f"random_state is {seed!r}; it must be a whole number, 0 or more, or None"
            )

        reason = _why_no_newton(self.family, vars(self)) if self.optimizer == NEWTON else ""
        if reason:
            raise ConfigurationError(
                f"optimizer='newton' and {reason}: choose one of {', '.join(OPTIMIZERS)}"
            )

    def rate(self, iteration: int) -> float:
        """Return the learning rate of an iteration, counted from 1."""
        slowed = 1 + self.decay * (iteration - 1)
        return self.learning_rate / (math.sqrt(slowed) if self.decay_sqrt else slowed)

    @property
    def is_quadratic(self) -> bool:
        """Whether the loss is: then residuals are sums of shares of all parties."""
        return isinstance(FAMILIES[self.family], Quadratic)

    def class_slots(self, parties: int, outputs: int) -> ClassSlots:
        """Return how the outputs of a row share ciphertexts."""
        return ClassSlots.of(self.packing, key_bits=self.key_bits, parties=parties, outputs=outputs)

    def division(self, rows: int) -> Division:
        """Return how the guest divides its rows into batches."""
        return Division(
            rows,
            self.batch_size,
            anew=self.batch_strategy == "random",
            shuffle=self.shuffle,
            random_state=self.random_state,
            masked_rate=self.masked_rate,
        )

    def terms(self) -> dict[str, Any]:
        """Return the parameters that every party must have set alike."""
        shared = {name: value for name, value in asdict(self).items() if name not in _LOCAL}
        return shared | {"slots": slot_terms()}


def _why_no_newton(family: str, params: Mapping[str, Any]) -> str:
    """Return what conjugate gradients cannot be used with, empty if they can."""
    if not isinstance(FAMILIES.get(family), Quadratic):
        return f"the {family} family, whose loss is not quadratic, exclude each other"
    for name, wanted, reason in (
        ("mode", "masked", "the arbiter would learn how columns of all parties belong together"),
        ("batch_size", None, "each batch has another curvature"),
        ("convergence", "diff", "the search ends by its own residual"),
    ):
        if params[name] != wanted:
            return f"{name}={params[name]!r} exclude each other, as {reason}"
    if params["max_iter"] == 1:
        return "max_iter=1, whose only pass finds a direction and takes no step, exclude each other"
    if params["penalty"] == "l1":
        return "penalty='l1', which has no curvature at 0, exclude each other"
    return ""
