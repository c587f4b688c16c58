# SPDX-License-Identifier: Apache-2.0
"""Files of text in UTF-8, with or without a byte order mark, plain or compressed by gzip."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, cast

from pyfate_gpu.errors import DataError

_GZIP = b"\x1f\x8b"


@contextmanager
def open_text(path: Path) -> Iterator[TextIOWrapper]:
    """Open a file; its first bytes say whether it is compressed, not its name.

    Raises
    ------
    DataError
        When it is no text, or is damaged.
    """
    try:
        with path.open("rb") as plain:
            packed = plain.peek(2).startswith(_GZIP)
            file = cast("IO[bytes]", gzip.GzipFile(fileobj=plain) if packed else plain)
            with file, TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
                yield text
    except UnicodeDecodeError:
        raise DataError(f"{path} is no text in UTF-8") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise DataError(f"{path} is no whole file of gzip: it is damaged or was cut off") from None
