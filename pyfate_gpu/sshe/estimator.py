# SPDX-License-Identifier: Apache-2.0
"""What regressions without a coordinator share: one object for each party, the session says which part it plays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.row_weights import read_weights
from pyfate_gpu.data.tables import Table, read_present_labels, read_table
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Party, Role, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.topology import TWO_PARTIES
from pyfate_gpu.learning.targets import UNSCALED, TargetScale
from pyfate_gpu.protocol.cost import JobShape, Workload
from pyfate_gpu.protocol.estimator import Estimator, PathLike
from pyfate_gpu.protocol.keys import receive_key
from pyfate_gpu.protocol.progress import Callback, FitReport, Progress, check_callbacks
from pyfate_gpu.protocol.roles import check_owner, unpack_validation
from pyfate_gpu.protocol.settings import plain
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.protocol.training import compare_trainings
from pyfate_gpu.protocol.validation import Validator
from pyfate_gpu.sshe.bounds import feature_bits
from pyfate_gpu.sshe.messages import MESSAGES
from pyfate_gpu.sshe.model import FittedHalf, read_half, write_half
from pyfate_gpu.sshe.prediction import add_known, compare_rows, score_shares
from pyfate_gpu.sshe.settings import OWNERS, Settings
from pyfate_gpu.sshe.trainer import GuestTrainer, Half, HostTrainer, SharedTrainer
from pyfate_gpu.sshe.workload import workload_of
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import Rows

Classes = NDArray[np.generic] | None
Model = TypeVar("Model", bound="HeteroSSHE")


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroSSHE(Estimator):
    """Base of the models; see its subclasses for the losses.

    A guest and one host make one of these each, with the same parameters, and call the same methods: the guest with
    `X` and `y`, the host with `X`. There is no third party. Weights, scores and residuals are shared between the two
    from the first step to the last; docs/sshe.md has the messages, and what each party learns.

    Parameters
    ----------
    max_iter : int
        Most passes over the data.
    batch_size : int or None
        Rows of a batch, None for all rows. No batch, the last included, may have as few rows as a party has columns.
    batch_strategy : {"fixed", "random"}
        Whether the rows are divided once, or at random for each iteration.
    shuffle, random_state : bool, int or None
        Whether the guest divides the rows in random order, and the seed of that order.
    optimizer : {"momentum", "sgd"}
        Update rule; both are sums of shares.
    momentum : float
        Share of the last step in the next one; of ``sgd`` there is none.
    learning_rate, decay, decay_sqrt : float, float, bool
        Step size: learning_rate / sqrt(1 + decay * iterations done), or without the root.
    penalty : {"l2", None}
        Adds alpha/2 of the squared weights to the mean loss, or nothing. The intercept has none. In files, None is
        "none".
    alpha : float
        See `penalty`.
    tol : float
        Stop when the opened loss changes by at most that from one iteration to the next.
    loss_every : int
        The guest learns the loss of one batch in so many; that of an iteration is the mean of those opened in it.
    early_stopping_rounds : int or None
        Stop when the loss of the validation rows, whose scores the guest learns, was not better for so many
        iterations.
    reveal : {"owners", "nobody"}
        To whom weights are opened at the end: to each party those of its own columns, or to nobody. Then both
        parties keep shares, and predict on them.
    squeeze : bool
        Whether results share ciphertexts on their way back: fewer decryptions and bytes. Their masks are then 64 bits
        wider than they are, otherwise uniform mod n (docs/algorithms/sharing.md).
    fraction_bits : int
        Of shares, 20 to 24.
    fit_intercept : bool
        Whether the guest fits an intercept.
    standardize : bool
        Whether this party's columns are centred and divided by their standard deviation.
    clip : float or None
        Largest magnitude of a (standardised) feature kept, in fit and in predict; None for no limit. In files, None
        is false.
    impute : {"mean", "median"}, float or None
        What stands for missing values of this party's columns. With None, missing values are refused.
    impute_indicator : bool
        Whether each column in which values were missing in fit gets a further one, 1 where they are.
    scheme : str
        Of both keys: one of `generate_keypair` whose plaintexts are public.
    key_bits : int
        Length of both keys.
    allow_insecure_key_size : bool
        Accept keys below 2048 bits, for tests.
    callbacks : sequence
        Objects with ``on_iteration(report)``, called after each iteration with an `IterationReport`.

    Attributes
    ----------
    coef_ : float64 [columns]
        This party's weights, of the prepared features, in the unit of the targets; where they were opened.
    intercept_ : float
        Guest only, where weights were opened.
    loss_history_ : list of float
        Mean loss before the updates of each iteration in which one was opened; guest only.
    validation_history_ : list of dict
        Metrics of the validation rows after each iteration; guest only, where there are such rows.
    n_iter_ : int
        Iterations done. With early stopping, weights are those of the best one.
    training_ : str
        Fingerprint of the training, the same at both parties: halves of different ones refuse to work together.
    n_features_in_, feature_names_in_ : int, object array
        This party's columns; names only where `X` had them.
    report_ : FitReport
        Backend, key, seconds, operations and bytes.
    """

    topologies = (TWO_PARTIES,)
    messages = MESSAGES

    max_iter: int = 30
    batch_size: int | None = None
    batch_strategy: str = "fixed"
    shuffle: bool = False
    random_state: int | None = None
    optimizer: str = "momentum"
    momentum: float = 0.9
    learning_rate: float = 0.05
    decay: float = 0.0
    decay_sqrt: bool = True
    penalty: str | None = "l2"
    alpha: float = 0.01
    tol: float = 1e-4
    loss_every: int = 1
    early_stopping_rounds: int | None = None
    reveal: str = OWNERS
    squeeze: bool = True
    fraction_bits: int = 24
    fit_intercept: bool = True
    standardize: bool = True
    clip: float | None = None
    impute: str | float | None = None
    impute_indicator: bool = False
    scheme: str = "paillier"
    key_bits: int = 3072
    allow_insecure_key_size: bool = False
    callbacks: Sequence[Callback] = ()

    if TYPE_CHECKING:  # set by fit
        coef_: Floats = field(init=False)
        intercept_: float = field(init=False)
        loss_history_: list[float] = field(init=False)
        validation_history_: list[dict[str, float]] = field(init=False)
        n_iter_: int = field(init=False)
        report_: FitReport = field(init=False)
        training_: str = field(init=False)
        n_features_in_: int = field(init=False)

    @abstractmethod
    def _link(self) -> str:
        """Return the name of the polynomial for the inverse link."""

    @abstractmethod
    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        """Return labels [rows, 1], and their classes, which are those given if there are any."""

    @abstractmethod
    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        """Return metrics of labels and scores [rows, 1]; the first one is better when less."""

    @abstractmethod
    def interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return what scores mean, by name, without the other party."""

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""
        self.settings()

    def terms(self) -> dict[str, Any]:
        """Return the parameters that both parties must have set alike."""
        return self.settings().terms()

    def check_rows(self, role: Role, rows: Rows, validation: Rows | None = None) -> None:
        """Raise what `fit`, or predicting once fitted, would raise of a party's own tables, before it begins.

        Raises
        ------
        DataError, ConfigurationError
            For features, labels and weights that cannot be used.
        """
        settings, guest = self.settings(), role is Role.GUEST
        half: FittedHalf | None = getattr(self, "_half", None)
        if half is not None:
            half.features(read_table(rows.features, missing=half.imputes))
            return
        if guest and validation is None and settings.early_stopping_rounds is not None:
            raise ConfigurationError("early_stopping_rounds judges validation rows: name some")
        classes: Classes = None
        for each in (each for each in (rows, validation) if each is not None):
            table = read_table(each.features, missing=settings.impute is not None)
            half = half or _untrained(table, settings, intercept=False)
            half.features(table)
            if guest:
                _, classes = self._encode_labels(each.labels, len(each.ids), classes)
                read_weights(each.extras.get("sample_weight"), len(each.ids))

    def settings(self) -> Settings:
        """Return the parameters, checked.

        Raises
        ------
        ConfigurationError
            For the first one that makes no sense.
        """
        check_callbacks(self.callbacks)
        return Settings.of(self._link(), self.get_params())

    def fit(
        self: Model,
        X: Any = None,
        y: Any = None,
        *,
        session: Session,
        sample_weight: Any = None,
        validation: Any = None,
    ) -> Model:
        """Train together with the other party.

        Parameters
        ----------
        X : array-like or DataFrame [rows, columns]
            This party's features, rows in the same order at both.
        y : array-like [rows]
            Labels, at the guest only.
        session : Session
            Which party this is, and the way to the other.
        sample_weight : array-like [rows], optional
            How much each row counts, at the guest only; scaled to mean 1. The host learns that there are weights.
        validation : (array-like, array-like) or array-like, optional
            Other rows to judge the model by: features and labels at the guest, features at the host.

        Raises
        ------
        DataError
            For features or labels that cannot be used.
        ConfigurationError
            For parameters that make no sense, differ between the parties, make unsafe batches, or numbers that
            shares have no room for.
        DivergenceError
            When weights grow beyond what shares have room for.
        ChannelTimeoutError, PartyFailedError
            When the other party did not answer or stopped.
        """
        settings = self.settings()
        role = self.check_session(session)
        check_owner(role, X=X, validation=validation, y=y, weights=sample_weight)
        guest = role is Role.GUEST
        table = read_table(X, missing=settings.impute is not None)
        half = _untrained(table, settings, intercept=guest and settings.fit_intercept)
        tested, trainer, validator = None, HostTrainer, None
        labels: tuple[Any, ...] = ()
        if guest:
            encoded, classes = self._encode_labels(y, len(table.values), None)
            row_weights = read_weights(sample_weight, len(table.values))
            scale = self._scale(encoded, row_weights, half.intercept)
            half = replace(half, classes=classes, scale=scale)
            tested, validator = self._tested(settings, half, validation)
            labels = (scale.shrink(encoded)[:, 0], row_weights, validator, scale)
        elif validation is not None:
            tested = half.features(read_table(validation, missing=half.imputes))
        own = Half(half.features(table), half.bits, tested, half.intercept)
        exchange = self._connect(session, settings, "fit")
        progress = Progress(session, self.callbacks)
        progress.packing = "results" if settings.squeeze else "none"
        found: SharedTrainer = (
            GuestTrainer(exchange, settings, progress, own, *labels)
            if guest
            else trainer(exchange, settings, progress, own)
        )
        iterations = found.train()
        half = self._finished(half, found)
        fitted = {"_half": half, "n_iter_": iterations, "report_": progress.finish(iterations)}
        if isinstance(found, GuestTrainer):
            fitted["loss_history_"] = found.loss_history
            if validator is not None:
                fitted["validation_history_"] = validator.history
        self._keep(fitted)
        return self

    def _finished(self, half: FittedHalf, trainer: SharedTrainer) -> FittedHalf:
        """Return the half with the weights that were opened, or with shares of all of them."""
        training, peer_bits = trainer.session.task_id, trainer.peer.bits
        half = replace(half, scale=trainer.scale, peer_bits=peer_bits, training=training)
        opened = trainer.open_weights()
        if opened is None:
            return replace(half, shares=trainer.weights.best)
        grown = trainer.scale.grow_weights(opened, intercept=half.intercept)
        return replace(half, weights=grown)

    def _scale(self, y: Floats, weights: Any, intercept: bool) -> TargetScale:
        """Return the unit to train in."""
        return UNSCALED

    def _tested(
        self, settings: Settings, half: FittedHalf, validation: Any
    ) -> tuple[Any, Validator | None]:
        """Return the guest's validation features and who judges by them, None without."""
        if validation is None:
            if settings.early_stopping_rounds is not None:
                raise ConfigurationError(
                    "early_stopping_rounds judges validation rows: pass validation=(X, y) to fit"
                )
            return None, None
        X, y, _ = unpack_validation(validation)
        features = half.features(read_table(X, missing=half.imputes))
        encoded, _ = self._encode_labels(y, features.rows, half.classes)

        def evaluate(y: Floats, scaled: Floats) -> dict[str, float]:
            return self._evaluate(y, half.scale.grow(scaled))

        return features, Validator(encoded, evaluate, settings.early_stopping_rounds)

    def _connect(self, session: Session, settings: Settings, task: str) -> Exchange:
        """Agree on what is to be done and exchange keys."""
        agree_on_terms(session, task, settings.terms())
        private_key = self.announce_new_key(session)
        peer: Party = session.hosts[0] if session.party == GUEST else GUEST
        receive_key(
            session,
            settings.key_bits,
            scheme=settings.scheme,
            allow_insecure_key_size=settings.allow_insecure_key_size,
            owner=peer,
        )
        if session.key_of(peer) == session.key_of(session.party):
            raise ConfigurationError(
                f"{peer} announced the key of {session.party}: each party needs one of its own"
            )
        return Exchange(session, private_key, peer, squeeze=settings.squeeze)

    def decision_function(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the score of each row to the guest, None to the host; both call it.

        Where weights were opened to their owners the host tells its part of each score, which the guest could
        subtract from the sum anyway; otherwise scores are computed on shares.

        Raises
        ------
        ConfigurationError
            Before fit.
        DataError
            When `X` does not have the columns of fit.
        """
        settings = self.settings()
        role = self.check_session(session)
        check_owner(role, X=X)
        half = self._fitted_half()
        features = half.features(read_table(X, missing=half.imputes))
        exchange = self._connect(session, settings, "predict")
        compare_trainings(session, half.training)
        compare_rows(session, features.rows)
        if half.weights is not None:
            return add_known(session, half, features)
        return score_shares(exchange, settings, half, features)

    def score_rows(
        self, X: Any = None, *, session: Session, options: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """Return what `decision_function` does."""
        return self.decision_function(X, session=session)

    def evaluate(self, y: Any, scores: Floats) -> dict[str, float]:
        """Return metrics of labels and of what `decision_function` returned for the same rows; the guest's.

        Rows without a label do not count; where none has one there are no metrics.

        Raises
        ------
        ConfigurationError
            Before fit.
        DataError
            When the labels do not fit the scores or the classes of fit, or `scores` is no such array.
        """
        scores = self._read_scores(scores)
        labels, present = read_present_labels(y, len(scores))
        if not present.any():
            return {}
        encoded, _ = self._encode_labels(labels, len(labels), self._fitted_half().classes)
        return self._evaluate(encoded, scores[present][:, np.newaxis])

    def _read_scores(self, scores: Any) -> Floats:
        array = np.asarray(scores)
        if array.ndim != 1 or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise DataError(
                f"scores have shape {array.shape} and dtype {array.dtype}; it takes finite numbers [rows], as "
                "decision_function returns them"
            )
        return array.astype(np.float64)

    def workload(self, shape: JobShape) -> Workload:
        """Return what training on data of that shape takes, before it runs.

        Raises
        ------
        ConfigurationError
            For the first parameter that makes no sense, and where rows have several outputs.
        """
        return workload_of(shape, self.settings())

    def result(self) -> dict[str, Any]:
        """Return iterations, cost, this party's weights where they were opened, and at the guest losses."""
        found = super().result()
        if hasattr(self, "coef_"):
            found["coef"] = self.coef_.tolist()
            found["features"] = self.get_feature_names_out().tolist()
        if hasattr(self, "intercept_"):
            found["intercept"] = self.intercept_
        if hasattr(self, "training_"):
            found["training"] = self.training_
        if hasattr(self, "loss_history_"):
            found["loss"] = [float(loss) for loss in self.loss_history_]
        return found

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of this party's features in the order of `coef_`: columns, then indicators.

        Raises
        ------
        ConfigurationError
            Before fit.
        """
        return np.array(self._fitted_half().feature_names, dtype=object)

    def save(self, path: PathLike) -> None:
        """Write this party's half to a file that only its owner can read: weights or shares, preparation, parameters.

        Callbacks, keys and histories are not kept.

        Raises
        ------
        ConfigurationError
            Before fit; when classes are neither numbers nor texts.
        StorageError
            When the file cannot be written.
        """
        params = {name: plain(value) for name, value in self.get_params().items()}
        del params["callbacks"]
        header = {"estimator": type(self).__name__, "params": params, "n_iter": self.n_iter_}
        write_half(path, self._fitted_half(), header)

    @classmethod
    def load(cls: type[Model], path: PathLike) -> Model:
        """Return a fitted model from what `save` wrote, to predict with.

        Raises
        ------
        StorageError, DataError
            When the file cannot be read, or is no half of such a model.
        """
        half, header = read_half(path)
        if header.get("estimator") != cls.__name__:
            raise DataError(
                f"{path} holds a {header.get('estimator')}: load it by that class, this is {cls.__name__}"
            )
        model = cls().set_params(**header["params"])
        model.settings()
        model._keep({"_half": half, "n_iter_": int(header["n_iter"])})
        return model

    def _fitted_half(self) -> FittedHalf:
        half: FittedHalf | None = getattr(self, "_half", None)
        if half is None:
            raise ConfigurationError(f"this {type(self).__name__} is not fitted: call fit first")
        return half

    def _keep(self, fitted: dict[str, Any]) -> None:
        """Set all fitted attributes at once, after everything went well."""
        for name in ("feature_names_in_", "validation_history_", "intercept_", "coef_"):
            vars(self).pop(name, None)
        vars(self).update(fitted | fitted["_half"].attributes())


def _untrained(table: Table, settings: Settings, *, intercept: bool) -> FittedHalf:
    """Return a half for the columns of `table`, without weights so far."""
    pipeline = FeaturePipeline.fit(
        table.values,
        standardize=settings.standardize,
        clip=settings.clip,
        impute=settings.impute,
        indicator=settings.impute_indicator,
    )
    bits = feature_bits(len(table.values), standardized=settings.standardize, clip=settings.clip)
    return FittedHalf(pipeline, intercept, table.names, bits)
