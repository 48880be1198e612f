# SPDX-License-Identifier: BSD-3-Clause
"""One throw-away Slurm for all tests of this folder, which use what `make install` installs."""

import pytest

import harness
from cluster import Cluster, why_not


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    result = harness.run(["make", "-s", "-C", harness.ROOT, "install", f"BUILD={harness.BUILD}", f"PREFIX={folder}"],
                         timeout=300)
    assert result.returncode == 0, str(result)
    return folder


@pytest.fixture(scope="session")
def slurm(prefix):
    reason = why_not()
    if reason:
        pytest.skip(reason)
    cluster = Cluster(prefix)
    yield cluster
    cluster.stop()
    assert not cluster.dir.exists()


@pytest.fixture(scope="session")
def scripts(prefix):
    return prefix / "share/seisproc/jobscripts"
