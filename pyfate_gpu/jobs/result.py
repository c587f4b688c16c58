# SPDX-License-Identifier: Apache-2.0
"""What a party keeps of a finished job: its half of the weights, and how it came about."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu import __version__
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.jobs.configuration import PartyConfiguration
from pyfate_gpu.jobs.tables import Rows

if TYPE_CHECKING:
    from pyfate_gpu.glm.estimator import HeteroGLM

FORMAT = "pyfate-gpu result"
VERSION = 1


def result_of(
    configuration: PartyConfiguration, session: Session, model: HeteroGLM, rows: Rows | None
) -> dict[str, Any]:
    """Return the result as JSON takes it; weights are exact."""
    report = asdict(model.report_)
    found: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "release": __version__,
        "job": configuration.job,
        "party": session.party.name,
        "model": configuration.model,
        "parameters": configuration.parameters,
        "iterations": model.n_iter_,
        "report": report,
    }
    if rows is not None:
        found["columns"] = list(rows.names)
        found["coef"] = np.asarray(model.coef_).tolist()
    if session.party.role is Role.GUEST:
        found["intercept"] = np.asarray(model.intercept_).tolist()
        found["loss"] = [float(loss) for loss in model.loss_history_]
    return found
