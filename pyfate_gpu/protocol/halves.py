# SPDX-License-Identifier: Apache-2.0
"""Algorithms of which each party keeps one half: what is done with it once it is fitted, without other parties."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.tables import read_present_labels
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.protocol.estimator import Estimator, PathLike
from pyfate_gpu.protocol.settings import plain
from pyfate_gpu.typing import Floats

Model = TypeVar("Model", bound="HalfEstimator[Any]")


class Half(Protocol):
    """What a party keeps of a model."""

    @property
    def classes(self) -> NDArray[Any] | None:
        """Classes in the order of scores, where labels are classes; the guest's."""

    @property
    def feature_names(self) -> Any:
        """Names of this party's features, in order."""


H = TypeVar("H", bound=Half)


class HalfFile(Protocol):
    """The module of a form of file that holds such halves."""

    def write_half(self, path: PathLike, half: Any, header: dict[str, Any]) -> None:
        """Write a half and, as JSON takes it, what else to keep."""

    def read_half(self, path: PathLike) -> tuple[Any, dict[str, Any]]:
        """Return both."""


class HalfEstimator(Estimator, Generic[H]):
    """One party's side of an algorithm whose model is in halves; a subclass names the form of its file."""

    half_file: ClassVar[HalfFile]

    @abstractmethod
    def settings(self) -> Any:
        """Return the parameters, checked."""

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""
        self.settings()

    def terms(self) -> dict[str, Any]:
        """Return the parameters that all parties must have set alike."""
        found: dict[str, Any] = self.settings().terms()
        return found

    @abstractmethod
    def _outputs(self) -> int:
        """Return how many scores a row has."""

    @abstractmethod
    def _interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return predictions, and what else is known of rows, by name."""

    @abstractmethod
    def _encode_labels(self, y: Any, rows: int, classes: Any) -> tuple[Floats, Any]:
        """Return labels [rows, outputs], and their classes, which are those given if there are any."""

    @abstractmethod
    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        """Return metrics of labels and scores [rows, outputs]; the first one is better when less."""

    @abstractmethod
    def _keep(self, fitted: dict[str, Any]) -> None:
        """Set all fitted attributes at once, after everything went well."""

    def interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return what scores of `decision_function` mean, as `predict` does, without other parties.

        By name: ``prediction``, and of classifiers ``probability`` as `predict_proba` returns it.

        Raises
        ------
        ConfigurationError
            Before fit.
        DataError
            When `scores` is no such array.
        """
        return self._interpret(self._read_scores(scores))

    def evaluate(self, y: Any, scores: Floats) -> dict[str, float]:
        """Return metrics of labels and of what `decision_function` returned for the same rows; the guest's.

        Rows without a label do not count; where none has one there are no metrics. What the rows do not define is
        left out: AUC and KS of one class.

        Raises
        ------
        ConfigurationError
            Before fit.
        DataError
            When the labels do not fit the scores or the classes of fit, or `scores` is no such array.
        """
        scores = self._read_scores(scores)
        rows = len(scores)
        labels, present = read_present_labels(y, rows)
        if not present.any():
            return {}
        encoded, _ = self._encode_labels(labels, len(labels), self._fitted_half().classes)
        return self._evaluate(encoded, scores.reshape(rows, -1)[present])

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of this party's features, in order; `input_features` is there for scikit-learn.

        Raises
        ------
        ConfigurationError
            Before fit.
        """
        return np.array(self._fitted_half().feature_names, dtype=object)

    def save(self, path: PathLike) -> None:
        """Write this party's half to a file that only its owner can read: what it predicts by, and its parameters.

        Callbacks, keys and histories are not kept, nor an objective that is a function.

        Raises
        ------
        ConfigurationError
            Before fit; when classes are neither numbers nor texts.
        StorageError
            When the file cannot be written.
        """
        params = {name: plain(value) for name, value in self.get_params().items()}
        del params["callbacks"]
        params = {name: value for name, value in params.items() if not callable(value)}
        half = self._fitted_half()
        header = {"estimator": type(self).__name__, "params": params, "n_iter": self.n_iter_}
        self.half_file.write_half(path, half, header)

    @classmethod
    def load(cls: type[Model], path: PathLike) -> Model:
        """Return a fitted model from what `save` wrote, to predict with, or to go on by `warm_start`.

        Raises
        ------
        StorageError, DataError
            When the file cannot be read, or is no half of such a model.
        """
        half, header = cls.half_file.read_half(path)
        if header.get("estimator") != cls.__name__:
            raise DataError(
                f"{path} holds a {header.get('estimator')}: load it by that class, this is {cls.__name__}"
            )
        model = cls().set_params(**header["params"])
        model.settings()
        model._keep({"_half": half, "n_iter_": int(header["n_iter"])})
        return model

    def _fitted_half(self) -> H:
        half: H | None = getattr(self, "_half", None)
        if half is None:
            raise ConfigurationError(
                f"this {type(self).__name__} is not fitted: call fit first{self._why_not_fitted()}"
            )
        return half

    def _why_not_fitted(self) -> str:
        """Return what else there is to say where nothing was fitted."""
        return ""

    def _read_scores(self, scores: Any) -> Floats:
        outputs, array = self._outputs(), np.asarray(scores)
        wanted = array.shape[:1] + ((outputs,) if outputs > 1 else ())
        if not array.ndim or array.shape != wanted or array.dtype.kind not in "fiu":
            raise DataError(
                f"scores have shape {array.shape} and dtype {array.dtype}; it takes what "
                f"decision_function returns, {'[rows]' if outputs == 1 else f'[rows, {outputs}]'}"
            )
        if not np.isfinite(array).all():
            raise DataError(
                "scores hold NaN or infinite values: take what decision_function returns"
            )
        return array.astype(np.float64)
