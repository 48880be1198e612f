# SPDX-License-Identifier: BSD-3-Clause
"""A limit on the size of files (ulimit -f) is met as a full disk is: one line, an exit code, and nothing left."""

import subprocess

import pytest

import harness
import jobs


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limit")
    survey = jobs.make_survey(folder / "in.h5", gathers=6, traces=40, samples=300)
    harness.run([harness.BINARY, "export", survey, folder / "in.sgy", "-q"])
    (folder / "job.yaml").write_text(f"input: {survey}\noutput: out\nchain: [dwt]\n")
    return folder


COMMANDS = {
    "import": ("import", "in.sgy", "out", "--gather", "fldr"),
    "export": ("export", "in.h5", "out"),
    "synth": ("synth", "out", "-g", "6", "-t", "40", "-n", "300", "-q"),
    "window": ("window", "in.h5", "out"),
    "run": ("run", "job.yaml", "-q"),
    "view": ("view", "in.h5", "-o", "out"),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("kilobytes", (2, 100, 250))
def test_a_limit_on_files(made, tmp_path, name, kilobytes):
    if name == "view" and kilobytes > 2:
        pytest.skip("the picture is smaller")
    words = [str(made / w) if w in ("in.sgy", "in.h5", "job.yaml") else w for w in COMMANDS[name]]
    words = [w + ".png" if name == "view" and w == "out" else w for w in words]
    result = subprocess.run(["bash", "-c", f'ulimit -f {kilobytes}; exec "$@"', "-", str(harness.BINARY), *words],
                            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, timeout=60)
    assert result.returncode == (1 if name == "view" else 75), str(result)
    assert result.stderr.count("\n") == 1, str(result)
    assert "ulimit -f" in result.stderr or "File too large" in result.stderr, str(result)
    assert not [p for p in tmp_path.iterdir() if not p.name.endswith(".lock")]
