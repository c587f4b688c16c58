# SPDX-License-Identifier: Apache-2.0
"""Files of texts."""

from __future__ import annotations

import pytest


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="x.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file
