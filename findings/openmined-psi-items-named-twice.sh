#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# openmined-psi 2.0.6.
#
# A client asks which of its items a server has, and names one of them twice. An intersection is one of sets, so a
# good guess is that it counts once; or that it counts as often as the client has it. Both happen: how many rows are
# found depends on the data structure that the server chose for its own items. Items that the server names twice
# count once in each.
#
# Seen, client a, a, c and server a, b: indices found, and the size where only that is revealed
#   RAW           [0]     1
#   GCS           [0, 1]  2
#   BLOOM_FILTER  [0, 1]  2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -I -m venv .
bin/python -I -m pip install --quiet --disable-pip-version-check openmined-psi==2.0.6
bin/python -I - <<'END'
import private_set_intersection.python as psi


def intersect(structure, server_items, client_items, reveal):
    client, server = psi.client.CreateWithNewKey(reveal), psi.server.CreateWithNewKey(reveal)
    made = server.CreateSetupMessage(1e-9, len(client_items), server_items, structure)
    setup = psi.ServerSetup()
    setup.ParseFromString(made.SerializeToString())
    response = server.ProcessRequest(client.CreateRequest(client_items))
    if reveal:
        return sorted(client.GetIntersection(setup, response))
    return client.GetIntersectionSize(setup, response)


expected = {"RAW": ([0], 1), "GCS": ([0, 1], 2), "BLOOM_FILTER": ([0, 1], 2)}
for name, answers in expected.items():
    structure = getattr(psi.DataStructure, name)
    found = tuple(intersect(structure, ["a", "b"], ["a", "a", "c"], reveal) for reveal in (True, False))
    print(name, *found)
    assert found == answers
    assert intersect(structure, ["a", "a", "b"], ["a", "c"], True) == [0]
    assert intersect(structure, ["a", "a", "b"], ["a", "c"], False) == 1
END
