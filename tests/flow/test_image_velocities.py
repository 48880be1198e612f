# SPDX-License-Identifier: BSD-3-Clause
"""Velocities of pstm that are given as surveys: what their tables give, and what is refused."""

import h5py
import numpy as np

import jobs
from images import JOB, plan, write_survey


def velocity_survey(path, values, dt=0.02, **columns):
    """A trace a place, as an imported SEG-Y of velocities has them."""
    zeros = np.zeros((len(values), 2))
    return write_survey(path, np.asarray(values), zeros, zeros, dt=dt, **columns)


GRADIENT = 1800 + 5.0 * np.arange(40)


def lines_of(il, xl, values):
    return "# iline xline t v\n" + "".join(f"{a} {b} {20 * k} {v:.8g}\n" for a, b, row in zip(il, xl, values)
                                           for k, v in enumerate(row))


def test_velocities_from_a_survey_are_those_of_its_table(tmp_path, image_survey, seisproc):
    """By line numbers, by coordinates in whole numbers with a scalar, and one trace that holds everywhere."""
    il, xl = (v.ravel() for v in np.meshgrid([1, 5], [1, 9], indexing="ij"))
    values = (GRADIENT + 40.0 * il[:, None] + 10.0 * xl[:, None]).astype(np.float32)
    table = tmp_path / "v.txt"
    table.write_text(lines_of(il, xl, values))
    surveys = {
        "lines": velocity_survey(tmp_path / "lines.h5", values, iline=il.astype(np.int32), xline=xl.astype(np.int32)),
        "places": velocity_survey(tmp_path / "places.h5", values, scalco=np.full(4, -10, np.int32),
                                  cdpx=(-1000 + 250 * (xl - 1)).astype(np.int32),
                                  cdpy=(-500 + 250 * (il - 1)).astype(np.int32)),
    }
    images = {}
    for name, path in {"table": table, **surveys}.items():
        job = jobs.Job(tmp_path, image_survey, JOB, name="image-" + name)
        job.run(f"--set=chain.0.pstm.velocity={path}", ranks=3)
        with h5py.File(job.output) as f:
            images[name] = f["traces"][:]
    assert images["table"].any() and np.array_equal(images["lines"], images["table"])
    assert np.abs(images["places"] - images["table"]).max() < 1e-4 * np.abs(images["table"]).max()
    with h5py.File(surveys["places"], "a") as f:
        f["headers/cdpx"].attrs["units"] = f["headers/cdpy"].attrs["units"] = "degrees"
    job = jobs.Job(tmp_path, image_survey, JOB, name="image-degrees")
    stderr = plan(seisproc, job, f"--set=chain.0.pstm.velocity={surveys['places']}", check=1).stderr
    assert "is in 'degrees', allowed are m and ft" in stderr, stderr
    one = velocity_survey(tmp_path / "one.h5", np.full((2, 40), 2000.0), iline=np.int32([1, 2]),
                          xline=np.int32([1, 1]))
    job = jobs.Job(tmp_path, image_survey, JOB, name="image-one")
    job.run(f"--set=chain.0.pstm.velocity={one}", ranks=3)
    number = jobs.Job(tmp_path, image_survey, JOB, name="number")
    number.run(ranks=3)
    with h5py.File(job.output) as f, h5py.File(number.output) as g:
        assert np.allclose(f["traces"][:], g["traces"][:], rtol=1e-4, atol=1e-5 * np.abs(g["traces"][:]).max())


def bad_velocities(folder):
    """Surveys and files that hold no velocities of this image, and what is said of them."""
    il, xl = np.int32([1, 1]), np.int32([1, 9])
    good = np.tile(GRADIENT, (2, 1))
    spoiled = good.copy()
    spoiled[1, 3] = np.nan
    late, text, segy = folder / "late.txt", folder / "text.txt", folder / "v.sgy"
    late.write_text("0 1500\n1.5 2000\n3.0 2500\n")
    text.write_text("0 1500\n100 1600\n100 1700\n")
    segy.write_bytes(bytes(3600))
    velocity_survey(folder / "nan.h5", spoiled, iline=il, xline=xl)
    velocity_survey(folder / "slow.h5", good / 10, iline=il, xline=xl)
    velocity_survey(folder / "feet.h5", np.full((2, 40), 9500.0), iline=il, xline=xl)
    velocity_survey(folder / "nowhere.h5", good)
    velocity_survey(folder / "when.h5", good, iline=il, xline=xl, delrt=np.array([0, np.nan]))
    velocity_survey(folder / "far.h5", good, iline=il * 90000, xline=xl)
    velocity_survey(folder / "same.h5", good[[0, 1, 0]], iline=np.int32([1, 1, 1]), xline=np.int32([1, 9, 1]))
    return {"nan.h5": "iline 1, xline 9: found nan m/s at 60 ms", "slow.h5": "allowed is 300 to 12000",
            "feet.h5": "feet per second?", "when.h5": "found the time nan ms",
            "nowhere.h5": "tell its traces apart", "far.h5": "near the image",
            "same.h5": "two functions at iline 1, xline 1", "v.sgy": "is imported first", "late.txt": "seconds?",
            "text.txt": "text.txt:3: found the time 100 ms after 100", "absent.h5": "No such file"}


def test_velocities_that_are_refused(tmp_path, image_survey, seisproc):
    for name, words in bad_velocities(tmp_path).items():
        job = jobs.Job(tmp_path, image_survey, JOB)
        result = plan(seisproc, job, f"--set=chain.0.pstm.velocity={tmp_path / name}", check=1)
        lines = [line for line in result.stderr.splitlines() if "error:" in line]
        assert len(lines) == 1 and words in lines[0], (name, result.stderr)


def test_tables_as_editors_write_them(tmp_path, image_survey, seisproc):
    """A byte order mark, letters of any language in comments, lines that end as on Windows."""
    table = tmp_path / "v.txt"
    job = jobs.Job(tmp_path, image_survey, JOB)
    table.write_bytes("\ufeff# Geschwindigkeiten für Süd\r\n0 1500\r\n900 2500 # größer\r\n".encode())
    plan(seisproc, job, f"--set=chain.0.pstm.velocity={table}")
    table.write_bytes("0 1500\n900 ".encode() + b"\xc3\xbc" * 200 + b"\n")
    stderr = plan(seisproc, job, f"--set=chain.0.pstm.velocity={table}", check=1).stderr
    assert "neither a text table nor a survey" in stderr, stderr


def test_velocities_must_be_the_same_to_go_on(tmp_path, image_survey):
    """Other velocities that have the same range at each time are others."""
    table = tmp_path / "v.txt"
    il, xl = np.int32([1, 1]), np.int32([1, 9])
    table.write_text(lines_of(il, xl, np.array([GRADIENT, GRADIENT + 100])))
    job = jobs.Job(tmp_path, image_survey, JOB)
    setting = f"--set=chain.0.pstm.velocity={table}"
    running = job.start(setting, ranks=3)
    running.wait_for(lambda: job.journal.exists() and len(job.done()) > 3)
    running.kill_all()
    running.wait()
    table.write_text(lines_of(il, xl, np.array([GRADIENT + 100, GRADIENT])))
    result = job.run(setting, ranks=3, check=1)
    assert "was begun with chain.0.pstm.velocity" in result.stderr, result.stderr
