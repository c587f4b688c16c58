# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu demo``: three parties train over real ciphertexts, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from pyfate_gpu.backends import backend_info
from pyfate_gpu.cli.board import IterationBoard
from pyfate_gpu.cli.outcome import print_costs, print_engine, print_models
from pyfate_gpu.data.examples import VerticalSplit, load_breast_cancer_split
from pyfate_gpu.federation import Session, simulate
from pyfate_gpu.glm import HeteroLogisticRegression

PARTIES = 3


@dataclass(frozen=True)
class Trained:
    """What the three parties hold at the end; the guest alone has scores."""

    guest: HeteroLogisticRegression
    host: HeteroLogisticRegression
    arbiter: HeteroLogisticRegression
    scores: NDArray[np.float64]
    sessions: dict[str, Session]


def demo(
    key_bits: Annotated[int, typer.Option(help="Length of the key.")] = 2048,
    iterations: Annotated[int, typer.Option(min=1, help="Most iterations.")] = 12,
    allow_insecure_key_size: Annotated[
        bool, typer.Option("--allow-insecure-key-size", help="Accept a key below 2048 bits.")
    ] = False,
) -> None:
    """Train logistic regression between a guest, a host and an arbiter in this process.

    The data is scikit-learn's breast cancer set: the guest holds the labels and 10 columns, the host 20
    columns, the arbiter the private key. Nothing but encrypted or masked values passes between them.
    """
    console = Console(soft_wrap=True)
    split = load_breast_cancer_split()
    found = backend_info()
    isa = f", {found.isa}" if found.isa else ""
    console.print(
        f"Breast cancer data, {len(split.y)} rows: the guest has the labels and "
        f"{split.guest.shape[1]} columns, the host {split.host.shape[1]} columns, the arbiter the key.\n"
        f"Logistic regression, full batches, Paillier with {key_bits} bits, backend {found.name}{isa}, "
        f"{found.threads} thread(s).",
        highlight=False,
    )
    board = IterationBoard(console, PARTIES)
    trained = train(
        split,
        HeteroLogisticRegression(
            max_iter=iterations,
            key_bits=key_bits,
            allow_insecure_key_size=allow_insecure_key_size,
            callbacks=[board],
        ),
    )
    console.print()
    print_models(console, split, trained.scores, trained.guest, trained.host)
    print_costs(console, {name: each.statistics.usage() for name, each in trained.sessions.items()})
    print_engine(console, trained.guest.report_, found)


def train(split: VerticalSplit, model: HeteroLogisticRegression) -> Trained:
    """Run the three parties, each with its own copy of `model`, through fit and predict."""

    def party(X: Any = None, y: Any = None) -> Any:
        def run(session: Session) -> tuple[HeteroLogisticRegression, Any, Session]:
            own = HeteroLogisticRegression(**model.get_params())
            own.fit(X, y, session=session)
            return own, own.decision_function(X, session=session), session

        return run

    results = simulate(
        guest=party(split.guest, split.y), hosts=[party(split.host)], arbiter=party()
    )
    return Trained(
        guest=results["guest"][0],
        host=results["host-0"][0],
        arbiter=results["arbiter"][0],
        scores=results["guest"][1],
        sessions={name: session for name, (_, _, session) in results.items()},
    )
