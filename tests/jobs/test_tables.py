# SPDX-License-Identifier: Apache-2.0
"""Guest and hosts have tables for the same purposes, or hear who lacks one."""

from __future__ import annotations

import pytest

from pyfate_gpu import simulate
from pyfate_gpu.errors import DisagreementError
from pyfate_gpu.jobs.party import compare_tables


def compare(guest, *hosts):
    def party(*kinds):
        return lambda session: compare_tables(session, dict.fromkeys(kinds))

    simulate(guest=party(*guest), hosts=[party(*kinds) for kinds in hosts], arbiter=party())


@pytest.mark.parametrize(
    ("guest", "hosts", "text"),
    [
        (["data", "validation"], [["data"], ["data"]], r"^host-0 and host-1 lack .*, guest has it"),
        (["data"], [["data", "validation"], ["data"]], r"^guest and host-1 lack .*, host-0 has it"),
        (["data", "validation"], [["data", "validation"], ["data"]], "^host-1 lacks .validation."),
    ],
)
def test_who_lacks_a_table_is_named(guest, hosts, text):
    with pytest.raises(DisagreementError, match=text):
        compare(guest, *hosts)


def test_the_same_tables_everywhere_are_right():
    compare(["data"], ["data"], ["data"])
    compare(["data", "validation"], ["data", "validation"])
