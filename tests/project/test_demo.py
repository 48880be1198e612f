# SPDX-License-Identifier: BSD-3-Clause
"""`make demo` ends with figures that hold: the noise was taken away, and the output is where it says."""

import os
import re

import pytest

import harness


@pytest.mark.timeout(300)
def test_the_demo_denoises_a_survey(tmp_path):
    folder = tmp_path / "demo"
    result = harness.run(["make", "-s", "demo", f"BUILD={harness.BUILD}"], timeout=200, cwd=harness.ROOT,
                         env={"DEMO_DIR": folder, "DEMO_GATHERS": 4})
    assert result.returncode == 0, str(result)
    before, after = re.search(r"signal to noise +(-?[\d.]+) dB before, (-?[\d.]+) dB after", result.stdout).groups()
    assert float(before) < 6 and float(after) > float(before) + 10
    assert re.search(r"on 4 ranks, 2 of them workers", result.stdout)
    assert f"output           {folder}/denoised.h5" in result.stdout and (folder / "denoised.h5").is_file()
    assert (folder / "gather.png").read_bytes().startswith(b"\x89PNG")
    assert "<html" in (folder / "denoised.qc.html").read_text()
    opened = result.stdout[result.stdout.index("To open:"):result.stdout.index("What to try next:")]
    assert f"{folder}/gather.png" in opened and f"{folder}/denoised.qc.html" in opened
    build = f"(?:{re.escape(str(harness.BUILD))}|{re.escape(os.path.relpath(harness.BUILD, harness.ROOT))})"
    suggested = re.findall(rf"^  ({build}/seisproc .*?)    ", result.stdout, re.MULTILINE)
    assert len(suggested) == 4
    for command in suggested[:3]:
        tried = harness.run(["bash", "-c", command], timeout=100, cwd=harness.ROOT)
        assert tried.returncode == 0, str(tried)


def test_what_newcomers_see_is_what_is_advised(seisproc):
    """For random noise, which the surveys of the demo and of the first hour have."""
    advised = re.search(r"^random, on every trace +(\S.*)$", seisproc("help", "denoise").stdout, re.MULTILINE).group(1)
    for page in ("tools/demo.sh", "docs/first-hour.md"):
        assert f"chain:\n  - {advised}\n" in (harness.ROOT / page).read_text(), page


def test_without_cairo_the_picture_is_another(tmp_path):
    """The program stands for one that was built without: it refuses PNGs."""
    program = tmp_path / "build/seisproc"
    program.parent.mkdir()
    program.write_text(f"""#!/bin/sh
case "$*" in *.png) echo 'no cairo' >&2; exit 1;; esac
exec {harness.BUILD}/seisproc "$@"
""")
    program.chmod(0o755)
    result = harness.run([harness.ROOT / "tools/demo.sh"], timeout=100, cwd=harness.ROOT, env={
        "BUILD": tmp_path / "build", "DEMO_DIR": tmp_path / "demo", "DEMO_GATHERS": 3, "MAKE": "true"})
    assert result.returncode == 0, str(result)
    opened = result.stdout[result.stdout.index("To open:"):]
    assert f"{tmp_path}/demo/gather.svg" in opened and (tmp_path / "demo/gather.svg").read_text().startswith("<")
