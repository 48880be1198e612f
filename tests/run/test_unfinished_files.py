# SPDX-License-Identifier: BSD-3-Clause
"""What lies beside an output in the making, given to every command: `info` and `verify` take it for what it is, all
others refuse it in one line, and nothing is written or changed."""

import pytest

import harness
import jobs

TEXT = jobs.JOB.replace("engine: mock", "engine: cpu").replace("slab_mb: 1", "slab_mb: 5")
COMMANDS = ["export {} new.sgy", "view {} --gather=#1 --output=new.svg", "compare {survey} {}",
            "qc {} --output=new.html", "window {} new.h5 --gathers=every:2", "regroup {} new.h5 --gather=offset",
            "header {} --set=offset=offset", "header {} --set=offset=1 -o new.h5", "pack {} new.h5 --codec=lz4",
            "unpack {} new.h5", "plan new.yaml", "sweep new.yaml --vary=chain.0.dwt.k=2,3", "run new.yaml"]
BY_OPTION = ["view {survey} --gather=#1 --against={} --output=new.svg",
             "sweep out.yaml --vary=chain.0.dwt.k=2,3 --clean={}"]


@pytest.mark.parametrize("pack,fault,left,words", [
    ("", "after_append:4", "out.h5.part", "in the making"),
    ("pack: lz4\n", "after_append:4", "out.h5.part", "in the making"),
    ("pack: lz4\n", "pack_journalled:1", "out.h5.plain", "in the making"),
    ("pack: lz4\n", "pack_journalled:1", "out.h5.packed", "not an HDF5 file")])
def test_it_is_refused_or_taken_for_what_it_is(tmp_path, seisproc, pack, fault, left, words):
    survey = jobs.make_survey(tmp_path / "in.h5", gathers=64, traces=120, samples=500)
    job = jobs.Job(tmp_path, survey, TEXT + pack)
    job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": fault}, check=None)
    other = tmp_path / "new.yaml"
    other.write_text(TEXT.format(input=tmp_path / left, output=tmp_path / "new.h5"))
    before = {p: p.read_bytes() for p in sorted(tmp_path.iterdir()) if p.is_file()}
    for command in COMMANDS + (BY_OPTION if words == "in the making" else []):
        arguments = command.format(tmp_path / left, survey=survey).split()
        done = seisproc(*arguments, cwd=tmp_path, check=1)
        said = [line for line in done.stderr.splitlines() if "error: " in line]
        assert len(said) == 1 and words in said[0] and left in said[0], str(done)
        now = {p: p.read_bytes() for p in sorted(tmp_path.iterdir()) if p.is_file()}
        assert now == before, (command, sorted(p.name for p in now))
    if left != "out.h5.packed":
        assert "in the making" in seisproc("info", tmp_path / left).stdout
        checked = seisproc("verify", tmp_path / left, check=0 if left == "out.h5.part" else 1)
        assert ("BAD" in checked.stdout) == (left == "out.h5.plain"), str(checked)
    job.run()
