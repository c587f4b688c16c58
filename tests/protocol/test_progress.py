# SPDX-License-Identifier: Apache-2.0
"""Reports of jobs in which other parties than an arbiter have keys, or none has."""

from __future__ import annotations

import logging
import re

from pyfate_gpu import simulate
from pyfate_gpu.backends import backend_info
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.protocol.keys import announce_key, receive_key
from pyfate_gpu.protocol.progress import Progress


def test_without_an_arbiter_the_report_names_the_key_that_was_announced(keypair):
    public, _ = keypair

    def guest(session):
        progress = Progress(session, ())
        announce_key(session, public)
        return progress.finish(3)

    def host(session):
        progress = Progress(session, ())
        receive_key(session, public.key_bits, allow_insecure_key_size=True, owner=GUEST)
        return progress.finish(3)

    for name, report in simulate(guest=guest, hosts=[host, host]).items():
        assert report.party == name
        assert report.iterations == 3
        assert (report.key_bits, report.key_fingerprint) == (public.key_bits, public.fingerprint)


def test_without_any_key_a_report_names_the_backend():
    def party(session):
        return Progress(session, ()).finish(0)

    report = simulate(guest=party, hosts=[party])["guest"]
    assert (report.key_bits, report.key_fingerprint) == (0, "")
    assert report.backend == backend_info().name


def test_lines_say_how_far_it_is(caplog):
    caplog.set_level(logging.INFO)

    def party(session):
        one, many, unknown = (Progress(session, (), most) for most in (1, 3, None))
        one.end_iteration(1)
        many.end_iteration(2, 0.5, metrics={"auc": 0.75})
        unknown.end_iteration(2)

    simulate(guest=party, hosts=[party])
    found = [line.removeprefix("guest: ") for line in caplog.messages if line.startswith("guest: ")]
    for line, pattern in zip(
        found,
        (
            r"the only pass is done, [\d.]+ s",
            r"iteration 2 of 3, loss 0.5, auc 0.7500, [\d.]+ s, at most \d+ s left",
            r"iteration 2, [\d.]+ s",
        ),
        strict=True,
    ):
        assert re.fullmatch(pattern, line)
