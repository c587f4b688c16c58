# SPDX-License-Identifier: Apache-2.0
"""Models by the names that job files use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyfate_gpu import glm
from pyfate_gpu.errors import ConfigurationError

if TYPE_CHECKING:
    from pyfate_gpu.glm.estimator import HeteroGLM

MODELS: dict[str, type[HeteroGLM]] = {
    "linear": glm.HeteroLinearRegression,
    "logistic": glm.HeteroLogisticRegression,
    "poisson": glm.HeteroPoissonRegression,
}


def make_model(name: str, parameters: Mapping[str, Any]) -> HeteroGLM:
    """Return the model `name` with `parameters`.

    Raises
    ------
    ConfigurationError
        When there is no such model or parameter, or a value makes no sense.
    """
    if name not in MODELS:
        raise ConfigurationError(f"no model is named {name!r}: choose one of {', '.join(MODELS)}")
    if "callbacks" in parameters:
        raise ConfigurationError("callbacks are Python objects: a job file cannot name them")
    model = MODELS[name]()
    model.set_params(**parameters)
    model.settings()
    return model
