# SPDX-License-Identifier: Apache-2.0
"""What a fit is said to take is what it takes."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu.binning import HeteroBinning, HeteroSelector
from pyfate_gpu.protocol.cost import JobShape
from tests.binning.conftest import SMALL


@pytest.mark.parametrize("classes", [2, 3])
def test_operations_are_those_that_run(bin_together, rng, classes):
    y = np.arange(200) % classes
    hosts = [rng.normal(size=(200, 3)), rng.normal(size=(200, 1))]
    rules = {"max_bins": 5}
    guest, models = bin_together(y, hosts, rules=rules)
    shape = JobShape(
        rows=200,
        columns={"guest": 0, "host-0": 3, "host-1": 1},
        outputs=HeteroBinning().outputs_of(y),
    )
    work = HeteroBinning(**SMALL | rules).workload(shape).steps
    for name, model in zip(work, (guest, *models), strict=True):
        done = model.report_.usage.operations
        found = {step: done.get(step, 0) for step in work[name]}
        assert found == dict(work[name]), name
    assert HeteroSelector(**SMALL | rules).workload(shape).steps == work


def test_one_value_that_is_there(bin_together):
    y = np.tile([0, 1], 50)
    x = np.full((100, 2), np.nan)
    x[3, 0] = 1.0
    x[:40, 1] = 1.0
    guest, (host,) = bin_together(y, [x])
    assert host.iv_.tolist() == [0, 0]
    assert len(guest.host_evidence_["host-0"]) == 1  # forty rows with a value and sixty without
