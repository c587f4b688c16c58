# SPDX-License-Identifier: Apache-2.0
"""Encrypted training on real data: the weights and metrics of the plaintext rule, and good ones.

``python -m tests.jobs.measure_models`` does the same with keys of 2048 bits between processes.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.glm.conftest import SMALL_KEY
from tests.glm.real_data import CASES


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_encrypted_training_is_as_good_as_plaintext(federate, agrees, name):
    case = CASES[name]
    try:
        guest, y, host = case.load()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    model = case.make(**SMALL_KEY)
    outcome = federate(model, guest, y, [host], predict="decision_function", timeout=600)
    plain = agrees(outcome, [guest, host], case.encode(y))
    scores = plain.scores.reshape(outcome.predicted.shape)
    np.testing.assert_allclose(outcome.predicted, scores, atol=1e-6)
    found, expected = (
        outcome.guest.evaluate(y, s)[case.metric] for s in (outcome.predicted, scores)
    )
    assert found == pytest.approx(expected, abs=1e-6)
    assert found >= case.least
