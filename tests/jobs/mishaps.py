# SPDX-License-Identifier: Apache-2.0
"""Four parties as processes, each started by its own command, and what may happen to them.

``python -m tests.jobs.mishaps`` lets every mishap happen and writes tests/results/mishaps.json: how each party ended,
how long after the cause, and with what error. A test lets a few of them happen.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pyfate_gpu.federation.certificates import Authority
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.jobs.exits import ECHO
from tests.jobs.links import Link
from tests.jobs.stage import PARTIES, PEER_TIMEOUT, SECRET, Stage

RESULTS = Path(__file__).parents[1] / "results" / "mishaps.json"
LIMIT = 5.0  # seconds from the cause to the end of every party
#: What is in every table of a party, and must be in no message of another.


def _training(stage: Stage) -> None:
    stage.start(*PARTIES)
    stage.wait_for("guest", "iteration 3 of")


def wrong_authority(stage):
    stage.certify("host-1", Authority.create())
    stage.start(*PARTIES)
    stage.wait_for("guest", "no connection to host-1")
    return "host-1|trust"


def party_that_never_was(stage):
    stage.start("guest", "host-0", "arbiter")
    stage.wait_for("guest", "guest waits for host-1")
    for name in ("guest", "host-0", "arbiter"):
        stage.processes[name].send_signal(signal.SIGTERM)
    return "told to end|stopped: it was told to"


def late_party(stage):
    stage.start("guest", "host-0", "arbiter")
    stage.wait_for("guest", "guest waits for host-1")
    stage.start("host-1")
    stage.wait_for("guest", "iteration 2 of")
    stage.processes["guest"].send_signal(signal.SIGTERM)
    return "guest"


def port_taken(stage):
    port = int(stage.configurations["host-0"].listen.rpartition(":")[2])
    taken = socket.create_server(("127.0.0.1", port))
    stage.cleanup = taken.close
    stage.start("guest", "host-1", "arbiter")
    stage.wait_for("guest", "guest waits for host-0|no connection")
    stage.start("host-0")
    stage.wait_for_end = "host-0"
    return "host-0"


def killed(stage):
    _training(stage)
    stage.processes["host-0"].kill()
    return "host-0"


def told_to_end(stage):
    _training(stage)
    stage.processes["arbiter"].send_signal(signal.SIGTERM)
    return "arbiter"


def frozen(stage):
    _training(stage)
    stage.processes["host-1"].send_signal(signal.SIGSTOP)
    stage.frozen = "host-1"
    return "host-1"


def bad_value(kind):
    def happen(stage):
        change = {
            "NaN": ("host-0", 1, "nan"),
            "infinity": ("host-1", 1, "inf"),
            "text": ("host-0", 1, SECRET),
            "one class": ("guest", 1, 1),
        }[kind]
        name, column, value = change
        rows = stage.tables[name][1:] if kind == "one class" else stage.tables[name][3:4]
        for row in rows:
            row[column] = value
        stage.start(*PARTIES)
        return name

    return happen


def duplicate_ids(stage):
    stage.tables["host-0"][5][0] = stage.tables["host-0"][6][0]
    stage.start(*PARTIES)
    return "host-0"


def lost_zeros(stage):
    for rows in stage.tables.values():
        for number, row in enumerate(rows[1:]):
            row[0] = f"{number:05d}"
    for row in stage.tables["host-1"][1:]:
        row[0] = str(int(row[0]))
    stage.start(*PARTIES)
    return "host-1"


def no_common_id(stage):
    for row in stage.tables["host-1"][1:]:
        row[0] = row[0] + "x"
    stage.change("guest", alignment="psi")
    for name in PARTIES:
        stage.change(name, alignment="psi")
    stage.start(*PARTIES)
    return "no id in common"


def other_parameters(stage):
    parameters = {**stage.configurations["host-1"].parameters, "alpha": 0.5}
    stage.change("host-1", parameters=parameters)
    stage.start(*PARTIES)
    return "host-1"


def unknown_parameter(stage):
    stage.change("host-0", parameters={"steepness": 1.0})
    stage.start(*PARTIES)
    return "host-0"


def no_table(stage):
    source = replace(
        stage.configurations["host-0"].data, path=stage.folder / "host-0-private-none.csv"
    )
    stage.change("host-0", data=source)
    stage.start(*PARTIES)
    return "host-0"


def validation_at_one(stage):
    stage.change("guest", validation=stage.configurations["guest"].data)
    stage.start(*PARTIES)
    return r"host-0.*lacks? \[validation\]"


def short_key(stage):
    for name in PARTIES:
        parameters = {**stage.configurations[name].parameters, "allow_insecure_key_size": False}
        stage.change(name, parameters=parameters)
    stage.start(*PARTIES)
    return "512 bits|not set up rightly|InsecureKey"


def full_disk(stage):
    """A file system of its own would take privileges: files of one party may not grow any more."""
    stage.environment["PYFATE_TEST_FILE_LIMIT"] = "1"
    command = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from pyfate_gpu.cli import main; main()"
    )
    original = subprocess.Popen

    def limited(arguments, **options):
        python, _, _, *rest = arguments
        return original([python, "-c", command, *rest], **options)

    stage.start("guest", "host-1", "arbiter")
    subprocess.Popen = limited
    try:
        stage.start("host-0")
    finally:
        subprocess.Popen = original
    stage.wait_for_end = "host-0"
    return "host-0"


def garbage(stage):
    """Strangers who talk nonsense to a party change nothing."""
    stage.start(*PARTIES)
    port = int(stage.configurations["guest"].listen.rpartition(":")[2])
    stage.wait_for("guest", "guest is connected|iteration 1 of")
    for data in (
        b"GET / HTTP/1.1\r\n\r\n",
        os.urandom(4096),
        b"\x16\x03\x01" + os.urandom(99),
        b"PRI * HTTP/2.0\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(data)
    stage.wait_for("guest", "iteration 5 of")
    stage.processes["host-0"].send_signal(signal.SIGINT)
    return "host-0"


def _link(stage, loss=0.0):
    """Have guest and host-1 reach each other by links alone; return these."""
    links = []
    for one, other in (("guest", "host-1"), ("host-1", "guest")):
        there = stage.configurations[other].listen
        links.append(Link(int(there.rpartition(":")[2]), loss))
        peers = stage.configurations[one].peers | {Party.parse(other): links[-1].address}
        stage.change(one, peers=peers)
    stage.cleanup = lambda: [link.close() for link in links]
    return links


def lossy_link(stage):
    """A hundredth of packets lost is slow and no mishap."""
    links = _link(stage, 0.01)
    stage.start(*PARTIES)
    stage.wait_for("guest", "iteration 40 of", 300)
    assert sum(link.lost for link in links), "nothing was lost"
    stage.processes["guest"].send_signal(signal.SIGTERM)
    return "guest"


def frozen_link(stage):
    """Both parties live, and hear nothing of each other."""
    links = _link(stage)
    _training(stage)
    for link in links:
        link.freeze()
    stage.silent = True
    return "host-1|guest"


MISHAPS = {
    "wrong authority": wrong_authority,
    "a party that never comes": party_that_never_was,
    "a late party": late_party,
    "port taken": port_taken,
    "killed": killed,
    "SIGTERM": told_to_end,
    "frozen": frozen,
    "frozen link": frozen_link,
    "1 % loss": lossy_link,
    **{kind: bad_value(kind) for kind in ("NaN", "infinity", "text", "one class")},
    "duplicate ids": duplicate_ids,
    "00123 against 123": lost_zeros,
    "no id in common": no_common_id,
    "other parameters": other_parameters,
    "unknown parameter": unknown_parameter,
    "no table": no_table,
    "validation at one party": validation_at_one,
    "short key": short_key,
    "full disk": full_disk,
    "garbage": garbage,
}


def let_happen(name: str, folder: Path) -> dict[str, object]:
    """Return how each party ended: seconds after the cause, exit code and error."""
    stage = Stage(folder)
    stage.cleanup, stage.frozen, stage.wait_for_end = (lambda: None), None, None
    stage.silent = False
    try:
        named = MISHAPS[name](stage)
        happened = cause = time.monotonic()
        if stage.frozen:
            process, cause = stage.processes.pop(stage.frozen), cause + PEER_TIMEOUT
            stage.wait()
            stage.processes[stage.frozen] = process
        else:
            stage.wait()
        first = min(stage.ended.values(), default=cause)
        # A mistake that is found when all have started shows when the first party ends.
        cause = cause if stage.frozen else max(cause, first)
        if stage.silent:
            cause = happened + PEER_TIMEOUT
        parties = {
            party: {
                "seconds": round(stage.ended[party] - cause, 1) if party in stage.ended else None,
                "code": stage.processes[party].poll(),
                "error": re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", stage.error(party)).replace(
                    str(folder), "FOLDER"
                ),
            }
            for party in stage.processes
            if party != stage.frozen
        }
        logs = {party: stage.log(party) for party in stage.processes}
        return {
            "mishap": name,
            "named": named,
            "parties": parties,
            "leaks": stage.leaks(),
            "logs": logs,
        }
    finally:
        stage.close()
        stage.cleanup()


def problems(found: dict[str, object]) -> list[str]:
    """Return what is not as promised."""
    bad = [f"leak: {line}" for line in found["leaks"]]
    for party, end in found["parties"].items():
        if end["seconds"] is None or end["code"] in (None, 0):
            bad.append(f"{party} did not end by an error: {end}")
        elif end["seconds"] > LIMIT:
            bad.append(f"{party} ended after {end['seconds']} s")
        text = end["error"] + found["logs"][party]
        own = end["code"] not in (None, 0, ECHO)  # who made the mistake knows its name
        if end["code"] != -9 and not (own or re.search(found["named"], text)):
            bad.append(f"{party} does not name {found['named']}: {end['error']}")
    return bad


def main() -> None:
    """Let every mishap, or those named, happen."""
    chosen = sys.argv[1:] or list(MISHAPS)
    results, failed = [], 0
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            found = let_happen(name, Path(folder))
        bad = problems(found)
        failed += bool(bad)
        print(name, bad if bad else "ok", flush=True)
        for party, end in found["parties"].items():
            print("   ", party, end, flush=True)
        results.append(
            {k: v for k, v in found.items() if k not in ("logs", "leaks")} | {"problems": bad}
        )
    if len(chosen) == len(MISHAPS):
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        )
        head = {
            "command": "python -m tests.jobs.mishaps",
            "commit": commit.stdout.strip(),
            "limit": LIMIT,
        }
        RESULTS.write_text(json.dumps(head | {"mishaps": results}, indent=1) + "\n")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
