# SPDX-License-Identifier: BSD-3-Clause
"""tools/setup.sh where nothing can be installed, where nothing is missing, and where apt can help."""

import os
import shutil

import pytest

import harness

SETUP = harness.ROOT / "tools/setup.sh"
# Enough for the script itself to run; no compiler, no pkg-config, no apt-get.
BASICS = ["bash", "env", "grep", "awk", "paste", "sed", "tail", "mktemp", "rm", "dirname", "id", "cat"]


@pytest.fixture
def bare(tmp_path):
    """A folder of commands that stands for the PATH of a bare machine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in BASICS:
        (folder / name).symlink_to(os.path.realpath(shutil.which(name)))
    return folder


def add_command(folder, name, script):
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_text(f"#!{folder}/bash\n{script}\n")
    (folder / name).chmod(0o755)


def setup(bare, *groups):
    return harness.run([SETUP, *groups], timeout=30, env={
        "PATH": bare, "PKG_CONFIG": None, "CC": None, "PYTHON": "no-python",
    })


def test_nothing_is_said_when_nothing_is_missing():
    result = harness.run([SETUP], timeout=30)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), str(result)


def test_without_apt_the_missing_are_listed_for_each_packager(bare):
    result = setup(bare, "build")
    assert result.returncode == 1 and "nothing was changed" in result.stderr, str(result)
    for line in ("apt-get install gcc make pkg-config libc6-dev libopenmpi-dev openmpi-bin libhdf5-openmpi-dev",
                 "dnf install gcc make pkgconf-pkg-config glibc-devel openmpi-devel",
                 "spack install gcc gmake pkgconf openmpi hdf5+mpi+hl libyaml fftw"):
        assert line in result.stderr, str(result)
    assert "cmocka" not in result.stderr  # that is for the tests alone


def test_without_root_nothing_is_tried(bare, tmp_path):
    add_command(bare, "apt-get", f"echo called >>{tmp_path}/calls")
    add_command(bare, "apt-cache", "exit 0")
    add_command(bare, "id", "echo 1000")
    result = setup(bare, "build")
    assert result.returncode == 1 and "not root, and no sudo; nothing was changed" in result.stderr, str(result)
    assert not (tmp_path / "calls").exists()


def test_an_install_that_fails_ends_with_its_words_and_the_list(bare):
    add_command(bare, "apt-get", "echo E: no network >&2; exit 100")
    add_command(bare, "apt-cache", "exit 0")
    add_command(bare, "id", "echo 0")
    result = setup(bare, "build", "test")
    assert result.returncode == 1, str(result)
    for text in ("E: no network", "apt-get failed", "apt-get install gcc", "libcmocka-dev", "py-pywavelets"):
        assert text in result.stderr, str(result)


def test_package_lists_are_fetched_when_the_first_try_fails(bare, tmp_path):
    add_command(bare, "apt-get", f'echo "$@" >>{tmp_path}/calls; [ -e {tmp_path}/updated ] && exit 0\n'
                f'case "$*" in *update*) : >{tmp_path}/updated;; *) exit 100;; esac')
    add_command(bare, "apt-cache", 'echo "$2 | 1.0 | http://x"')
    add_command(bare, "id", "echo 0")
    result = setup(bare, "build", "test")
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 3 and "update" in calls[1] and "libsegyio-dev" in calls[2], calls
    assert "still not found after installing" in result.stderr  # the false apt-get installed nothing
