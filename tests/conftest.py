# SPDX-License-Identifier: Apache-2.0
"""Keys and backends that all tests share. Keys here are short: they protect nothing and are fast."""

from __future__ import annotations

import logging
import signal
from collections.abc import Generator, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from pyfate_gpu import PrivateKey, PublicKey, generate_keypair, use_backend
from pyfate_gpu.backends import BACKENDS
from pyfate_gpu.backends.sharded import driver as sharded

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Jobs in the background of a script ignore Ctrl-C, and tests of it would wait for minutes.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "pyfate",
    deadline=None,  # the first example of a key builds its table
    derandomize=True,  # so that the change that fails did it
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("explore", settings.get_profile("pyfate"), derandomize=False)
settings.load_profile("pyfate")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failed one")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn skips to failures where none may be: what was to be tested is missing."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.option.no_skips:
        report.outcome = "failed"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse names with the address of an object: processes that share the tests would not agree on them."""
    named = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if named:
        raise pytest.UsageError(f"give these cases ids of their own: {', '.join(named[:3])}")


def engines() -> list[tuple[str, str | None]]:
    """Every (backend, instruction set) that runs on this machine."""
    found: list[tuple[str, str | None]] = []
    for backend in BACKENDS:
        availability = backend.availability()
        if not availability.available:
            continue
        usable = [isa.name for isa in availability.instruction_sets if isa.available]
        found += [(backend.name, isa) for isa in usable or [None]]
    return found


@pytest.fixture(params=engines(), ids=lambda engine: "-".join(filter(None, engine)))
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run the test on every engine of this machine."""
    name, isa = request.param
    if name == "ray":
        monkeypatch.setattr(sharded, "SMALL", 1)  # so that few rows are at two workers too
    with use_backend(name, isa=isa, threads=2 if name == "cpu" else None):
        yield name


def device_of(backend: str) -> str:
    """What arrays of a backend of this machine say their device is."""
    return "ray" if backend == "ray" else "cpu"


@pytest.fixture(autouse=True)
def own_logger() -> Iterator[None]:
    """Commands that tests call set how loud this process is."""
    logger = logging.getLogger("pyfate_gpu")
    level, handlers = logger.level, list(logger.handlers)
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers


@pytest.fixture(scope="session")
def keypair() -> tuple[PublicKey, PrivateKey]:
    """A Damgard-Jurik-Nielsen key of 512 bits."""
    return generate_keypair(512, allow_insecure_key_size=True)


@pytest.fixture(scope="session")
def other_keypair() -> tuple[PublicKey, PrivateKey]:
    """A second key of 512 bits."""
    return generate_keypair(512, allow_insecure_key_size=True)


@pytest.fixture(scope="session")
def plain_keypair(keypair: tuple[PublicKey, PrivateKey]) -> tuple[PublicKey, PrivateKey]:
    """A key without a blinding base, as other libraries make them: every r^n in full."""
    public_key, private_key = generate_keypair(384, allow_insecure_key_size=True)
    bare = PublicKey(public_key.n, allow_insecure_key_size=True)
    return bare, PrivateKey(bare, *private_key._secret_factors())


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded numbers for test data; never for keys or blinding."""
    return np.random.default_rng(20261123)
