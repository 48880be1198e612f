"""`seisproc plan` tells what a job would do, and does nothing."""

import re

JOB = """\
input: {folder}/in.h5
output: {folder}/out.h5
mode: {mode}
workers: 2
threads: 1
slots: 4
slab_mb: 1
chain:
  - mute: {{velocity: 1500}}
  - dwt: {{k: 3}}
"""


def plan(seisproc, folder, *more, mode="both", **kwargs):
    seisproc("synth", folder / "in.h5", "--gathers=40", "--traces=50", "--samples=300", "--seed=2", "--quiet")
    (folder / "job.yaml").write_text(JOB.format(folder=folder, mode=mode))
    before = sorted(p.name for p in folder.iterdir())
    result = seisproc("plan", folder / "job.yaml", *more, **kwargs)
    assert sorted(p.name for p in folder.iterdir()) == before
    return result.stdout


def test_says_what_would_run(seisproc, tmp_path):
    text = plan(seisproc, tmp_path)
    traces = int(re.search(r"40 gathers by \S+, (\d+) traces of 300 samples at 2 ms", text).group(1))
    assert "chain.1.dwt.k: 3" in text and "chain.0.mute.velocity: 1500" in text
    assert re.search(r"ranks +4: 1 coordinator, 1 I/O, 2 workers of 1 threads", text)
    slab = float(re.search(r"slots of ([\d.]+) MB", text).group(1))
    assert 0.9 < slab <= 1.0 + 0.12  # never less than the largest gather, which is smaller here
    worker = float(re.search(r"a worker (\d+) MB", text).group(1))
    assert abs(worker - slab * (2 + 2 * 4)) < 1
    assert f"{2 * traces * 300 * 4 / 1e9:.2f} GB of samples" in text
    assert "computing" in text and "expect the slower" in text


def test_overrides_count(seisproc, tmp_path):
    text = plan(seisproc, tmp_path, "--set=chain.1.dwt.k=2.5", "--set=workers=3")
    assert "chain.1.dwt.k: 2.5" in text and "3 workers" in text


def test_an_output_that_is_there_is_told_of(seisproc, tmp_path):
    plan(seisproc, tmp_path)
    seisproc("run", tmp_path / "job.yaml", "--quiet", "--set=dead_traces=ignore", timeout=60)
    assert "it is there already" in seisproc("plan", tmp_path / "job.yaml").stdout


def test_mistakes_are_one_line(seisproc, tmp_path):
    result = seisproc("plan", tmp_path / "absent.yaml", check=1)
    assert len(result.stderr.splitlines()) == 1 and "absent.yaml" in result.stderr
