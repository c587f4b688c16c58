# SPDX-License-Identifier: Apache-2.0
"""FATE 2.2's SecureBoost and SecretFlow's SGB: whole trainings, by processes of a Python that has them."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pyfate_gpu.bench.peers.base import Peer
from pyfate_gpu.bench.peers.tree_tasks import Floats, TreeTask
from pyfate_gpu.bench.world import World

SCRIPTS = Path(__file__).with_name("scripts")
FRAME = " │"  # which FATE draws around its errors
MOST_SECONDS = 1800  # that a training may take, with the start of its processes


class TrainingPeer(Peer):
    """Trains a tree between two processes, on the core of the bench; they tell how long, without their start."""

    adopts = False
    package: ClassVar[str]
    """What its Python has, by which ``--peer-python`` names that Python."""
    script: ClassVar[str]

    def __init__(self, world: World) -> None:
        named = world.pythons.get(self.package)
        if named is None and find_spec(self.package) is None:
            raise ImportError(self.package)
        self._python = named or sys.executable
        self._key_bits = world.public_key.key_bits

    def boosted_trees(self, task: TreeTask) -> dict[str, Any]:
        """Return the `seconds` of a training, and the `scores` of all rows."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write(folder / "guest.csv", task.guest, task.labels)
            _write(folder / "host.csv", task.host)
            words = {"--folder": folder, "--key": self._key_bits, "--depth": task.depth}
            options = [
                str(word) for pair in (words | {"--bins": task.bins}).items() for word in pair
            ]
            _run([[*self._command(), *party, *options] for party in self._of_parties()], folder)
            found: dict[str, Any] = json.loads((folder / "result.json").read_text())
        return found

    def _command(self) -> list[str]:
        return [self._python, "-W", "ignore", str(SCRIPTS / self.script)]

    def _of_parties(self) -> list[list[str]]:
        """Return what each process is told beside the options of all."""
        raise NotImplementedError


class SecureBoost(TrainingPeer):
    """FATE's own launcher starts its parties."""

    name = "secureboost"
    package = "fate"
    install = "a Python 3.10 with pyfate 2.2: --peer-python fate=PYTHON"
    script = "secureboost.py"
    offers: ClassVar[dict[str, str]] = {"boosted_trees": "a training, 63 and 63 bits a row"}

    def _of_parties(self) -> list[list[str]]:
        guest, host = free_ports(2)
        return [["--parties", f"guest:{guest}", f"host:{host}", "--log_level", "ERROR"]]


class Sgb(TrainingPeer):
    """A process a party; Paillier by HEU."""

    name = "sgb"
    package = "secretflow"
    install = "a Python 3.10 with secretflow-lite 1.12: --peer-python secretflow=PYTHON"
    script = "sgb.py"
    schema: ClassVar[str] = "zpaillier"
    offers: ClassVar[dict[str, str]] = {"boosted_trees": "a training, two numbers a row"}

    def _of_parties(self) -> list[list[str]]:
        ports = ",".join(map(str, free_ports(2)))
        return [[party, "--ports", ports, "--schema", self.schema] for party in ("alice", "bob")]


class SgbOu(Sgb):
    """The same with OU: another assumption (factoring p^2 q) and short exponents, not Paillier."""

    name = "sgb-ou"
    scheme = "Okamoto-Uchiyama"
    schema = "ou"


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _write(path: Path, values: Floats, labels: Floats | None = None) -> None:
    """A table with ids, and labels before the features."""
    columns = [np.arange(len(values)), *([] if labels is None else [labels]), *values.T]
    names = ["id", *([] if labels is None else ["y"]), *(f"x{i}" for i in range(values.shape[1]))]
    kinds = ["%d"] * (len(names) - values.shape[1]) + ["%.17g"] * values.shape[1]
    table = np.column_stack(columns)
    np.savetxt(path, table, delimiter=",", header=",".join(names), comments="", fmt=kinds)


def _run(commands: list[list[str]], folder: Path) -> None:
    """Run processes at the same time, with one thread each; RuntimeError with the last line of one that fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    running = []
    try:
        for number, command in enumerate(commands):
            with (folder / f"{number}.log").open("wb") as log:
                running.append(
                    subprocess.Popen(  # noqa: S603 # a Python that the caller named, and our script
                        command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
                    )
                )
        codes = [process.wait(MOST_SECONDS) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    for number, code in enumerate(codes):
        if code:
            text = (folder / f"{number}.log").read_text(errors="replace")
            said = [line for line in text.splitlines() if re.search(r"\w", line)]
            raise RuntimeError(
                f"its process ended with {code}: {said[-1].strip(FRAME) if said else ''}"
            )
