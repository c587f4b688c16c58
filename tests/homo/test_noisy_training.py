# SPDX-License-Identifier: Apache-2.0
"""Models under noise: in every sum as much as was asked for, nothing told beside it, and all rounds counted."""

import csv
import json
import logging
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_breast_cancer

from pyfate_gpu import HomoLinearRegression, HomoLogisticRegression, simulate
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.homo import AggregationPlan, HomoNetworkClassifier, Noise, noise, privacy_spent
from pyfate_gpu.homo.exchange import Exchange
from pyfate_gpu.homo.spending import Spending
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from pyfate_gpu.protocol.report import JobReport
from tests.homo.conftest import Parties
from tests.homo.test_jobs import Kept, job  # noqa: F401
from tests.homo.test_models import KEY, PAILLIER, thirds, train

NOISE = Noise(multiplier=1.5, norm=2.0, honest=2)
QUIET = {"standardize": False, "fit_intercept": False, "learning_rate": 1e-300, "tol": 0.0}


def check_variance(values, variance):
    """Of a Gaussian, by chi-square, both ways; and its shape. Each fails once in 10^9 runs."""
    statistic = (values**2).sum() / variance
    assert stats.chi2.sf(statistic, len(values)) > 1e-9
    assert stats.chi2.cdf(statistic, len(values)) > 1e-9
    assert stats.kstest(values / math.sqrt(variance), "norm").pvalue > 1e-9


def wide(columns, *sizes):
    random = np.random.default_rng(4)
    return [(random.normal(size=(n, columns)), np.arange(n) % 2) for n in sizes]


@pytest.fixture
def rounds(monkeypatch):
    """Plans and updates of all rounds of all clients."""
    found = []
    run = Exchange.run

    def noted(self, plan, update=None, weight=1):
        if update is not None:
            found.append((plan, update))
        return run(self, plan, update, weight)

    monkeypatch.setattr(Exchange, "run", noted)
    return found


@pytest.mark.parametrize("method", [{}, PAILLIER, PAILLIER | {"blind_key_server": True}])
@pytest.mark.parametrize("weighting", ["equal", "rows"])
def test_the_opened_sums_have_the_noise_of_all_clients(method, weighting):
    """Clients that learn nothing: what is left is the noise of three rounds."""
    columns, sizes = 1500, (20, 12, 10)
    models = train(
        HomoLinearRegression, wide(columns, *sizes), max_iter=3, noise=NOISE, weighting=weighting, **QUIET, **method,
    )  # fmt: skip
    most, total = (32, sum(sizes)) if weighting == "rows" else (1, 3)
    of_a_client = (1.5 * 2.0 * most) ** 2 / 2
    check_variance(models[0].coef_[0], 3 * 3 * of_a_client / total**2)
    for other in models[1:]:
        np.testing.assert_array_equal(other.coef_, models[0].coef_)
    told = models[0].aggregation_
    assert told.noise_multiplier == 1.5
    assert told.standard_error["change"] == pytest.approx(math.sqrt(3 * of_a_client) / total)
    assert not told.warnings


def test_clients_that_leave_take_their_noise_along():
    """Of four clients, three of whose shares are asked for, two stay."""
    plan = AggregationPlan(4, clip=1.0, noise=Noise(multiplier=2.0, norm=1.0, honest=3))
    parties, zeros = Parties(plan, "masks"), np.zeros(4000)
    aggregator, sealed = parties.run([zeros] * 4, leave={1: 1})
    mean, report = aggregator.open(sealed)
    assert report.clients == (0, 2, 3)
    check_variance(mean, 3 * 2.0**2 / 3 / 3**2)
    assert report.noise_multiplier == 2.0
    parties = Parties(plan, "paillier")
    server = parties.server().server(0)
    for number in (0, 3):
        server.add(parties.client().client(0, number).seal(zeros, 1))
    mean, report = parties.key_holder().open(server.close())
    check_variance(mean, 2 * 2.0**2 / 3 / 2**2)
    assert report.noise_multiplier == pytest.approx(2.0 * math.sqrt(2 / 3))
    assert any("noise" in warning for warning in report.warnings)


@pytest.mark.parametrize("algorithm", ["average", "gradient"])
def test_nothing_is_told_beside_the_noise(rounds, algorithm):
    X, y = load_breast_cancer(return_X_y=True)
    X = X / np.array([30, 40, 200, 2500, *[1] * 8, 22, 540, *[1] * 6, 36, 50, 250, 4250, *[1] * 6])
    parts, tested = thirds(X, y, 200, 200, 169), (X[:50], y[:50])
    models = train(
        HomoLogisticRegression, parts, tested, algorithm=algorithm, standardize=False, max_iter=40,
        noise=Noise(0.05, 2.0, 2), weighting="equal", learning_rate=0.3,
    )  # fmt: skip
    assert len(rounds) == 3 * 40
    assert {tuple(update) for _, update in rounds} == {("change",)}
    assert {plan.noise for plan, _ in rounds} == {Noise(0.05, 2.0, 2)}
    assert (models[0].predict(X) == y).mean() > 0.85
    np.testing.assert_array_equal(models[0].coef_, models[2].coef_)
    assert models[0].n_iter_ == 40  # whatever tol is
    # What clients measure is of their own rows, and theirs alone.
    assert models[0].loss_history_[0] == pytest.approx(np.log(2))
    assert models[0].loss_history_[1] != models[1].loss_history_[1]
    assert models[0].loss_history_[-1] < models[0].loss_history_[0]
    assert len(models[0].validation_history_) == 40
    assert models[0].validation_history_ == models[1].validation_history_  # the same rows
    assert models[0].result()["clipped"] == {}


def test_without_noise_everything_is_as_it_was(rounds):
    parts = wide(3, 20, 12)
    model = train(HomoLogisticRegression, parts, parts[0], max_iter=2, standardize=False)[0]
    plans = [plan for plan, _ in rounds]
    wanted = AggregationPlan(2, 20, clip="adaptive", max_total_weight=2 << 5)
    assert [plan.describe() for plan in plans] == [wanted.describe()] * 4
    assert plans[0].clip == (1.0, 16.0, 16.0)
    assert {tuple(sorted(update)) for _, update in rounds} == {("change", "loss", "validation")}
    assert not hasattr(model, "privacy_")
    assert "privacy" not in model.result()


def test_what_rounds_cost_is_told(monkeypatch, caplog):
    """Here by an accountant that says what it is asked."""
    asked = []
    monkeypatch.setattr(
        "pyfate_gpu.homo.spending.privacy_spent", lambda *told: asked.append(told) or 3.25
    )
    parts = wide(3, 20, 12, 9)
    with caplog.at_level(logging.INFO, "pyfate_gpu"):
        model = train(
            HomoLogisticRegression, parts, max_iter=4, standardize=False, noise=NOISE, delta=1e-6
        )[0]
    assert asked == [(pytest.approx(1.5 / 2), 1, 1e-6)] * 3
    expected = {
        "rounds": 4, "noise_multiplier": 1.5, "norm": 2.0, "honest": 2, "delta": 1e-6, "epsilon": 3.25,
    }  # fmt: skip
    assert model.result()["privacy"] == expected
    assert json.loads(JobReport.of([model]).to_json())["tables"]["client-0"] == {
        "privacy spent": [expected]
    }
    assert json.loads(JobReport.of([model]).to_json())["parameters"]["noise"]["norm"] == 2.0
    lines = [record.getMessage() for record in caplog.records if "epsilon" in record.getMessage()]
    assert len(lines) == 3
    assert all("epsilon 3.25 at delta 1e-06, while 2 clients" in line for line in lines)


def test_without_an_accountant_the_noise_alone_is_told(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(noise.importlib, "import_module", missing)
    spending = Spending(NOISE, 1e-5)
    spending.count(1.5, 10)
    spent = spending.spent()
    assert (spent.epsilon, spent.rounds) == (None, 10)
    assert "pip install opacus" in str(spent)


@pytest.mark.torch
def test_sums_of_unlike_noise_cost_what_they_do_together():
    pytest.importorskip("opacus")
    from opacus.accountants.analysis import rdp

    spending = Spending(NOISE, 1e-5)
    spending.count(4.0, 30)
    spending.count(3.0, 5)
    spent = spending.spent()
    orders = np.arange(1.1, 64, 0.01)
    parts = [
        rdp.compute_rdp(q=1.0, noise_multiplier=multiplier, steps=steps, orders=orders)
        for multiplier, steps in ((4.0, 30), (3.0, 5))
    ]
    epsilon, _ = rdp.get_privacy_spent(orders=orders, rdp=sum(parts), delta=1e-5)
    assert spent.epsilon == pytest.approx(epsilon, rel=1e-3)
    assert spent.noise_multiplier == 3.0
    assert spent.epsilon == privacy_spent(spending.together, 1, 1e-5)


@pytest.mark.parametrize(("every", "counted"), [(1, 6 + 1), (2, 6 + 2)])
def test_rounds_that_a_resumption_repeats_are_counted(every, counted):
    """From the checkpoint of round 4 of 6, and again from there: each time sums up to the next were perhaps seen."""
    parts, kept = wide(3, 20, 12), {}

    def party(begin, X=None, y=None):
        def run(session):
            recovery = kept.setdefault(session.party.name, Kept())
            recovery.is_due = lambda iteration: iteration % every == 0
            recovery.iteration, session.recovery = begin, recovery
            model = HomoLogisticRegression(max_iter=6, standardize=False, noise=NOISE)
            return model.fit(X, y, session=session)

        return run

    def run(begin):
        clients = [party(begin, *part) for part in parts]
        return simulate(server=party(begin), clients=clients)["client-1"]

    assert run(0).privacy_.rounds == 6
    assert run(4).privacy_.rounds == counted
    again = run(4)
    assert again.privacy_.rounds == counted + (counted - 6)
    assert again.n_iter_ == 6
    assert again.privacy_.noise_multiplier == 1.5
    done = run(6)  # of a job that lacked nothing but its result
    assert done.privacy_.rounds == counted + (counted - 6)


def test_processes_train_under_noise(job, tmp_path):  # noqa: F811
    """Noise as a table of the job's file; at each client as much as told."""
    model = {
        "type": "homo_logistic", "max_iter": 3, "standardize": False, "fit_intercept": False,
        "learning_rate": 1e-300, "noise": {"multiplier": 1.0, "norm": 3.0, "honest": 2},
    }  # fmt: skip
    loaded = Job.load(job(model=model))
    run_job(loaded, lambda line: None)
    results = [
        json.loads((tmp_path / "out" / f"client-{i}" / "result.json").read_text()) for i in range(3)
    ]
    assert results[0]["coef"] == results[1]["coef"] == results[2]["coef"]
    for result in results:
        told = result["privacy"]
        assert (told["rounds"], told["noise_multiplier"], told["delta"]) == (3, 1.0, 1e-5)
        assert result["clipped"] == {}
    # 90 rows, of one client up to 63: three values, three rounds of three shares.
    variance = 3 * 3 * (3.0 * 64) ** 2 / 2 / 90**2
    statistic = (np.array(results[0]["coef"]) ** 2).sum() / variance
    assert 1e-9 < stats.chi2.cdf(statistic, 3) < 1 - 1e-9
    report = json.loads((tmp_path / "out" / "client-0" / "report.json").read_text())
    assert report["tables"]["client-0"]["privacy spent"] == [results[0]["privacy"]]
    run_job(loaded, lambda line: None, predict=True)
    with (tmp_path / "out" / "client-1" / "predictions.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 30


def test_a_model_keeps_what_its_noise_was(tmp_path):
    model = train(HomoLinearRegression, wide(2, 9, 9), max_iter=1, noise=NOISE, standardize=False)[
        0
    ]
    model.save(tmp_path / "model")
    again = HomoLinearRegression.load(tmp_path / "model")
    assert again.noise == {"multiplier": 1.5, "norm": 2.0, "honest": 2}
    np.testing.assert_array_equal(again.coef_, model.coef_)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"noise": 1.0}, "must be a Noise"), ({"noise": {"multiplier": 1.0}}, "multiplier, norm, honest"),
        ({"noise": {"multiplier": 1.0, "norm": -1.0, "honest": 2}}, "norm"),
        ({"standardize": True}, "standardize"), ({"early_stopping_rounds": 3}, "early_stopping_rounds"),
        ({"delta": 0.0}, "delta"), ({"delta": 1.0}, "delta"), ({"value_bits": 2}, "value_bits"),
        ({"noise": Noise(1.0, 1e30, 2)}, "norm"), ({"noise": Noise(1e-9, 1.0, 2)}, "value_bits"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "kind", [HomoLogisticRegression, HomoLinearRegression, HomoNetworkClassifier]
)
def test_settings_that_make_no_sense(kind, wrong, text):
    good = {"noise": NOISE, "standardize": False}
    kind(**good).check()
    with pytest.raises(ConfigurationError, match=text):
        kind(**good | wrong).check()


def test_more_honest_clients_than_there_are_and_parties_that_disagree():
    parts = wide(2, 9, 9)
    options = {"standardize": False, "max_iter": 1}
    with pytest.raises(ConfigurationError, match="honest is 3, there are 2"):
        train(HomoLogisticRegression, parts, noise=Noise(1.0, 1.0, 3), **options)

    def party(noise, *rows):
        return lambda s: HomoLogisticRegression(noise=noise, **options).fit(*rows, session=s)

    clients = [party(NOISE, *parts[0]), party(Noise(1.5, 3.0, 2), *parts[1])]
    with pytest.raises(ConfigurationError, match="noise"):
        simulate(server=party(NOISE), clients=clients)


def fit_networks(rows, sizes, **options):
    X, y = rows

    def party(*data):
        return lambda session: HomoNetworkClassifier(**options).fit(*data, session=session)

    further = {"arbiter": party()} if "key_bits" in options else {}
    clients = [party(*part) for part in thirds(X, y, *sizes)]
    found = simulate(server=party(), clients=clients, **further)
    return [found[f"client-{number}"] for number in range(len(sizes))]


@pytest.mark.torch
@pytest.mark.parametrize("method", [{}, {"method": "paillier", **KEY}])
def test_networks_move_by_noise(rounds, method):
    torch = pytest.importorskip("torch")
    X = np.random.default_rng(0).normal(size=(60, 20))
    y = (X[:, 0] > 0).astype(int)
    options = {
        "hidden": (60,),
        "learning_rate": 1e-30,
        "weighting": "equal",
        "max_iter": 2,
        **method,
    }
    models = fit_networks((X, y), (20, 20, 20), noise=NOISE, **options)
    begun = torch.nn.utils.parameters_to_vector(
        fit_networks((X, y), (20, 20, 20), **options | {"max_iter": 1})[0].network_.parameters()
    )
    moved = torch.nn.utils.parameters_to_vector(models[0].network_.parameters()) - begun
    # Two rounds of three shares; the least weights moved by rounding of float32 alone.
    check_variance(moved.detach().numpy().astype(float), 2 * 3 * (1.5 * 2.0) ** 2 / 2 / 3**2)
    np.testing.assert_array_equal(models[0].decision_function(X), models[2].decision_function(X))
    assert models[0].privacy_.rounds == 2
    assert models[0].loss_history_[0] != models[1].loss_history_[0]
    sent = [update for plan, update in rounds if plan.noise is not None]
    assert len(sent) == 6
    assert not any({"loss", "validation"} & set(update) for update in sent)


@pytest.mark.torch
def test_networks_learn_and_go_on_under_noise():
    pytest.importorskip("torch")
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = (X[:, 0] > X[:, 1]).astype(int)
    kept = {}
    options = {
        "hidden": (), "learning_rate": 0.3, "weighting": "equal", "max_iter": 6,
        "noise": {"multiplier": 0.05, "norm": 1.0, "honest": 2},
    }  # fmt: skip

    def party(begin, *data):
        def run(session):
            session.recovery = kept.setdefault(session.party.name, Kept())
            session.recovery.iteration = begin
            return HomoNetworkClassifier(**options).fit(*data, session=session)

        return run

    def run(begin):
        clients = [party(begin, *part) for part in thirds(X, y, 100, 100, 100)]
        return simulate(server=party(begin), clients=clients)["client-1"]

    model = run(0)
    assert (model.predict(X) == y).mean() > 0.9
    assert model.privacy_.rounds == 6
    assert run(3).privacy_.rounds == 7
    assert run(6).privacy_.rounds == 7


@pytest.mark.torch
def test_counters_of_networks_are_refused():
    torch = pytest.importorskip("torch")
    network = lambda: torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 2))  # noqa: E731
    with pytest.raises(ConfigurationError, match="num_batches_tracked"):
        fit_networks((np.ones((9, 2)), np.arange(9) % 2), (4, 5), network=network, noise=NOISE)
