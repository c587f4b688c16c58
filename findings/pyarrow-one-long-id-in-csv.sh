#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# pyarrow 26.0.1.
#
# A CSV file with a column of ids, whole numbers all of them, one of which is beyond int64. A good guess is uint64,
# text or an error. The whole column becomes double, and ids that int64 would hold lose their last digits: two
# different ids become the same. The type that one row asks for changes the values of all the others.
#
# Seen:
#   9007199254740992, 9007199254740993                       -> int64, as they are
#   9007199254740992, 9007199254740993, 18446744073709551615 -> double, the first two equal
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -I -m venv .
bin/python -I -m pip install --quiet --disable-pip-version-check pyarrow==26.0.1
bin/python -I - <<'END'
import io

import pyarrow as pa
from pyarrow import csv

near = b"id\n9007199254740992\n9007199254740993\n"
short = csv.read_csv(io.BytesIO(near))["id"]
long = csv.read_csv(io.BytesIO(near + b"18446744073709551615\n"))["id"]
for column in (short, long):
    print(column.type, column.to_pylist())

assert short.type == pa.int64() and short.to_pylist() == [2**53, 2**53 + 1]
assert long.type == pa.float64() and long.to_pylist() == [2.0**53, 2.0**53, 2.0**64]
END
