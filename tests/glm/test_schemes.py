# SPDX-License-Identifier: Apache-2.0
"""Training under keys of every scheme, and schemes that no protocol can use."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pyfate_gpu import HeteroLinearRegression, HeteroLogisticRegression, HeteroPoissonRegression
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.he.scheme.registry import SCHEMES, Scheme
from pyfate_gpu.he.scheme.short_subgroup.public_key import ShortSubgroupPublicKey
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from tests.jobs.conftest import rows, small_job  # noqa: F401 - fixtures

SHORT = "paillier-short-subgroup"


@pytest.mark.parametrize("mode", ["masked", "arbiter_optimizer"])
def test_a_short_subgroup_trains_as_the_plaintext_rule_does(toy, federate, agrees, logistic, mode):
    model = logistic(scheme=SHORT, mode=mode)
    outcome = federate(model, toy.guest, toy.labels, toy.hosts)
    agrees(outcome, [toy.guest, *toy.hosts], toy.labels)
    assert outcome.guest.scheme == SHORT


def test_the_arbiters_key_is_of_the_scheme(toy, federate, linear):
    outcome = federate(linear(scheme=SHORT), toy.guest, toy.labels, toy.hosts)
    public, _ = outcome.arbiter._keys
    assert isinstance(public, ShortSubgroupPublicKey)
    assert outcome.guest.report_.key_fingerprint == public.fingerprint


@pytest.mark.slow
def test_a_job_trains_and_predicts_under_a_short_subgroup(small_job):  # noqa: F811
    tables = {
        "model": {"scheme": SHORT},
        "predict.guest": {"path": "guest.csv", "label": "y"},
        "predict.host-0": {"path": "host.csv", "id": "key"},
    }
    job = Job.load(small_job(tables))
    run_job(job, lambda line: None)
    run_job(job, lambda line: None, predict=True)
    result = json.loads((job.directory / "guest" / "result.json").read_text())
    assert result["parameters"]["scheme"] == SHORT
    assert (job.directory / "guest" / "predictions.csv").exists()


@pytest.mark.parametrize(
    "kind", [HeteroLinearRegression, HeteroLogisticRegression, HeteroPoissonRegression]
)
def test_a_scheme_that_is_none_is_refused(kind):
    with pytest.raises(ConfigurationError, match="scheme is 'rsa'; choose one of paillier"):
        kind(scheme="rsa").check()


def test_a_scheme_without_uniform_masks_is_refused_with_the_reason(monkeypatch):
    class Secret(ShortSubgroupPublicKey):
        scheme = "secret-space"
        has_uniform_masks = False

    scheme = Scheme(SCHEMES[SHORT].generate, Secret, SCHEMES[SHORT].private_key)
    monkeypatch.setitem(SCHEMES, Secret.scheme, scheme)
    with pytest.raises(ConfigurationError, match="whose space of plaintexts is secret"):
        HeteroLinearRegression(scheme="secret-space").check()


def test_parties_that_differ_in_scheme_are_told(toy):
    from pyfate_gpu import simulate

    def party(scheme, *data):
        model = HeteroLinearRegression(
            scheme=scheme, max_iter=1, key_bits=512, allow_insecure_key_size=True
        )
        return lambda session: model.fit(*data, session=session)

    with pytest.raises(ConfigurationError, match="scheme 'paillier' there"):
        simulate(
            guest=party("paillier", toy.guest, np.asarray(toy.labels)),
            hosts=[party(SHORT, toy.hosts[0])],
            arbiter=party("paillier"),
        )
