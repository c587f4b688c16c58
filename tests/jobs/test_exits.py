# SPDX-License-Identifier: Apache-2.0
"""Every error has an exit code that the documentation explains, by its kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyfate_gpu import errors
from pyfate_gpu.errors import PyFateError
from pyfate_gpu.jobs.exits import (
    CONFIGURATION,
    DATA,
    ECHO,
    MACHINE,
    MEANINGS,
    OTHER,
    PEERS,
    code_of,
)

#: Of errors in how numbers and keys are used: no party's file or setting is to blame.
USE = {
    "PyFateError", "EncodingError", "BoundError", "ShapeError", "ArrayIndexError", "UnsupportedOperationError",
    "DeviceMismatchError", "KeyMismatchError", "SlotMismatchError", "WireFormatError", "InvalidCiphertextError",
}  # fmt: skip
EXPECTED = {
    "PartyFailedError": ECHO,
    "ConfigurationError": CONFIGURATION,
    "DisagreementError": CONFIGURATION,
    "DistrustError": CONFIGURATION,
    "DivergenceError": CONFIGURATION,
    "InvalidKeyError": CONFIGURATION,
    "InsecureKeyError": CONFIGURATION,
    "KeyFileError": CONFIGURATION,
    "DataError": DATA,
    "ProtocolError": PEERS,
    "ChannelTimeoutError": PEERS,
    "StorageError": MACHINE,
    "BackendError": MACHINE,
    "BackendUnavailableError": MACHINE,
    "DeviceMemoryError": MACHINE,
    "HostMemoryError": MACHINE,
    "WorkerLostError": MACHINE,
}


def every(kind):
    return [kind, *(deeper for each in kind.__subclasses__() for deeper in every(each))]


@pytest.mark.parametrize(
    "kind",
    list(dict.fromkeys(k for k in every(PyFateError) if k.__module__ == errors.__name__)),
    ids=lambda kind: kind.__name__,
)
def test_every_error_has_the_code_of_its_kind(kind):
    name = kind.__name__
    assert code_of(kind("x")) == (OTHER if name in USE else EXPECTED[name])
    assert code_of(kind("x")) in MEANINGS


def test_the_documentation_lists_every_code():
    page = (Path(__file__).parents[2] / "docs/parameters.md").read_text()
    listed = dict(re.findall(r"^\| (\d+) \| (.*) \|$", page.split("# Exit codes")[1], re.M))
    assert listed == {str(code): meaning for code, meaning in MEANINGS.items()}


def test_an_error_may_carry_the_code_of_another_process():
    error = errors.PartyFailedError("host-0 failed")
    error.exit_code = 5
    assert code_of(error) == DATA
    assert code_of(MemoryError()) == MACHINE
    assert code_of(ZeroDivisionError()) == OTHER
