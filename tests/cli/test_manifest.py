# SPDX-License-Identifier: BSD-3-Clause
"""Manifests of campaigns, as editors and spreadsheets save them."""

import json

import harness


def campaign(folder, *arguments):
    return harness.run([harness.BINARY, "campaign", *arguments], cwd=folder, tmp=folder)


def read(folder, content):
    """Line, input, output of each survey; the result."""
    (folder / "m.txt").write_bytes(content)
    result = campaign(folder, "m.txt", "status", "--json")
    surveys = json.loads(result.stdout)["surveys"] if result.returncode == 75 else None
    return surveys and [(s["line"], s["input"], s["output"]) for s in surveys], result


def test_what_windows_adds(tmp_path):
    text = ('# lines\n\n  a.h5\tb.h5  \n"q 1.h5" \'it"s.h5\' --set "x=1 2"\n   # no\n'
            'línea.h5 out/línea.h5\nback\\ slash.h5 jo"in e"d.h5')
    expected = [(3, "a.h5", "b.h5"), (4, "q 1.h5", 'it"s.h5'), (6, "línea.h5", "out/línea.h5"),
                (7, "back slash.h5", "join ed.h5")]
    for content in (text.encode(), b"\xef\xbb\xbf" + text.encode(), text.replace("\n", "\r\n").encode(),
                    b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n"):
        surveys, result = read(tmp_path, content)
        assert surveys == expected and result.stderr == "", str(result)


def test_lines_that_cannot_be_read_are_all_named_and_nothing_begins(tmp_path):
    surveys, result = read(tmp_path, b"line d'oro.h5 b.h5\nonly.h5\ngood.h5 out.h5\n'' out2.h5\n")
    assert surveys is None and result.returncode == 1
    assert "m.txt:1: a quote stands alone in 'line d'oro.h5 b.h5'" in result.stderr
    assert "m.txt:2: needs an input and an output, found 'only.h5'" in result.stderr
    assert "m.txt:4: needs an input and an output" in result.stderr
    result = campaign(tmp_path, "m.txt", "run", "--job", "job.yaml")
    assert result.returncode == 1 and not (tmp_path / "m.txt.campaign").exists()
    for content, words in (("a.h5 b.h5\n".encode("utf-16"), "holds zero bytes"), (b"# nothing\n\n", "names no survey"),
                           (b"a " * 300, "more than 256 words")):
        surveys, result = read(tmp_path, content)
        assert surveys is None and words in result.stderr, str(result)


def test_two_surveys_with_one_output_are_refused(tmp_path):
    for content, line in (("a.h5 out/x.h5\n# no\nb.h5 ./out/../out/x.h5\n", 3),
                          (f"a.h5 x.h5\n\nb.h5 {tmp_path}/sub/../x.h5\n", 3)):
        surveys, result = read(tmp_path, content.encode())
        assert surveys is None and result.returncode == 1
        assert f"m.txt:{line}: its output" in result.stderr and "is that of line 1, too" in result.stderr
    surveys, result = read(tmp_path, b"a.h5 b.h5\n./b.h5 c.h5\n")
    assert surveys is None and "m.txt:1: its output b.h5 is the input of line 2" in result.stderr, str(result)
    assert not (tmp_path / "m.txt.campaign").exists()


def test_what_is_asked_for_is_checked(tmp_path):
    (tmp_path / "m.txt").write_text("a.h5 b.h5\n")
    for arguments, words in ((["m.txt"], "plan, run, status or report"), (["m.txt", "go"], "found 'go'"),
                             (["m.txt", "run"], "--job is missing"),
                             (["m.txt", "plan", "--slurm", "--job=j"], "--slurm is for run"),
                             (["m.txt", "status", "x"], "behind --"), ([], "a manifest is missing"),
                             (["m.txt", "run", "--job=j", "--at-once=2"], "--at-once"),
                             (["m.txt", "status", "--line=2"], "m.txt:2: names no survey"),
                             (["none.txt", "status"], "none.txt: cannot be opened")):
        result = campaign(tmp_path, *arguments)
        assert result.returncode == 1 and words in result.stderr, str(result)
