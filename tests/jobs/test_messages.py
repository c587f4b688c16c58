# SPDX-License-Identifier: Apache-2.0
"""The table of messages has all that are sent, and refuses the others."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pyfate_gpu
from pyfate_gpu.federation.mailbox import Address
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.protocol.messages import MESSAGES, why_refuse

HOST = Party(Role.HOST)
PACKAGE = Path(pyfate_gpu.__file__).parent


def sent_names():
    """The names of messages that are written out in calls of ``send``."""
    for path in [*(PACKAGE / "glm").rglob("*.py"), *(PACKAGE / "jobs").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "send":
                name = node.args[1] if len(node.args) > 1 else None
                if isinstance(name, ast.Constant):
                    yield name.value


def test_every_message_in_the_sources_is_in_the_table():
    assert set(sent_names()) - MESSAGES.keys() == set()


def test_no_message_of_a_job_is_refused(in_process, monkeypatch):
    original = MemoryChannel._deliver

    def deliver(self, to, address, data):
        assert why_refuse(address, to) is None
        original(self, to, address, data)

    monkeypatch.setattr(MemoryChannel, "_deliver", deliver)
    in_process(convergence="weight_diff", masked_rate=0.5)


@pytest.mark.parametrize(
    ("sender", "name", "recipient", "text"),
    [
        (GUEST, "fit-1/secret", HOST, "no such message"),
        (GUEST, "residual", HOST, "no such message"),
        (GUEST, "fit-0/residual", HOST, "no such message"),
        (GUEST, "fit-1/residual\n", HOST, "no such message"),
        (HOST, "fit-1/residual", ARBITER, "residual goes from guest to host"),
        (ARBITER, "fit-1/masked_gradient", GUEST, "goes from guest or host to arbiter"),
    ],
)
def test_other_messages_are_refused(sender, name, recipient, text):
    assert text in why_refuse(Address(sender, name, 1, 0), recipient)
