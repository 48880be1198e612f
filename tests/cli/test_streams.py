# SPDX-License-Identifier: BSD-3-Clause
"""Standard input, output and error: closed ones, full ones, and what must not reach a terminal."""

import subprocess

import pytest

import harness


def shell(line, cwd, check):
    """Runs a line of sh with the program as $SP."""
    result = harness.run(["sh", "-c", line], env={"SP": harness.BINARY}, cwd=cwd)
    assert result.returncode == check, str(result)
    return result


def test_output_that_cannot_be_written_is_an_error_of_every_command(seisproc, tmp_path):
    seisproc("synth", "s.h5", "--gathers=2", "--traces=3", "--samples=40", "-q", cwd=tmp_path)
    (tmp_path / "job.yaml").write_text("input: s.h5\noutput: o.h5\nchain: [dwt]\n")
    for command in ("info s.h5", "info s.h5 --json", "plan job.yaml", "help", "help dwt", "help --markdown",
                    "compare s.h5 s.h5", "--help", "--version", "run --help"):
        result = shell(f"$SP {command} >/dev/full", tmp_path, check=1)
        assert result.stderr == "seisproc: error: standard output cannot be written: No space left on device\n", command
        shell(f"$SP {command} >/dev/null", tmp_path, check=0)
    result = shell("$SP info s.h5 >&-", tmp_path, check=1)
    assert "standard output cannot be written: Bad file descriptor" in result.stderr


def test_no_file_gets_the_number_of_a_stream(seisproc, tmp_path):
    """Else what is logged would be written into a survey."""
    seisproc("synth", "whole.h5", "--gathers=3", "--traces=3", "--samples=40", "-q", cwd=tmp_path)
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        shell(f"$SP synth s.h5 --gathers=3 --traces=3 --samples=40 {closed}; exit 0", tmp_path, check=0)
        shell("$SP compare whole.h5 s.h5", tmp_path, check=0)
        (tmp_path / "s.h5").unlink()


def test_names_and_texts_reach_no_terminal_as_they_are(seisproc, tmp_path):
    h5py = __import__("h5py")
    name = "a\x1b[31m\nb\x07\u009b2J é.h5"
    seisproc("synth", name, "--gathers=2", "--traces=3", "--samples=40", "-q", cwd=tmp_path)
    with h5py.File(tmp_path / name, "r+") as f:
        for key in ("history", "created_by", "uuid"):
            f.attrs[key] = "x\x1b]0;title\x07\u0085y"
    for command in (["info", name], ["info", "--json", name], ["compare", name, name], ["verify", name],
                    ["info", "nothing " + name], ["no\x1b[2J"]):
        result = seisproc(*command, cwd=tmp_path, check=None)
        for text in (result.stdout, result.stderr):
            bad = [c for c in text if c < " " and c not in "\n\t" or "\x7f" <= c < "\xa0"]
            assert not bad, f"{command}: {bad}\n{result}"
    assert "é" in seisproc("info", name, cwd=tmp_path).stdout


def test_a_reader_that_went_away(seisproc, tmp_path):
    """The shell's pipes end a program by SIGPIPE; where that is ignored it is an error."""
    seisproc("synth", "s.h5", "--gathers=2", "--traces=3", "--samples=40", "-q", cwd=tmp_path)
    line = f"trap '' PIPE; {{ sleep 0.2; {harness.BINARY} info s.h5; echo code $? >&2; }} | true"
    result = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True)
    assert "standard output cannot be written: Broken pipe" in result.stderr and "code 1" in result.stderr


@pytest.mark.parametrize("words", (("info", "a", "{}"), ("run", "--{}"), ("window", "a", "b", "--time", "{}"),
                                   ("info", "{}"), ("help", "{}"), ("{}",), ("run", "{}"), ("sweep", "-{}")))
def test_words_of_a_command_line_are_shown_without_control_characters(seisproc, words):
    said = seisproc(*(w.format("\x1b[31mred\x9b") for w in words), check=1).stderr
    assert "?" in said and not set(said) & {"\x1b", "\x9b"}, repr(said)


@pytest.mark.parametrize("output", ("", "new/"))
@pytest.mark.parametrize("words", (("window", "in.h5"), ("export", "in.h5"), ("synth",)))
def test_an_output_without_a_name(seisproc, tmp_path, words, output):
    seisproc("synth", tmp_path / "in.h5", "-g2", "-t3", "-n10", "-q")
    said = seisproc(*words, output, cwd=tmp_path, check=1).stderr
    assert ("ends in a slash" if output else "the name of the output is empty") in said and said.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["in.h5"]
