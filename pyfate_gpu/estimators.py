# SPDX-License-Identifier: Apache-2.0
"""Algorithms by the names that job files use.

A new one of this package is one line in `ESTIMATORS`. Another package adds its own by an entry point in the group
``pyfate_gpu.estimators``, or at run time by a line of its own in that table.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.protocol.estimator import Estimator

GROUP = "pyfate_gpu.estimators"

#: Where the class of each name is, as ``module:class``; modules load when they are asked for.
ESTIMATORS: dict[str, str] = {
    "linear": "pyfate_gpu.glm.linear:HeteroLinearRegression",
    "logistic": "pyfate_gpu.glm.logistic:HeteroLogisticRegression",
    "poisson": "pyfate_gpu.glm.poisson:HeteroPoissonRegression",
    "iv": "pyfate_gpu.binning.estimator:HeteroBinning",
    "selection": "pyfate_gpu.binning.selector:HeteroSelector",
    "scorecard": "pyfate_gpu.credit:HeteroScorecard",
    "boosted_trees_classifier": "pyfate_gpu.trees.classifier:HeteroBoostedTreesClassifier",
    "boosted_trees_regressor": "pyfate_gpu.trees.regressor:HeteroBoostedTreesRegressor",
    "network_classifier": "pyfate_gpu.nn.classifier:HeteroNetworkClassifier",
    "network_regressor": "pyfate_gpu.nn.regressor:HeteroNetworkRegressor",
    "transfer": "pyfate_gpu.nn.transfer.estimator:FederatedTransfer",
    "sshe_linear": "pyfate_gpu.sshe.linear:HeteroSSHELinearRegression",
    "sshe_logistic": "pyfate_gpu.sshe.logistic:HeteroSSHELogisticRegression",
    "homo_linear": "pyfate_gpu.homo.linear:HomoLinearRegression",
    "homo_logistic": "pyfate_gpu.homo.logistic:HomoLogisticRegression",
    "homo_network": "pyfate_gpu.homo.network:HomoNetworkClassifier",
    "homo_trees_classifier": "pyfate_gpu.homo.boosting.classifier:HomoBoostedTreesClassifier",
    "homo_trees_regressor": "pyfate_gpu.homo.boosting.regressor:HomoBoostedTreesRegressor",
}


def find_estimator(name: str) -> type[Estimator]:
    """Return the class that job files call `name`.

    Raises
    ------
    ConfigurationError
        When there is none, or what an entry point names is none.

    Examples
    --------
    >>> from pyfate_gpu.estimators import find_estimator
    >>> find_estimator("logistic").__name__
    'HeteroLogisticRegression'
    """
    places = {found.name: found.value for found in entry_points(group=GROUP)} | ESTIMATORS
    if name not in places:
        raise ConfigurationError(f"no model is named {name!r}: choose one of {', '.join(places)}")
    module, _, attribute = places[name].partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"model {name!r} does not load: {error}") from None
    if not (isinstance(found, type) and issubclass(found, Estimator)):
        raise ConfigurationError(f"{places[name]}, model {name!r}, is no Estimator")
    return found


def make_estimator(name: str, parameters: Mapping[str, Any]) -> Estimator:
    """Return the model `name` with `parameters`, checked.

    Raises
    ------
    ConfigurationError
        When there is no such model or parameter, or a value makes no sense.
    """
    kind = find_estimator(name)
    if "callbacks" in parameters:
        raise ConfigurationError("callbacks are Python objects: a job file cannot name them")
    model = kind()
    model.set_params(**parameters)
    model.check()
    return model
