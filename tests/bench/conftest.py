# SPDX-License-Identifier: Apache-2.0
"""Running the bench on tiny sizes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pyfate_gpu.bench import command

TINY = ["--key-bits", "256", "--rows", "8", "--repeats", "2", "--seconds", "0", "--refcheck"]
OURS_AND_EXACT = ["--peers", "gmpy2", "phe"]

Measure = Callable[..., tuple[int, dict[str, Any]]]


Call = Callable[[list[str]], int]


@pytest.fixture
def call() -> Call:
    """Return the command; it returns its exit status."""
    return lambda arguments: command.main(arguments, "python -m bench")


@pytest.fixture
def tiny() -> list[str]:
    """Return options for a run of no length."""
    return TINY


@pytest.fixture
def measure(call, tmp_path) -> Measure:
    """Run the bench on tiny sizes; return exit status and result."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        path = tmp_path / "result.json"
        words = [] if "--peers" in arguments else OURS_AND_EXACT
        status = call([*TINY, *words, "--json", str(path), *map(str, arguments)])
        return status, json.loads(path.read_text()) if path.exists() else {}

    return run
