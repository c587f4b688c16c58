# SPDX-License-Identifier: Apache-2.0
"""What all federated linear models share: one object per party, the session says which part it plays."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.glm.arbiter import serve_scores, serve_training
from pyfate_gpu.glm.families import FAMILIES
from pyfate_gpu.glm.features import FeaturePipeline, FixedPointMatrix
from pyfate_gpu.glm.guest import GuestTrainer, collect_scores
from pyfate_gpu.glm.half import HalfModel
from pyfate_gpu.glm.handshake import agree_on_terms, announce_key, receive_key
from pyfate_gpu.glm.host import HostTrainer, send_scores
from pyfate_gpu.glm.parameters import Parameters
from pyfate_gpu.glm.progress import Callback, FitReport, Progress
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.glm.tables import check_same_columns, read_table
from pyfate_gpu.he import generate_keypair

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey, PublicKey

logger = logging.getLogger(__name__)

Model = TypeVar("Model", bound="HeteroGLM")


class HeteroGLM(Parameters):
    """Base of the models; see its subclasses for the losses.

    Every party makes one of these with the same parameters and calls the same methods: the guest with
    `X` and `y`, hosts with `X`, the arbiter with neither. The protocol is that of
    ``docs/protocol.md``: nobody sees another's features, weights, scores or gradients.

    Parameters
    ----------
    max_iter : int
        Most passes over the data.
    batch_size : int or None
        Rows of a batch, None for all rows. No batch, the last included, may have as few rows as a
        party has columns.
    shuffle, random_state : bool, int or None
        Whether the guest divides the rows in random order, and the seed of that order.
    optimizer : {"rmsprop", "adam", "adagrad", "momentum", "sgd"}
        Update rule.
    learning_rate : float
        Its step size.
    alpha : float
        L2 penalty: alpha/2 of the squared weights is added to the mean loss.
    convergence : {"diff", "abs", "weight_diff"}
        Stop when the loss changes by at most `tol`, is at most `tol`, or when at every party the
        weights move by at most `tol` times their norm.
    tol : float
        See `convergence`.
    fit_intercept : bool
        Whether the guest fits an intercept.
    standardize : bool
        Whether this party's columns are centred and divided by their standard deviation.
    clip : float or None
        Largest magnitude of a (standardised) feature kept, in fit and in predict.
    key_bits : int
        Length of the arbiter's key.
    allow_insecure_key_size : bool
        Accept a key below 2048 bits, for tests.
    callbacks : sequence
        Objects with ``on_iteration(report)``, called after each iteration with an `IterationReport`.

    Attributes
    ----------
    coef_ : float64 [columns]
        This party's weights, of the prepared (standardised, clipped) features; guest and hosts.
    intercept_ : float
        Guest only.
    loss_history_ : list of float
        Mean loss before the updates of each iteration; guest only.
    n_iter_ : int
        Iterations done.
    n_features_in_, feature_names_in_ : int, object array
        This party's columns; names only where `X` had them.
    report_ : FitReport
        Backend, key, seconds, operations and bytes.
    """

    family: ClassVar[str]

    def __init__(
        self,
        *,
        max_iter: int = 30,
        batch_size: int | None = None,
        shuffle: bool = False,
        random_state: int | None = None,
        optimizer: str = "rmsprop",
        learning_rate: float = 0.05,
        alpha: float = 0.01,
        convergence: str = "diff",
        tol: float = 1e-4,
        fit_intercept: bool = True,
        standardize: bool = True,
        clip: float | None = None,
        key_bits: int = 3072,
        allow_insecure_key_size: bool = False,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.random_state = random_state
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.convergence = convergence
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.clip = clip
        self.key_bits = key_bits
        self.allow_insecure_key_size = allow_insecure_key_size
        self.callbacks = callbacks

    def settings(self) -> Settings:
        """Return the parameters, checked.

        Raises
        ------
        ConfigurationError
            For the first one that makes no sense.
        """
        return Settings.of(self.family, self.get_params())

    def fit(self: Model, X: Any = None, y: Any = None, *, session: Session) -> Model:
        """Train together with the other parties.

        Parameters
        ----------
        X : array-like or DataFrame [rows, columns]
            This party's features, rows in the same order at every party; none at the arbiter.
        y : array-like [rows]
            Labels, at the guest only.
        session : Session
            Which party this is, and the way to the others.

        Raises
        ------
        DataError
            For features or labels that cannot be used.
        ConfigurationError
            For parameters that make no sense, differ between parties, or make unsafe batches.
        ChannelTimeoutError, PartyFailedError
            When another party did not answer or stopped.
        """
        settings = self.settings()
        role = session.party.role
        _check_owner(role, X, y)
        if role is Role.ARBITER:
            self._serve_fit(settings, session)
            return self
        table = read_table(X)
        labels = self._encode_labels(y, len(table.values)) if role is Role.GUEST else {}
        pipeline = FeaturePipeline.fit(
            table.values, standardize=settings.standardize, clip=settings.clip
        )
        features = pipeline.transform(table.values)
        self._shake_hands(session, "fit", settings)
        progress = Progress(session, self.callbacks)
        if role is Role.GUEST:
            fitted = self._fit_guest(settings, session, features, labels, progress)
        else:
            trainer = HostTrainer(session, settings, FAMILIES[self.family], features, progress)
            fitted = {
                "n_iter_": trainer.train(),
                "_half": trainer.half,
                "coef_": trainer.half.weights,
            }
        fitted |= {"report_": progress.finish(fitted["n_iter_"]), "_pipeline": pipeline}
        fitted |= {"n_features_in_": table.values.shape[1], "_names": table.names}
        if table.names:
            fitted["feature_names_in_"] = np.array(table.names, dtype=object)
        self._keep(fitted)
        return self

    def decision_function(self, X: Any = None, *, session: Session) -> NDArray[np.float64] | None:
        """Return the score of each row to the guest, None to the others; all parties call it.

        Hosts' shares are added under encryption. With one host the sum is that host's share: the
        guest, who knows its own, can subtract.

        Raises
        ------
        ConfigurationError
            Before fit.
        DataError
            When `X` does not have the columns of fit.
        """
        settings = self.settings()
        _check_owner(session.party.role, X, None)
        if session.party.role is Role.ARBITER:
            serve_scores(session, self._announce_key(session, "predict", settings))
            return None
        if not hasattr(self, "_half"):
            raise ConfigurationError(f"this {type(self).__name__} is not fitted: call fit first")
        table = read_table(X)
        check_same_columns(table, self.n_features_in_, self._names)
        features = self._pipeline.transform(table.values)
        self._shake_hands(session, "predict", settings)
        if session.party.role is Role.HOST:
            send_scores(session, self._half, features)
            return None
        if self._fitted_intercept:
            features = features.with_ones()
        return collect_scores(session, self._half, features)

    def _fit_guest(
        self,
        settings: Settings,
        session: Session,
        features: FixedPointMatrix,
        labels: dict[str, Any],
        progress: Progress,
    ) -> dict[str, Any]:
        y = labels.pop("y")
        if settings.fit_intercept:
            features = features.with_ones()
        trainer = GuestTrainer(session, settings, FAMILIES[self.family], features, y, progress)
        iterations = trainer.train()
        weights = trainer.half.weights
        with_intercept = settings.fit_intercept
        return {
            **labels,
            "n_iter_": iterations,
            "loss_history_": trainer.losses,
            "coef_": weights[:-1] if with_intercept else weights,
            "intercept_": float(weights[-1]) if with_intercept else 0.0,
            "_fitted_intercept": with_intercept,
            "_half": trainer.half,
        }

    def _serve_fit(self, settings: Settings, session: Session) -> None:
        private_key = self._announce_key(session, "fit", settings)
        progress = Progress(session, self.callbacks)
        iterations = serve_training(session, private_key, progress)
        self._keep({"n_iter_": iterations, "report_": progress.finish(iterations)})

    def _shake_hands(self, session: Session, task: str, settings: Settings) -> None:
        agree_on_terms(session, task, settings.terms())
        receive_key(
            session, settings.key_bits, allow_insecure_key_size=settings.allow_insecure_key_size
        )

    def _announce_key(self, session: Session, task: str, settings: Settings) -> PrivateKey:
        agree_on_terms(session, task, settings.terms())
        keys: tuple[PublicKey, PrivateKey] | None = getattr(self, "_keys", None)
        if keys is None or keys[0].key_bits != settings.key_bits:
            with session.statistics.step("make key"):
                keys = generate_keypair(
                    settings.key_bits, allow_insecure_key_size=settings.allow_insecure_key_size
                )
            self._keys = keys
        announce_key(session, keys[0])
        return keys[1]

    def _encode_labels(self, y: Any, rows: int) -> dict[str, Any]:
        """Return float64 labels as ``y``, and fitted attributes that come with them."""
        raise NotImplementedError

    def _keep(self, fitted: dict[str, Any]) -> None:
        """Set all fitted attributes at once, after everything went well."""
        if "_half" in fitted:
            vars(self).pop("feature_names_in_", None)
        vars(self).update(fitted)

    if TYPE_CHECKING:  # set by fit
        coef_: NDArray[np.float64]
        intercept_: float
        loss_history_: list[float]
        n_iter_: int
        report_: FitReport
        n_features_in_: int
        _names: tuple[str, ...] | None
        _pipeline: FeaturePipeline
        _half: HalfModel
        _fitted_intercept: bool
        _keys: tuple[PublicKey, PrivateKey]


def _check_owner(role: Role, X: Any, y: Any) -> None:
    """Refuse data that a party of this role should not even have."""
    if role is Role.ARBITER and (X is not None or y is not None):
        raise DataError("the arbiter has the private key and no data: call it without X and y")
    if role is Role.HOST and y is not None:
        raise DataError("a host has no labels, they are the guest's: call it without y")
