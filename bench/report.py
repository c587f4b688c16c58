# SPDX-License-Identifier: Apache-2.0
"""Writes the table of a result file into the README: ``python -m bench.report FILE``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pyfate_gpu.bench.report import Result, markdown

README_KEY_BITS = 2048
README_ROUTINES = (
    "add", "add_plain", "encrypt", "encrypt_full", "decrypt", "scale", "matvec", "sum", "segment_sum",
    "reblind", "wire", "logistic", "add_portable", "encrypt_portable",
)  # fmt: skip


def into_readme(result: Result, readme: str) -> str:
    """The README with the figures of `result` between its two marks."""
    begin, end = "<!-- figures -->\n", "<!-- end of figures -->"
    before, _, rest = readme.partition(begin)
    return f"{before}{begin}{markdown(result, README_KEY_BITS, README_ROUTINES)}\n{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    path = Path("README.md")
    path.write_text(into_readme(json.loads(Path(sys.argv[1]).read_text()), path.read_text()))
