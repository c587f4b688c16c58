# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from pyfate_gpu import available_backends, backend_info, use_backend
from pyfate_gpu.backends import BACKENDS
from pyfate_gpu.config import Environment, environment
from pyfate_gpu.errors import BackendUnavailableError, ConfigurationError

CPU = "cpu" in available_backends()


def test_reference_is_always_there():
    assert "reference" in available_backends()


def test_a_cluster_is_never_the_choice_of_nobody():
    assert [backend.name for backend in BACKENDS][-2:] == ["reference", "ray"]


def test_priority_is_the_order_of_the_list():
    names = [backend.name for backend in BACKENDS]
    assert available_backends() == [name for name in names if name in available_backends()]


def test_info_says_what_runs_and_why_others_do_not():
    with use_backend("reference"):
        info = backend_info()
    assert (info.name, info.device, info.isa, info.threads) == ("reference", "cpu", None, 1)
    assert set(info.availability) == {backend.name for backend in BACKENDS}
    for found in info.availability.values():
        assert found.available or found.reason
        assert all(isa.available or isa.reason for isa in found.instruction_sets)
    assert "reference: available" in str(info)


def test_choice_ends_with_the_context():
    before = backend_info().name
    with use_backend("reference"):
        assert backend_info().name == "reference"
        with use_backend(None):
            pass
        assert backend_info().name == "reference"
    assert backend_info().name == before


def test_unknown_backend_names_the_known_ones():
    with pytest.raises(BackendUnavailableError, match=r"'abacus' is unknown.*'cpu', 'reference'"):
        use_backend("abacus")


def test_a_refused_choice_changes_nothing():
    before = backend_info()
    with pytest.raises(BackendUnavailableError):
        use_backend("reference", isa="avx512ifma")
    assert backend_info() == before


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, 10**6])
def test_senseless_thread_counts(threads):
    with pytest.raises(ConfigurationError, match=r"threads is .*integer from 1 to 1024"):
        use_backend("reference", threads=threads)


def test_threads_may_be_numpy_integers_and_hardened_is_a_truth_value():
    with use_backend("reference", threads=np.int64(2)):
        assert backend_info().name == "reference"
    with pytest.raises(ConfigurationError, match="True, False or None"):
        use_backend("cpu", hardened="yes")
    with pytest.raises(BackendUnavailableError, match="unknown"):
        use_backend(5)


@pytest.mark.skipif(not CPU, reason="the cpu backend does not run here")
def test_cpu_choices():
    with use_backend("cpu", isa="portable", threads=1):
        info = backend_info()
        assert (info.name, info.isa, info.threads) == ("cpu", "portable", 1)
    with pytest.raises(BackendUnavailableError, match=r"'mmx'.*unknown.*\['.*portable"):
        use_backend("cpu", isa="mmx")
    for isa in backend_info().availability["cpu"].instruction_sets:
        if not isa.available:
            with pytest.raises(BackendUnavailableError, match="cannot run here"):
                use_backend("cpu", isa=isa.name)


def test_settings_defaults(monkeypatch):
    for name in ("BACKEND", "ISA", "THREADS", "TABLE_MB", "HARDENED"):
        monkeypatch.delenv(f"PYFATE_GPU_{name}", raising=False)
    assert environment.__wrapped__() == Environment(
        backend=None, isa=None, threads=None, table_mb=64, hardened=False
    )


def test_hardened_is_one_or_nothing(monkeypatch):
    monkeypatch.setenv("PYFATE_GPU_HARDENED", "1")
    assert environment.__wrapped__().hardened
    monkeypatch.setenv("PYFATE_GPU_HARDENED", "yes")
    with pytest.raises(ConfigurationError, match="PYFATE_GPU_HARDENED is 'yes'; it must be 0 or 1"):
        environment.__wrapped__()


def test_only_the_cpu_is_hardened():
    with pytest.raises(BackendUnavailableError, match="'reference' has no hardened encryption"):
        use_backend("reference", hardened=True)
    if CPU:
        with use_backend(None, hardened=True):
            assert (backend_info().name, backend_info().hardened) == ("cpu", True)
            assert "hardened" in str(backend_info())
        assert not backend_info().hardened


@pytest.mark.skipif(not CPU, reason="the cpu backend does not run here")
def test_hardened_keys_encrypt_for_everybody(keypair):
    """The choice is the engine's: a key used before encrypts hardened from now on, and back."""
    public, private = keypair
    with use_backend("cpu"):
        before = public.encrypt([1.5, -2.0])
    with use_backend("cpu", hardened=True):
        c = public.encrypt([1.5, -2.0])
        assert c._engine.hardened
        assert not before._engine.hardened
        mine = private.encrypt([1.5, -2.0])
        for array in (c, mine, before + c, public.from_wire(c.to_wire())):
            assert private.decrypt(array).tolist() in ([1.5, -2.0], [3.0, -4.0])
    assert not public.encrypt(0.0)._engine.hardened


@pytest.mark.parametrize("name", ["PYFATE_GPU_THREADS", "PYFATE_GPU_TABLE_MB"])
@pytest.mark.parametrize("value", ["0", "-3", "many", "1.5", "99999999"])
def test_settings_refuse(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"{name} is '{value}'.*or unset"):
        environment.__wrapped__()


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_environment_chooses():
    code = "import pyfate_gpu; print(pyfate_gpu.backend_info().name)"
    assert run_python(code, PYFATE_GPU_BACKEND="reference").stdout.strip() == "reference"


@pytest.mark.skipif(not CPU, reason="the cpu backend does not run here")
def test_environment_chooses_for_the_cpu():
    code = (
        "from pyfate_gpu import backend_info; i = backend_info(); print(i.name, i.isa, i.threads)"
    )
    choice = {"BACKEND": "cpu", "ISA": "portable", "THREADS": "1"}
    done = run_python(code, **{f"PYFATE_GPU_{name}": value for name, value in choice.items()})
    assert done.stdout.split() == ["cpu", "portable", "1"]


@pytest.mark.parametrize("variable", ["PYFATE_GPU_BACKEND", "PYFATE_GPU_ISA"])
def test_environment_with_an_unknown_name_is_an_error(variable):
    if variable == "PYFATE_GPU_ISA" and not CPU:
        pytest.skip("the cpu backend does not run here")
    backend = {} if variable == "PYFATE_GPU_BACKEND" else {"PYFATE_GPU_BACKEND": "cpu"}
    done = run_python(
        "import pyfate_gpu; pyfate_gpu.backend_info()", **backend, **{variable: "nonsense"}
    )
    assert done.returncode == 1
    assert "BackendUnavailableError" in done.stderr
    assert "'nonsense'" in done.stderr


def test_importing_is_lazy():
    code = "import sys, pyfate_gpu; print([m for m in ('numpy', 'gmpy2') if m in sys.modules])"
    assert run_python(code).stdout.strip() == "[]"


def test_public_names_resolve():
    import pyfate_gpu

    assert set(pyfate_gpu.__all__) <= set(dir(pyfate_gpu))
    assert pyfate_gpu.PyFateError is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = pyfate_gpu.nonsense
