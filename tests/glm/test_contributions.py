# SPDX-License-Identifier: Apache-2.0
"""What each feature adds to a score, found by its owner alone."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu.errors import ConfigurationError, DataError


@pytest.mark.parametrize("classes", [2, 3])
def test_contributions_add_up_to_scores(federate, logistic, toy, classes):
    y = np.digitize(toy.y, np.quantile(toy.y, [1 / 3, 2 / 3])) if classes == 3 else toy.labels
    outcome = federate(logistic(), toy.guest, y, toy.hosts, predict="decision_function")
    parts = [
        model.contributions(X)
        for model, X in zip((outcome.guest, *outcome.hosts), (toy.guest, *toy.hosts), strict=True)
    ]
    assert [part.shape[:2] for part in parts] == [X.shape for X in (toy.guest, *toy.hosts)]
    total = sum(part.sum(axis=1) for part in parts) + outcome.guest.intercept_
    np.testing.assert_allclose(total, outcome.predicted, atol=1e-6)


def test_contributions_of_other_tables(federate, logistic, toy):
    outcome = federate(logistic(max_iter=1), toy.guest, toy.labels, toy.hosts)
    with pytest.raises(DataError, match="X has 1 columns"):
        outcome.guest.contributions(toy.guest[:, :1])
    with pytest.raises(ConfigurationError):
        logistic().contributions(toy.guest)
    with pytest.raises(ConfigurationError):
        outcome.arbiter.contributions(toy.guest)
