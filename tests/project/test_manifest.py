# SPDX-License-Identifier: BSD-3-Clause
"""Manifests of campaigns, as editors and spreadsheets save them."""

import harness

SCRIPT = """. "$1" && for line in $(surveys_of "$2"); do
  read_survey "$2" "$line" && printf '%s|%s|%s|%s\\n' "$line" "$input" "$output" "${options[*]}"
done"""


def read(folder, content):
    (folder / "m.txt").write_bytes(content)
    return harness.run(["bash", "-c", SCRIPT, "bash", harness.ROOT / "jobscripts/manifest.sh", folder / "m.txt"])


def test_what_windows_adds(tmp_path):
    text = ('# lines\n\n  a.h5\tb.h5  \n"q 1.h5" \'it"s.h5\' --set "x=1 2"\n   # no\n'
            'línea.h5 out/línea.h5')
    expected = '3|a.h5|b.h5|\n4|q 1.h5|it"s.h5|--set x=1 2\n6|línea.h5|out/línea.h5|\n'
    for content in (text.encode(), b"\xef\xbb\xbf" + text.encode(), text.replace("\n", "\r\n").encode(),
                    b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n"):
        result = read(tmp_path, content)
        assert (result.stdout, result.stderr) == (expected, ""), str(result)


def test_lines_that_cannot_be_read_are_named(tmp_path):
    result = read(tmp_path, b"line d'oro.h5 b.h5\nonly.h5\ngood.h5 out.h5\n")
    assert result.stdout == "3|good.h5|out.h5|\n"
    assert "m.txt:1: a quote stands alone" in result.stderr
    assert "m.txt:2: needs an input and an output, found 'only.h5'" in result.stderr
    result = read(tmp_path, b"'\ngood.h5 out.h5\n")
    assert result.stdout == "2|good.h5|out.h5|\n"
    assert result.stderr.startswith(f"{tmp_path}/m.txt:1: a quote stands alone")
    result = read(tmp_path, "a.h5 b.h5\n".encode("utf-16"))
    assert result.stdout == "" and "holds zero bytes" in result.stderr


def test_two_surveys_with_one_output_are_refused(tmp_path):
    (tmp_path / "m.txt").write_text("a.h5 out/x.h5\n# no\nb.h5 ./out/../out/x.h5\n")
    script = ["bash", harness.ROOT / "jobscripts/workstation.sh", "job.yaml", "m.txt"]
    result = harness.run(script, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, ""), str(result)
    assert result.stderr == "m.txt:3: its output ./out/../out/x.h5 is that of line 1, too\n"
    assert not (tmp_path / "m.txt.campaign").exists()
