# SPDX-License-Identifier: Apache-2.0
"""What every federated algorithm offers: one object for each party, the session says which part it plays.

Jobs, estimates, reports and command lines know algorithms by this class alone.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from numpy.typing import NDArray

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.federation.topology import WITH_ARBITER, Topology, check_topology
from pyfate_gpu.he import generate_keypair
from pyfate_gpu.protocol.keys import announce_key
from pyfate_gpu.protocol.parameters import Parameters
from pyfate_gpu.protocol.progress import Callback, FitReport
from pyfate_gpu.protocol.report_diagrams import Diagram
from pyfate_gpu.protocol.settings import plain
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import DataSource, Rows
    from pyfate_gpu.he import PrivateKey, PublicKey
    from pyfate_gpu.protocol.cost import JobShape, Workload
    from pyfate_gpu.protocol.messages import Messages

PathLike = str | os.PathLike[str]
Model = TypeVar("Model", bound="Estimator")


class Estimator(Parameters, ABC):
    """One party's side of an algorithm.

    A subclass says which parties there have to be (`topologies`), which messages they exchange beside those of
    every job (`messages`), what else than features a row may have (`row_options`), and implements the rest.
    """

    topologies: ClassVar[tuple[Topology, ...]] = (WITH_ARBITER,)
    messages: ClassVar[Messages] = {}
    row_options: ClassVar[tuple[str, ...]] = ("sample_weight",)
    takes_tables_at_workers: ClassVar[bool] = False
    #: Whether it trains on rows that no other party has, beside those that all have.
    takes_rows_alone: ClassVar[bool] = False
    #: Who gets the scores; a host of rows of its own.
    predicts_for: ClassVar[Role] = Role.GUEST
    #: Parameters that a job of predictions may set anew.
    prediction_parameters: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:  # parameters of every algorithm, and what fit sets
        scheme: str
        key_bits: int
        allow_insecure_key_size: bool
        callbacks: Sequence[Callback]
        n_iter_: int
        report_: FitReport

    @abstractmethod
    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""

    @abstractmethod
    def fit(
        self: Model,
        X: Any = None,
        y: Any = None,
        *,
        session: Session,
        sample_weight: Any = None,
        validation: Any = None,
    ) -> Model:
        """Train together with the other parties; keywords for further `row_options` may follow."""

    @abstractmethod
    def score_rows(
        self, X: Any = None, *, session: Session, options: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """Return the score of each row to the guest, None to the others; `options` as in `row_options`."""

    @abstractmethod
    def interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return what scores mean, by name, without other parties."""

    @abstractmethod
    def evaluate(self, y: Any, scores: Floats) -> dict[str, float]:
        """Return metrics of labels and scores of the same rows, by name."""

    @abstractmethod
    def workload(self, shape: JobShape) -> Workload:
        """Return what training on data of that shape takes, before it runs."""

    @abstractmethod
    def save(self, path: PathLike) -> None:
        """Write this party's part of the fitted model to a file that only its owner can read."""

    @classmethod
    @abstractmethod
    def load(cls: type[Model], path: PathLike) -> Model:
        """Return a fitted model from what `save` wrote."""

    def result(self) -> dict[str, Any]:
        """Return what came of `fit` as JSON takes it: iterations, cost, and what this party holds."""
        return {"iterations": self.n_iter_, "report": asdict(self.report_)}

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return what else a report shows, by title: rows that name their cells, as JSON takes them."""
        return {}

    def shown_by_prediction(self) -> list[dict[str, Any]]:
        """Return what a report of a prediction says of what it has shown to whom; rows as of `tables`."""
        return []

    def bars(self) -> dict[str, dict[str, float]]:
        """Return what else a report draws, by title: a number for each name."""
        return {}

    def diagrams(self) -> dict[str, Diagram]:
        """Return trees that a report draws, by title."""
        return {}

    def outputs_of(self, labels: NDArray[Any] | None) -> int:
        """Return how many scores a row has, given the guest's labels."""
        return 1

    def output_names(self) -> Sequence[Any]:
        """Return what the columns of scores are called, where a row has several."""
        return ()

    def terms(self) -> dict[str, Any]:
        """Return the parameters that all parties must have set alike, as JSON takes them."""
        return {}

    def check_rows(self, role: Role, rows: Rows, validation: Rows | None = None) -> None:
        """Raise what training, or predicting once fitted, would raise of a party's own tables, before it begins."""

    def class_counts(self, labels: NDArray[Any] | None) -> dict[Any, int]:
        """Return how many rows each class has; nothing where labels are no classes."""
        return {}

    def weights_in_units(self) -> dict[str, list[float]]:
        """Return weights for columns in the unit that they came in, by column; nothing where there are none such."""
        return {}

    def why_no_checkpoints(self) -> str:
        """Return why a job with these parameters cannot be resumed, empty if it can."""
        return ""

    def check_steps(self, steps: Sequence[Estimator]) -> None:
        """Raise ConfigurationError for steps before this model that it cannot follow."""

    def follow_steps(self, steps: Sequence[Estimator], names: Sequence[str]) -> None:
        """Hear of the fitted steps that a job's columns come from, and what these are called."""

    def fit_rows(
        self: Model,
        session: Session,
        rows: Rows | None,
        validation: Rows | None = None,
        alone: Rows | None = None,
    ) -> Model:
        """Train on the tables of a job; none at parties without data.

        `alone` are rows that no other party has, where an algorithm `takes_rows_alone`.
        """
        if rows is None:
            return self.fit(session=session)
        tested: Any = None
        if validation is not None:
            tested = validation.features
            if session.party.role is Role.GUEST:
                further = [name for name in self.row_options if name != "sample_weight"]
                extras = [validation.extras[name] for name in further if name in validation.extras]
                tested = (tested, validation.labels, *extras)
        return self.fit(
            rows.features, rows.labels, session=session, validation=tested, **rows.extras
        )

    def check_source(self, source: DataSource) -> None:
        """Refuse columns of a table that this algorithm has no use for.

        Raises
        ------
        ConfigurationError
            Naming the first one.
        """
        if source.at_workers and not self.takes_tables_at_workers:
            raise ConfigurationError(
                f"{type(self).__name__} takes no tables that workers keep: leave at_workers out, or choose a "
                "hetero regression with an arbiter"
            )
        for name in ("sample_weight", "exposure"):
            column = source.weight if name == "sample_weight" else source.exposure
            if column is not None and name not in self.row_options:
                raise ConfigurationError(
                    f"{column!r} is the column of {name}, which {type(self).__name__} does not take: "
                    "leave it out, or choose another model"
                )

    def check_session(self, session: Any) -> Role:
        """Return the role of this party.

        Raises
        ------
        ConfigurationError
            When it is no session, or the parties are not those that the algorithm takes.
        """
        if not isinstance(session, Session):
            raise ConfigurationError(
                f"session is {session!r}; it must be the Session that simulate or a job gives each party"
            )
        check_topology(session.parties, self.topologies, type(self).__name__)
        return session.party.role

    def announce_new_key(self, session: Session) -> PrivateKey:
        """Send everybody the public half of this party's key, made at the first call."""
        keys: tuple[PublicKey, PrivateKey] | None = getattr(self, "_keys", None)
        wanted = (self.scheme, plain(self.key_bits))
        if keys is None or (keys[0].scheme, keys[0].key_bits) != wanted:
            with session.statistics.step(Step.MAKE_KEY):
                keys = generate_keypair(
                    plain(self.key_bits),
                    self.scheme,
                    allow_insecure_key_size=plain(self.allow_insecure_key_size),
                )
            self._keys = keys
        announce_key(session, keys[0])
        return keys[1]
