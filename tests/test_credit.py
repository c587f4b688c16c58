# SPDX-License-Identifier: Apache-2.0
"""Scorecards as models: what they take, and their files. Jobs of them: tests/jobs/test_chain.py."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu import HeteroBinning, HeteroScorecard, simulate
from pyfate_gpu.errors import ConfigurationError, DataError, StorageError

KEY = {"key_bits": 512, "allow_insecure_key_size": True}


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(4)
    bad = rng.integers(0, 2, 200)
    guest = pd.DataFrame({"age": rng.normal(size=200) + bad, "noise": rng.normal(size=200)})
    return guest, pd.DataFrame({"late": rng.poisson(2 + 3 * bad)}), bad


@pytest.fixture(scope="module")
def bins(tables):
    guest, host, bad = tables

    def party(X, y=None):
        model = HeteroBinning(output="woe", share_woe=True, max_bins=4, **KEY)
        return lambda session: model.fit(X, y, session=session)

    return simulate(guest=party(guest, bad), hosts=[party(host)])


def train(bins, tables, at_host=None, **parameters):
    guest, host, bad = tables

    def party(name=None, X=None, y=None, **own):
        def run(session):
            model = HeteroScorecard(max_iter=3, tol=0.0, **KEY, **parameters | own)
            if name is None:
                return model.fit(session=session)
            columns = [0]  # of the guest's two the first
            woe = bins[name].transform(X)[:, columns]
            return model.follow(bins[name], columns).fit(woe, y, session=session)

        return run

    return simulate(
        guest=party("guest", guest, bad),
        hosts=[party("host-0", host, **(at_host or {}))],
        arbiter=party(),
        timeout=30,
    )


def test_parts_of_the_columns_that_are_left(bins, tables, tmp_path):
    guest, host, bad = tables
    found = train(bins, tables, offset=600.0, factor=40.0, upper=None)
    cards = found["guest"].card_, found["host-0"].card_
    assert [card.names for card in cards] == [("age",), ("late",)]
    assert not hasattr(found["arbiter"], "card_")
    points = cards[0].points_of(guest) + cards[1].points_of(host)
    assert points[bad == 0].mean() > points[bad == 1].mean() + 20
    scores = (600 - points) / (40 / np.log(2))
    np.testing.assert_allclose(found["guest"].interpret(scores)["points"], points, atol=1e-9)
    assert (
        found["guest"].interpret(scores + 1e3)["points"].tolist() == [0.0] * 200
    )  # the lower limit
    found["host-0"].save(tmp_path / "half.model")
    again = HeteroScorecard.load(tmp_path / "half.model")
    assert again.card_.rows() == cards[1].rows()
    (tmp_path / "scorecard.json").write_text("{}")
    with pytest.raises(DataError, match="no pyfate-gpu scorecard"):
        HeteroScorecard.load(tmp_path / "half.model")
    (tmp_path / "scorecard.json").unlink()
    with pytest.raises(StorageError):
        HeteroScorecard.load(tmp_path / "half.model")


def test_all_parties_have_one_scale(bins, tables):
    with pytest.raises(ConfigurationError, match="scale"):
        train(bins, tables, at_host={"offset": 700.0})


def test_what_a_scorecard_takes(bins, tables):
    guest, _, bad = tables

    def party(X=None, y=None):
        return lambda session: HeteroScorecard(**KEY).fit(X, y, session=session)

    with pytest.raises(ConfigurationError, match=r"call follow\(binning\) before fit"):
        simulate(guest=party(guest, bad), hosts=[party(guest)], arbiter=party(), timeout=30)
    with pytest.raises(ConfigurationError, match="base is 1"):
        HeteroScorecard(base=1.0).check()
    with pytest.raises(ConfigurationError, match="call fit"):
        HeteroScorecard().save("nowhere")
    with pytest.raises(ConfigurationError, match="other are no columns that bins were made of"):
        HeteroScorecard().follow_steps([bins["guest"]], ["age", "other"])
