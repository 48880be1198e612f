# SPDX-License-Identifier: BSD-3-Clause
"""An output that was changed after it was written is found out, gather by gather; one that was not is not."""

import re
import shutil

import h5py
import numpy as np
import pytest

import jobs


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return jobs.make_survey(tmp_path_factory.mktemp("survey") / "in.h5", gathers=40, samples=300)


@pytest.fixture(scope="module")
def made(tmp_path_factory, survey):
    job = jobs.Job(tmp_path_factory.mktemp("made"), survey)
    job.run("--set=engine=cpu", ranks=3)
    return job.output


@pytest.fixture
def output(tmp_path, made):
    return shutil.copy(made, tmp_path / "out.h5")


def rows_of(path, gather):
    with h5py.File(path) as f:
        return slice(*(int(t) for t in f["gathers/first_trace"][gather:gather + 2]))


def flip(path, dataset, gather, trace=-1, sample=17, bit=3):
    """Flips one bit of one sample."""
    with h5py.File(path, "r+") as f:
        first, last = (int(t) for t in f["gathers/first_trace"][gather:gather + 2])
        at = (first + trace) if trace >= 0 else last + trace
        rows = f[dataset][at].view(np.uint32)
        rows[sample] ^= 1 << bit
        f[dataset][at] = rows.view(np.float32)


@pytest.mark.parametrize("ranks", [None, 1, 3, 7])
def test_a_good_output_passes(seisproc, survey, output, ranks):
    result = seisproc("verify", output, "--against", survey, ranks=ranks)
    with h5py.File(survey) as f:
        n = f["traces"].shape[0]
    assert re.search(rf"40 gathers, {n} traces", result.stdout)
    assert "all checksums agree" in result.stdout and "processed + noise is the input" in result.stdout
    assert "seisproc" not in result.stderr, "MPI may speak there, we do not"


@pytest.mark.parametrize("ranks", [None, 3, 4])
def test_each_flipped_bit_is_found_and_the_first_is_named(seisproc, output, ranks):
    flip(output, "traces", 31)
    flip(output, "noise", 12, trace=0, sample=0, bit=31)
    flip(output, "traces", 39, sample=299, bit=0)
    result = seisproc("verify", output, ranks=ranks, check=1)
    assert "3 gathers are not what was written" in result.stdout
    errors = result.stderr.strip().splitlines()
    with h5py.File(output) as f:
        key = f["gathers/key"][12]
    assert sum("gather" in e for e in errors) == 1
    assert f"gather 12 (fldr {key}) is the first bad one: /noise has checksum" in result.stderr


def test_all_bad_gathers_are_named_on_demand(seisproc, output):
    for gather in (0, 5, 38):
        flip(output, "traces", gather)
    result = seisproc("verify", output, "--all", check=1)
    assert [int(g) for g in re.findall(r"gather (\d+) \(fldr", result.stderr)] == [0, 5, 38]


def test_the_recorded_checksum_may_be_what_was_changed(seisproc, output):
    with h5py.File(output, "r+") as f:
        f["integrity/crc32c"][7, 0] ^= np.uint32(1)
    result = seisproc("verify", output, check=1)
    assert "gather 7 " in result.stderr


def test_checksums_are_crc32c_of_the_bytes(output):
    with h5py.File(output) as f:
        for gather in (0, 17):
            for column, name in enumerate(("traces", "noise")):
                rows = f[name][rows_of(output, gather)]
                assert jobs.crc32c(rows.tobytes()) == f["integrity/crc32c"][gather, column]


def set_rows(path, dataset, gather, change):
    """Changes a gather and its checksum, so that only the sum can tell."""
    rows = rows_of(path, gather)
    with h5py.File(path, "r+") as f:
        samples = f[dataset][rows]
        change(samples)
        f[dataset][rows] = samples
        f["integrity/crc32c"][gather, 0 if dataset == "traces" else 1] = jobs.crc32c(samples.tobytes())


def one_step(samples):
    samples[2, 5] = np.nextafter(samples[2, 5], np.float32(np.inf))


def not_a_number(samples):
    samples[1, 1] = np.nan


@pytest.mark.parametrize("change", [one_step, not_a_number])
def test_a_sum_that_is_not_the_input_is_found(seisproc, survey, output, change):
    set_rows(output, "noise", 9, change)
    seisproc("verify", output)
    result = seisproc("verify", output, "--against", survey, ranks=3, check=1)
    assert "1 gathers do not add up to the input" in result.stdout and "gather 9 " in result.stderr


def test_sorted_outputs_are_compared_through_their_map(seisproc, tmp_path, survey):
    job = jobs.Job(tmp_path, survey, jobs.JOB.replace("mode:", "sort: [offset]\nmode:"))
    job.run(ranks=3)
    seisproc("verify", job.output, "--against", survey, ranks=2)
    with h5py.File(job.output, "r+") as f:
        rows = rows_of(job.output, 4)
        order = f["sort_map"][rows]
        order[[0, 1]] = order[[1, 0]]
        f["sort_map"][rows] = order
    result = seisproc("verify", job.output, "--against", survey, check=1)
    assert "gather 4 " in result.stderr


@pytest.mark.parametrize("policy", ["passthrough", "zero"])
def test_gathers_that_failed_are_as_on_error_says(seisproc, tmp_path, survey, policy):
    bad = shutil.copy(survey, tmp_path / "bad.h5")
    with h5py.File(bad, "r+") as f:
        first = f["gathers/first_trace"][:].astype(int)
        f["traces"][first[3], 7] = np.nan
        f["traces"][first[8]:first[9]] = 0
        f["traces"][first[20]] = 0
    job = jobs.Job(tmp_path, bad)
    job.run(f"--set=on_error={policy}", check=2)
    result = seisproc("verify", job.output, "--against", bad, ranks=3)
    assert re.search(r"not finite +1 gathers", result.stdout) and re.search(r"dead gather +1 gathers", result.stdout)
    # a failed gather that is neither the input nor zero
    set_rows(job.output, "traces", 3, lambda samples: samples.fill(1))
    seisproc("verify", job.output, "--against", bad, check=1)


def test_a_part_is_checked_against_its_journal(seisproc, tmp_path, survey):
    job = jobs.Job(tmp_path, survey)
    running = job.start("--set=slab_mb=1", delay=400)
    assert running.wait_for(lambda: len(job.done()) >= 10)
    running.kill_all()
    running.wait()
    done = sorted(job.done())
    result = seisproc("verify", job.part, "--against", survey, ranks=3)
    assert f"{len(done)} gathers" in result.stdout
    assert re.search(rf"not on the disk yet +{40 - len(done)} gathers", result.stdout)
    flip(job.part, "traces", done[3])
    result = seisproc("verify", job.part, check=1)
    assert f"gather {done[3]} " in result.stderr
    result = job.run("--check-done")
    assert f"1 gathers that were done are not on the disk as they were written, and are computed again: {done[3]}\n" \
        in result.stderr, str(result)
    seisproc("verify", job.output)


def test_files_that_cannot_be_checked_are_refused_in_one_line(seisproc, tmp_path, survey, output):
    (tmp_path / "alone.h5.part").write_bytes(output.read_bytes())
    processed = jobs.Job(tmp_path, survey, jobs.JOB.replace("both", "processed"), name="processed")
    processed.run(ranks=3)
    other = jobs.make_survey(tmp_path / "other.h5", gathers=40, samples=300, seed=6)
    for arguments, words in (([survey], "no checksums"), ([tmp_path / "absent.h5"], "no such file"),
                             ([tmp_path / "alone.h5.part"], "journal"),
                             ([processed.output, "--against", survey], "mode both"),
                             ([output, "--against", other], "is not what")):
        for ranks in (None, 3):
            result = seisproc("verify", *arguments, ranks=ranks, check=1)
            errors = [line for line in result.stderr.splitlines() if line.startswith("seisproc")]
            assert len(errors) == 1 and words in errors[0], str(result)
