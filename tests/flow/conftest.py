# SPDX-License-Identifier: BSD-3-Clause
"""Images that several files of tests look at, made once by each process that runs some."""

import pytest

import jobs
from images import JOB, STACK, stack_of, two_offsets, write_survey


@pytest.fixture(scope="session")
def image_survey(tmp_path_factory):
    return write_survey(tmp_path_factory.mktemp("image") / "in.h5", *two_offsets())


@pytest.fixture(scope="session")
def image_hash(tmp_path_factory, image_survey):
    job = jobs.Job(tmp_path_factory.mktemp("reference"), image_survey, JOB)
    job.run(ranks=3)
    return jobs.sha(job.output)


@pytest.fixture(scope="session")
def stacked_hashes(tmp_path_factory, image_survey, image_hash):
    job = jobs.Job(tmp_path_factory.mktemp("stacked"), image_survey, JOB)
    job.run(*STACK, ranks=3)
    return jobs.sha(job.output), jobs.sha(stack_of(job))
