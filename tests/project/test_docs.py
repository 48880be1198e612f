"""The documents say what the program does: commands, options, parameter tables, targets, links."""

import re

import pytest

import harness

README = (harness.ROOT / "README.md").read_text()
MAN = (harness.ROOT / "docs/seisproc.1").read_text().replace("\\-", "-")


def commands(seisproc):
    names = re.findall(r"^  (\w+) +\S", seisproc("--help").stdout, re.MULTILINE)
    assert "run" in names
    return names


def test_every_command_is_described(seisproc):
    for name in commands(seisproc):
        assert f"`seisproc {name}" in README, f"README.md does not list {name}"
        assert re.search(rf"^\.BI?R? \"?{name}\b", MAN, re.MULTILINE), f"docs/seisproc.1 does not describe {name}"


def test_every_option_that_the_man_page_names_exists(seisproc):
    chunks = MAN[MAN.index(".SH COMMANDS"):MAN.index(".SH EXIT")].split(".TP\n")[1:]
    assert len(chunks) > 5
    known = commands(seisproc)
    for chunk in chunks:
        name = re.match(r"\.BI?R? \"?(\w+)", chunk).group(1)
        if name not in known:
            continue
        help_text = seisproc(name, "--help").stdout
        for option in set(re.findall(r"--[a-z][a-z-]+", chunk)):
            assert option in help_text, f"seisproc {name} knows no {option}"


def test_parameter_tables_are_current():
    result = harness.run(["tools/update-docs.sh", "--check", "docs/job-file.md"], cwd=harness.ROOT,
                         env={"BINARY": harness.BINARY}, timeout=30)
    assert result.returncode == 0, str(result)


def test_every_target_that_the_readme_names_exists():
    help_text = harness.run(["make", "-s", "help"], cwd=harness.ROOT, timeout=30).stdout
    targets = set(re.findall(r"^make (\S+)", help_text, re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z0-9-]*)", README, re.MULTILINE))
    assert {"demo", "check", "install"} <= named
    assert named <= targets, named - targets


@pytest.mark.parametrize("path", ["README.md", *(f"docs/{p.name}" for p in (harness.ROOT / "docs").glob("*.md"))])
def test_links_lead_somewhere(path):
    page = harness.ROOT / path
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{path} links to {target}"
