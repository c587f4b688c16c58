# SPDX-License-Identifier: Apache-2.0
"""Scripts of `make interop`: they need the network or a partner's environment, and are no tests here."""

collect_ignore_glob = [
    "run_*.py",
    "measure_*.py",
    "environments.py",
    "parts.py",
    "fate1/*.py",
    "fate2/*.py",
    "heu/*.py",
    "flower/*.py",
    "nvflare/*.py",
]
