# SPDX-License-Identifier: Apache-2.0
"""Training parameters, checked; and which of them all parties must share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pyfate_gpu.data.binning.numeric import check_bin_count
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.he.array.row_packing import PACKINGS
from pyfate_gpu.learning.draws import count_by_gradient, count_rows
from pyfate_gpu.learning.gain import Regularization
from pyfate_gpu.protocol.keys import check_scheme
from pyfate_gpu.protocol.settings import check_choice, check_count, check_real, plain
from pyfate_gpu.trees.rounding import Rounding

UNIFORM, GOSS = "uniform", "goss"
#: One tree a round for all outputs, or one for each.
MULTI_OUTPUT, ONE_OUTPUT = "multi_output_tree", "one_output_per_tree"
#: Whether parties see ways of rows in predictions.
PATHS, BLINDED = PREDICTIONS = "paths", "blinded"
#: Nodes are numbered by 64 bits; a tree of this depth has more leaves than there are rows.
MOST_DEPTH = 60
#: What the objective of a user's own is called where parties compare their parameters.
CUSTOM = "custom"
#: Whether rows whose gradients did not change are sent again, or hosts see which ones did.
OFF, SHOW_CHANGED_ROWS = "off", "show_changed_rows"
#: Fewest bits of a gradient, and up to how many it is rounded by chance.
FEWEST_BITS, CHANCE_BITS = 3, 8

#: Known to the guest alone, or each party's own choice for its own columns.
_LOCAL = (
    "max_bin", "reg_lambda", "reg_alpha", "gamma", "min_child_weight", "max_delta_step", "learning_rate",
    "colsample_bytree", "base_score", "random_state", "early_stopping_rounds", "allow_insecure_key_size",
)  # fmt: skip
_SHARES = ("subsample", "colsample_bytree")


@dataclass(frozen=True)
class Settings:
    """The parameters of an estimator after checking; see `HeteroBoostedTrees` for their meaning.

    Raises
    ------
    ConfigurationError
        For the first value that makes no sense.
    """

    n_estimators: int
    max_depth: int
    learning_rate: float
    max_bin: int
    reg_lambda: float
    reg_alpha: float
    gamma: float
    min_child_weight: float
    min_samples_leaf: int
    max_delta_step: float
    subsample: float
    colsample_bytree: float
    sampling_method: str
    top_rate: float
    other_rate: float
    num_parallel_tree: int
    multi_strategy: str
    base_score: float | None
    gradient_bits: int
    lazy_gradients: str
    packing: str
    guest_only_trees: int
    guest_only_levels: int
    host_levels: int | None
    early_stopping_rounds: int | None
    warm_start: bool
    prediction: str
    random_state: int | None
    scheme: str
    key_bits: int
    allow_insecure_key_size: bool
    objective: str = "logistic"

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Settings:
        """Pick the training parameters out of an estimator's."""
        names = {field.name for field in fields(cls)} & set(params)
        chosen = {name: plain(params[name]) for name in names}
        if callable(chosen.get("objective")):
            chosen["objective"] = CUSTOM
        return cls(**chosen)

    def __post_init__(self) -> None:
        counts = ("n_estimators", "max_depth", "min_samples_leaf", "num_parallel_tree", "key_bits")
        for name in counts:
            check_count(name, getattr(self, name))
        check_bin_count("max_bin", self.max_bin)
        if self.max_depth > MOST_DEPTH:
            raise ConfigurationError(
                f"max_depth is {self.max_depth}; it must be at most {MOST_DEPTH}"
            )
        check_real("learning_rate", self.learning_rate, positive=True)
        for name in ("reg_lambda", "reg_alpha", "gamma", "min_child_weight", "max_delta_step"):
            check_real(name, getattr(self, name))
        for name in _SHARES:
            check_real(name, getattr(self, name), positive=True)
            if getattr(self, name) > 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)!r}; it must be at most 1")
        check_choice("sampling_method", self.sampling_method, (UNIFORM, GOSS))
        check_choice("packing", self.packing, PACKINGS)
        check_choice("lazy_gradients", self.lazy_gradients, (OFF, SHOW_CHANGED_ROWS))
        check_choice("prediction", self.prediction, PREDICTIONS)
        check_choice("multi_strategy", self.multi_strategy, (MULTI_OUTPUT, ONE_OUTPUT))
        check_scheme(self.scheme, "boosting")
        self._check_goss()
        self._check_whole("gradient_bits", least=FEWEST_BITS, most=40)
        self._check_lazy()
        for name in ("guest_only_trees", "guest_only_levels"):
            self._check_whole(name, least=0)
        for name in ("early_stopping_rounds", "base_score", "random_state", "host_levels"):
            self._check_optional(name)
        if self.host_levels is not None and self.guest_only_levels:
            raise ConfigurationError(
                f"host_levels={self.host_levels} counts levels from the root, guest_only_levels="
                f"{self.guest_only_levels} from the leaves: set one of them"
            )
        for name in ("warm_start", "allow_insecure_key_size"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)!r}; it must be True or False"
                )

    def _check_goss(self) -> None:
        for name in ("top_rate", "other_rate"):
            check_real(name, getattr(self, name), positive=True)
        if self.top_rate + self.other_rate > 1:
            raise ConfigurationError(
                f"top_rate={self.top_rate!r} and other_rate={self.other_rate!r} are more than all rows: together "
                "they must be at most 1"
            )
        if self.sampling_method == GOSS and self.subsample < 1:
            raise ConfigurationError(
                "sampling_method='goss' draws the rows itself: leave subsample at 1"
            )

    def _check_lazy(self) -> None:
        """Refuse what has rows change in every round, or together."""
        if not self.is_lazy:
            return
        if not self.rounds_by_chance:
            raise ConfigurationError(
                f"gradient_bits is {self.gradient_bits}, of which some change in every round: with lazy_gradients "
                f"it must be from {FEWEST_BITS} to {CHANCE_BITS}"
            )
        if self.packing == "rows":
            raise ConfigurationError(
                "packing='rows' has rows change together: with lazy_gradients it must be 'auto' or 'none'"
            )
        if self.sampling_method == GOSS:
            raise ConfigurationError(
                "sampling_method='goss' changes the scale of rows from round to round: with lazy_gradients draw "
                "rows by subsample"
            )

    def _check_whole(self, name: str, *, least: int, most: int | None = None) -> None:
        value = getattr(self, name)
        good = isinstance(value, int) and not isinstance(value, bool) and value >= least
        if not good or (most is not None and value > most):
            limits = f"{least} or more" if most is None else f"from {least} to {most}"
            raise ConfigurationError(f"{name} is {value!r}; it must be a whole number, {limits}")

    def _check_optional(self, name: str) -> None:
        value = getattr(self, name)
        if value is None:
            return
        if name == "early_stopping_rounds":
            check_count(name, value)
        elif name in ("random_state", "host_levels"):
            self._check_whole(name, least=0)
        elif isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise ConfigurationError(f"{name} is {value!r}; it must be a number or None")

    @property
    def regularization(self) -> Regularization:
        """What keeps trees small."""
        return Regularization(
            self.reg_lambda,
            self.reg_alpha,
            self.gamma,
            self.min_child_weight,
            self.max_delta_step,
        )

    @property
    def rounds_by_chance(self) -> bool:
        """Whether gradients are rounded up or down by chance."""
        return self.gradient_bits <= CHANCE_BITS

    @property
    def size_bits(self) -> int:
        """Bits of the largest size of a rounded gradient; where there are few, its sign is one of them."""
        return self.gradient_bits - self.rounds_by_chance

    def rounding(self, seed: int) -> Rounding:
        """Return what rounds the gradients of a fit, given the guest's seed."""
        return Rounding(self.size_bits, seed, self.rounds_by_chance, lasting=self.is_lazy)

    @property
    def is_lazy(self) -> bool:
        """Whether rows whose rounded gradients did not change are not sent again."""
        return self.lazy_gradients != OFF

    @property
    def row_packing(self) -> str:
        """Whether rows may share ciphertexts: not where each is sent when it changes."""
        return "none" if self.is_lazy else self.packing

    @property
    def levels_of_hosts(self) -> int:
        """On how many levels of a tree hosts' columns may be split."""
        if self.host_levels is not None:
            return min(self.host_levels, self.max_depth)
        return max(0, self.max_depth - self.guest_only_levels)

    def keeps_apart(self, outputs: int) -> bool:
        """Return whether a tree is of one output among several, and is shown no sums of the others."""
        return outputs > 1 and self.multi_strategy == ONE_OUTPUT

    def trees_of_round(self, outputs: int) -> list[tuple[int, ...]]:
        """Return the outputs of each tree of a round."""
        if outputs == 1 or self.multi_strategy == MULTI_OUTPUT:
            return [tuple(range(outputs))] * self.num_parallel_tree
        return [(output,) for output in range(outputs) for _ in range(self.num_parallel_tree)]

    def uses_goss(self, number: int) -> bool:
        """Return whether rows of a round, from 1, are drawn by their gradients: not while these are all alike."""
        return self.sampling_method == GOSS and number > 1 / self.learning_rate

    def sample_sizes(self, rows: int) -> list[int]:
        """Return of how many rows a tree may be grown, given how many there are."""
        if self.sampling_method != GOSS:
            return [count_rows(rows, self.subsample)]
        return sorted({rows, count_by_gradient(rows, self.top_rate, self.other_rate)})

    def terms(self) -> dict[str, Any]:
        """Return the parameters that every party must have set alike."""
        return {name: value for name, value in asdict(self).items() if name not in _LOCAL}
