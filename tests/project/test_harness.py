# SPDX-License-Identifier: BSD-3-Clause
"""The test runner itself: limits hold, nothing stays behind, passes and failures are told apart."""

import os
import sys
import textwrap
import time
from pathlib import Path

import pytest

import harness


# Names that no other run of these tests shows.
SLEEP, LONG_SLEEP = f"sleep 300.{os.getpid()}", f"sleep 301.{os.getpid()}"


def test_time_limit_ends_every_process_even_in_sessions_of_their_own(tmp_path):
    script = f"setsid {SLEEP} & setsid bash -c 'trap \"\" TERM; {SLEEP}' & {SLEEP}"
    start = time.monotonic()
    result = harness.run(["bash", "-c", script], timeout=0.5)
    assert result.timed_out and time.monotonic() - start < 10
    assert not processes_named(SLEEP)


def test_what_a_finished_program_left_running_is_ended():
    result = harness.run(["bash", "-c", f"setsid {LONG_SLEEP} >/dev/null 2>&1 & echo done"], timeout=20)
    assert result.stdout == "done\n" and not result.timed_out
    assert not processes_named(LONG_SLEEP)


def processes_named(text):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path.parent.name] if path.read_bytes().rstrip(b"\0") == text.replace(" ", "\0").encode() else []
        except OSError:
            pass  # it ended meanwhile
    return found


def test_ranks_run_under_mpirun():
    result = harness.run(["bash", "-c", "echo rank of $OMPI_COMM_WORLD_SIZE"], ranks=3, timeout=30)
    assert result.returncode == 0, str(result)
    assert result.stdout.split("\n").count("rank of 3") == 3


# A tree with one C test, whose program is a shell script: what does the runner make of it?
CASES = {
    # name: (comment in the source, program, words in the report, closing line)
    "passes": ("", "exit 0", "", "1 passed, 0 failed, 0 skipped"),
    "fails": ("", "echo the reason; exit 3", "the reason", "0 passed, 1 failed, 0 skipped"),
    "crashes": ("", "kill -SEGV $$", "exit -11", "0 passed, 1 failed, 0 skipped"),
    "hangs": ("/* timeout: 1 */", "sleep 60", "no end in 1 s", "0 passed, 1 failed, 0 skipped"),
    "warns": ("", "echo 'seisproc[2]: warning: odd' >&2", "unexpected in the log", "0 passed, 1 failed, 0 skipped"),
    "may_warn": ("/* may warn */", "echo 'seisproc: error: odd' >&2", "", "1 passed, 0 failed, 0 skipped"),
    "skips": ("", "echo no tape drive; exit 77", "no tape drive", "0 passed, 0 failed, 1 skipped"),
    "needs_data": ("/* needs data */", "exit 3", "no real data", "0 passed, 0 failed, 1 skipped"),
    "ranks": ("/* ranks: 1 2 */", "test $OMPI_COMM_WORLD_SIZE = 1", "[2 ranks]", "1 passed, 1 failed, 0 skipped"),
}


@pytest.mark.parametrize("name", CASES)
def test_verdict_on_a_compiled_test(name, tmp_path):
    comment, program, report, closing = CASES[name]
    tests, build = tmp_path / "tests", tmp_path / "build/tests/area"
    (tests / "area").mkdir(parents=True)
    build.mkdir(parents=True)
    for part in ("conftest.py", "dealing.py", "harness.py", "jobs.py", "pytest.ini"):
        (tests / part).write_text((harness.ROOT / "tests" / part).read_text())
    (tests / "area/test_it.c").write_text(f"{comment}\nint main(void) {{ return 0; }}\n")
    (build / "test_it").write_text(f"#!/bin/bash\n{textwrap.dedent(program)}\n")
    (build / "test_it").chmod(0o755)
    result = harness.run([sys.executable, "-m", "pytest", "-q", tests], timeout=60, cwd=tmp_path,
                         env={"SEISPROC_BUILD": tmp_path / "build", "SEISPROC_DATA": None})
    assert result.stdout.rstrip().split("\n")[-1] == closing, str(result)
    assert report in result.stdout
    assert (result.returncode == 0) == (" 0 failed" in closing)
