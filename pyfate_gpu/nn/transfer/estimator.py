# SPDX-License-Identifier: Apache-2.0
"""Transfer learning between a guest with labels and a host with other features, over few common rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.labels import encode_classes, find_classes
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.tables import read_present_labels, read_table
from pyfate_gpu.errors import ConfigurationError, DataError, ProtocolError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.topology import TWO_PARTIES, check_topology
from pyfate_gpu.he import generate_keypair
from pyfate_gpu.nn.modules import apply_net
from pyfate_gpu.nn.transfer.components import Components
from pyfate_gpu.nn.transfer.prediction import receive_scores, send_centres
from pyfate_gpu.nn.transfer.sides import GuestSide, HostSide, Weighing
from pyfate_gpu.protocol.keys import announce_key, check_scheme, receive_key
from pyfate_gpu.protocol.parameters import Parameters
from pyfate_gpu.protocol.settings import check_count, check_real, plain
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.typing import Floats

Model = TypeVar("Model", bound="FederatedTransfer")


@dataclass(kw_only=True, eq=False, repr=False)
class FederatedTransfer(Parameters):
    """Labels of a guest for rows of a host that the guest does not have.

    Both parties map their rows to representations of the same length: linearly, from features that `bottom` may have
    made. Those of common rows are drawn together, and classes are told apart by the guest's mean representations; so
    the host's representations learn to carry labels. Nobody sees a representation of the other (docs/transfer.md).

    Parameters
    ----------
    features : int
        Length of representations.
    bottom : torch.nn.Module or callable, optional
        From float64 ``[rows, columns]`` to ``[rows, anything]``, this party's own, trained before; it is not changed.
    kappa, lam, own : float
        Weight of the squared distance of common rows' representations, of all squared weights, and of telling the
        guest's own rows apart by its representations of them.
    max_iter, learning_rate, momentum : int, float, float
        Steps of descent on all common rows.
    random_state : int or None
        Seed of this party's first weights.
    squeeze : bool
        Whether columns share ciphertexts.
    clip : float
        Largest size of a standardised feature.
    scheme, key_bits, allow_insecure_key_size
        Of both keys.

    Attributes
    ----------
    weights_ : float64 [inputs, features]
        This party's map, known to it alone.
    centres_ : float64 [classes or 1, features]
        Mean representations with the signs of the labels; the guest's.
    classes_ : array
        Sorted; the guest's.
    loss_history_ : list of float
        Before each step; the guest's.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import simulate
    >>> from pyfate_gpu.nn.transfer import FederatedTransfer
    >>> x = np.random.default_rng(0).normal(size=(40, 4))
    >>> y, common = (x.sum(axis=1) > 0).astype(int), np.arange(20)
    >>> def model():
    ...     return FederatedTransfer(features=3, max_iter=3, key_bits=512, allow_insecure_key_size=True)
    >>> def guest(session):
    ...     fitted = model().fit(x[:, :2], y, session=session, common=common)
    ...     fitted.predict(session=session)
    ...     return fitted.loss_history_
    >>> def host(session):
    ...     fitted = model().fit(x[:30, 2:], session=session, common=common)
    ...     return fitted.predict(x[30:, 2:], session=session)
    >>> found = simulate(guest=guest, hosts=[host])
    >>> found["guest"][-1] < found["guest"][0], found["host-0"].shape
    (True, (10,))
    """

    features: int = 16
    bottom: Callable[[Any], Any] | None = None
    kappa: float = 0.1
    lam: float = 0.01
    own: float = 1.0
    max_iter: int = 30
    learning_rate: float = 0.3
    momentum: float = 0.9
    random_state: int | None = None
    squeeze: bool = True
    clip: float = 4.0
    scheme: str = "paillier"
    key_bits: int = 3072
    allow_insecure_key_size: bool = False

    if TYPE_CHECKING:  # set by fit
        weights_: Floats = field(init=False)
        centres_: Floats = field(init=False)
        classes_: NDArray[np.generic] = field(init=False)
        loss_history_: list[float] = field(init=False)

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""
        for name in ("features", "max_iter", "key_bits"):
            check_count(name, getattr(self, name))
        for name in ("kappa", "lam", "own", "momentum"):
            check_real(name, getattr(self, name))
        for name in ("learning_rate", "clip"):
            check_real(name, getattr(self, name), positive=True)
        for name, limit in (("kappa", 16), ("own", 16), ("momentum", 1), ("clip", 64)):
            if getattr(self, name) >= limit:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}; it must be below {limit}"
                )
        check_scheme(self.scheme, "transfer learning")

    def fit(self: Model, X: Any, y: Any = None, *, session: Session, common: Any) -> Model:
        """Train together with the other party.

        Parameters
        ----------
        X : array-like [rows, columns]
            This party's rows, those in common and others.
        y : array-like [rows]
            Labels, at the guest only; None or NaN where a row has none.
        session : Session
        common : integer array
            Which of this party's rows are in common, in the same order at both.

        Raises
        ------
        DataError
            For features, labels or row numbers that cannot be used.
        ConfigurationError
            For parameters that make no sense or differ between the parties.
        DivergenceError
            When representations explode.
        """
        exchange = self._connect(session, "fit")
        guest = session.party.role is Role.GUEST
        table = read_table(X)
        pipeline = FeaturePipeline.fit(table.values, standardize=True, clip=self.clip)
        vars(self).update(_pipeline=pipeline)
        inputs = self._inputs(table.values)
        rows = _common_rows(common, len(inputs))
        signs = self._signs(y, len(inputs)) if guest else None
        if not guest and y is not None:
            raise DataError("a host has no labels: call it without y")
        count, theirs = self._compare(exchange, len(rows), inputs.shape[1])
        components = Components(exchange, count, self.features)
        weighing = Weighing(float(self.kappa), float(self.lam), float(self.own))
        generator = np.random.default_rng(self.random_state)
        weights = generator.normal(size=(inputs.shape[1], self.features)) / np.sqrt(inputs.shape[1])
        if signs is None:
            host = HostSide(components, weighing, inputs[rows])
            weights = self._descend(weights, lambda w, at: host.step(w, theirs, at))
        else:
            side, losses = GuestSide(components, weighing, inputs, signs, rows), []

            def step(weights: Floats, at: dict[str, int]) -> Floats:
                gradient, loss = side.step(weights, theirs, at)
                losses.append(loss)
                return gradient

            weights = self._descend(weights, step)
            vars(self).update(centres_=side.centres(weights), loss_history_=losses)
        vars(self).update(weights_=weights)
        return self

    def decision_function(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the scores of the host's own rows to the host, None to the guest, who calls it without rows.

        The host's representations meet the guest's centres under encryption.

        Raises
        ------
        ConfigurationError
            Before fit.
        """
        if not hasattr(self, "weights_"):
            raise ConfigurationError("this FederatedTransfer is not fitted: call fit first")
        exchange = self._connect(session, "predict")
        if session.party.role is Role.GUEST:
            send_centres(exchange, self.centres_)
            return None
        found = receive_scores(exchange, self._inputs(read_table(X).values) @ self.weights_)
        return found[:, 0] if found.shape[1] == 1 else found

    def predict(self, X: Any = None, *, session: Session) -> NDArray[np.generic] | None:
        """Return the likeliest class of each of the host's own rows to the host, None to the guest."""
        scores = self.decision_function(X, session=session)
        if session.party.role is Role.GUEST:
            session.send(session.hosts[0], "classes", names=json.dumps(self.classes_.tolist()))
            return None
        assert scores is not None
        names = _read_classes(session.receive(GUEST, "classes", names=str))
        best = np.argmax(scores, axis=1) if scores.ndim > 1 else (scores > 0).astype(np.int64)
        if len(names) != (scores.shape[1] if scores.ndim > 1 else 2):
            raise ProtocolError(f"the guest named {len(names)} classes for scores {scores.shape}")
        return np.asarray(names[best])

    def _signs(self, y: Any, rows: int) -> Floats:
        """Return 1 and -1 of each class, 0 where a row has no label."""
        labels, present = read_present_labels(y, rows)
        classes = find_classes(labels)
        vars(self).update(classes_=classes)
        encoded = 2 * encode_classes(labels, classes) - 1
        signs = np.zeros((rows, encoded.shape[1]))
        signs[present] = encoded
        return signs

    def _descend(
        self, weights: Floats, gradient: Callable[[Floats, dict[str, int]], Floats]
    ) -> Floats:
        """Return the weights after all steps."""
        velocity = np.zeros_like(weights)
        for iteration in range(1, self.max_iter + 1):
            found = gradient(weights, {"iteration": iteration})
            velocity = self.momentum * velocity + found + self.lam * weights
            weights = weights - self.learning_rate * velocity
        return weights

    def _connect(self, session: Session, task: str) -> Exchange:
        self.check()
        check_topology(session.parties, (TWO_PARTIES,), type(self).__name__)
        names = (
            "features",
            "kappa",
            "lam",
            "own",
            "max_iter",
            "learning_rate",
            "momentum",
            "squeeze",
        )
        terms = {name: plain(getattr(self, name)) for name in (*names, "scheme", "key_bits")}
        agree_on_terms(session, task, terms)
        if not hasattr(self, "_keys"):
            self._keys = generate_keypair(
                plain(self.key_bits),
                self.scheme,
                allow_insecure_key_size=self.allow_insecure_key_size,
            )
        announce_key(session, self._keys[0])
        peer = session.hosts[0] if session.party == GUEST else GUEST
        receive_key(
            session,
            plain(self.key_bits),
            scheme=self.scheme,
            allow_insecure_key_size=self.allow_insecure_key_size,
            owner=peer,
        )
        return Exchange(session, self._keys[1], peer, squeeze=bool(self.squeeze))

    def _inputs(self, values: Floats) -> Floats:
        pipeline: FeaturePipeline = vars(self)["_pipeline"]
        prepared = pipeline.transform(values).values
        if self.bottom is None:
            return prepared
        made = apply_net(self.bottom, prepared)
        if made.ndim != 2 or len(made) != len(prepared) or not np.isfinite(made).all():
            raise DataError(
                f"bottom made {made.shape} of {prepared.shape}; it must be a row of finite numbers for each row"
            )
        return made

    def _compare(self, exchange: Exchange, rows: int, inputs: int) -> tuple[int, int]:
        """Return the common rows and the other party's inputs."""
        session, peer = exchange.session, exchange.peer
        session.send(peer, "common", rows=rows, inputs=inputs)
        theirs, columns = session.receive(peer, "common", rows=int, inputs=int)
        if theirs != rows:
            raise ConfigurationError(
                f"{session.party} has {rows} common rows, {peer} has {theirs}: name the same rows in the same order"
            )
        if columns < 1:
            raise ProtocolError(f"{peer} announced {columns} inputs")
        if rows <= max(inputs, columns):
            raise ConfigurationError(
                f"there are {rows} common rows, {session.party} has {inputs} inputs, {peer} has {columns}: gradients "
                "over no more rows than inputs give those of single rows away; use more common rows or fewer inputs"
            )
        return rows, columns


def _common_rows(common: Any, rows: int) -> NDArray[np.int64]:
    """Return numbers of rows, checked.

    Raises
    ------
    DataError
        When they are no numbers of rows, or one comes twice.
    """
    found = np.asarray(common)
    if (
        found.ndim != 1
        or found.dtype.kind not in "iu"
        or not len(found)
        or found.min() < 0
        or found.max() >= rows
        or len(np.unique(found)) < len(found)
    ):
        raise DataError(f"common is no list of different row numbers below {rows}")
    return found.astype(np.int64)


def _read_classes(text: str) -> NDArray[Any]:
    """Return the names of classes that the guest sent.

    Raises
    ------
    ProtocolError
        When it is no list of them.
    """
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(n, str | int | float) for n in names):
        raise ProtocolError("the guest sent names of classes that are no list of texts or numbers")
    return np.array(names)
