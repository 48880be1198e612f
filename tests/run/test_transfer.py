# SPDX-License-Identifier: BSD-3-Clause
"""How samples are moved: together or by each rank itself, to the same bytes; what is chosen, said and done about a rank
that does not come; and what is late is computed by another worker."""

import json
import os
import re
import signal
import time

import h5py
import pytest

import harness
import jobs

TOGETHER = ["--set=transfer=collective"]


def report_of(job, *arguments, **options):
    path = job.folder / "report.json"
    result = job.run(f"--report={path}", *arguments, **options)
    return result, json.loads(path.read_text())


@pytest.mark.parametrize("workers, io_ranks, nodes, arguments", [
    (1, 1, 1, []), (2, 1, 1, []), (3, 2, 1, []), (5, 2, 1, ["--set=aggregators=1"]),
    (4, 1, 2, []), (4, 1, 2, ["--set=group=all", "--set=aggregators=2"]),
])
def test_the_same_bytes_together(tmp_path, survey, expected, workers, io_ranks, nodes, arguments):
    ranks = 1 + nodes * io_ranks + workers
    env = {"SEISPROC_RANKS_PER_NODE": (ranks + 1) // 2} if nodes == 2 else {}
    job = jobs.Job(tmp_path, survey)
    result, report = report_of(job, f"--set=io_ranks={io_ranks}", *TOGETHER, *arguments, ranks=ranks, env=env)
    assert jobs.sha(job.output) == expected
    read, write = report["transfer"]["read"], report["transfer"]["write"]
    assert read["chosen"] == write["chosen"] == "collective"
    assert read["ranks"] == workers and write["ranks"] == nodes * io_ranks
    assert read["steps"] > 3 and write["steps"] > 3 and read["failed"] == write["failed"] == 0


def test_a_run_changes_its_transfers_and_goes_on(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    for i, arguments in enumerate([TOGETHER, ["--set=transfer=independent"], TOGETHER]):
        running = job.start(*arguments, ranks=5, delay=200)
        assert running.wait_for(lambda n=20 * i: len(job.done()) > n)
        running.kill_all()
        running.wait(10)
    job.run(ranks=4)
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]


def test_auto_leaves_what_costs_too_much_and_says_so(tmp_path, survey, expected):
    """Slabs take between nothing and 60 ms, so the workers wait for each other much of the time."""
    job = jobs.Job(tmp_path, survey)
    result, report = report_of(job, "--set=slab_mb=1", ranks=4, delay=60, env={"SEISPROC_LOG": "debug"})
    assert jobs.sha(job.output) == expected
    read = report["transfer"]["read"]
    assert read["chosen"] == "collective" and "less than 3 % of the time" in read["why"]
    assert read["left"] or read["steps"] < 20
    if read["left"]:
        assert len(re.findall(r"waited for each other [\d.]+ % of the time", result.stderr)) == 1
    assert report["transfer"]["write"]["chosen"] == "independent"


def plan(job, *arguments, env=None, check=0):
    result = harness.run([harness.BINARY, "plan", job.path, "--json", *arguments], tmp=job.folder, env=env)
    assert result.returncode == check, str(result)
    return json.loads(result.stdout)["transfer"] if check == 0 else result.stderr


def test_plan_says_which_transfers_and_why(tmp_path, survey):
    job = jobs.Job(tmp_path, survey)
    chosen = plan(job, "--set=workers=2")
    assert chosen["read"] == "collective" and "groups of a node" in chosen["read_why"]
    assert chosen["write"] == "independent" and "none that is known as parallel" in chosen["write_why"]
    assert "one worker" in plan(job, "--set=workers=1")["read_why"]
    chosen = plan(job, "--set=workers=2", "--set=transfer.read=independent")
    assert (chosen["read"], chosen["read_why"]) == ("independent", "the job asks for it")
    lustre = {"SEISPROC_FILE_SYSTEM": "Lustre"}
    assert plan(job, env=lustre)["write"] == "independent"  # one I/O rank
    chosen = plan(job, "--set=io_ranks=2", env=lustre)
    assert (chosen["write"], chosen["write_why"]) == ("collective", "the output lies on Lustre")
    assert "romio_cb_write=disable" in chosen["hints"] and chosen["stripe"] == {"count": -1, "bytes": 4 << 20}


def test_plan_says_hints_and_stripes(tmp_path, survey):
    job = jobs.Job(tmp_path, survey)
    chosen = plan(job, "--set=workers=2")
    assert chosen["hints"] is None and chosen["stripe"] is None
    assert "a=b" in plan(job, "--set=workers=2", "--set=mpi_hints=a=b")["hints"]
    lustre = {"SEISPROC_FILE_SYSTEM": "Lustre"}
    arguments = ["--set=io_ranks=2", "--set=aggregators=1", "--set=mpi_hints=a=b", "--set=stripe.count=3",
                 "--set=stripe.unit=1"]
    chosen = plan(job, *arguments, env=lustre)
    hints = dict(hint.split("=") for hint in chosen["hints"].split(", "))
    assert hints["romio_cb_write"] == "enable" and hints["cb_nodes"] == "1" and hints["a"] == "b"
    assert int(hints["cb_buffer_size"]) % 2**20 == 0 and chosen["stripe"] == {"count": 3, "bytes": 1 << 20}
    text = harness.run([harness.BINARY, "plan", job.path, *arguments], tmp=job.folder, env=lustre).stdout
    assert f"MPI-IO is told {chosen['hints']}\n" in text
    assert "a new output is striped over 3 storage targets, 1 MB in a row\n" in text


def test_what_cannot_be_had_is_refused_or_done_without(tmp_path, survey):
    job = jobs.Job(tmp_path, survey)
    ompio = {"OMPI_MCA_io": "ompio"}
    assert "OMPIO" in plan(job, "--set=workers=2", env=ompio)["read_why"]
    said = plan(job, *TOGETHER, env=ompio, check=1)
    assert "transfer.read: collective cannot be had" in said and "OMPIO" in said
    result = job.run(*TOGETHER, check=1, env=ompio)
    assert "OMPIO" in result.stderr and not job.part.exists()
    assert "not to be set" in plan(job, "--set=mpi_hints=romio_cb_read=enable", check=1)
    assert "KEY=VALUE" in plan(job, "--set=mpi_hints=romio", check=1)


def test_traces_of_another_type_are_not_read_together(tmp_path, survey):
    other = tmp_path / "double.h5"
    with h5py.File(survey) as a, h5py.File(other, "w") as b:
        for name in a:
            if name != "traces":
                a.copy(name, b)
        b.attrs.update(a.attrs)
        b.create_dataset("traces", data=a["traces"][:].astype(">f4"))
        b["traces"].attrs.update(a["traces"].attrs)
    job = jobs.Job(tmp_path, other)
    assert "another type" in plan(job, "--set=workers=2")["read_why"]
    job.run(ranks=4)


@pytest.mark.parametrize("text, allowed", [
    ("transfer: sometimes", "auto, collective, independent"),
    ("transfer: [auto]", r"auto, collective, independent or \{read: ..., write: ...\}"),
    ("transfer: {read: auto, seek: auto}", "transfer.read, transfer.write"),
    ("stripe: 4", r"\{count: N, unit: MB\}"), ("stripe: {count: 0}", "from 1 to 65536"),
])
def test_mistakes_are_one_line(tmp_path, survey, text, allowed):
    job = jobs.Job(tmp_path, survey, text=jobs.JOB + text.replace("{", "{{").replace("}", "}}") + "\n")
    lines = [line for line in plan(job, check=1).splitlines() if "out.yaml" in line]
    assert len(lines) == 1 and re.search(allowed, lines[0]), lines


def test_the_hints_reach_mpi_io(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey, text=jobs.JOB + 'transfer: {{read: independent, write: collective}}\n'
                   'aggregators: 1\nmpi_hints: "seisproc_test=7, striping_unit=65536"\n')
    result, report = report_of(job, "--set=io_ranks=2", ranks=5, env={"SEISPROC_LOG": "debug"})
    said = dict(re.findall(r"out.h5.part: MPI-IO hint (\w+)=(\S+)", result.stderr))
    assert said["romio_cb_read"] == "disable" and said["romio_cb_write"] == "enable" and said["cb_nodes"] == "1"
    planned = dict(hint.split("=") for hint in report["transfer"]["hints"].split(", "))
    assert planned["seisproc_test"] == "7" and report["transfer"]["stripe"] is None
    # Open MPI 5 chooses its aggregators before this one reaches ROMIO
    assert all(said[key] == value for key, value in planned.items() if key in said and key != "cb_config_list")
    assert said["striping_unit"] == "65536" and int(said["cb_buffer_size"]) % (4 << 20) == 0
    assert report["transfer"]["read"]["chosen"] == "independent" and jobs.sha(job.output) == expected


def test_an_output_on_lustre_is_striped(tmp_path, survey):
    """With a pretended file system and tool."""
    tool, log = tmp_path / "bin/lfs", tmp_path / "lfs.log"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" >> {log}\nfor file; do :; done\n: > "$file"\n')
    tool.chmod(0o755)
    env = {"SEISPROC_FILE_SYSTEM": "Lustre", "PATH": f"{tool.parent}:{os.environ['PATH']}"}
    job = jobs.Job(tmp_path, survey)
    _, report = report_of(job, "--set=stripe.count=3", "--set=stripe.unit=1", env=env)
    assert report["transfer"]["stripe"] == {"count": 3, "bytes": 1 << 20}
    assert log.read_text().split()[:5] == ["setstripe", "-c", "3", "-S", "1048576"]
    with h5py.File(job.output) as f:
        assert f["traces"].id.get_offset() % 2**20 == 0 and f["noise"].id.get_offset() % 2**20 == 0
    tool.unlink()
    result = job.run("--restart", env={**env, "PATH": "/usr/bin:/bin"})
    assert "lfs setstripe` is not there" in result.stderr
    with h5py.File(job.output) as f:
        assert f["traces"].id.get_offset() % (4 << 20) == 0


# --- who does not come --------------------------------------------------------------------------------------------


def stop_one(job, rank, *arguments, ranks=None):
    """Starts a job and stops a rank in the midst of it; returns what it said until its end."""
    running = job.start("--set=collective_timeout=3", *TOGETHER, *arguments, ranks=ranks, delay=200)
    assert running.wait_for(lambda: len(job.done()) >= 5)
    assert running.kill(rank, signal.SIGSTOP)
    return running.wait(60)


@pytest.mark.parametrize("rank, kind, arguments", [
    (3, "read", ["--set=workers=2"]), (2, "write", ["--set=workers=2", "--set=io_ranks=2"])])
def test_a_rank_that_does_not_come_is_named_and_the_job_goes_on_without(tmp_path, survey, expected, rank, kind,
                                                                        arguments):
    job = jobs.Job(tmp_path, survey)
    result = stop_one(job, rank, "--set=threads=1", *arguments)
    assert result.returncode == 0, str(result)
    said = re.findall(rf"rank (\d+) did not come to a collective {kind} that 1 ranks wait in, for [34] s: "
                      r"(\S+) on (\S+), process", result.stderr)
    role = "worker" if kind == "read" else "i/o"
    assert len(said) == 1 and said[0][:2] == (str(rank), role), str(result)
    again = result.stderr.split("starting again")[-1]
    itself = "reads" if kind == "read" else "writes"
    assert again.count(f"each rank {itself} by itself from now on") == 1, str(result)
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]
    assert job.history_lines("late")[0][1:3] == [kind, str(rank)]


# --- what is late -------------------------------------------------------------------------------------------------


@pytest.mark.timeout(120)
def test_what_a_stopped_worker_had_is_done_by_the_others(tmp_path, survey, expected):
    """All is on the disk while one of three workers sleeps; the job ends when that one has woken up."""
    job = jobs.Job(tmp_path, survey)
    running = job.start("--set=transfer=independent", ranks=5, delay=60)
    assert running.wait_for(lambda: len(job.done()) >= 10)
    assert running.kill(3, signal.SIGSTOP)
    stopped = time.monotonic()
    assert running.wait_for(lambda: len(job.done()) == 80, timeout=60), running.end()
    assert running.is_alive()
    time.sleep(max(0, 10 - (time.monotonic() - stopped)))
    assert running.kill(3, signal.SIGCONT)
    result = running.wait(60)
    assert result.returncode == 0 and "not the same" not in result.stderr, str(result)
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]
