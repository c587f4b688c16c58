# SPDX-License-Identifier: Apache-2.0
"""Parties that do not fit together find out before anything is encrypted, and say why."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pyfate_gpu import HeteroLogisticRegression, generate_keypair, simulate
from pyfate_gpu.errors import (
    ChannelTimeoutError,
    ConfigurationError,
    DataError,
    InsecureKeyError,
    InvalidKeyError,
    PartyFailedError,
    ProtocolError,
)
from pyfate_gpu.glm.plan import Plan, announce_plan
from pyfate_gpu.he.jwk import public_document
from pyfate_gpu.protocol.terms import agree_on_terms


def _fit(model, X=None, y=None):
    return lambda session: model.fit(X, y, session=session)


def test_different_parameters_are_listed(toy, logistic):
    with pytest.raises(
        ConfigurationError,
        match=r"host-0 and the guest are set differently: "
        r".*alpha 0.01 there, 0.5 here.*max_iter 3 there, 4 here",
    ):
        simulate(
            guest=_fit(logistic(), toy.guest, toy.labels),
            hosts=[_fit(logistic(max_iter=4, alpha=0.5), toy.hosts[0])],
            arbiter=_fit(logistic()),
        )


def test_different_families_are_noticed(toy, logistic, linear):
    with pytest.raises(ConfigurationError, match="family 'logistic-taylor' there, 'linear' here"):
        simulate(
            guest=_fit(logistic(), toy.guest, toy.labels),
            hosts=[_fit(logistic(), toy.hosts[0])],
            arbiter=_fit(linear(clip=2.0)),
        )


def test_no_arbiter_is_shown_gradients_unasked(toy, logistic):
    with pytest.raises(ConfigurationError, match="mode 'masked' there, 'arbiter_optimizer' here"):
        simulate(
            guest=_fit(logistic(), toy.guest, toy.labels),
            hosts=[_fit(logistic(), toy.hosts[0])],
            arbiter=_fit(logistic(mode="arbiter_optimizer")),
        )


def test_different_tasks_are_noticed(toy, logistic):
    def host(session):
        model = logistic().fit(toy.hosts[0], session=session)
        model.fit(toy.hosts[0], session=session)

    def predict(X=None, y=None):
        def run(session):
            logistic().fit(X, y, session=session).predict(X, session=session)

        return run

    with pytest.raises(ConfigurationError, match="task 'predict' there, 'fit' here"):
        simulate(guest=predict(toy.guest, toy.labels), hosts=[host], arbiter=predict())


def test_own_choices_may_differ(toy, logistic):
    result = simulate(
        guest=_fit(logistic(clip=1.0, fit_intercept=False), toy.guest, toy.labels),
        hosts=[_fit(logistic(standardize=False, clip=None), toy.hosts[0])],
        arbiter=_fit(logistic()),
    )
    assert result["guest"].n_iter_ == result["host-0"].n_iter_ == 3


def test_different_numbers_of_rows_are_noticed(toy, logistic):
    with pytest.raises(ConfigurationError, match="guest has 60 rows, host-0 has 59: give every"):
        simulate(
            guest=_fit(logistic(), toy.guest, toy.labels),
            hosts=[_fit(logistic(), toy.hosts[0][1:])],
            arbiter=_fit(logistic()),
        )


@pytest.mark.parametrize("who", ["guest", "host-0"])
def test_bad_data_at_one_party_stops_all(toy, logistic, who):
    parts = {"guest": toy.guest.copy(), "host-0": toy.hosts[0].copy()}
    parts[who][5, 1] = np.nan
    ended = []

    def party(X=None, y=None):
        def run(session):
            try:
                logistic().fit(X, y, session=session)
            except PartyFailedError as error:
                ended.append(str(error))
                raise

        return run

    with pytest.raises(DataError, match="NaN or infinite values in column 1"):
        simulate(
            guest=party(parts["guest"], toy.labels), hosts=[party(parts["host-0"])], arbiter=party()
        )
    assert all(text.startswith(f"{who} stopped: its own data cannot be used") for text in ended)
    assert len(ended) == 2


@pytest.mark.parametrize(
    ("rows", "batch_size", "text"),
    [
        (9, None, r"each batch has 9 rows, host-0 has 9 columns: .* Train on more than 9 rows"),
        (60, 8, r"the last batch has 4 rows, guest has 3 columns and sees .* batch_size is 10"),
        (60, 51, r"the last batch has 9 rows, .* The nearest safe batch_size is 50"),
        (60, 6, r"each batch has 6 rows"),
    ],
)
def test_batches_that_give_residuals_away_are_refused(rng, logistic, rows, batch_size, text):
    guest, host = rng.normal(size=(rows, 2)), rng.normal(size=(rows, 9))
    y = np.arange(rows) % 2
    model = logistic(batch_size=batch_size)
    with pytest.raises(ConfigurationError, match=text):
        simulate(guest=_fit(model, guest, y), hosts=[_fit(model, host)], arbiter=_fit(model))


def test_the_guests_intercept_counts_as_a_column(rng, logistic):
    guest, host, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 1)), np.arange(4) % 2
    with pytest.raises(ConfigurationError, match="each batch has 4 rows, guest has 4 columns"):
        simulate(
            guest=_fit(logistic(), guest, y),
            hosts=[_fit(logistic(), host)],
            arbiter=_fit(logistic()),
        )


def test_a_host_checks_the_batches_itself(toy, logistic):
    """A guest that plans unsafe batches is stopped by the host."""

    def guest(session):
        agree_on_terms(session, "fit", logistic().settings().terms())
        session.receive(session.hosts[0], "shape", rows=int)
        announce_plan(session, Plan({"guest": 3, "host-0": 4}, 1, 20, 0))
        rows, sizes = np.arange(60), np.full(20, 3)
        session.send(session.hosts, "batches", iteration=1, rows=rows, sizes=sizes, used=sizes)

    with pytest.raises(ConfigurationError, match="a batch has 3 rows, guest has 3 columns"):
        simulate(
            guest=guest,
            hosts=[_fit(logistic(), toy.hosts[0])],
            arbiter=_fit(logistic()),
        )


def test_a_host_gets_as_many_batches_as_planned(toy, logistic):
    def guest(session):
        agree_on_terms(session, "fit", logistic().settings().terms())
        session.receive(session.hosts[0], "shape", rows=int)
        announce_plan(session, Plan({"guest": 3, "host-0": 4}, 1, 2, 0))
        rows, sizes = np.arange(60), np.full(3, 20)
        session.send(session.hosts, "batches", iteration=1, rows=rows, sizes=sizes, used=sizes)

    with pytest.raises(ProtocolError, match="planned 2 batches and announced 3"):
        simulate(
            guest=guest,
            hosts=[_fit(logistic(), toy.hosts[0])],
            arbiter=_fit(logistic()),
        )


@pytest.mark.parametrize(("outputs", "batches", "validation"), [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_plans_that_make_no_sense_are_refused(toy, logistic, outputs, batches, validation):
    def guest(session):
        agree_on_terms(session, "fit", logistic().settings().terms())
        session.receive(session.hosts[0], "shape", rows=int)
        announce_plan(session, Plan({"guest": 3, "host-0": 4}, outputs, batches, validation))

    with pytest.raises(ProtocolError, match=r"the guest announced .* outputs, .* batches"):
        simulate(
            guest=guest,
            hosts=[_fit(logistic(), toy.hosts[0])],
            arbiter=_fit(logistic()),
        )


def _lying_arbiter(logistic, document):
    def arbiter(session):
        agree_on_terms(session, "fit", logistic().settings().terms())
        session.send(session.peers, "public_key", key=json.dumps(document))

    return arbiter


def test_a_shorter_key_than_agreed_is_refused(toy, logistic, plain_keypair):
    with pytest.raises(InsecureKeyError, match="key of 384 bits, 512 were agreed"):
        simulate(
            guest=_fit(logistic(), toy.guest, toy.labels),
            hosts=[_fit(logistic(), toy.hosts[0])],
            arbiter=_lying_arbiter(logistic, plain_keypair[0].to_jwk()),
        )


def test_a_number_that_is_no_key_is_refused(toy, logistic):
    with pytest.raises(InvalidKeyError):
        simulate(
            guest=_fit(logistic(), toy.guest, toy.labels),
            hosts=[_fit(logistic(), toy.hosts[0])],
            arbiter=_lying_arbiter(logistic, public_document("PAI-GN1", {"n": 1 << 511}, "none")),
        )


@pytest.mark.parametrize(
    "document", [None, 3, {"kty": "RSA"}, {"kty": "DAJ", "key_ops": ["encrypt"]}]
)
def test_a_document_that_is_no_key_is_refused(toy, logistic, document):
    with pytest.raises(ProtocolError, match="what arbiter announced is no public key"):
        simulate(
            guest=_fit(logistic(), toy.guest, toy.labels),
            hosts=[_fit(logistic(), toy.hosts[0])],
            arbiter=_lying_arbiter(logistic, document),
        )


def test_a_key_of_another_scheme_than_agreed_is_refused(toy, logistic):
    key = generate_keypair(512, "paillier-short-subgroup", allow_insecure_key_size=True)[0]
    with pytest.raises(ProtocolError, match="'paillier-short-subgroup', 'paillier' was agreed"):
        simulate(
            guest=_fit(logistic(), toy.guest, toy.labels),
            hosts=[_fit(logistic(), toy.hosts[0])],
            arbiter=_lying_arbiter(logistic, key.to_jwk()),
        )


def test_a_short_key_needs_the_opt_in(toy):
    model = HeteroLogisticRegression(key_bits=1024)
    with pytest.raises(InsecureKeyError):
        simulate(
            guest=_fit(model, toy.guest, toy.labels),
            hosts=[_fit(model, toy.hosts[0])],
            arbiter=_fit(model),
        )


def test_terms_that_are_no_json_are_refused(logistic):
    def guest(session):
        session.begin()
        session.send(session.peers, "terms", terms="no json")

    with pytest.raises(ProtocolError, match="are not a JSON object"):
        simulate(guest=guest, hosts=[lambda session: None], arbiter=_fit(logistic()))


def test_a_missing_party_is_named(toy, logistic):
    def guest(session):
        receive = session.receive

        def impatient(sender, *arguments, **options):
            if sender.name == "host-0":
                session.timeout = 0.05
            return receive(sender, *arguments, **options)

        session.receive = impatient
        logistic().fit(toy.guest, toy.labels, session=session)

    with pytest.raises(ChannelTimeoutError, match=r"for 'fit-1/shape' .* from host-0"):
        simulate(
            guest=guest,
            hosts=[lambda session: None],
            arbiter=_fit(logistic()),
        )


def test_nobody_waits_for_a_guest_that_never_begins(logistic, toy):
    with pytest.raises(ChannelTimeoutError, match=r"for 'task-1/terms' .* from guest"):
        simulate(
            guest=lambda session: None,
            hosts=[_fit(logistic(), toy.hosts[0])],
            arbiter=_fit(logistic()),
            timeout=0.3,
        )
