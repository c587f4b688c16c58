# SPDX-License-Identifier: Apache-2.0
"""Four parties in a folder of one machine, for whatever may happen to them."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from pyfate_gpu.federation.certificates import Authority
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.jobs.job import Job, as_toml
from pyfate_gpu.jobs.ports import reserved_ports
from pyfate_gpu.storage.toml import dump_toml

PARTIES = ("guest", "host-0", "host-1", "arbiter")
PEER_TIMEOUT = 2.5  # of silence, which is the cause where a party is frozen
ROWS = 60

SECRET = "s3cr3t"


class Stage:
    """Tables, certificates and files of four parties in a folder, and their processes."""

    def __init__(self, folder: Path, **changes: dict[str, object]) -> None:
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ended: dict[str, float] = {}
        rng = np.random.default_rng(0)
        x = rng.normal(size=(ROWS, 6))
        y = (x.sum(axis=1) > 0).astype(int)
        ids = [f"{SECRET}-{row:04d}" for row in range(ROWS)]
        self.tables = {
            "guest": [
                ["id", "y", "a", "b"],
                *([i, v, *r] for i, v, r in zip(ids, y, x[:, :2], strict=True)),
            ],
            "host-0": [["id", "c", "d"], *([i, *r] for i, r in zip(ids, x[:, 2:4], strict=True))],
            "host-1": [["id", "e", "f"], *([i, *r] for i, r in zip(ids, x[:, 4:], strict=True))],
        }
        tables = {
            "job": {"name": "mishap", "directory": "out", "timeout": 60.0,
                    "peer_timeout": PEER_TIMEOUT, "report": False},
            "model": {"type": "logistic", "optimizer": "adam", "max_iter": 100_000, "tol": 0.0, "key_bits": 512,
                      "allow_insecure_key_size": True},
            "engine": {"backend": "cpu", "threads": 1},
            "data.guest": {"path": "guest-private.csv", "label": "y"},
            "data.host-0": {"path": "host-0-private.csv"},
            "data.host-1": {"path": "host-1-private.csv"},
        }  # fmt: skip
        for name, table in changes.items():
            tables[name.replace("__", ".")] = tables.get(name.replace("__", "."), {}) | table
        path = folder / "job.toml"
        path.write_text(dump_toml(tables))
        self.job = Job.load(path)
        self.job.directory.mkdir(mode=0o700)
        with reserved_ports(4) as self.ports:
            self.configurations = {
                p.name: c for p, c in self.job.configurations(self.ports).items()
            }
        self.authority = Authority.create()
        certificates = self.job.directory / "certificates"
        certificates.mkdir(mode=0o700)
        for name in PARTIES:
            self.certify(name, self.authority)
        self.environment = dict(os.environ)

    def certify(self, name: str, authority: Authority) -> None:
        """Give a party a key and a certificate, and the authority that it trusts."""
        folder = self.job.directory / "certificates"
        key, certificate = authority.issue(Party.parse(name))
        for ending, data in (("key", key), ("pem", certificate), ("ca.pem", authority.pem)):
            path = folder / f"{name}.{ending}"
            path.write_bytes(data)
            path.chmod(0o600)
        c = self.configurations[name]
        self.configurations[name] = replace(
            c, tls=replace(c.tls, authority=folder / f"{name}.ca.pem")
        )

    def change(self, name: str, **values: object) -> None:
        """Change the configuration of one party."""
        self.configurations[name] = replace(self.configurations[name], **values)

    def start(self, *names: str, options: tuple[str, ...] = ()) -> None:
        """Start parties, each with its file, log and tables."""
        for name, rows in self.tables.items():
            with (self.folder / f"{name}-private.csv").open("w", newline="") as file:
                csv.writer(file).writerows(rows)
        for name in names:
            folder = self.job.directory / name
            folder.mkdir(exist_ok=True, mode=0o700)
            path = folder / "party.toml"
            path.write_text(as_toml(self.configurations[name]))
            command = [
                sys.executable,
                "-m",
                "pyfate_gpu.cli",
                "party",
                *options,
                "--config",
                str(path),
            ]
            with (folder / "log.txt").open("wb") as log:
                self.processes[name] = subprocess.Popen(
                    command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment
                )

    def log(self, name: str) -> str:
        """Return what a party has written."""
        return (self.job.directory / name / "log.txt").read_text(errors="replace")

    def wait_for(self, name: str, text: str, seconds: float = 120) -> None:
        """Wait until a party has logged something."""
        deadline = time.monotonic() + seconds
        while not re.search(text, self.log(name)):
            assert time.monotonic() < deadline, f"{name}: {self.log(name)}"
            assert self.processes[name].poll() is None, f"{name}: {self.log(name)}"
            time.sleep(0.02)

    def wait(self, seconds: float = 120) -> None:
        """Wait for all to end, and note when each did."""
        deadline = time.monotonic() + seconds
        while set(self.ended) != set(self.processes) and time.monotonic() < deadline:
            for name, process in self.processes.items():
                if name not in self.ended and process.poll() is not None:
                    self.ended[name] = time.monotonic()
            time.sleep(0.02)

    def error(self, name: str) -> str:
        """Return the error that a party ended with, empty if it did not."""
        lines = [line for line in self.log(name).splitlines() if line.startswith("error: ")]
        return lines[-1].removeprefix("error: ") if lines else ""

    def leaks(self) -> list[str]:
        """Return what parties wrote of others' paths, ids and cells."""
        found = []
        for name in self.processes:
            others = [f"{other}-private" for other in self.tables if other != name]
            others += [f"/out/{other}/" for other in PARTIES if other != name]
            for each in (*others, SECRET):
                found += [f"{name}: {line}" for line in self.log(name).splitlines() if each in line]
        return found

    def close(self) -> None:
        """End what is left, these processes only."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
