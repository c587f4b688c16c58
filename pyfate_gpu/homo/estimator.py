# SPDX-License-Identifier: Apache-2.0
"""What all horizontal models share: one object per party, the session says which part it plays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from numpy.typing import NDArray

from pyfate_gpu.data.tables import read_table
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import ARBITER
from pyfate_gpu.federation.topology import (
    CLIENTS_AND_SERVER,
    CLIENTS_SERVER_AND_ARBITER,
    Topology,
)
from pyfate_gpu.homo.agreement import Common, agree
from pyfate_gpu.homo.client_data import ClientData, read_client
from pyfate_gpu.homo.exchange import STAGES, Exchange
from pyfate_gpu.homo.messages import MESSAGES
from pyfate_gpu.protocol.cost import JobShape, Workload
from pyfate_gpu.protocol.estimator import Estimator
from pyfate_gpu.protocol.keys import check_scheme, receive_key
from pyfate_gpu.protocol.progress import Progress, check_callbacks
from pyfate_gpu.protocol.settings import check_choice, check_count, plain
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import Rows

Model = TypeVar("Model", bound="HomoEstimator")


@dataclass(frozen=True)
class Begun:
    """A training whose parties have agreed on everything.

    Parameters
    ----------
    data : ClientData or None
        At clients.
    common : Common
        What clients have in common.
    exchange : Exchange
    progress : Progress
    """

    data: ClientData | None
    common: Common
    exchange: Exchange
    progress: Progress


class HomoEstimator(Estimator):
    """Base of horizontal models: clients with rows, a server, under Paillier an arbiter with the key.

    A subclass says how labels are read and trains from what `_begin` returns.
    """

    messages = MESSAGES
    own: ClassVar[tuple[str, ...]] = ("callbacks", "random_state")
    takes_missing: ClassVar[bool] = False

    if TYPE_CHECKING:  # parameters of every horizontal model
        method: str
        min_clients: int | None
        blind_key_server: bool
        early_stopping_rounds: int | None

    @property
    def topologies(self) -> tuple[Topology, ...]:  # type: ignore[override]
        """Clients and a server, and an arbiter where there is a key."""
        return (CLIENTS_AND_SERVER if self.method == "masks" else CLIENTS_SERVER_AND_ARBITER,)

    @abstractmethod
    def _classes(self, y: Any, rows: int) -> list[Any]:
        """Classes of a client's labels, as JSON takes them; none where they are no classes."""

    @abstractmethod
    def decision_function(self, X: Any) -> Floats:
        """Return the score of each row; a client's own affair."""

    def _check_shared(self) -> None:
        """Raise ConfigurationError for the first parameter of every horizontal model that makes no sense."""
        check_choice("method", self.method, tuple(STAGES))
        for name in ("early_stopping_rounds", "min_clients"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        check_scheme(self.scheme, "SecureAggregator")
        check_callbacks(self.callbacks)

    def terms(self) -> dict[str, Any]:
        """Return the parameters that all parties must have set alike, as JSON takes them."""
        return {n: plain(v) for n, v in self.get_params().items() if n not in self.own}

    def _kept_parameters(self) -> dict[str, Any]:
        """Parameters as files of models keep them."""
        return {n: plain(v) for n, v in self.get_params().items() if n != "callbacks"}

    def _begin(
        self, session: Session, X: Any, y: Any, sample_weight: Any, validation: Any
    ) -> Begun:
        """Check parameters and rows, and agree with the others on all that training needs."""
        self.check()
        role = self.check_session(session)
        data = self._read(role, X, y, sample_weight, validation)
        agree_on_terms(session, "fit", self.terms())
        progress = Progress(session, self.callbacks, self._rounds())
        private_key = self._exchange_keys(session)
        common = agree(session, None if data is None else self._shape(data))
        exchange = Exchange(
            session, self.method, self.min_clients, bool(self.blind_key_server), private_key
        )
        return Begun(data, common, exchange, progress)

    def _read(
        self, role: Role, X: Any, y: Any, sample_weight: Any, validation: Any
    ) -> ClientData | None:
        """A client's rows, checked; None elsewhere."""
        if role is not Role.CLIENT:
            if any(each is not None for each in (X, y, sample_weight, validation)):
                raise ConfigurationError(f"the {role.value} has no rows: clients have all of them")
            return None
        if self.early_stopping_rounds is not None and validation is None:
            raise ConfigurationError(
                "early_stopping_rounds judges validation rows: pass validation=(X, y) to fit"
            )
        found = read_client(X, y, sample_weight, validation, missing=self.takes_missing)
        self._classes(y, len(found.table.values))
        return found

    def _shape(self, data: ClientData) -> dict[str, Any]:
        names = data.table.names
        rows = len(data.table.values)
        classes = self._classes(data.y, rows)
        if data.tested is not None:
            classes = sorted({*classes, *self._classes(data.tested[1], len(data.tested[0].values))})
        return {
            "columns": data.table.values.shape[1],
            "names": None if names is None else list(names),
            "classes": classes,
            "row_bits": rows.bit_length(),
            "validation": data.tested is not None,
        }

    def _exchange_keys(self, session: Session) -> Any:
        if self.method == "masks":
            return None
        if session.party == ARBITER:
            return self.announce_new_key(session)
        receive_key(
            session,
            int(self.key_bits),
            scheme=self.scheme,
            allow_insecure_key_size=bool(self.allow_insecure_key_size),
        )
        return None

    def score_rows(
        self, X: Any = None, *, session: Session, options: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """Return the score of each row of this client, None elsewhere; nothing is sent."""
        return None if X is None else self.decision_function(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return what the model says of each row; raises as `decision_function` does."""
        return self.interpret(self.decision_function(X))["prediction"]

    def fit_rows(
        self: Model,
        session: Session,
        rows: Rows | None,
        validation: Rows | None = None,
        alone: Rows | None = None,
    ) -> Model:
        """Train on the tables of a job; none at parties without data."""
        if rows is None:
            return self.fit(session=session)
        tested = None if validation is None else (validation.features, validation.labels)
        return self.fit(
            rows.features, rows.labels, session=session, validation=tested, **rows.extras
        )

    def check_rows(self, role: Role, rows: Rows, validation: Rows | None = None) -> None:
        """Raise what training would raise of a client's own tables, before it begins."""
        read_table(rows.features, missing=self.takes_missing, infinite=self.takes_missing)
        if rows.labels is not None:
            self._classes(rows.labels, len(rows.ids))

    def workload(self, shape: JobShape) -> Workload:
        """Return what training takes that is counted in ciphertexts; nothing under masks."""
        self.check()
        return Workload(self._rounds(), {}, 0, {})

    @abstractmethod
    def _rounds(self) -> int:
        """Most iterations of a training."""
