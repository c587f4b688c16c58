#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# pandas 3.1.1, writing Parquet with pyarrow 26.0.1.
#
# A frame with one column of features, of which some rows are kept. to_parquet stores the row labels beside them, so
# whoever reads the file without pandas gets one column more, unless the labels are a range. A good guess is that
# filtered rows have no range any more. They do where the rows kept happen to be evenly spaced: then the labels go
# into the metadata. Whether a party's file has one column or two depends on which rows its filter let through.
#
# Seen, columns of the file by the rows kept of six:
#   rows 0, 2, 4 -> x
#   rows 5, 3, 1 -> x
#   row 3        -> x
#   rows 0, 1, 3 -> x, __index_level_0__
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -I -m venv .
bin/python -I -m pip install --quiet --disable-pip-version-check pandas==3.1.1 pyarrow==26.0.1 numpy==2.4.6
bin/python -I - <<'END'
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

frame = pd.DataFrame({"x": np.arange(6.0)})
expected = {
    (0, 2, 4): ["x"],
    (5, 3, 1): ["x"],
    (3,): ["x"],
    (0, 1, 3): ["x", "__index_level_0__"],
}
for rows, columns in expected.items():
    frame.iloc[list(rows)].to_parquet("rows.parquet")
    found = pq.read_table("rows.parquet").column_names
    print(rows, found)
    assert found == columns
frame[frame["x"] % 2 == 0].to_parquet("rows.parquet")  # by a condition, too
assert pq.read_table("rows.parquet").column_names == ["x"]
frame[frame["x"] != 2].to_parquet("rows.parquet")
assert pq.read_table("rows.parquet").column_names == ["x", "__index_level_0__"]
END
