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


def test_status_shows_the_lines_that_can_be_read_beside_those_that_cannot(tmp_path):
    (tmp_path / "m.txt").write_text("a.h5 b.h5\nonly.h5\nc.h5 d.h5\n")
    result = campaign(tmp_path, "m.txt", "status")
    assert result.returncode == 1 and "m.txt:2: needs an input and an output" in result.stderr, str(result)
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:3]] == [["1", "left"], ["3", "left"]], str(result)
    told = json.loads(campaign(tmp_path, "m.txt", "report", "--json").stdout)
    assert [s["line"] for s in told["surveys"]] == [1, 3]


def test_options_that_cannot_be_read_are_all_named_and_nothing_begins(tmp_path):
    (tmp_path / "job.yaml").write_text("input: x.h5\noutput: y.h5\nchain: [{dwt: {}}]\n")
    lines = ["a.h5 1.h5 third.h5", "a.h5 2.h5 --wokers 2", "a.h5 3.h5 --set output=z.h5", "a.h5 4.h5 -s' input = b.h5'",
             "a.h5 5.h5 --report=r.json", "a.h5 6.h5 --help", "a.h5 7.h5 --workers 2 --set chain.0.dwt.k=2"]
    (tmp_path / "m.txt").write_text("\n".join(lines))
    result = campaign(tmp_path, "m.txt", "run", "--job=job.yaml")
    told = result.stderr.splitlines()
    assert result.returncode == 1 and len(told) == 6, str(result)
    for number, words in enumerate(("third.h5", "--wokers", "--set output=z.h5: input and output of a survey are",
                                    "input = b.h5", "--report", "Usage"), 1):
        assert f"m.txt:{number}: " in told[number - 1] and words in told[number - 1], str(result)
    (tmp_path / "m.txt").write_text("a.h5 1.h5\na.h5 2.h5\n")
    result = campaign(tmp_path, "m.txt", "run", "--job=job.yaml", "--", "--set=output=z.h5")
    assert result.returncode == 1 and result.stderr.count("output=z.h5") == 1, str(result)
    result = campaign(tmp_path, "m.txt", "plan", "--json", "--job=job.yaml", "--", "--set=output=z.h5")
    planned = json.loads(result.stdout)
    assert all("output=z.h5" in s["error"] for s in planned["surveys"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["job.yaml", "m.txt"]


def test_a_report_counts_for_the_output_that_it_is_on(tmp_path):
    """Lines move as a manifest is edited; what LINE.json says is then of another survey."""
    (tmp_path / "m.txt.campaign").mkdir()
    report = {"job": {"output": "b.h5"}, "exit_code": 1, "error": "no such file"}
    (tmp_path / "m.txt.campaign/1.json").write_text(json.dumps(report))
    for output, state in (("b.h5", "failed"), ("c.h5", "left")):
        (tmp_path / "m.txt").write_text(f"a.h5 {output}\n")
        survey, = json.loads(campaign(tmp_path, "m.txt", "status", "--json").stdout)["surveys"]
        assert survey["state"] == state, survey


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "job.yaml").write_text("input: x.h5\noutput: y.h5\nchain: [{dwt: {}}]\n")
    (tmp_path / "m.txt").write_text("a.h5 b.h5\n")
    (tmp_path / "m.txt.campaign").write_text("")
    result = campaign(tmp_path, "m.txt", "run", "--job=job.yaml")
    assert result.returncode == 1 and "m.txt.campaign: cannot be made a folder: File exists" in result.stderr, result
