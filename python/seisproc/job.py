# SPDX-License-Identifier: BSD-3-Clause
"""Jobs of the program, started from a script, with what they say as they go."""

import json
import os
import re
import subprocess
import tempfile
from typing import List, NamedTuple

PROGRESS = re.compile(r"(\d+)/(\d+) (\w+?)s? \((\d+)%\), (?:(\d+):(\d\d):(\d\d)|-) left")


class Progress(NamedTuple):
    """How far a job is. seconds_left is None while nobody knows."""

    done: int
    total: int
    unit: str
    percent: int
    seconds_left: object


class Result(NamedTuple):
    """How a job ended: 0 complete, 2 complete but for some gathers, 75 stopped early (the same call goes on); and the
    lines of its log, each a dict with time, level and text."""

    exit_code: int
    log: List[dict]

    @property
    def complete(self):
        return self.exit_code in (0, 2)


class Failed(RuntimeError):
    """The program refused the job, or could not be started."""


def _program():
    return os.environ.get("SEISPROC", "seisproc")


def _as_json(value):
    """A value of a job as JSON, also where it is or holds a path, or a number or array of NumPy's."""
    return json.dumps(value, default=lambda v: v.tolist() if hasattr(v, "tolist") else os.fspath(v))


def _command(verb, job, settings, options):
    settings = [f"--set={key}={value if isinstance(value, str) else _as_json(value)}"
                for key, value in (settings or {}).items()]
    return [_program(), verb, os.fspath(job), *settings, *options]


class _JobFile:
    """A job that is a dict, as a file while the program reads it; JSON is YAML."""

    def __init__(self, job):
        self.job, self.path = job, None

    def __enter__(self):
        if not isinstance(self.job, dict):
            return self.job
        handle, self.path = tempfile.mkstemp(suffix=".yaml")
        with os.fdopen(handle, "w") as stream:
            stream.write(_as_json(self.job))
        return self.path

    def __exit__(self, *_):
        if self.path:
            os.unlink(self.path)


def _parse(line):
    try:
        entry = json.loads(line)
        return entry if isinstance(entry, dict) and "text" in entry else {"level": "info", "text": line}
    except ValueError:
        return {"level": "info", "text": line}  # of the launcher


def parse_progress(text):
    """A Progress where the line is one, else None."""
    found = PROGRESS.match(text)
    if not found:
        return None
    done, total, unit, percent, h, m, s = found.groups()
    left = None if h is None else 3600 * int(h) + 60 * int(m) + int(s)
    return Progress(int(done), int(total), unit, int(percent), left)


def run(job, settings=None, progress=None, options=()):
    """Runs a job: the name of a job file, or a dict of its keys; `settings` overrides keys, such as
    {"chain.0.dwt.k": 2.5}. progress(Progress) is called as it goes on. Ends when the job does; raises Failed where the
    program refuses it."""
    log = []
    with _JobFile(job) as path:
        try:
            process = subprocess.Popen(_command("run", path, settings, ["--log=json", *options]), text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        except OSError as error:
            raise Failed(f"{_program()}: {error.strerror}; put it on the PATH or name it in SEISPROC") from None
        with process:
            for line in process.stderr:
                entry = _parse(line.rstrip("\n"))
                log.append(entry)
                told = parse_progress(entry["text"])
                if told and progress:
                    progress(told)
    if process.returncode not in (0, 2, 75):
        said = [entry["text"] for entry in log if entry["level"] == "error"] or [entry["text"] for entry in log[-1:]]
        raise Failed("; ".join(said) or f"exit {process.returncode}")
    return Result(process.returncode, log)


def plan(job, settings=None):
    """What a job would do, as `seisproc plan --json` says it: a dict."""
    with _JobFile(job) as path:
        done = subprocess.run(_command("plan", path, settings, ["--json"]), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr.strip())
    return json.loads(done.stdout)
