# SPDX-License-Identifier: BSD-3-Clause
"""Completion in bash offers what the program has."""

import harness

SCRIPT = harness.ROOT / "tools" / "completions" / "seisproc"


def complete(*words, cwd):
    """What is offered for the last of these words."""
    script = (f'source "{SCRIPT}"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _seisproc; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    result = harness.run(["bash", "-c", script, "bash", harness.BINARY, *words], timeout=20, cwd=cwd)
    assert result.returncode == 0 and result.stderr == "", str(result)
    return result.stdout.split()


def test_commands(tmp_path):
    assert {"run", "help", "--help", "--version"} <= set(complete("", cwd=tmp_path))
    assert complete("hel", cwd=tmp_path) == ["help"]
    assert complete("xyz", cwd=tmp_path) == []


def test_options_and_keys(tmp_path):
    assert {"--set=", "--workers=", "--quiet"} <= set(complete("run", "--", cwd=tmp_path))
    assert complete("run", "job.yaml", "--set", "commit", cwd=tmp_path) == ["commit_interval="]


def test_topics(tmp_path):
    assert {"job", "mute", "dwt", "run"} <= set(complete("help", "", cwd=tmp_path))
    assert complete("help", "dw", cwd=tmp_path) == ["dwt"]


def test_files(tmp_path):
    for name in ("a.yaml", "b.h5", "c.sgy", "d.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    assert complete("run", "", cwd=tmp_path) == ["a.yaml", "folder"]
    assert complete("info", "b", cwd=tmp_path) == ["b.h5"]
    assert complete("import", "c", cwd=tmp_path) == ["c.sgy"]
