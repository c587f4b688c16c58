# SPDX-License-Identifier: Apache-2.0
"""Equal ids are found equal, others are not, and the arbiter is not told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.errors import ConfigurationError, ProtocolError
from pyfate_gpu.federation import simulate
from pyfate_gpu.jobs.alignment import agree_on_ids, digest_of


def align(guest, host):
    def party(ids):
        return lambda session: agree_on_ids(session, ids) or session.statistics.usage()

    return simulate(guest=party(guest), hosts=[party(host)] * 2, arbiter=party([]), timeout=20)


def test_the_same_ids_pass():
    usage = align(["a", "b"], ["a", "b"])
    assert usage["arbiter"].bytes_received == 0
    assert usage["host-0"].bytes_sent == 0


@pytest.mark.parametrize("host", [["a"], ["a", "c"], ["b", "a"], ["ab"], ["a", "b", "c"], []])
def test_other_ids_stop_the_job(host):
    with pytest.raises(ConfigurationError, match=rf"same ids \(the guest has 2, .* {len(host)}\)"):
        align(["a", "b"], host)


@given(st.lists(st.text(), unique=True), st.lists(st.text(), unique=True))
def test_only_equal_lists_look_alike(one, other):
    assert (digest_of(one, b"x" * 32) == digest_of(other, b"x" * 32)) == (one == other)
    assert digest_of(one, b"x" * 32) != digest_of(one, b"y" * 32)


@pytest.mark.parametrize("secret", ["", "zz", "00"])
def test_a_secret_that_is_none_is_refused(secret):
    def guest(session):
        session.begin()
        session.agree("align")
        session.send(session.hosts, "ids", count=1, secret=secret, digest="")

    def host(session):
        agree_on_ids(session, ["a"])

    with pytest.raises(ProtocolError, match="secret for comparing ids"):
        simulate(guest=guest, hosts=[host], arbiter=lambda session: None, timeout=20)
