#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# flwr 1.42.0.
#
# A message of Flower's is a record with a type and a destination, all of which its constructor takes. A good guess is
# that it can be made anywhere, in a unit test of a strategy for one, as records can. It is made inside a running app
# alone: the constructor asks for the number of the run, which is nobody's argument. So a strategy that makes messages
# is tested in Flower's simulation, or not at all.
#
# Seen
#   RecordDict() -> RecordDict
#   Message(content=RecordDict(), message_type="train", dst_node_id=1) -> RuntimeError: TaskIdentity.run_id is not set.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -I -m venv .
bin/python -I -m pip install --quiet --disable-pip-version-check flwr==1.42.0
bin/python -I - <<'END'
from flwr.app import Message, RecordDict

content = RecordDict()
print("RecordDict() ->", type(content).__name__)
try:
    Message(content=content, message_type="train", dst_node_id=1)
except RuntimeError as error:
    print("Message(content=RecordDict(), message_type=\"train\", dst_node_id=1) -> RuntimeError:", error)
    assert "run_id is not set" in str(error)
else:
    raise SystemExit("a message can be made outside an app now")
END
