# SPDX-License-Identifier: Apache-2.0
"""Scorecards: parts of all parties add up to the model's scores; limits, files, what takes consent."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu import HeteroLogisticRegression, simulate
from pyfate_gpu.binning import HeteroBinning, Scorecard
from pyfate_gpu.binning.scorecard import Scale
from pyfate_gpu.errors import ConfigurationError, DataError, StorageError
from tests.binning.conftest import SMALL


@pytest.fixture(scope="module")
def parts():
    """Bins and regression of guest and host, fitted one after the other, and their tables."""
    rng = np.random.default_rng(5)
    n = 240
    y = rng.integers(0, 2, n)
    own = pd.DataFrame({"age": y * 10 + rng.normal(40, 8, n), "debt": rng.exponential(size=n)})
    other = pd.DataFrame({"income": rng.normal(size=n) - y, "town": rng.choice(["a", "b"], n)})
    other.loc[::7, "income"] = np.nan
    rules = SMALL | {"output": "woe", "max_bins": 4, "share_woe": True}

    def weigh(X, **data):
        return lambda session: HeteroBinning(**rules).fit(X, session=session, **data)

    bins = simulate(guest=weigh(own, y=y), hosts=[weigh(other)])

    def train(binning=None, X=None, labels=None):
        def run(session):
            model = HeteroLogisticRegression(**SMALL | {"max_iter": 4})
            woe = None if binning is None else binning.transform(X)
            model.fit(woe, labels, session=session)
            return model, model.decision_function(woe, session=session)

        return run

    fitted = simulate(
        guest=train(bins["guest"], own, y),
        hosts=[train(bins["host-0"], other)],
        arbiter=train(),
    )
    models = [fitted[name][0] for name in ("guest", "host-0")]
    return [bins["guest"], bins["host-0"]], models, [own, other], fitted["guest"][1]


def test_parts_add_up_to_the_score(parts):
    bins, models, tables, log_odds = parts
    scale = Scale(offset=600, factor=50, base=2)
    cards = [Scorecard.of(b, m, scale) for b, m in zip(bins, models, strict=True)]
    total = sum(card.points_of(X) for card, X in zip(cards, tables, strict=True))
    np.testing.assert_allclose(total, 600 - 50 / math.log(2) * log_odds, atol=1e-5)
    np.testing.assert_allclose(total, cards[0].score(log_odds), atol=1e-5)
    assert cards[1].start == 0
    # The odds doubled are `factor` points.
    assert cards[0].score([0.0, math.log(2)]).tolist() == [600, 550]


def test_the_card_as_people_read_it(parts):
    bins, models, tables, _ = parts
    card = Scorecard.of(bins[1], models[1])
    rows = card.rows()
    assert [row["bin"] for row in rows if row["column"] == "town"] == ["a", "b", "missing"]
    row = next(row for row in rows if row["bin"] == "missing" and row["column"] == "income")
    missing = tables[1]["income"].isna()
    own = Scorecard.of(bins[1], models[1]).points_of(tables[1].assign(town=None))[missing]
    town = next(row for row in rows if row["bin"] == "missing" and row["column"] == "town")
    np.testing.assert_allclose(own, row["points"] + town["points"], atol=0.011)
    assert Scorecard.of(bins[0], models[0]).rows()[0]["bin"] == "every row"


def test_limits():
    card = Scorecard((), (), (), 500.0, Scale(lower=300, upper=850))
    assert card.score([-100.0, 0.0, 100.0]).tolist() == [850, 500, 300]
    free = Scorecard((), (), (), 500.0, Scale(lower=None, upper=None))
    assert free.score([100.0])[0] < -2000


def test_columns_of_a_selection(parts):
    bins, models, tables, _ = parts
    whole = Scorecard.of(bins[0], models[0])

    class OneColumn:
        def contributions(self, X):
            return models[0].contributions(np.hstack([X, np.zeros((len(X), 1))]))[:, :1]

    card = Scorecard.of(bins[0], OneColumn(), columns=[0])
    np.testing.assert_allclose(card.points[0], whole.points[0])
    assert card.names == ("age",)
    np.testing.assert_allclose(card.points_of(tables[0]), card.points_of(tables[0][["age"]]))
    with pytest.raises(DataError, match="bins are of 1 columns"):
        Scorecard.of(
            bins[0], type("None", (), {"contributions": lambda self, X: X[:, :0]})(), columns=[0]
        )


def test_files(parts, tmp_path):
    bins, models, tables, _ = parts
    for binning, model, X in zip(bins, models, tables, strict=True):
        card = Scorecard.of(binning, model)
        card.save(tmp_path / "card")
        again = Scorecard.load(tmp_path / "card")
        assert again.rows() == card.rows()
        np.testing.assert_array_equal(again.points_of(X), card.points_of(X))
        assert (tmp_path / "card").stat().st_mode & 0o77 == 0
    text = (tmp_path / "card").read_text()
    for damaged in (
        text[:-9],
        text.replace('"factor": 20.0', '"factor": 0'),
        "[]",
        text.replace("0x", "zz"),
    ):
        (tmp_path / "damaged").write_text(damaged)
        with pytest.raises(DataError, match="no pyfate-gpu scorecard 1"):
            Scorecard.load(tmp_path / "damaged")
    with pytest.raises(StorageError, match="cannot read"):
        Scorecard.load(tmp_path / "none")


def test_tables_that_do_not_fit(parts):
    bins, models, tables, _ = parts
    card = Scorecard.of(bins[1], models[1])
    with pytest.raises(DataError, match="X lacks town"):
        card.points_of(tables[1][["income"]])
    with pytest.raises(DataError, match="column 'income'"):
        card.points_of(tables[1].assign(income="much"))
    assert card.points_of(tables[1].iloc[:0]).shape == (0,)


def test_what_a_scorecard_takes(bin_together, parts):
    _, models, _, _ = parts
    y = np.tile([0, 1, 2], 40)
    x = np.arange(120.0).reshape(-1, 1)
    guest, (host,) = bin_together((y > 0).astype(int), [x])
    with pytest.raises(ConfigurationError, match="guest has not given"):
        Scorecard.of(host, models[1])
    guest, _ = bin_together(y, [x], x)
    with pytest.raises(ConfigurationError, match="labels have 3 classes"):
        Scorecard.of(guest, models[0])
    perfect, _ = bin_together(
        (y > 0).astype(int), [x], y.reshape(-1, 1), rules={"smoothing": "none"}
    )
    with pytest.raises(ConfigurationError, match="infinite weight of evidence"):
        Scorecard.of(perfect, models[0])
    with pytest.raises(ConfigurationError, match="call fit"):
        Scorecard.of(HeteroBinning(), models[0])


@pytest.mark.parametrize(
    "scale",
    [
        {"base": 1.0},
        {"factor": 0},
        {"offset": math.nan},
        {"offset": "500"},
        {"lower": 10, "upper": 5},
        {"factor": True},
    ],
)
def test_scales_that_make_no_sense(scale):
    with pytest.raises(ConfigurationError):
        Scale(**scale)
