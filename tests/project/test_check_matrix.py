# SPDX-License-Identifier: BSD-3-Clause
"""The table of `make check-matrix` says what was tried and failed, and what could not be tried."""

import os

import harness


def matrix(folder, *rows):
    tools = folder / "bin"
    tools.mkdir()
    compiler = tools / "gcc-13"
    compiler.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 'gcc-13 of the test' && exit 0\nexit 1\n")
    compiler.chmod(0o755)
    return harness.run([harness.ROOT / "tools/check-matrix.sh", *rows], timeout=100,
                       env={"PATH": f"{tools}:{os.environ['PATH']}", "MATRIX": str(folder / "out")})


def test_a_row_that_fails_and_one_that_cannot_be_had(tmp_path):
    result = matrix(tmp_path, "gcc-99", "gcc-13")
    lines = result.stdout.splitlines()
    assert result.returncode == 1 and len(lines) == 4, str(result)
    assert lines[2].startswith("| gcc-99 | - |") and "not to be had here" in lines[2]
    assert lines[3].startswith("| gcc-13 | gcc-13 of the test |") and "FAILED" in lines[3]
    assert (tmp_path / "out/gcc-13.log").is_file()


def test_a_row_that_there_is_not(tmp_path):
    result = matrix(tmp_path, "turbo")
    assert result.returncode == 1 and "no row 'turbo'" in (tmp_path / "out/turbo.log").read_text(), str(result)
