# SPDX-License-Identifier: BSD-3-Clause
"""pstm as a job: the image that the kernels give, the same bits on any number of ranks and in tiles, its stack."""

import re

import h5py
import numpy as np
import pytest

import harness
import jobs
from images import DT, VELOCITY, GRID, JOB, STACK, files, stack_of, two_offsets, write_survey, pstm_tool, ref


def test_image_is_that_of_the_kernels(tmp_path, image_survey, seisproc):
    """Class by class, with the areas of bins of 25 m."""
    job = jobs.Job(tmp_path, image_survey, JOB)
    job.run(ranks=4)
    assert job.files() == ["out.h5"]
    data, s, r = two_offsets()
    kernel = pstm_tool.Migration()
    with h5py.File(job.output) as f:
        image, hits = (f[name][:].reshape(45, 3, 150) for name in ("traces", "hits"))
        headers = {name: f["headers/" + name][:].reshape(45, 3) for name in f["headers"]}
    for k, offset in ((0, 190.0), (1, 300.0)):
        mine = np.abs(np.linalg.norm(r - s, axis=1) - offset) < 1
        k = 0 if offset == 190.0 else 2
        got = kernel.run(data[mine], DT, s[mine], r[mine], 625.0, GRID, VELOCITY, aperture=400.0, max_dip=60.0,
                         dip_taper=10.0)
        norm = np.linalg.norm(got.image, axis=1)
        assert (np.linalg.norm(image[:, k] - got.image, axis=1) < 1e-6 * norm).all() and norm.min() > 0
        assert np.array_equal(hits[:, k], got.hits)
        assert (headers["nhs"][:, k] == mine.sum()).all()
    kernel.close()
    assert not image[:, 1].any() and not hits[:, 1].any()
    assert np.allclose(np.column_stack([headers["cdpx"][:, 0], headers["cdpy"][:, 0]]), pstm_tool.grid_points(GRID))
    assert (headers["offset"] == [150, 250, 350]).all() and (headers["delrt"] == 4).all()
    assert (headers["iline"][:, 0] == np.repeat(np.arange(1, 6), 9)).all()
    assert (headers["xline"][:, 0] == np.tile(np.arange(1, 10), 5)).all()
    assert "all checksums agree" in seisproc("verify", job.output).stdout


def test_any_ranks_threads_and_tiles_give_the_same_bits(tmp_path, image_survey, image_hash):
    job = jobs.Job(tmp_path, image_survey, JOB)
    for ranks, threads in ((4, 2), (6, 1)):
        job.run("--restart", f"--set=threads={threads}", ranks=ranks)
        assert jobs.sha(job.output) == image_hash
        job.output.unlink()
    job.run("--set=chain.0.pstm.tile_mb=1", "--set=output=" + str(tmp_path / "tiles.h5"), ranks=4)
    whole = jobs.Job(tmp_path, image_survey, JOB)
    whole.run(ranks=3)
    with h5py.File(whole.output) as a, h5py.File(tmp_path / "tiles.h5") as b:
        assert np.array_equal(a["traces"][:], b["traces"][:]) and np.array_equal(a["hits"][:], b["hits"][:])


def test_an_image_is_a_survey_like_any_other(tmp_path, image_survey, seisproc):
    job = jobs.Job(tmp_path, image_survey, JOB)
    job.run(ranks=3)
    assert re.search(r"45 by iline \(.*\) and xline \(", seisproc("info", job.output).stdout)
    chain = jobs.Job(tmp_path, job.output, "input: {input}\noutput: {output}\ndead_traces: ignore\nchain:\n"
                     "  - bandpass: {{low: [3, 6], high: [40, 60]}}\n", name="chained")
    chain.run(ranks=3)
    seisproc("export", chain.output, tmp_path / "out.sgy")
    cube = jobs.Job(tmp_path, job.output, "input: {input}\noutput: {output}\ndead_traces: ignore\nchain:\n"
                    "  - fkk: {{vmax: 1500, cubes: [offset]}}\n", name="cubes")
    cube.run(ranks=3)
    with h5py.File(cube.output) as f, h5py.File(job.output) as g:
        assert f["traces"].shape == g["traces"].shape and not np.array_equal(f["traces"][:], g["traces"][:])
    assert (tmp_path / "out.sgy").stat().st_size > 135 * 600


def test_scalars_delays_and_bad_traces(tmp_path, image_survey):
    """Whole numbers with scalco, a delay, a NaN: the same image but for the trace that is absent."""
    data, s, r = two_offsets()
    whole = np.round(np.hstack([s, r]) * 100).astype(np.int32)
    scaled = write_survey(tmp_path / "scaled.h5", data[:, 10:], whole[:, :2], whole[:, 2:],
                          scalco=np.full(len(s), -100, np.int32), delrt=np.full(len(s), 40, np.int32))
    plain = write_survey(tmp_path / "plain.h5", data[:, 10:], whole[:, :2] / 100, whole[:, 2:] / 100,
                         delrt=np.full(len(s), 40.0))
    images = []
    for name, path in (("a", scaled), ("b", plain)):
        job = jobs.Job(tmp_path, path, JOB, name=name)
        job.run(ranks=3)
        with h5py.File(job.output) as f:
            images.append(f["traces"][:])
    assert np.abs(images[0] - images[1]).max() <= 1e-5 * np.abs(images[1]).max() and images[1].any()
    feet = write_survey(tmp_path / "feet.h5", data[:, 10:], whole[:, :2] / 30.48, whole[:, 2:] / 30.48,
                        delrt=np.full(len(s), 40.0))
    with h5py.File(feet, "r+") as f:
        for name in ("sx", "sy", "gx", "gy"):
            f["headers"][name].attrs["units"] = np.bytes_("ft")
    job = jobs.Job(tmp_path, feet, JOB, name="metres")
    assert "sx is in feet, and converted" in job.run(ranks=3).stderr
    with h5py.File(job.output) as f:
        assert np.abs(f["traces"][:] - images[1]).max() <= 1e-5 * np.abs(images[1]).max()
    data[5, 100] = np.nan
    job = jobs.Job(tmp_path, write_survey(tmp_path / "nan.h5", data, s, r), JOB, name="c")
    for peak in ("auto", "1000"):
        job.run("--restart", "--set=dead_traces=ignore", f"--set=chain.0.pstm.peak={peak}", ranks=3, check=2)
        with h5py.File(job.output) as f:
            assert np.isfinite(f["traces"][:]).all()
    data[5, 100] = 3e38  # finite, but its transform is not
    job = jobs.Job(tmp_path, write_survey(tmp_path / "large.h5", data, s, r), JOB, name="l")
    for peak in ("auto", "1000"):
        job.run("--restart", "--set=dead_traces=ignore", f"--set=chain.0.pstm.peak={peak}", ranks=3, check=2)
        with h5py.File(job.output) as f:
            assert np.isfinite(f["traces"][:]).all()
    data[5] = 0
    job = jobs.Job(tmp_path, write_survey(tmp_path / "dead.h5", data, s, r), JOB, name="d")
    job.run(ranks=3, check=2)
    job.run("--restart", "--set=dead_traces=ignore", ranks=3)


def test_stack_is_the_sum_over_classes(tmp_path, image_survey, image_hash, seisproc):
    """Beside an image that it does not change, the same on any number of ranks, a survey of its own."""
    hashes = set()
    for ranks in (3, 5):
        (tmp_path / f"{ranks}").mkdir()
        job = jobs.Job(tmp_path / f"{ranks}", image_survey, JOB)
        job.run(*STACK, ranks=ranks)
        assert files(job.folder) == ["out-stack.h5", "out.h5"]
        hashes.add(jobs.sha(stack_of(job)))
    assert len(hashes) == 1
    with h5py.File(job.output) as f, h5py.File(stack_of(job)) as g:
        image, hits = (f[name][:].reshape(45, 3, 150) for name in ("traces", "hits"))
        assert np.array_equal(g["traces"][:], image.astype(float).sum(axis=1).astype(np.float32))
        assert np.array_equal(g["hits"][:], hits.sum(axis=1)) and hits.any()
        assert (g["headers/nhs"][:] == f["headers/nhs"][:3].sum()).all() and not g["headers/offset"][:].any()
        for name in ("iline", "xline", "cdp", "cdpx", "cdpy", "delrt"):
            assert np.array_equal(g["headers/" + name][:], f["headers/" + name][::3])
    assert "all checksums agree" in seisproc("verify", stack_of(job)).stdout
    assert re.search(r"45 by iline", seisproc("info", stack_of(job)).stdout)


def test_stack_takes_no_other_files_place(tmp_path, image_survey):
    job = jobs.Job(tmp_path, image_survey, JOB)
    stack_of(job).write_bytes(image_survey.read_bytes())
    before = jobs.sha(stack_of(job))
    result = job.run(*STACK, ranks=3, check=1)
    lines = [line for line in result.stderr.splitlines() if "error:" in line]
    assert len(lines) == 1 and "not the stack of out.h5" in lines[0]
    assert jobs.sha(stack_of(job)) == before and not job.output.exists()


def test_grid_follows_from_line_numbers(tmp_path):
    """iline, xline, cdpx, cdpy of a turned grid, in-lines that run the other way."""
    s, r, _ = ref.common_offset(200.0, 25.0, 100.0, 0.0)
    middle = (s + r) / 2
    xl, il = np.round(middle[:, 0] / 25).astype(np.int32) + 100, 500 - np.round(middle[:, 1] / 25).astype(np.int32)
    data = ref.plane(s, r, 200, DT, VELOCITY, 20.0, 300.0, 0.0, 0.0, 0.2)
    survey = write_survey(tmp_path / "in.h5", data, s, r, iline=il.astype(np.int32), xline=xl, cdpx=middle[:, 0],
                          cdpy=middle[:, 1])
    job = jobs.Job(tmp_path, survey, "input: {input}\noutput: {output}\nengine: cpu\nchain:\n"
                   "  - pstm: {{velocity: 2000, ntau: 100, aperture: 200}}\n")
    job.run(ranks=3)
    with h5py.File(job.output) as f:
        got = np.column_stack([f["headers/cdpx"][:], f["headers/cdpy"][:]])
        numbers = np.column_stack([f["headers/xline"][:], f["headers/iline"][:]])
    assert len(got) == 17 * 17
    assert np.allclose(got, np.column_stack([(numbers[:, 0] - 100) * 25.0, (500 - numbers[:, 1]) * 25.0]), atol=1e-6)


def test_synthetic_scatterers_and_planes_are_found_again(tmp_path, seisproc):
    """synth --diffractors says where things are; the image has them there, as far as this sparse a survey goes."""
    survey = tmp_path / "in.h5"
    said = seisproc("synth", survey, "--diffractors", "--gathers=100", "--traces=100", "--samples=320",
                    "--interval-ms=4", "--spread=0").stdout
    x, y = (float(v.split()[1]) for v in said.split("below ")[1].split(" at ")[0].split(", "))
    job = jobs.Job(tmp_path, survey, "input: {input}\noutput: {output}\nengine: cpu\nchain:\n"
                   f"  - pstm: {{{{velocity: 2000, origin: [{x}, {y}], dx: 25, nx: 1, dy: 50, geometry: 3d, "
                   "aperture: 600, spacing: [25, 50], max_dip: 45, ntau: 300}}\n")
    job.run(ranks=4)
    with h5py.File(job.output) as f:
        trace, tau = f["traces"][0].astype(float), DT * np.arange(1, 301)
    for time_s, least, most in ((0.5, 0.01, 0.04), (0.65, 0.1, 0.25), (1.15, 0.1, 0.25)):
        near = np.abs(tau - time_s) < 0.025
        at, value = ref.peak(tau[near], trace[near])
        assert abs(at - time_s) < DT and least < value < most


def test_worked_example_of_the_page(tmp_path, seisproc):
    """docs/migration.md, command by command: the stack has the planes where and as strong as it says."""
    page = (harness.ROOT / "docs/migration.md").read_text()
    section = page.split("## From SEG-Y to a stacked image")[1].split("\n## ")[0]
    commands = [line.split("#")[0].split() for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
                for line in block.splitlines()]
    (tmp_path / "pstm.yaml").write_text(re.search(r"```yaml\n(.*?)```", section, re.DOTALL)[1])
    assert [c[1] for c in commands] == ["synth", "export", "import", "plan", "run", "info", "export"]
    said = [seisproc(*words[1:], cwd=tmp_path).stdout for words in commands]
    assert re.search(r"contributions within 600 m.*core-seconds", said[3]) and "memory" in said[3]
    with h5py.File(tmp_path / "line-pstm-stack.h5") as f, h5py.File(tmp_path / "line-pstm.h5") as g:
        assert f["traces"].shape == (9, 300) and g["traces"].shape == (18, 300)
        stack, x = f["traces"][:].astype(float), f["headers/cdpx"][:]
    tau = DT * np.arange(1, 301)
    for column in np.flatnonzero(np.abs(x - 500225) < 60):
        dipping = 1.15 + 2 * (x[column] - 500225) * np.sin(np.radians(10.0)) / VELOCITY
        for time_s, value in ((0.65, 0.26), (dipping, 0.30)):
            near = np.abs(tau - time_s) < 0.03
            at, got = ref.peak(tau[near], stack[column][near])
            assert abs(at - time_s) < DT and got == pytest.approx(value, abs=0.012), (x[column], at, got)
    size = (tmp_path / "stack.sgy").stat().st_size
    assert size == 3600 + 9 * (240 + 4 * 300)
