# SPDX-License-Identifier: Apache-2.0
"""Writes docs/parameters.md from the docstrings of the models: ``python docs/parameters_page.py``."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from pyfate_gpu.data.binning.binner import Binner
from pyfate_gpu.data.binning.settings import BinningRules
from pyfate_gpu.estimators import ESTIMATORS, find_estimator
from pyfate_gpu.jobs.exits import MEANINGS

#: Whose parameters are those of models too.
ELSEWHERE = (BinningRules, Binner)
#: Where a model does not say it again.
COMMON = {
    "allow_insecure_key_size": ("bool", "Accept a key below 2048 bits, for tests."),
    "fit_intercept": ("bool", "Whether an intercept is fitted."),
    "key_bits": ("int", "Length of the key, 2048 to 8192."),
    "min_rows": ("int", "As of `iv`."),
    "scheme": ("str", "Of the key: one of `generate_keypair`."),
}
HEAD = """# Parameters

Every parameter of every model, from the docstrings (`python docs/parameters_page.py` writes this page). In a job's
file they stand in `[model]`, beside `type`; in Python they are keywords. In files None is written `"none"` or left
out, `penalty = "none"`, and `clip = false`. [Models](models.md) says how they belong together; the keys of all other
tables of a file are in [Parties as processes](parties.md).
"""
CODES = """
# Exit codes

Of every command. `run` and `predict` end with the code of the party that failed first.

| code | meaning |
|---|---|
"""


def documented(kind: type) -> dict[str, tuple[str, str]]:
    """Return type and meaning of each parameter by name, those of subclasses in place of those of bases."""
    found: dict[str, tuple[str, str]] = dict(COMMON)
    for each in (*ELSEWHERE, *reversed(kind.__mro__)):
        text = inspect.cleandoc(each.__doc__ or "")
        section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-+\n|\Z)", text, re.M | re.S)
        entries = re.findall(
            r"^(\w[\w, ]*?) : (.*?)\n((?:    .*\n|\n)+)",
            (section[1] if section else "") + "\n",
            re.M,
        )
        for names, values, meaning in entries:
            said = " ".join(line.strip() for line in meaning.splitlines() if line.strip())
            listed, kinds = names.split(", "), values.split(", ")
            kinds = kinds if len(kinds) == len(listed) > 1 else [values] * len(listed)
            found |= {name: (one, said) for name, one in zip(listed, kinds, strict=True)}
    return found


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for name in ESTIMATORS:
        kind = find_estimator(name)
        known, defaults = documented(kind), inspect.signature(kind).parameters
        parts.append(
            f"\n## {name}\n\n`{kind.__name__}`\n\n| parameter | values | default | meaning |\n|---|---|---|---|\n"
        )
        for parameter, signature in sorted(defaults.items()):
            values, meaning = known.get(parameter, ("", f"see `{kind.__name__}`"))
            plain = re.sub("<factory>", "", repr(signature.default))
            cells = (f"`{parameter}`", values, plain and f"`{plain}`", meaning)
            parts.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n")
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in MEANINGS.items())
    return "".join(parts) + CODES + codes


if __name__ == "__main__":
    Path(__file__).with_name("parameters.md").write_text(page(), encoding="utf-8")
