# SPDX-License-Identifier: BSD-3-Clause
"""`regroup` and `header` in place, killed at random moments: one goes on to the same bytes, the other leaves the survey
as it was or as it was to be. KILLS in the environment asks for more of them, SEED for others."""

import hashlib
import os
import random
import shutil
import time

import h5py
import numpy as np
import pytest

import harness
import jobs

KILLS = int(os.environ.get("KILLS", "6"))
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 1 << 30)


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return jobs.make_survey(tmp_path_factory.mktemp("survey") / "in.h5", gathers=60, traces=120, samples=400)


def run_until(command, ranks, seconds, tmp):
    """Starts it and kills all of it after some time; whether it was still there."""
    running = jobs.Running(command, ranks, None, tmp)
    time.sleep(seconds)
    alive = running.is_alive()
    running.kill_all()
    running.end()
    return alive


def test_regroup_goes_on_to_the_same_bytes(tmp_path, survey, seisproc):
    chance = random.Random(SEED)
    begun = time.monotonic()
    seisproc("regroup", survey, tmp_path / "whole.h5", "--gather=cdp", "--sort=offset", "--quiet", ranks=3)
    most = time.monotonic() - begun
    command = [harness.BINARY, "regroup", survey, tmp_path / "out.h5", "--gather=cdp", "--sort=offset", "--quiet"]
    killed = 0
    for _ in range(KILLS):
        killed += run_until(command, chance.choice([None, 2, 3, 5]), chance.uniform(0, most), tmp_path)
        if (tmp_path / "out.h5").exists():
            assert jobs.sha(tmp_path / "out.h5") == jobs.sha(tmp_path / "whole.h5"), f"SEED={SEED}"
            (tmp_path / "out.h5").unlink()
    result = harness.run(command, ranks=chance.choice([None, 2]), timeout=120, tmp=tmp_path)
    assert result.returncode == 0, f"SEED={SEED}\n{result}"
    assert jobs.sha(tmp_path / "out.h5") == jobs.sha(tmp_path / "whole.h5"), f"SEED={SEED}, {killed} killed"
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("out")) == ["out.h5"]


def contents(path):
    """Every dataset but the column that is changed, by a hash, and that column."""
    found, mine = {}, None
    with h5py.File(path) as f:
        def look(name, thing):
            nonlocal mine
            if name == "headers/mine":
                mine = thing[:]
            elif isinstance(thing, h5py.Dataset):
                found[name] = hashlib.sha256(thing[()].tobytes()).hexdigest()
        f.visititems(look)
        offset = f["headers/offset"][:]
    return found, mine, offset


def test_header_in_place_is_done_or_not(tmp_path, survey, seisproc):
    chance = random.Random(SEED)
    path = shutil.copy(survey, tmp_path / "in.h5")
    begun = time.monotonic()
    seisproc("header", path, "--set=mine = offset")
    most = time.monotonic() - begun
    others, mine, offset = contents(path)
    assert np.array_equal(mine, offset)
    for i in range(1, KILLS + 1):
        before = jobs.sha(path)
        command = [harness.BINARY, "header", path, f"--set=mine = offset + {i}"]
        run_until(command, None, chance.uniform(0, most), tmp_path)
        back = seisproc("header", path, check=None)  # takes back what was cut off, where anything was
        assert back.returncode == 0 or "nothing to --set" in back.stderr, f"SEED={SEED}\n{back}"
        now, values, _ = contents(path)
        assert now == others, f"SEED={SEED}"
        if not np.array_equal(values, offset + i):
            assert jobs.sha(path) == before, f"SEED={SEED}, kill {i}"
            assert np.array_equal(values, mine), f"SEED={SEED}, kill {i}"
        mine = values
        seisproc("info", path)
    seisproc("header", path, "--set=mine = offset - 1")
    assert np.array_equal(contents(path)[1], offset - 1)
    assert not [p for p in tmp_path.iterdir() if "undo" in p.name or "spool" in p.name]
