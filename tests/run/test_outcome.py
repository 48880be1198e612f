# SPDX-License-Identifier: BSD-3-Clause
"""What a run leaves for those who watch over many: report and metrics, whoever comes to write them."""

import json
import re
import shutil
import signal

import h5py
import numpy as np
import pytest

import harness
import jobs

LAYOUT = ["--set=workers=2", "--set=threads=1", "--set=nan=gather"]


def files(folder):
    return [f"--report={folder}/report.json", f"--prometheus={folder}/run.prom"]


# --- metrics, read as strictly as Prometheus does -------------------------------------------------------------

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})\{{({LABEL}(?:,{LABEL})*)\}} (\S+)")
UNITS = ("_seconds", "_bytes", "_code", "_info", "_units", "_done", "_flagged")


def read_metrics(path):
    """{(name, ((label, value), ...)): value}; every metric has its HELP and TYPE before it, and comes once."""
    found, described = {}, []
    for line in path.read_text().splitlines():
        if line.startswith("# HELP "):
            name, text = re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line).groups()
            assert name not in described and name.startswith("seisproc_run_") and name.endswith(UNITS), line
            described.append(name)
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {described[-1]} gauge", line
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            assert name == described[-1], line
            key = (name, tuple(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)))
            assert key not in found, line
            found[key] = float(value)
    assert path.read_text().endswith("\n")
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        return found
    families = list(text_string_to_metric_families(path.read_text()))
    assert sum(len(f.samples) for f in families) == len(found)
    return found


def value_of(metrics, name, **labels):
    """The value of the one sample of this name that has these labels."""
    values = [v for (n, has), v in metrics.items()
              if n == f"seisproc_run_{name}" and labels.items() <= dict(has).items()]
    assert len(values) == 1, (name, labels, metrics)
    return values[0]


# --- tests ------------------------------------------------------------------------------------------------------


def test_report_and_metrics_of_a_run_that_is_partial(tmp_path, survey):
    bad = tmp_path / "in.h5"
    shutil.copy(survey, bad)
    with h5py.File(bad, "r+") as f:
        f["traces"][7, 5] = np.nan
        n_bytes = f["traces"].size * 4
    job = jobs.Job(tmp_path, bad, name='o"u\\t')
    job.path.write_text(jobs.JOB.format(input=bad, output=json.dumps(str(job.output))))
    job.run(*LAYOUT, *files(tmp_path), ranks=None, check=2)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["schema"] == "seisproc run report" and report["schema_version"] == 1
    assert (report["exit_code"], report["error"]) == (2, None)
    assert re.fullmatch(r"[0-9a-f-]{36}", report["uuid"]) and report["host"] and report["version"]
    assert report["job"]["output"] == str(job.output) and len(report["job"]["fingerprint"]) == 32
    assert report["units"] == {"kind": "gather", "all": 80, "done": 80, "done_before": 0,
                               "by_reason": {"not finite": 1}}
    assert report["read_bytes"] == n_bytes and report["written_bytes"] == 2 * n_bytes  # mode: both
    assert report["cores"] >= 1 and report["gpus"] == 0 and report["gpu_hours"] == 0
    assert report["core_hours"] == pytest.approx(report["cores"] * report["elapsed_s"] / 3600)
    assert report["cpu_hours"] * 3600 >= sum(r["cpu_s"] for r in report["ranks"]) > 0
    history = job.history_lines("result")[0]
    assert history[1:3] == ["2", "80/80"] and history[-1] == "2=1"

    metrics = read_metrics(tmp_path / "run.prom")
    output = str(job.output).replace("\\", "\\\\").replace('"', '\\"')
    assert value_of(metrics, "exit_code", output=output) == 2
    assert value_of(metrics, "units_flagged", reason="not finite") == 1
    assert value_of(metrics, "units_done", kind="gather") == value_of(metrics, "units") == 80
    assert value_of(metrics, "read_bytes") == n_bytes
    seconds = value_of(metrics, "end_time_seconds") - value_of(metrics, "start_time_seconds")
    assert seconds == pytest.approx(value_of(metrics, "elapsed_seconds"), abs=1e-3)
    assert value_of(metrics, "core_seconds") == pytest.approx(seconds * report["cores"], rel=1e-3)
    assert not list(tmp_path.glob("*.new*"))

    job.run(*LAYOUT, *files(tmp_path), ranks=None, check=2)  # complete already
    assert json.loads((tmp_path / "report.json").read_text())["units"]["done_before"] == 80


def test_the_page_for_operators_lists_what_is_written(tmp_path, survey):
    """Members of the report that every run writes, and all metrics; those left out are of jobs with these alone."""
    page = (harness.ROOT / "docs/operators.md").read_text()
    _, members, metrics = (re.findall(r"^\| (`[^|]*) \|", part, re.MULTILINE) for part in page.split("\n## "))
    members = re.findall(r"`(\w+)`", " ".join(m for m in members if "`ranks`" not in m))
    metrics = set(re.findall(r"`(\w+)`", " ".join(metrics)))
    shutil.copy(survey, tmp_path / "in.h5")
    with h5py.File(tmp_path / "in.h5", "r+") as f:
        f["traces"][7, 5] = np.nan
    job = jobs.Job(tmp_path, tmp_path / "in.h5")
    job.run(*LAYOUT, *files(tmp_path), ranks=None, check=2)
    report = list(json.loads((tmp_path / "report.json").read_text()))
    assert set(members) - {"samples", "packing", "faint_traces"} == set(report[:report.index("units") + 1])
    assert metrics == set(re.findall(r"^(seisproc_\w+)", (tmp_path / "run.prom").read_text(), re.MULTILINE))


def test_what_is_refused_leaves_report_and_metrics(tmp_path):
    job = jobs.Job(tmp_path, tmp_path / "none.h5")
    with open(job.path, "a") as f:
        f.write(f"metrics: {tmp_path}/key.prom\n")
    job.run(f"--report={tmp_path}/report.json", ranks=None, check=1)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["exit_code"] == 1 and "none.h5" in report["error"] and "units" not in report
    assert value_of(read_metrics(tmp_path / "key.prom"), "exit_code") == 1


@pytest.mark.parametrize("how", ["asked to stop", "killed"])
def test_a_job_that_ends_early_leaves_report_and_metrics(tmp_path, survey, how):
    job = jobs.Job(tmp_path, survey)
    running = job.start(*LAYOUT, *files(tmp_path), "--restarts=0", ranks=None, delay=300)
    assert running.wait_for(lambda: len(job.done()) >= 5)
    if how == "killed":
        assert running.kill(jobs.FIRST_WORKER)
    else:
        running.process.send_signal(signal.SIGUSR1)
    assert running.wait().returncode == 75
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["exit_code"] == 75 and report["cores"] >= 1 and report["elapsed_s"] > 0
    assert value_of(read_metrics(tmp_path / "run.prom"), "exit_code") == 75
    if how == "killed":
        assert "died by signal 9" in report["error"]
    else:
        assert report["error"] is None and 5 <= report["units"]["done"] == len(job.done()) < 80


def test_a_place_that_cannot_be_written_is_refused_before_anything_begins(tmp_path, survey):
    job = jobs.Job(tmp_path, survey)
    for option in ("--prometheus=nowhere/run.prom", f"--prometheus={survey}"):
        result = job.run(*LAYOUT, option, ranks=None, check=1)
        assert option.partition("=")[2] in result.stderr and not job.files(), str(result)
