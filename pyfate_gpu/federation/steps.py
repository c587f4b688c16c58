# SPDX-License-Identifier: Apache-2.0
"""The kinds of work that statistics, estimates and reports tell apart."""

from __future__ import annotations

from enum import Enum


class Step(str, Enum):
    """One kind of work; its value is its name in reports."""

    MAKE_KEY = "make key"
    ENCRYPT = "encrypt"
    MASK = "mask"
    BLIND = "blind"
    CHECK = "check"
    ADD = "add"
    WEIGH = "weigh"
    MULTIPLY = "multiply"
    SQUEEZE = "squeeze"
    DECRYPT = "decrypt"
    BLIND_IDS = "blind ids"
    SEND = "send"
    WAIT = "wait"

    def __str__(self) -> str:
        return self.value

    def __format__(self, spec: str) -> str:  # the same before Python 3.12 as after it
        return format(self.value, spec)
