# SPDX-License-Identifier: Apache-2.0
"""What came of a job, for people (one HTML page) and for programs (JSON)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.data.tables import read_present_labels
from pyfate_gpu.errors import ConfigurationError, StorageError
from pyfate_gpu.learning.judgement import calibration, confusion, lift
from pyfate_gpu.protocol.report_diagrams import Diagram
from pyfate_gpu.storage.files import open_private
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.protocol.estimator import Estimator
    from pyfate_gpu.protocol.progress import FitReport

FORMAT = "pyfate-gpu report"
VERSION = 1
ROC_POINTS = 200


@dataclass(frozen=True, repr=False)
class JobReport:
    """A finished fit as far as the models given know it: one party's own, or all of a simulation.

    Parameters
    ----------
    estimator : str
        Name of the class.
    parameters : dict
        Of the first model.
    parties : list of FitReport
        Backend, key, seconds, operations and bytes of each party.
    losses : list of float
        By iteration; empty without the guest.
    validation : list of dict
        Metrics of validation rows by iteration.
    metrics : dict
        Of the labels and scores given.
    roc : dict
        Rates of false and true positives; empty unless the labels are of two classes.
    weights : dict
        By party: weights by column, one for each output.
    tables, bars, diagrams : dict
        By party: what else its algorithm shows, as the methods of `Estimator` of these names return it.
    judged : dict
        Of two classes tables of calibration and lift, of classes that of confusion, by name.
    about : dict
        What the job says of itself, in the order to be shown: its name, the party, the day, rows.
    units : dict
        By party: `weights` for columns in the unit that they came in, where preparation is a shift and a scale.
    judged_on : str
        Which rows metrics, ROC and tables of judgement are of, in words; empty for those given to `of`.
    """

    estimator: str
    parameters: dict[str, Any]
    parties: list[FitReport]
    losses: list[float]
    validation: list[dict[str, float]]
    metrics: dict[str, float] = field(default_factory=dict)
    roc: dict[str, list[float]] = field(default_factory=dict)
    weights: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    tables: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    bars: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    diagrams: dict[str, dict[str, Diagram]] = field(default_factory=dict)
    judged: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    units: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    judged_on: str = ""

    @classmethod
    def of(
        cls,
        models: Sequence[Estimator],
        y: Any = None,
        scores: Floats | None = None,
        *,
        judged_on: str = "",
    ) -> JobReport:
        """Collect what fitted models know.

        Parameters
        ----------
        models : sequence of Estimator
            One of each party whose part is to be shown; usually one's own alone.
        y, scores : array-like, float64, optional
            Labels of rows and what the guest's `decision_function` returned for them; rows whose labels are
            missing do not count.
        judged_on : str
            Which rows these are, in words.

        Raises
        ------
        ConfigurationError
            Without a model that was fitted here, or with scores and no guest.

        Examples
        --------
        >>> from pyfate_gpu.protocol.report import JobReport
        >>> JobReport.of([])
        Traceback (most recent call last):
        ...
        pyfate_gpu.errors.ConfigurationError: a report takes models that were fitted in this process
        """
        if not models or not all(hasattr(model, "report_") for model in models):
            raise ConfigurationError("a report takes models that were fitted in this process")
        guest = next((model for model in models if hasattr(model, "loss_history_")), None)
        if scores is not None and guest is None:
            raise ConfigurationError("labels and scores are the guest's: give its model too")
        metrics, roc = _judge(guest, y, scores)
        return cls(
            estimator=type(models[0]).__name__,
            parameters=_parameters(models[0]),
            parties=[model.report_ for model in models],
            losses=[] if guest is None else list(guest.loss_history_),
            validation=[] if guest is None else getattr(guest, "validation_history_", []),
            metrics=metrics,
            roc=roc,
            weights={
                model.report_.party: _weights(model) for model in models if hasattr(model, "coef_")
            },
            tables={m.report_.party: tables for m in models if (tables := m.tables())},
            bars={m.report_.party: bars for m in models if (bars := m.bars())},
            diagrams={m.report_.party: drawn for m in models if (drawn := m.diagrams())},
            judged=_tables_of(guest, y, scores),
            units={m.report_.party: units for m in models if (units := m.weights_in_units())},
            judged_on=judged_on,
        )

    @classmethod
    def of_prediction(
        cls, model: Estimator, cost: FitReport, y: Any = None, scores: Floats | None = None
    ) -> JobReport:
        """Collect what one party knows of a prediction by a model that may come from a file.

        Parameters
        ----------
        cost : FitReport
            What predicting took.
        y, scores : array-like, float64, optional
            As in `of`, at the guest.
        """
        metrics, roc = _judge(model, y, scores)
        weights = {cost.party: _weights(model)} if hasattr(model, "coef_") else {}
        shown = model.shown_by_prediction()
        return cls(
            type(model).__name__,
            _parameters(model),
            [cost],
            [],
            [],
            metrics,
            roc,
            weights,
            tables={cost.party: {"what this prediction has shown": shown}} if shown else {},
            judged=_tables_of(model, y, scores),
            units={cost.party: units} if (units := model.weights_in_units()) else {},
        )

    def to_json(self) -> str:
        """Return everything as one JSON object; numbers are exact."""
        document = {"format": FORMAT, "version": VERSION, **asdict(self)}
        return json.dumps(document, indent=1, default=_plain, allow_nan=False) + "\n"

    def to_html(self) -> str:
        """Return everything as one page, which takes matplotlib.

        Raises
        ------
        ConfigurationError
            Without matplotlib.
        """
        from pyfate_gpu.protocol.report_page import render

        return render(self)

    def save(self, folder: Path | str) -> None:
        """Write ``report.json`` and ``report.html``, which takes matplotlib.

        Raises
        ------
        ConfigurationError
            Without matplotlib.
        StorageError
            When a file cannot be written.
        """
        page = self.to_html()
        try:
            for name, text in (("report.json", self.to_json()), ("report.html", page)):
                with open_private(Path(folder) / name, "w") as file:
                    file.write(text)
        except OSError as error:
            raise StorageError(f"cannot write to {folder}: {error.strerror}") from None


def _judge(
    guest: Estimator | None, y: Any, scores: Floats | None
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return metrics, and the ROC where there are two classes."""
    if guest is None or scores is None or y is None:
        return {}, {}
    metrics = guest.evaluate(y, scores)
    if "auc" not in metrics:
        return metrics, {}
    labels, present = read_present_labels(y, len(scores))
    return metrics, _roc(labels, np.asarray(scores)[present])


def _tables_of(
    guest: Estimator | None, y: Any, scores: Floats | None
) -> dict[str, list[dict[str, Any]]]:
    """Return calibration, lift and confusion, as far as predictions are classes."""
    if guest is None or scores is None or y is None:
        return {}
    meaning = guest.interpret(np.asarray(scores))
    if "probability" not in meaning:
        return {}
    labels, present = read_present_labels(y, len(scores))
    if not present.any():
        return {}
    found = {"Confusion": confusion(labels.tolist(), meaning["prediction"][present].tolist())}
    probability = meaning["probability"][present]
    if probability.shape[1] == 2:
        positive = np.asarray(labels == guest.output_names()[1])
        found["Calibration"] = calibration(positive, probability[:, 1])
        found["Lift"] = lift(positive, np.asarray(scores)[present])
    return found


def _parameters(model: Estimator) -> dict[str, Any]:
    params = model.get_params()
    return {name: params[name] for name in sorted(params) if name != "callbacks"}


def _weights(model: Estimator) -> dict[str, list[float]]:
    coef = np.atleast_2d(vars(model)["coef_"])
    named = getattr(model, "get_feature_names_out", None)
    names = [f"column {i}" for i in range(coef.shape[1])] if named is None else named()
    found = {str(name): weights.tolist() for name, weights in zip(names, coef.T, strict=True)}
    if hasattr(model, "intercept_"):
        found["intercept"] = np.atleast_1d(model.intercept_).tolist()
    return found


def _roc(y: Any, scores: Floats) -> dict[str, list[float]]:
    """Return at most `ROC_POINTS` points of the curve, evenly spread over its length."""
    from sklearn.metrics import roc_curve

    _, codes = np.unique(y, return_inverse=True)
    false_positives, true_positives, _ = roc_curve(codes, scores)
    along = false_positives + true_positives
    at = np.linspace(0, 2, min(len(along), ROC_POINTS))
    chosen = np.unique(np.searchsorted(along, at).clip(max=len(along) - 1))
    return {
        "false_positives": false_positives[chosen].tolist(),
        "true_positives": true_positives[chosen].tolist(),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON")
