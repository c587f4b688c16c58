# SPDX-License-Identifier: Apache-2.0
"""Files that say what a party shall do."""

from __future__ import annotations

from pyfate_gpu.jobs.configuration import PartyConfiguration
from pyfate_gpu.jobs.job import Job
from tests.fuzz.target import Target, from_file


def _party_holds(data, found):
    return bool(found.party.name)


def _job_holds(data, found):
    return isinstance(found, Job)


PARTY = Target("party", from_file("party.toml", PartyConfiguration.load), _party_holds)
JOB = Target("job", from_file("job.toml", Job.load), _job_holds)
