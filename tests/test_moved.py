# SPDX-License-Identifier: Apache-2.0
"""Old paths work, old pickles load, and nobody pays for it who imports the package."""

from __future__ import annotations

import base64
import importlib
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pyfate_gpu import PrivateKey
from pyfate_gpu.he.scheme.short_subgroup.private_key import ShortSubgroupPrivateKey

#: Modules of release 0.1 that are elsewhere now.
OLD = {
    "backends": "cuda_availability cuda_device cuda_matmul cuda_ring cuda_streamed",
    "": "datasets",
    "federation": "id_cipher psi",
    "glm": (
        "archive batching convergence data features fitted half handshake labels masking metrics "
        "model_io optimizers parameters penalties progress report report_page scoring tables "
        "validation"
    ),
    "he": (
        "arithmetic arrays bounds ciphertexts export keys linalg masks numpy_functions operands "
        "paillier reductions selection short_subgroup"
    ),
    "he.paillier": "blinding checks keygen primes private_key public_key",
    "he.short_subgroup": "keygen private_key public_key sizes",
    "jobs": "files messages models tables toml",
}
PATHS = [
    ".".join(filter(None, (folder, name)))
    for folder, names in OLD.items()
    for name in names.split()
]
#: What somebody may have imported from there.
NAMES = (
    ("datasets", "load_breast_cancer_split"), ("glm.features", "FeaturePipeline"), ("glm.fitted", "FittedHalf"),
    ("glm.metrics", "log_loss"), ("glm.model_io", "read_half"), ("glm.optimizers", "Adam"), ("glm.report", "JobReport"),
    ("glm.tables", "read_table"), ("he.arrays", "CiphertextArray"), ("he.keys", "generate_keypair"),
    ("he.paillier.private_key", "PrivateKey"), ("he.paillier.public_key", "PublicKey"), ("he.selection", "concatenate"),
    ("he.short_subgroup.public_key", "ShortSubgroupPublicKey"), ("jobs.files", "write_atomically"),
    ("jobs.tables", "read_rows"), ("encoding.plaintext", "PlaintextCsr"), ("encoding.plaintext", "PlaintextArray"),
)  # fmt: skip
PICKLES = json.loads((Path(__file__).parent / "vectors" / "pickles-0.1.json").read_text())
CUDA = {
    "backends.cuda_device",
    "backends.cuda_matmul",
    "backends.cuda_ring",
    "backends.cuda_streamed",
}


@pytest.mark.parametrize("path", PATHS)
def test_old_paths_give_the_module_itself(path):
    if path in CUDA:
        pytest.importorskip("cupy")
    module = importlib.import_module(f"pyfate_gpu.{path}")
    assert module is importlib.import_module(module.__name__)
    assert module.__name__ != f"pyfate_gpu.{path}"
    assert module.__spec__.name == module.__name__, "its own, not that of the old path"


@pytest.mark.parametrize(("path", "name"), NAMES)
def test_old_paths_of_names(path, name):
    found = getattr(importlib.import_module(f"pyfate_gpu.{path}"), name)
    assert found.__name__ == name
    assert getattr(importlib.import_module(found.__module__), name) is found


def test_paths_that_never_were():
    for path in ("he.nowhere", "he.paillier.nowhere", "nowhere"):
        with pytest.raises(ModuleNotFoundError, match="nowhere"):
            importlib.import_module(f"pyfate_gpu.{path}")


def load(name):
    return pickle.loads(base64.b64decode(PICKLES[name]))


def test_pickles_of_arrays_name_functions_that_moved():
    assert b"pyfate_gpu.he.arrays" in base64.b64decode(PICKLES["array"])
    p, q = map(int, PICKLES["secrets"]["paillier"])
    array, public = load("array"), load("public")
    assert array.public_key == public
    assert PrivateKey(public, p, q).decrypt(array).tolist() == [1.5, -2.0]
    array = load("short")
    secrets = map(int, PICKLES["secrets"]["paillier-short-subgroup"])
    private = ShortSubgroupPrivateKey(array.public_key, *secrets)
    assert private.decrypt(array + 1).tolist() == [8, -7]
    assert load("plain").to_integers().tolist() == [128]
    product = load("csr") @ public.encrypt([3, 4])
    assert PrivateKey(public, p, q).decrypt(product).tolist() == [3, 4]


def test_pickles_of_trained_models():
    model = load("classifier")
    found = model.predict_proba(np.array(PICKLES["rows"]))[:, 1]
    np.testing.assert_allclose(found, PICKLES["probabilities"], rtol=1e-12)


def test_importing_the_package_loads_nothing_but_itself():
    """What takes time is what it loads: with NumPy a second, with typing or importlib.abc 30 ms."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "import pyfate_gpu, pyfate_gpu.moved\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
        capture_output=True, text=True, check=True, timeout=300,
    ).stdout.split()  # fmt: skip
    own = {"pyfate_gpu", "pyfate_gpu.moved"}
    cheap = {
        "__future__",
        "importlib",
        "importlib._bootstrap",
        "importlib._bootstrap_external",
        "warnings",
        "_warnings",
    }
    assert own <= set(loaded) <= own | cheap
