# SPDX-License-Identifier: Apache-2.0
"""`HeteroSelector`: the columns of all parties that pass rules, names kept at home."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.binning.columns_only import ColumnsOnly, own_table
from pyfate_gpu.binning.estimator import HeteroBinning
from pyfate_gpu.binning.fitted_bins import as_listed
from pyfate_gpu.binning.fitting import Fitted
from pyfate_gpu.binning.messages import SELECTION
from pyfate_gpu.binning.standing import JOINT, have_judged, judge_together
from pyfate_gpu.binning.strict_json import strict_loads
from pyfate_gpu.data.binning.table import ColumnTable
from pyfate_gpu.data.information_value import ALPHA, FATE
from pyfate_gpu.data.selection.judged import JudgedColumns
from pyfate_gpu.data.selection.rules import Rule, Verdict, read_rules
from pyfate_gpu.data.selection.selector import Selector, judge_table
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.protocol.cost import JobShape, Workload
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.protocol.progress import Callback, FitReport, Progress
from pyfate_gpu.protocol.settings import plain
from pyfate_gpu.storage.files import read_whole, write_atomically

FORMAT = "pyfate-gpu selection"
VERSION = 1
Model = TypeVar("Model", bound="HeteroSelector")


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroSelector(JudgedColumns, ColumnsOnly):
    """Columns that pass every party's own rules, and the guest's rules of what labels say of them.

    All parties call `fit`. First each applies its rules of numbers that it finds alone, in their order: ``unique``,
    ``missing``, ``same``, ``variation``, ``correlation``, ``vif``, and those it hands in. Then the guest applies its
    rules of ``iv``, ``ks``, ``chi_square`` and ``correlation_between`` to the columns of all parties that are left. It
    knows those of hosts by numbers; hosts learn by which rule one of theirs went (docs/binning.md).

    Parameters
    ----------
    rules : sequence of Rule or mapping
        This party's; those of ``iv``, ``ks``, ``chi_square`` and ``correlation_between`` are the guest's to make.
    keep, drop : sequence
        Of this party's columns, by name: stay or go whatever rules say.
    share_correlations : bool
        Whether this host takes part in rules of ``correlation_between``. They tell the guest one weighted sum of each
        column of the host for each of its own, which hides little if the guest is not honest: that is why they take
        this consent, and 1,000 rows.
    method, max_bins, cuts, categories, special, min_rows, smoothing, alpha, keep_labels, share_cuts
        As of `HeteroBinning`, which weighs the columns.
    scheme, key_bits, allow_insecure_key_size : str, int, bool
        Of the guest's key; alike at all parties.
    callbacks : sequence
        As of `HeteroBinning`.

    Attributes
    ----------
    verdicts_ : list of Verdict
        On this party's columns.
    host_verdicts_ : dict
        On those of each host, by its name, in the order of its evidence in `binning_`; guest only.
    binning_ : HeteroBinning
        What was found of the columns.
    n_features_in_, feature_names_in_ : int, object array
        This party's columns; names only where `X` had them.
    report_ : FitReport
        Backend, key, seconds, operations and bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import simulate
    >>> from pyfate_gpu.binning import HeteroSelector
    >>> key = {"key_bits": 512, "allow_insecure_key_size": True}
    >>> x = np.stack([np.arange(200) % 100, np.arange(200) % 7, np.ones(200)], axis=1)
    >>> y = (x[:, 0] > 30).astype(int)
    >>> rules = [{"metric": "iv", "at_least": 0.1}]
    >>> found = simulate(
    ...     guest=lambda session: HeteroSelector(rules=rules, **key).fit(y=y, session=session),
    ...     hosts=[lambda session: HeteroSelector(**key).fit(x, session=session)],
    ... )
    >>> [verdict.reason for verdict in found["host-0"].verdicts_]
    ['', "the guest's rule: iv at least 0.1", 'one bin: labels say nothing']
    """

    messages = SELECTION

    rules: Sequence[Any] = ()
    keep: Sequence[Any] = ()
    drop: Sequence[Any] = ()
    share_correlations: bool = False
    keep_labels: bool = False
    share_cuts: bool = False
    method: str = "quantile"
    max_bins: int = 10
    cuts: Mapping[Any, Sequence[float]] = field(default_factory=dict)
    categories: Any = ()
    special: Any = ()
    min_rows: int = 20
    smoothing: str = FATE
    alpha: float = ALPHA
    scheme: str = "paillier"
    key_bits: int = 3072
    allow_insecure_key_size: bool = False
    callbacks: Sequence[Callback] = ()

    if TYPE_CHECKING:  # set by fit
        verdicts_: list[Verdict] = field(init=False)
        host_verdicts_: dict[str, list[Verdict]] = field(init=False)
        binning_: HeteroBinning = field(init=False)
        n_features_in_: int = field(init=False)
        feature_names_in_: NDArray[Any] = field(init=False)
        training_: str = field(init=False)
        n_iter_: int = field(init=False)
        report_: FitReport = field(init=False)

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""
        read_rules(self.rules)
        for name in ("keep", "drop"):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise ConfigurationError(f"{name} is {value!r}; it must be a list of columns")
        if type(plain(self.share_correlations)) is not bool:
            raise ConfigurationError(
                f"share_correlations is {self.share_correlations!r}; it is true or false"
            )
        self._new_binning().check()

    def fit(
        self: Model,
        X: Any = None,
        y: Any = None,
        *,
        session: Session,
        sample_weight: Any = None,
        validation: Any = None,
        metrics: Mapping[str, Sequence[Any]] | None = None,
        binning: HeteroBinning | None = None,
    ) -> Model:
        """Judge the columns of all parties.

        Parameters
        ----------
        X, y, session, sample_weight
            As of `HeteroBinning.fit`.
        validation : (array-like, array-like) or array-like, optional
            As of `HeteroBinning.fit`: other rows, for rules of ``stability``, by which each party judges its own
            columns.
        metrics : mapping, optional
            Further numbers of this party's columns, by name: importance in trees, stability.
        binning : HeteroBinning, optional
            What these columns were weighed by in this session, at all parties or at none; by default they are weighed
            here.

        Raises
        ------
        ConfigurationError, DataError
            As `HeteroBinning.fit` does, and for rules that make no sense or ask for what is not known.
        """
        self.check()
        role = self.check_session(session)
        progress = Progress(session, self.callbacks, 1)
        own = own_table(X, y)
        if binning is None:
            binning = self._new_binning().fit(
                X, y, session=session, sample_weight=sample_weight, validation=validation
            )
        fitted = binning.fitted()
        if len(fitted.bins) != len(own.columns):
            raise DataError(f"binning is of {len(fitted.bins)} columns, X has {len(own.columns)}")
        joint = [rule for rule in read_rules(self.rules) if rule.metric in JOINT]
        verdicts = self._judge_alone(own, fitted, metrics)
        vars(self).pop("host_verdicts_", None)
        with session.task("selection"):
            if role is Role.GUEST:
                key = binning.private_key()
                self.host_verdicts_ = judge_together(session, key, joint, own, fitted, verdicts)
            else:
                consent = bool(plain(self.share_correlations))
                have_judged(session, own, fitted, verdicts, share_correlations=consent)
        progress.end_iteration(1)
        self._keep(verdicts, own.names, fitted.training)
        self.binning_, self.report_ = binning, progress.finish(1)
        return self

    def follow_steps(self, steps: Sequence[Any], names: Sequence[str]) -> None:
        """Take importances of columns from the steps of a job that have some, such as trees, for rules of them.

        They are how often a column is split, which hosts know as well as the guest.
        """
        self._handed: dict[str, Sequence[Any]] = {}
        for step in steps:
            if hasattr(step, "importances"):
                found = step.importances("weight")
                self._handed["importance"] = [found.get(name, np.nan) for name in names]

    def terms(self) -> dict[str, Any]:
        """Return the parameters that every party must have set alike."""
        return self._new_binning().terms()

    def workload(self, shape: JobShape) -> Workload:
        """Return what weighing columns of that shape takes; correlations between parties are not in it."""
        self.check()
        return self._new_binning().workload(shape)

    def result(self) -> dict[str, Any]:
        """Return cost and verdicts: on this party's columns, at the guest on hosts' too, which have no names here."""
        return super().result() | self._document()

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return verdicts as tables."""
        document = self._document()
        found = {"verdicts": document["verdicts"]}
        for host, verdicts in document.get("hosts", {}).items():
            found[f"verdicts on columns of {host}"] = verdicts
        return {title: _even(rows) for title, rows in found.items() if rows}

    def save(self, path: PathLike) -> None:
        """Write this party's verdicts to a file that only its owner can read.

        Raises
        ------
        ConfigurationError
            Before fit.
        StorageError
            When the file cannot be written.
        """
        self.get_support()
        params = {name: as_listed(value) for name, value in self.get_params().items()}
        del params["callbacks"]
        params["rules"] = [
            {each.name: getattr(rule, each.name) for each in fields(Rule)}
            for rule in read_rules(self.rules)
        ]
        names = getattr(self, "feature_names_in_", None)
        document = {
            "format": FORMAT,
            "version": VERSION,
            "params": params,
            "training": self.training_,
            "names": None if names is None else list(names),
            **self._document(),
        }
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        write_atomically(Path(path), text.encode())

    @classmethod
    def load(cls: type[Model], path: PathLike) -> Model:
        """Return a fitted model from what `save` wrote, to transform with.

        Raises
        ------
        StorageError, DataError
            When the file cannot be read, or is no such model.
        """
        data = read_whole(path)
        try:
            found = strict_loads(data)
            if (found["format"], found["version"]) != (FORMAT, VERSION):
                raise ValueError(f"it is {found['format']} {found['version']}")
            model = cls()
            model.set_params(**found["params"])
            model.check()
            verdicts = [_verdict_of(each) for each in found["verdicts"]]
            names = found["names"]
            if not isinstance(found["training"], str):
                raise ValueError("its training has no fingerprint")
            if names is not None and [v.column for v in verdicts] != names:
                raise ValueError("its parts do not fit together")
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            RecursionError,
            OverflowError,
        ) as error:
            raise DataError(
                f"{path} is no {FORMAT} {VERSION}: {error}; it is damaged or of another release"
            ) from None
        model._keep(verdicts, None if names is None else tuple(names), found["training"])
        return model

    def _judge_alone(
        self, own: ColumnTable, fitted: Fitted, metrics: Mapping[str, Sequence[Any]] | None
    ) -> list[Verdict]:
        """Return verdicts by rules of what this party knows alone; of two that correlate the better one stays."""
        alone = [rule for rule in read_rules(self.rules) if rule.metric not in JOINT]
        known = {"iv": fitted.iv.tolist(), **getattr(self, "_handed", {}), **(metrics or {})}
        if fitted.stability is not None:
            known.setdefault("stability", fitted.stability[:, 0].tolist())
        selector = Selector(rules=alone, keep=_among(self.keep, own), drop=_among(self.drop, own))
        return judge_table(own, selector, metrics=known)

    def _new_binning(self) -> HeteroBinning:
        own = {each.name for each in fields(HeteroBinning)} & {each.name for each in fields(self)}
        return HeteroBinning(**{name: getattr(self, name) for name in own - {"callbacks"}})

    def _keep(self, verdicts: list[Verdict], names: tuple[str, ...] | None, training: str) -> None:
        vars(self).pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        self.verdicts_, self.n_features_in_, self.n_iter_ = verdicts, len(verdicts), 1
        self.training_ = training

    def _document(self) -> dict[str, Any]:
        found: dict[str, Any] = {"verdicts": [each.as_json() for each in self.verdicts_]}
        if hasattr(self, "host_verdicts_"):
            found["hosts"] = {
                host: [each.as_json() for each in verdicts]
                for host, verdicts in self.host_verdicts_.items()
            }
        return found


def _among(names: Sequence[Any], table: ColumnTable) -> list[Any]:
    """Return those names that are this party's: files of a whole job name columns of all parties."""
    return [name for name in names if name in table.keys]


def _verdict_of(found: Any) -> Verdict:
    values = {name: v for name, v in found.items() if name not in ("column", "kept", "reason")}
    if (
        type(found["kept"]) is not bool
        or not isinstance(found["reason"], str)
        or type(found["column"]) not in (str, int)
        or not all(type(v) is float or v in ("inf", "-inf") for v in values.values())
    ):
        raise ValueError("a verdict is none")
    values = {name: float(v) for name, v in values.items()}
    return Verdict(found["column"], found["kept"], found["reason"], values)


def _even(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows that all have the same cells."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name, "") for name in names} for row in rows]
