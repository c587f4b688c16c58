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
from pyfate_gpu.data.tables import read_labels, read_table
from pyfate_gpu.encoding import IntegerEncoder
from pyfate_gpu.errors import ConfigurationError, DataError, ProtocolError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.topology import TWO_PARTIES, check_topology
from pyfate_gpu.he import generate_keypair
from pyfate_gpu.nn.transfer.components import FRACTION_BITS, Components, fixed
from pyfate_gpu.protocol.keys import announce_key, check_scheme, receive_key
from pyfate_gpu.protocol.parameters import Parameters
from pyfate_gpu.protocol.settings import check_count, check_real, plain
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.columns import ColumnProduct
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.typing import Floats

Model = TypeVar("Model", bound="FederatedTransfer")
_LIMIT = 12  # bits of scores before the point


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
    bottom : callable, optional
        From float64 ``[rows, columns]`` to ``[rows, anything]``, this party's own: a module of PyTorch, for example,
        trained before; it is not changed.
    kappa, lam : float
        Weight of the squared distance of common rows' representations, and of all squared weights.
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
        for name in ("kappa", "lam", "momentum"):
            check_real(name, getattr(self, name))
        for name in ("learning_rate", "clip"):
            check_real(name, getattr(self, name), positive=True)
        for name, limit in (("kappa", 16), ("momentum", 1), ("clip", 64)):
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
            Labels of all of them, at the guest only.
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
        signs = None
        if guest:
            labels = read_labels(y, len(inputs))
            classes = find_classes(labels)
            signs = 2 * encode_classes(labels, classes) - 1
            vars(self).update(classes_=classes)
        elif y is not None:
            raise DataError("a host has no labels: call it without y")
        own, theirs = self._compare(exchange, len(rows), inputs.shape[1])
        components = Components(exchange, own, self.features)
        generator = np.random.default_rng(self.random_state)
        weights = generator.normal(size=(inputs.shape[1], self.features)) / np.sqrt(inputs.shape[1])
        side = _Guest(self, components, inputs, rows, signs) if guest else None
        other = None if guest else _Host(self, components, inputs[rows])
        velocity, losses = np.zeros_like(weights), []
        for iteration in range(1, self.max_iter + 1):
            at = {"iteration": iteration}
            if side is not None:
                gradient, loss = side.step(weights, theirs, at)
                losses.append(loss)
            else:
                assert other is not None
                gradient = other.step(weights, theirs, at)
            velocity = self.momentum * velocity + gradient + self.lam * weights
            weights = weights - self.learning_rate * velocity
        vars(self).update(weights_=weights)
        if side is not None:
            assert signs is not None
            centres = signs.T @ (inputs @ weights) / len(inputs)
            vars(self).update(centres_=centres, loss_history_=losses)
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
            self._send_centres(exchange)
            return None
        found = self._receive_scores(exchange, self._inputs(read_table(X).values) @ self.weights_)
        return found[:, 0] if found.shape[1] == 1 else found

    def predict(self, X: Any = None, *, session: Session) -> NDArray[np.generic] | None:
        """Return the likeliest class of each of the host's own rows to the host, None to the guest."""
        scores = self.decision_function(X, session=session)
        if session.party.role is Role.GUEST:
            session.send(session.hosts[0], "classes", names=json.dumps(self.classes_.tolist()))
            return None
        assert scores is not None
        names: NDArray[Any] = np.array(json.loads(session.receive(GUEST, "classes", names=str)))
        best = np.argmax(scores, axis=1) if scores.ndim > 1 else (scores > 0).astype(np.int64)
        return np.asarray(names[best])

    def _connect(self, session: Session, task: str) -> Exchange:
        self.check()
        check_topology(session.parties, (TWO_PARTIES,), type(self).__name__)
        names = ("features", "kappa", "lam", "max_iter", "learning_rate", "momentum", "squeeze")
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
        made = np.asarray(self.bottom(prepared), dtype=np.float64)
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

    def _product(self, exchange: Exchange, outputs: int, *, encrypted_here: bool) -> ColumnProduct:
        bound = 1 << FRACTION_BITS + _LIMIT
        return ColumnProduct(
            exchange,
            encrypted_here=encrypted_here,
            terms=self.features,
            columns=outputs,
            entry_bound=bound,
            bound=bound,
        )

    def _send_centres(self, exchange: Exchange) -> None:
        centres = fixed(self.centres_.T, FRACTION_BITS + _LIMIT, "a centre")
        session, host = exchange.session, exchange.peer
        session.send(host, "outputs", count=centres.shape[1])
        product = self._product(exchange, centres.shape[1], encrypted_here=True)
        product.send("centres", centres[:, :, np.newaxis], {})
        rows = session.receive(host, "score_rows", count=int)
        exchange.open_to_peer("score_share", product.receive_results("scores", rows, {}))

    def _receive_scores(self, exchange: Exchange, representations: Floats) -> Floats:
        session = exchange.session
        bits = FRACTION_BITS + _LIMIT
        outputs = session.receive(GUEST, "outputs", count=int)
        product = self._product(exchange, outputs, encrypted_here=False)
        columns = product.receive("centres", {})
        session.send(GUEST, "score_rows", count=len(representations))
        integers = fixed(representations, bits, "a representation")
        plain_rows = IntegerEncoder(bound=1 << bits).encode(integers)
        share = product.send_results(
            "scores", lambda c: plain_rows @ c, columns, len(representations), {}
        )
        opened = exchange.open_from_peer("score_share", share)
        return ring.decode(opened, 2 * FRACTION_BITS)


class _Guest:
    """The guest's side of a step."""

    def __init__(
        self,
        model: FederatedTransfer,
        components: Components,
        inputs: Floats,
        rows: NDArray[np.int64],
        signs: Any,
    ) -> None:
        self.model, self.components = model, components
        self.inputs, self.common = inputs, inputs[rows]
        self.signs, self.own_signs = signs, signs[rows]
        #: Mean inputs with the signs of the labels, [inputs, outputs]: times weights they are the centres.
        self.means = inputs.T @ signs / len(inputs)

    def step(self, weights: Floats, theirs: int, at: dict[str, int]) -> tuple[Floats, float]:
        """Return the gradient of this party's weights, and the loss."""
        model, components, kappa = self.model, self.components, self.model.kappa
        count = len(self.common)
        own = self.common @ weights
        centres = self.means.T @ weights  # [outputs, features]
        rows = -self.own_signs @ centres / 2 - kappa * own
        square = centres.T @ centres / 4
        components.send(rows, square, at)
        their_rows, their_square = components.receive(at)
        P = -self.means @ self.own_signs.T / 2 - kappa * self.common.T
        Q = self.means @ centres / 4
        share = components.combine("gradient", P, their_rows, Q, their_square, at)
        exchange = components.exchange
        served = components.combined("served", theirs, at)
        exchange.open_to_peer("served_share", served, **at)
        opened = exchange.open_from_peer("gradient_share", share, **at)
        # Diagonals of the products, added up on shares, are the loss.
        crossed = components.combine("loss", rows.T, their_rows, square / 2, their_square, at)
        mine = ring.total(crossed[np.arange(model.features), np.arange(model.features)])
        total = ring.decode(exchange.open_from_peer("loss_share", mine, **at), 2 * FRACTION_BITS)[0]
        gradient = ring.decode(opened, 2 * FRACTION_BITS) + kappa * self.common.T @ own
        loss = (total + kappa / 2 * (own**2).sum()) / count + self.signs.shape[1] * np.log(2)
        return gradient / count, float(loss + model.lam / 2 * (weights**2).sum())


class _Host:
    """The host's side of a step."""

    def __init__(self, model: FederatedTransfer, components: Components, common: Floats) -> None:
        self.model, self.components, self.common = model, components, common

    def step(self, weights: Floats, theirs: int, at: dict[str, int]) -> Floats:
        """Return the gradient of this party's weights."""
        model, components, kappa = self.model, self.components, self.model.kappa
        own = self.common @ weights
        square = own.T @ own
        components.send(own, square, at)
        their_rows, their_square = components.receive(at)
        exchange = components.exchange
        share = components.combine(
            "served", self.common.T, their_rows, self.common.T @ own, their_square, at
        )
        asked = components.combined("gradient", theirs, at)
        exchange.open_to_peer("gradient_share", asked, **at)
        opened = exchange.open_from_peer("served_share", share, **at)
        crossed = components.combined("loss", model.features, at)
        mine = ring.total(crossed[np.arange(model.features), np.arange(model.features)])
        rest = kappa / 2 * np.trace(square) + model.lam / 2 * (weights**2).sum() * len(self.common)
        known = ring.shift_left(ring.encode(np.array([rest]), FRACTION_BITS), FRACTION_BITS)
        exchange.open_to_peer("loss_share", ring.add(mine, known), **at)
        gradient = ring.decode(opened, 2 * FRACTION_BITS) + kappa * self.common.T @ own
        return gradient / len(self.common)


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
