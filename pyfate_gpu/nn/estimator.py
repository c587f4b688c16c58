# SPDX-License-Identifier: Apache-2.0
"""Networks between a guest and one host, with the manners of scikit-learn."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.tables import Table, check_same_columns, read_present_labels, read_table
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.topology import TWO_PARTIES
from pyfate_gpu.learning.targets import UNSCALED, TargetScale
from pyfate_gpu.nn.halves import NetworkHalf
from pyfate_gpu.nn.messages import MESSAGES
from pyfate_gpu.nn.modules import require_torch
from pyfate_gpu.nn.nets import make_guest_net
from pyfate_gpu.nn.settings import Settings
from pyfate_gpu.nn.training import GuestNetTrainer, HostNetTrainer, NetTrainer, compare_rows
from pyfate_gpu.nn.workload import workload_of
from pyfate_gpu.protocol.cost import JobShape, Workload
from pyfate_gpu.protocol.progress import Callback, FitReport, Progress, check_callbacks
from pyfate_gpu.protocol.roles import check_owner, unpack_validation
from pyfate_gpu.protocol.sharing.connection import connect
from pyfate_gpu.protocol.training import compare_trainings
from pyfate_gpu.protocol.validation import Validator
from pyfate_gpu.typing import Floats

logger = logging.getLogger(__name__)

Classes = NDArray[np.generic] | None
Model = TypeVar("Model", bound="HeteroNetwork")


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroNetwork(NetworkHalf):
    """Base of the models; see its subclasses for the losses. Takes PyTorch, extra ``torch``.

    A guest and one host make one of these each. The first layer is linear and shared: nobody knows its weights. Its
    outputs are opened to the guest, whose own net goes on from there (docs/networks.md says who learns what).

    Parameters
    ----------
    mode : {"shared", "interactive"}
        ``interactive``, for comparisons, is the layer of FATE 1: the guest sees what the host's half of the layer puts
        out for each row, and the host encrypts its activations instead of weights.
    open_activations : bool
        The guest sees what the host's half of the layer puts out for each row, and has its own half, and a `bottom`,
        in clear; both parties must want it.
    width : int
        Outputs of the shared layer.
    hidden : sequence of int
        Widths of further layers of the guest's net, where `top` is None.
    top : torch.nn.Module, optional
        The guest's own net from ``[rows, width]`` to ``[rows, outputs]``, in float64.
    bottom : torch.nn.Module, optional
        This party's own net from its features to the inputs of the first layer, in float64. The host's gradients are
        opened to it. A guest has one only where it sees the host's activations anyway: with `open_activations` or
        ``mode="interactive"``; from its gradients it could solve for weights that are shared.
    max_iter, batch_size : int
        Passes over the data, rows of a batch.
    shuffle, random_state : bool, int or None
        Whether the guest divides the rows anew in each pass, and the seed of that and of a net made here.
    learning_rate, momentum : float
        Of the shared layer, whose steps are taken on shares.
    optimizer, net_learning_rate : {"adam", "sgd"}, float
        Of this party's own net.
    early_stopping_rounds : int or None
        Stop when the loss of the validation rows was not better for so many passes.
    squeeze : bool
        Whether neighbouring columns share ciphertexts (docs/algorithms/sharing.md).
    standardize, clip, impute
        How this party's columns are prepared; no feature is larger than `clip` in size.
    scheme, key_bits, allow_insecure_key_size
        Of both keys.
    callbacks : sequence
        Objects with ``on_iteration(report)``.

    Attributes
    ----------
    net_ : torch.nn.Module or None
        This party's own net.
    loss_history_, validation_history_ : list
        Mean loss of each pass, metrics of validation rows; guest only.
    n_iter_, report_, training_ : int, FitReport, str
        As of the regressions.
    """

    topologies = (TWO_PARTIES,)
    messages = MESSAGES
    row_options = ()

    mode: str = "shared"
    open_activations: bool = False
    width: int = 16
    hidden: Sequence[int] = ()
    top: Any = None
    bottom: Any = None
    max_iter: int = 10
    batch_size: int = 256
    shuffle: bool = True
    random_state: int | None = None
    learning_rate: float = 0.1
    momentum: float = 0.9
    optimizer: str = "adam"
    net_learning_rate: float = 0.01
    early_stopping_rounds: int | None = None
    squeeze: bool = True
    standardize: bool = True
    clip: float = 8.0
    impute: str | float | None = None
    scheme: str = "paillier"
    key_bits: int = 3072
    allow_insecure_key_size: bool = False
    callbacks: Sequence[Callback] = ()

    if TYPE_CHECKING:  # set by fit
        net_: Any = field(init=False)
        loss_history_: list[float] = field(init=False)
        validation_history_: list[dict[str, float]] = field(init=False)
        n_iter_: int = field(init=False)
        report_: FitReport = field(init=False)
        training_: str = field(init=False)
        n_features_in_: int = field(init=False)

    @abstractmethod
    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        """Return labels [rows, outputs], and their classes, which are those given if there are any."""

    @abstractmethod
    def _targets(self, encoded: Floats) -> NDArray[Any]:
        """Return labels as the criterion takes them."""

    @abstractmethod
    def _criterion(self) -> Any:
        """Return the mean loss of outputs and targets."""

    @abstractmethod
    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        """Return metrics of labels and scores; the first one is better when less."""

    def _scale(self, y: Floats) -> TargetScale:
        return UNSCALED

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense, or without PyTorch."""
        self.settings()

    def settings(self) -> Settings:
        """Return the parameters, checked.

        Raises
        ------
        ConfigurationError
            For the first one that makes no sense, or without PyTorch.
        """
        require_torch()
        check_callbacks(self.callbacks)
        return Settings.of(self.get_params())

    def terms(self) -> dict[str, Any]:
        """Return the parameters that both parties must have set alike."""
        return self.settings().terms()

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
        sample_weight : None
            Not taken.
        validation : (array-like, array-like) or array-like, optional
            Other rows to judge the model by: features and labels at the guest, features at the host.

        Raises
        ------
        DataError
            For features or labels that cannot be used, and for what nets put out that is no number.
        ConfigurationError
            For parameters that make no sense or differ between the parties, and for nets that do not fit.
        DivergenceError
            When outputs of the shared layer explode.
        ChannelTimeoutError, PartyFailedError
            When the other party did not answer or stopped.
        """
        settings = self.settings()
        role = self.check_session(session)
        if sample_weight is not None:
            raise ConfigurationError("networks take no sample_weight")
        check_owner(role, X=X, validation=validation, y=y)
        guest = role is Role.GUEST
        table = read_table(X, missing=settings.impute is not None)
        pipeline = FeaturePipeline.fit(
            table.values,
            standardize=settings.standardize,
            clip=settings.clip,
            impute=settings.impute,
        )
        kept: dict[str, Any] = {"_pipeline": pipeline, "_names": table.names, "_classes": None}
        features = pipeline.transform(table.values).values
        labels: dict[str, Any] = {}
        tested = None
        if guest:
            if self.bottom is not None and not settings.shows_activations:
                raise ConfigurationError(
                    "a guest's bottom takes open_activations=True, or mode='interactive', at both parties: from its "
                    "gradients the guest could solve for weights that are shared"
                )
            encoded, classes = self._encode_labels(y, len(features), None)
            scale = self._scale(encoded)
            kept |= {"_classes": classes, "_scale_": scale}
            tested, validator = self._tested(kept, validation)
            labels = {
                "targets": self._targets(scale.shrink(encoded)),
                "criterion": self._criterion(),
                "validator": validator,
            }
            net = make_guest_net(
                settings, self.top, self.bottom, table.values.shape[1], encoded.shape[1]
            )
        else:
            if self.top is not None:
                raise ConfigurationError(
                    "a host takes no top: the guest's net is above the shared layer"
                )
            net = None if self.bottom is None else self.bottom.double()
            if validation is not None:
                tested = self._prepare(
                    kept, read_table(validation, missing=settings.impute is not None)
                )
        exchange = connect(self, session, "fit", squeeze=settings.squeeze)
        progress = Progress(session, self.callbacks, self.max_iter)
        progress.packing = "columns" if settings.squeeze else "none"
        if settings.shows_activations:
            logger.warning(
                "the guest sees what %s's half of the first layer puts out for each row",
                exchange.peer if guest else session.party,
            )
        kind = GuestNetTrainer if guest else HostNetTrainer
        trainer = kind(exchange, settings, progress, net, features, tested, **labels)
        iterations = trainer.train()
        if trainer.best is not None:
            NetTrainer.restore(trainer, trainer.best)
        kept |= {
            "_layer_state": trainer.layer.state(),
            "_layer_shape": trainer.layer.shape,
            "net_": net,
            "n_iter_": iterations,
            "report_": progress.finish(iterations),
            "training_": session.task_id,
            "n_features_in_": table.values.shape[1],
        }
        if isinstance(trainer, GuestNetTrainer):
            kept["loss_history_"] = [kept["_scale_"].grow_loss(loss) for loss in trainer.losses]
            if trainer.validator is not None:
                kept["validation_history_"] = trainer.validator.history
            if kept["_classes"] is not None:
                kept["classes_"] = kept["_classes"]
        vars(self).update(kept)
        return self

    def decision_function(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the outputs of the network for each row to the guest, None to the host; both call it.

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
        self._check_fitted()
        table = read_table(X, missing=settings.impute is not None)
        features = self._prepare(vars(self), table)
        exchange = connect(self, session, "predict", squeeze=settings.squeeze)
        compare_trainings(session, self.training_)
        progress = Progress(session, ())
        kind: Any = GuestNetTrainer if role is Role.GUEST else HostNetTrainer
        labels = {"targets": None, "criterion": None} if role is Role.GUEST else {}
        trainer = kind(exchange, settings, progress, self.net_, features, None, **labels)
        trainer._make_layer(self._layer_shape)
        trainer.layer.restore(self._layer_state)
        compare_rows(session, len(features))
        if isinstance(trainer, HostNetTrainer):
            trainer.take_part(features, {})
            return None
        scores = self._scale_.grow(trainer.scores(features, {}))
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def score_rows(
        self, X: Any = None, *, session: Session, options: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """Return what `decision_function` does."""
        return self.decision_function(X, session=session)

    def evaluate(self, y: Any, scores: Floats) -> dict[str, float]:
        """Return metrics of labels and of what `decision_function` returned for the same rows; the guest's."""
        self._check_fitted()
        scores = np.asarray(scores, dtype=np.float64)
        labels, present = read_present_labels(y, len(scores))
        if not present.any():
            return {}
        encoded, _ = self._encode_labels(labels, len(labels), self._classes)
        return self._evaluate(encoded, scores[present].reshape(len(encoded), -1))

    def result(self) -> dict[str, Any]:
        """Return iterations, cost, which training it was, and at the guest losses."""
        found = super().result()
        if hasattr(self, "training_"):
            found["training"] = self.training_
        if hasattr(self, "loss_history_"):
            found["loss"] = [float(loss) for loss in self.loss_history_]
        return found

    def workload(self, shape: JobShape) -> Workload:
        """Return what training on data of that shape takes, before it runs."""
        return workload_of(shape, self.settings())

    def _tested(
        self, kept: Mapping[str, Any], validation: Any
    ) -> tuple[Floats | None, Validator | None]:
        if validation is None:
            if self.early_stopping_rounds is not None:
                raise ConfigurationError(
                    "early_stopping_rounds judges validation rows: pass validation=(X, y) to fit"
                )
            return None, None
        X, y, _ = unpack_validation(validation)
        features = self._prepare(kept, read_table(X, missing=self.impute is not None))
        encoded, _ = self._encode_labels(y, len(features), kept["_classes"])
        scale: TargetScale = kept["_scale_"]

        def evaluate(y: Floats, scaled: Floats) -> dict[str, float]:
            return self._evaluate(y, scale.grow(scaled))

        return features, Validator(encoded, evaluate, self.early_stopping_rounds)

    def _prepare(self, kept: Mapping[str, Any], table: Table) -> Floats:
        pipeline: FeaturePipeline = kept["_pipeline"]
        check_same_columns(table, pipeline.columns, kept["_names"])
        return pipeline.transform(table.values).values

    if TYPE_CHECKING:
        _pipeline: FeaturePipeline = field(init=False)
        _names: tuple[str, ...] | None = field(init=False)
        _classes: Classes = field(init=False)
        _scale_: TargetScale = field(init=False)
        _layer_state: dict[str, Any] = field(init=False)
        _layer_shape: Any = field(init=False)
