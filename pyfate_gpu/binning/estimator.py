# SPDX-License-Identifier: Apache-2.0
"""`HeteroBinning`: bins of all parties' columns, weighed by the labels of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from numpy.typing import NDArray

from pyfate_gpu.binning.columns_only import own_table
from pyfate_gpu.binning.fitted_bins import FittedBins
from pyfate_gpu.binning.fitting import Others, Own, fit_guest, fit_host
from pyfate_gpu.binning.guest import Weighing
from pyfate_gpu.binning.messages import MESSAGES
from pyfate_gpu.binning.workload import workload_of
from pyfate_gpu.data.binning.binner import BINS, OUTPUTS
from pyfate_gpu.data.binning.settings import BinningRules
from pyfate_gpu.data.binning.table import ColumnTable, check_columns
from pyfate_gpu.data.information_value import ALPHA, FATE, Evidence, check_smoothing
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.protocol.cost import JobShape, Workload
from pyfate_gpu.protocol.keys import check_scheme
from pyfate_gpu.protocol.progress import Callback, FitReport, Progress, check_callbacks
from pyfate_gpu.protocol.roles import check_owner, unpack_validation
from pyfate_gpu.protocol.settings import check_count, plain
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.data.binning.column import ColumnBins
    from pyfate_gpu.he import PrivateKey

Model = TypeVar("Model", bound="HeteroBinning")


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroBinning(FittedBins):
    """Bins of every party's columns and what they say of the guest's labels, which stay encrypted.

    Every party makes one of these and calls `fit`: the guest with its labels, and columns if it has some, hosts with
    their columns. No arbiter takes part: the key is the guest's. Rules of binning are each party's own. The guest
    learns, of each host and column under a number that changes with each fit, the labels of each bin, in no order;
    the host one information value of each of its columns, to four decimals (docs/binning.md).

    Parameters
    ----------
    method, max_bins, min_share, min_events, trend, max_p, prebins, cuts, categories, special, unseen
        As of `BinningRules`, for this party's columns. ``chi_merge`` and ``optimal`` look at labels: at hosts they take
        the guest's `share_cuts`.
    min_rows : int
        A host's bins with fewer rows are merged before anything of them is sent.
    output : {"bins", "woe"}
        What `transform` returns; weights of evidence take the guest's consent at hosts.
    smoothing, alpha : str, float
        As of `evidence_of`; alike at all parties.
    share_woe : bool
        Whether the guest tells hosts the weights of evidence of their bins. With the rows of a bin, which a host
        counts, they give it the numbers of labels in each.
    share_cuts : bool
        Whether the guest merges bins of hosts whose `method` looks at labels: such a host sends the sums of finer
        bins in their order, and hears which of them to merge.
    keep_labels : bool
        Whether hosts keep the encrypted labels until the session ends, so that later fits in it with the same labels
        and weights need not send them again: other bins, other columns. Alike at all parties.
    scheme, key_bits, allow_insecure_key_size : str, int, bool
        Of the guest's key; alike at all parties.
    callbacks : sequence
        Objects with ``on_iteration(report)``; there is one iteration.

    Attributes
    ----------
    bins_ : list of ColumnBins
        Of this party's columns.
    iv_ : float64 [columns] or [columns, classes]
        Information values of this party's columns; of more than two classes each against the rest.
    woe_ : list of float64 [bins, outputs]
        Weights of evidence of this party's bins; at hosts with the guest's consent only.
    evidence_ : list of list of Evidence
        Of the guest's own columns, by column and output; guest only.
    host_evidence_ : dict
        The same of each host's columns that have two or more bins, by name of the host, in the order in which they
        came; guest only.
    stability_ : float64
        Of this party's columns, where there were validation rows: how far these differ. At the guest [columns,
        1 + classes], over all and within each class; at hosts [columns, 1].
    host_stability_ : dict
        The same of each host's columns that travelled, NaN where too few rows are in a bin; guest only.
    classes_ : array
        Of the labels; guest only.
    n_features_in_, feature_names_in_ : int, object array
        This party's columns; names only where `X` had them.
    training_ : str
        Fingerprint of the fit, the same at all parties.
    report_ : FitReport
        Backend, key, seconds, operations and bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import simulate
    >>> from pyfate_gpu.binning import HeteroBinning
    >>> key = {"key_bits": 512, "allow_insecure_key_size": True}
    >>> x = np.arange(200) % 100
    >>> y = (x > 30).astype(int)
    >>> found = simulate(
    ...     guest=lambda session: HeteroBinning(**key).fit(y=y, session=session),
    ...     hosts=[lambda session: HeteroBinning(max_bins=4, **key).fit(x.reshape(-1, 1), session=session)],
    ... )
    >>> found["host-0"].bins_[0].names()
    ['below 24.5', '24.5 to 49.5', '49.5 to 74.5', '74.5 and above', 'missing']
    >>> found["host-0"].iv_.tolist(), len(found["guest"].host_evidence_["host-0"])
    ([7.1506], 1)
    """

    messages = MESSAGES

    method: str = "quantile"
    max_bins: int = 10
    min_share: float = 0.0
    min_events: int = 0
    trend: str = "none"
    max_p: float = 0.1
    prebins: int = 64
    cuts: Mapping[Any, Sequence[float]] = field(default_factory=dict)
    categories: Any = ()
    special: Any = ()
    unseen: str = "pool"
    min_rows: int = 20
    output: str = BINS
    smoothing: str = FATE
    alpha: float = ALPHA
    share_woe: bool = False
    share_cuts: bool = False
    keep_labels: bool = False
    scheme: str = "paillier"
    key_bits: int = 3072
    allow_insecure_key_size: bool = False
    callbacks: Sequence[Callback] = ()

    if TYPE_CHECKING:  # set by fit
        bins_: list[ColumnBins] = field(init=False)
        iv_: Floats = field(init=False)
        woe_: list[Floats] = field(init=False)
        evidence_: list[list[Evidence]] = field(init=False)
        host_evidence_: dict[str, list[list[Evidence]]] = field(init=False)
        classes_: NDArray[Any] = field(init=False)
        n_features_in_: int = field(init=False)
        n_iter_: int = field(init=False)
        report_: FitReport = field(init=False)

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""
        self._rules().check()
        check_smoothing(self.smoothing, self.alpha)
        check_count("min_rows", self.min_rows)
        check_count("key_bits", self.key_bits)
        check_scheme(self.scheme, "binning")
        check_callbacks(self.callbacks)
        if self.output not in OUTPUTS:
            raise ConfigurationError(
                f"output is {self.output!r}; choose one of {', '.join(OUTPUTS)}"
            )
        for name in ("share_woe", "share_cuts", "keep_labels", "allow_insecure_key_size"):
            if type(plain(getattr(self, name))) is not bool:
                raise ConfigurationError(f"{name} is {getattr(self, name)!r}; it is true or false")

    def fit(
        self: Model,
        X: Any = None,
        y: Any = None,
        *,
        session: Session,
        sample_weight: Any = None,
        validation: Any = None,
    ) -> Model:
        """Learn bins, and together with the other parties what they say of the labels.

        Parameters
        ----------
        X : array-like or DataFrame [rows, columns]
            This party's columns, of numbers or texts, rows in the same order at every party. A guest that has labels
            only leaves it out.
        y : array-like [rows]
            Labels of two classes or more, at the guest only.
        session : Session
            Which party this is, and the way to the others.
        sample_weight : array-like [rows], optional
            How much each row counts, at the guest only. Whole numbers up to 65,535 count as they are, others to
            about five digits.
        validation : (array-like, array-like) or array-like, optional
            Other rows to compare with: columns and labels at the guest, columns at hosts. See `stability_`.

        Raises
        ------
        DataError
            For columns or labels that cannot be used.
        ConfigurationError
            For parameters that make no sense or differ between parties.
        ChannelTimeoutError, PartyFailedError
            When another party did not answer or stopped.
        """
        self.check()
        role = self.check_session(session)
        check_owner(role, X=X, y=y, weights=sample_weight, validation=validation)
        own = Own(own_table(X, y), self._rules(), plain(self.min_rows))
        others = self._others(role, validation, own.table)
        progress = Progress(session, self.callbacks, 1)
        if role is Role.GUEST:
            fitted = fit_guest(self, session, own, y, sample_weight, others)
        else:
            fitted = fit_host(self, session, own, others)
        progress.end_iteration(1)
        self._keep(fitted)
        self.report_ = progress.finish(1)
        return self

    def workload(self, shape: JobShape) -> Workload:
        """Return what fitting to data of that shape takes, before it runs.

        Raises
        ------
        ConfigurationError
            For the first parameter that makes no sense.
        """
        self.check()
        return workload_of(shape, plain(self.key_bits), plain(self.max_bins))

    def weighing(self) -> Weighing:
        """Return how evidence is made of counts."""
        return Weighing(self.smoothing, float(self.alpha))

    def announce_key_again(self, session: Session, keys: Any) -> PrivateKey:
        """Announce the keys that hosts have labels under, or this model's own, and return the private one."""
        if keys is not None:
            self._keys = keys
        return self.announce_new_key(session)

    def private_key(self) -> PrivateKey:
        """Return the guest's key of the last fit.

        Raises
        ------
        ConfigurationError
            Where there was none.
        """
        keys = getattr(self, "_keys", None)
        if keys is None:
            raise ConfigurationError("the key is with the guest that fitted these bins")
        key: PrivateKey = keys[1]
        return key

    def terms(self) -> dict[str, Any]:
        """Return the parameters that every party must have set alike."""
        names = ("smoothing", "alpha", "keep_labels", "scheme", "key_bits")
        return {name: plain(getattr(self, name)) for name in names}

    def _rules(self) -> BinningRules:
        return BinningRules(
            **{each.name: getattr(self, each.name) for each in fields(BinningRules)}
        )

    def _others(self, role: Role, validation: Any, table: ColumnTable) -> Others | None:
        if validation is None:
            return None
        X, y = validation, None
        if role is Role.GUEST:
            X, y, _ = unpack_validation(validation)
        found = own_table(X, y)
        check_columns(found, len(table.columns), table.names)
        return Others(found, y)
