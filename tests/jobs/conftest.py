# SPDX-License-Identifier: Apache-2.0
"""A small job: tables of guest and host in different orders, and the file that describes it."""

from __future__ import annotations

import csv

import pytest

from pyfate_gpu import HeteroLogisticRegression, simulate
from pyfate_gpu.storage.toml import dump_toml

ROWS = 40
#: Where parties listen that nobody calls.
PORTS = (7001, 7002, 7003)


def write_csv(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def rows(rng):
    """Features and labels in the order of their ids, which begin with a letter to be no numbers."""
    x = rng.normal(size=(ROWS, 5))
    y = (x @ [1.0, -1.0, 0.5, 2.0, 0.0] > 0).astype(int)
    return [f"u{row:03d}" for row in range(ROWS)], x, y


@pytest.fixture
def small_job(tmp_path, rng, rows):
    """Write tables and ``job.toml``; return a function that does so with changes by table."""
    ids, x, y = rows

    def write(changes=None, keep=slice(None)):
        guest = [
            [ids[row], y[row], *map(repr, x[row, :2].tolist())] for row in rng.permutation(ROWS)
        ]
        order = [row for row in rng.permutation(ROWS) if row in range(ROWS)[keep]]
        host = [[*map(repr, x[row, 2:].tolist()), ids[row]] for row in order]
        write_csv(tmp_path / "guest.csv", ["id", "y", "a", "b"], guest)
        write_csv(tmp_path / "host.csv", ["c", "d", "e", "key"], host)
        tables = {
            "job": {
                "name": "small",
                "directory": "out",
                "timeout": 300.0,
                "peer_timeout": 60.0,
                "report": False,
            },
            "model": {
                "type": "logistic",
                "max_iter": 3,
                "tol": 0.0,
                "key_bits": 512,
                "allow_insecure_key_size": True,
            },
            "engine": {"backend": "cpu", "threads": 1},
            "data.guest": {"path": "guest.csv", "label": "y"},
            "data.host-0": {"path": "host.csv", "id": "key"},
        }
        for name, table in (changes or {}).items():
            tables[name] = table if isinstance(table, list) else {**tables.get(name, {}), **table}
        path = tmp_path / "job.toml"
        path.write_text(dump_toml(tables))
        return path

    return write


@pytest.fixture
def in_process(rows):
    """Results of the same job, on some of its rows, within this process: models of guest and host."""

    def run(keep=slice(None), **parameters):
        x, y = (values[keep] for values in rows[1:])

        def party(*data):
            model = HeteroLogisticRegression(
                **{"max_iter": 3, "tol": 0.0, "key_bits": 512, "allow_insecure_key_size": True}
                | parameters
            )
            return lambda session: model.fit(*data, session=session)

        result = simulate(guest=party(x[:, :2], y), hosts=[party(x[:, 2:])], arbiter=party())
        return result["guest"], result["host-0"]

    return run
