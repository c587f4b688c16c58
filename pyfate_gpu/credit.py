# SPDX-License-Identifier: Apache-2.0
"""`HeteroScorecard`: bins and a regression put together, which are siblings that know nothing of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.binning.estimator import HeteroBinning
from pyfate_gpu.binning.scorecard import Scale, Scorecard
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.glm.logistic import HeteroLogisticRegression
from pyfate_gpu.protocol.estimator import Estimator, PathLike
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.typing import Floats

Model = TypeVar("Model", bound="HeteroScorecard")

#: What a party's part of the card is called, beside its half of the regression.
CARD = "scorecard.json"
#: Columns whose points a report draws.
SHOWN_COLUMNS = 10


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroScorecard(HeteroLogisticRegression):
    """Points for bins: a logistic regression on weights of evidence, and each party's part of its scorecard.

    Columns are weights of evidence of bins, which hosts have by the guest's consent: `follow` says of which bins.
    Jobs do that by themselves for a ``[[step]]`` of type ``iv`` with ``output = "woe"`` (docs/binning.md). Each party
    keeps the points of its own bins; the guest's scores are whole ones. Parameters and attributes are those of
    `HeteroLogisticRegression`, and those below.

    Parameters
    ----------
    offset, factor, base, lower, upper
        How log odds become points, as of `Scale`; alike at all parties.

    Attributes
    ----------
    card_ : Scorecard
        This party's part; at guest and hosts.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroBinning, HeteroScorecard, simulate
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> bad = (x.sum(axis=1) > 0).astype(int)
    >>> key = {"key_bits": 512, "allow_insecure_key_size": True}
    >>> def bins(X, y=None):
    ...     model = HeteroBinning(output="woe", share_woe=True, max_bins=4, **key)
    ...     return lambda session: model.fit(X, y, session=session)
    >>> def card(binning=None, X=None, y=None):
    ...     def run(session):
    ...         model = HeteroScorecard(max_iter=3, **key)
    ...         if binning is None:
    ...             return model.fit(session=session)
    ...         return model.follow(binning).fit(binning.transform(X), y, session=session)
    ...     return run
    >>> parts = x[:, :1], x[:, 1:]
    >>> own = simulate(guest=bins(parts[0], bad), hosts=[bins(parts[1])])
    >>> found = simulate(
    ...     guest=card(own["guest"], parts[0], bad), hosts=[card(own["host-0"], parts[1])], arbiter=card()
    ... )
    >>> cards = [found[name].card_ for name in ("guest", "host-0")]
    >>> points = sum(each.points_of(part) for each, part in zip(cards, parts))
    >>> bool(points[bad == 0].mean() > points[bad == 1].mean())
    True
    """

    offset: float = 500.0
    factor: float = 20.0
    base: float = 2.0
    lower: float | None = 0.0
    upper: float | None = 1500.0

    if TYPE_CHECKING:  # set by fit
        card_: Scorecard = field(init=False)

    def scale(self) -> Scale:
        """Return how log odds become points.

        Raises
        ------
        ConfigurationError
            When a number makes no sense.
        """
        return Scale(self.offset, self.factor, self.base, self.lower, self.upper)

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""
        super().check()
        self.scale()

    def terms(self) -> dict[str, Any]:
        """Return the parameters that all parties must have set alike."""
        return super().terms() | {"scale": vars(self.scale())}

    def follow(self: Model, binning: HeteroBinning, columns: Sequence[int] | None = None) -> Model:
        """Note whose weights of evidence the columns are that `fit` gets; return self.

        Parameters
        ----------
        binning : HeteroBinning
            Of this party, fitted.
        columns : sequence of int, optional
            Numbers of the columns that are left, as `HeteroSelector.get_support` gives them; by default all.
        """
        self._bins = (binning, columns)
        return self

    def check_steps(self, steps: Sequence[Estimator]) -> None:
        """Refuse steps that give no weights of evidence.

        Raises
        ------
        ConfigurationError
            When there is no step of bins, or several, or it gives bins as they are.
        """
        bins = [step for step in steps if isinstance(step, HeteroBinning)]
        if len(bins) != 1 or bins[0].output != "woe":
            raise ConfigurationError(
                'a scorecard takes weights of evidence: put one [[step]] of type "iv" with output = "woe" before '
                "[model], and share_woe = true in it"
            )

    def follow_steps(self, steps: Sequence[Estimator], names: Sequence[str]) -> None:
        """Note which bins the columns of a job come from, that are left after its steps.

        Raises
        ------
        ConfigurationError
            When a column is none of those that the step of bins gave.
        """
        self.check_steps(steps)
        binning = next(step for step in steps if isinstance(step, HeteroBinning))
        given = [str(name) for name in binning.get_feature_names_out()]
        lacking = [name for name in names if name not in given]
        if lacking:
            raise ConfigurationError(
                f"{', '.join(lacking[:5])} are no columns that bins were made of: a scorecard takes no step "
                "that makes other ones"
            )
        self.follow(binning, [given.index(name) for name in names])

    def fit(
        self: Model,
        X: Any = None,
        y: Any = None,
        *,
        session: Session,
        sample_weight: Any = None,
        validation: Any = None,
    ) -> Model:
        """Train the regression together with the other parties, and make this party's part of the card.

        Parameters
        ----------
        X, y, session, sample_weight, validation
            As of `HeteroLogisticRegression.fit`; X are weights of evidence.

        Raises
        ------
        ConfigurationError
            Before `follow`, without weights of evidence, and as the regression does.
        DataError, ChannelTimeoutError, PartyFailedError
            As the regression does.
        """
        followed: tuple[HeteroBinning, Sequence[int] | None] | None = getattr(self, "_bins", None)
        owner = self.check_session(session) in (Role.GUEST, Role.HOST)
        if owner and followed is None:
            raise ConfigurationError("a scorecard is of bins: call follow(binning) before fit")
        agree_on_terms(session, "scorecard", {"scale": vars(self.scale())})
        vars(self).pop("card_", None)
        super().fit(X, y, session=session, sample_weight=sample_weight, validation=validation)
        if owner and followed is not None:
            self.card_ = Scorecard.of(followed[0], self, self.scale(), columns=followed[1])
        return self

    def result(self) -> dict[str, Any]:
        """Return what the regression does, and this party's part of the card."""
        card = getattr(self, "card_", None)
        return super().result() | ({} if card is None else {"scorecard": card.rows()})

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the points of each bin."""
        card = getattr(self, "card_", None)
        return super().tables() | ({} if card is None else {"points of own bins": card.rows()})

    def bars(self) -> dict[str, dict[str, float]]:
        """Return points by bin, of the columns in which they differ most."""
        card: Scorecard | None = getattr(self, "card_", None)
        if card is None:
            return super().bars()
        order = np.argsort([-np.ptp(points) for points in card.points], kind="stable")
        drawn = {
            f"points of {card.names[at]}": dict(
                zip(card.bins[at].names(), card.points[at].tolist(), strict=True)
            )
            for at in order[:SHOWN_COLUMNS]
        }
        return super().bars() | drawn

    def save(self, path: PathLike) -> None:
        """Write this party's half of the regression, and beside it its part of the card, ``scorecard.json``.

        Raises
        ------
        ConfigurationError
            Before fit; when classes are neither numbers nor texts.
        StorageError
            When a file cannot be written.
        """
        if not hasattr(self, "card_"):
            raise ConfigurationError("this scorecard has no points yet: call fit")
        self.card_.save(Path(path).with_name(CARD))
        super().save(path)

    @classmethod
    def load(cls: type[Model], path: PathLike) -> Model:
        """Return what `save` wrote.

        Raises
        ------
        StorageError, DataError
            When a file cannot be read, or is not what it should be.
        """
        model = super().load(path)
        model.card_ = Scorecard.load(Path(path).with_name(CARD))
        return model

    def _interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        return super()._interpret(scores) | {"points": self.card_.score(scores)}
