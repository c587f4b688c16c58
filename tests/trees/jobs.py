# SPDX-License-Identifier: Apache-2.0
"""A small job of trees between processes, and what it must end with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pyfate_gpu import HeteroBoostedTreesClassifier
from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.jobs import launcher
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.result import HALF
from pyfate_gpu.storage.toml import dump_toml
from pyfate_gpu.trees.plaintext import joined
from tests.trees.conftest import in_clear

PARTIES = ("guest", "host-0", "host-1")
COLUMNS = (2, 3, 2)
ROWS, TESTED = 70, 20


class TreesJob:
    """Tables of three parties in a folder, and the file that describes the job.

    Parameters
    ----------
    folder : Path
        Empty.
    parts, y
        Columns of each party, some values missing, and the guest's labels: rows to train with, then those to judge by.
    rows : int
        How many to train with; the same are predicted.
    **parameters
        Of the model.
    """

    def __init__(self, folder: Path, parts: list[Any], y: Any, rows: int, **parameters: Any):
        self.folder, self.path, self.out = folder, folder / "job.toml", folder / "out"
        self.parts, self.y, self.rows = parts, y, rows
        tables: dict[str, dict[str, Any]] = {
            "job": {
                "name": "trees", "directory": "out", "timeout": 300.0, "peer_timeout": 60.0, "report": False,
                "checkpoint_every": parameters.pop("checkpoint_every", 2),
            },
            "model": {"type": "boosted_trees_classifier", **parameters},
            "engine": {"backend": "cpu", "threads": 1},
        }  # fmt: skip
        for kind, numbers in (
            ("data", range(rows)),
            ("validation", range(rows, len(y))),
            ("predict", range(rows)),
        ):
            for index, party in enumerate(PARTIES):
                self._write(kind, party, index, numbers)
                label = {"label": "y"} if party == "guest" else {}
                tables[f"{kind}.{party}"] = {"path": f"{kind}-{party}.csv", **label}
        self.path.write_text(dump_toml(tables))

    def _write(self, kind: str, party: str, index: int, rows: range) -> None:
        labelled = party == "guest"
        names = [f"{party[0]}{index}c{column}" for column in range(self.parts[index].shape[1])]
        lines = [",".join(["id", *(["y"] if labelled else []), *names])]
        for row in rows:
            values = ["" if v != v else repr(v) for v in self.parts[index][row].tolist()]
            lines.append(
                ",".join([f"u{row:03d}", *([str(self.y[row])] if labelled else []), *values])
            )
        (self.folder / f"{kind}-{party}.csv").write_text("\n".join(lines))

    def run(self) -> None:
        """Run the job; raise PartyFailedError when a party dies."""
        launcher.run_job(Job.load(self.path), lambda line: None)

    def result(self, party: str) -> dict[str, Any]:
        """Return a party's result."""
        found: dict[str, Any] = json.loads((self.out / party / "result.json").read_text())
        return found

    def models(self) -> list[HeteroBoostedTreesClassifier]:
        """Return all halves."""
        return [HeteroBoostedTreesClassifier.load(self.out / party / HALF) for party in PARTIES]

    def trees(self) -> list[dict[str, Any]]:
        """Return the joined trees."""
        halves = [model._half for model in self.models()]
        return joined(halves[0].forest, [half.table for half in halves])

    def expected(self) -> list[dict[str, Any]]:
        """Return what the reference in clear grows."""
        parameters = Job.load(self.path).parameters
        model = make_estimator("boosted_trees_classifier", parameters)
        return in_clear(
            model, [part[: self.rows] for part in self.parts], self.y[: self.rows]
        ).trees


class SmallJob(TreesJob):
    """Seventy rows of chance, in a folder."""

    def __init__(self, folder: Path, **parameters: Any) -> None:
        rng = np.random.default_rng(5)
        parts = [rng.normal(size=(ROWS + TESTED, c)).round(2) for c in COLUMNS]
        score = parts[0][:, 0] * parts[1][:, 1] + parts[2][:, 0]
        y = (score > np.median(score)).astype(int)
        for part in parts:
            part[rng.random(part.shape) < 0.15] = np.nan
        model = {
            "n_estimators": 6, "max_depth": 3, "min_samples_leaf": 3, "max_bin": 8, "key_bits": 512,
            "allow_insecure_key_size": True, "random_state": 1, **parameters,
        }  # fmt: skip
        super().__init__(folder, parts, y, ROWS, **model)
