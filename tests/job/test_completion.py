# SPDX-License-Identifier: BSD-3-Clause
"""Completion in bash, zsh and fish offers what the program has: commands, options, keys of a job and of its chain,
gathers of a survey, files."""

import shlex
import shutil

import pytest

import harness
import jobs

SCRIPTS = harness.ROOT / "tools" / "completions"
BASH = """source "{script}"; line=("$@"); COMP_WORDS=()
for word in "$@"; do   # as bash breaks a line
  while [[ $word == *[=:]* && $word != [=:] ]]; do
    head=${{word%%[=:]*}}; [ -n "$head" ] && COMP_WORDS+=("$head"); word=${{word#"$head"}}
    COMP_WORDS+=("${{word:0:1}}"); word=${{word:1}}
  done
  COMP_WORDS+=("$word")
done
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _seisproc; printf "%s\\n" "${{COMPREPLY[@]}}"
"""
ZSH = """emulate zsh
compadd() {{ while [[ $1 != -- ]]; do shift; done; shift; print -rl -- "$@"; }}
compset() {{ head=; }}
_files() {{ setopt localoptions extendedglob nullglob; local word=${{words[CURRENT]#--*=}} name=${{2:-*}}
  print -rl -- ${{~${{:-$word*(/)}}}}; local file
  for file in $word*(.N); do [[ $file == ${{~name%%\\(-.\\)}} ]] && print -r -- $file; done }}
words=("$@"); CURRENT=$#; source "{script}"
"""


def in_bash(words):
    return ["bash", "-c", BASH.format(script=SCRIPTS / "seisproc.bash"), "bash", *words]


def in_zsh(words):
    return ["zsh", "-f", "-c", ZSH.format(script=SCRIPTS / "_seisproc"), "zsh", *words]


def in_fish(words):
    line = " ".join(shlex.quote(word) if word else "" for word in words)
    return ["fish", "--no-config", "-c", f"source {SCRIPTS}/seisproc.fish; complete -C {shlex.quote(line)}"]


SHELLS = {"bash": in_bash, "zsh": in_zsh, "fish": in_fish}


@pytest.fixture(params=SHELLS)
def complete(request, tmp_path):
    """What a shell offers for the last of these words, in whole words."""
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param} here")

    def ask(*words):
        words = [str(word) for word in words]
        binary = harness.BINARY
        env = {"PATH": f"{binary.parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
        program = "seisproc" if request.param == "fish" else binary
        result = harness.run(SHELLS[request.param]([program, *words]), timeout=30, cwd=tmp_path, env=env)
        assert result.returncode == 0 and result.stderr == "", str(result)
        offered = [line.split("\t")[0] for line in result.stdout.splitlines() if line]
        if request.param == "bash":  # which offers what follows the last = or :
            head = words[-1][:max(words[-1].rfind(c) for c in "=:") + 1]
            offered = [head + word for word in offered]
        return sorted(word.rstrip("/") for word in offered)

    return ask


JOB = "input: in.h5\noutput: out.h5\nchain:\n  - mute: {velocity: 1500}\n  - dwt: {k: 3}\n"


@pytest.fixture()
def job(tmp_path):
    (tmp_path / "job.yaml").write_text(JOB)
    jobs.make_survey(tmp_path / "in.h5", gathers=12, traces=4, samples=20)


def test_commands(complete):
    assert {"run", "help", "--help", "--version"} <= set(complete(""))
    assert complete("hel") == ["help"]
    assert complete("xyz") == []


def test_options_and_keys(complete, job):
    assert {"--set=", "--workers=", "--quiet"} <= set(complete("run", "--"))
    assert complete("run", "job.yaml", "--set", "commit") == ["commit_interval="]
    assert complete("run", "job.yaml", "--set=commit") == ["--set=commit_interval="]
    assert complete("run", "job.yaml", "-s", "mode=") == ["mode=both", "mode=noise", "mode=processed"]
    assert complete("export", "--as", "") == ["segy", "su"]
    assert complete("view", "in.h5", "--what=sl") == ["--what=slice"]


def test_parameters_of_the_chain(complete, job):
    assert {"chain.0.mute.velocity=", "chain.1.dwt.k=", "chain.1.dwt.threshold="} <= set(
        complete("sweep", "job.yaml", "--vary", "chain."))
    assert complete("sweep", "job.yaml", "--vary", "chain.1.dwt.threshold=s") == ["chain.1.dwt.threshold=soft"]
    assert complete("plan", "none.yaml", "--set", "chain.") == []


def test_gathers_and_columns(complete, job):
    assert complete("view", "in.h5", "--gather", "fldr=1") == ["fldr=1", "fldr=10", "fldr=11", "fldr=12"]
    assert complete("run", "job.yaml", "--gathers", "f") == ["first:", "fldr="]
    assert complete("run", "job.yaml", "--gathers=fldr=12") == ["--gathers=fldr=12"]
    assert complete("regroup", "in.h5", "out.h5", "--sort", "of") == ["offset"]
    assert "cdp" in complete("import", "in.sgy", "out.h5", "--gather", "cd")


def test_topics(complete):
    assert {"job", "mute", "dwt", "run"} <= set(complete("help", ""))
    assert complete("help", "dw") == ["dwt"]
    assert complete("campaign", "list.txt", "st") == ["status"]


def test_files(complete, tmp_path):
    for name in ("a.yaml", "b.h5", "c.sgy", "d.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    assert complete("run", "") == ["a.yaml", "folder"]
    assert complete("info", "b") == ["b.h5"]
    assert complete("import", "c") == ["c.sgy"]
    assert complete("qc", "out.h5", "--against", "b") == ["b.h5"]
