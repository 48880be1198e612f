# SPDX-License-Identifier: BSD-3-Clause
"""Who may use it, how it is cited, and what may change when: the files that say so, and that they agree."""

import re
import subprocess

import pytest

import harness

VERSION = (harness.ROOT / "VERSION").read_text().strip()
LICENCE = "SPDX-License-Identifier: BSD-3-Clause"

# Prose, data and forms of others, which have no place for the line: LICENSE speaks for them.
WITHOUT = re.compile(r"\.(md|png|csv|json|1|ipynb|dict|txt)$|^(VERSION|LICENSE)$|^tests/fuzz/corpus/|^\.ci/|"
                     r"^packaging/debian/(control|copyright|changelog\.in|source/)|\.(install|lintian-overrides)$")


def text_of(name):
    return (harness.ROOT / name).read_text()


@pytest.mark.skipif(not (harness.ROOT / ".git").exists(), reason="this is a copy without its repository")
def test_every_source_names_its_licence():
    """In its first lines: after `#!`, what a format wants first, or as they are."""
    tracked = subprocess.run(["git", "ls-files"], cwd=harness.ROOT, capture_output=True, text=True,
                             check=True).stdout.splitlines()
    sources = [name for name in tracked if not WITHOUT.search(name) and (harness.ROOT / name).is_file()]
    assert len(sources) > 600
    missing = [name for name in sources if LICENCE not in "".join(text_of(name).splitlines(True)[:3])]
    assert not missing, missing


def test_licence_and_citation():
    licence = text_of("LICENSE")
    assert licence.startswith("BSD 3-Clause License\n") and "the seisproc authors" in licence
    citation = text_of("CITATION.cff")
    fields = dict(re.findall(r"^([\w-]+): *(.*)$", citation, re.MULTILINE))
    assert {"cff-version", "message", "title", "authors"} <= set(fields), fields  # those that the format asks for
    assert fields["version"] == VERSION and fields["license"] == "BSD-3-Clause"
    assert "  - name: the seisproc authors\n" in citation


def test_changelog_keeps_its_form():
    """Keep a Changelog: versions from the newest, the current one among them with its day, and sections by name."""
    heads = re.findall(r"^## (.*)$", text_of("CHANGELOG.md"), re.MULTILINE)
    released = [h for h in heads if h != "Unreleased"]
    assert "Unreleased" not in heads[1:], heads
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", h) for h in released), heads
    assert released[0].split()[0] == VERSION
    sections = set(re.findall(r"^### (.*)$", text_of("CHANGELOG.md"), re.MULTILINE))
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}, sections


def test_changed_results_are_marked():
    """The number in the program is the one that the changelog speaks of last."""
    now = int(re.search(r"SP_RESULTS_VERSION = (\d+)", text_of("include/seisproc/run.h")).group(1))
    told = [int(n) for n in re.findall(r"results_version`?(?: is)? (\d+)", text_of("CHANGELOG.md"))]
    assert max(told) == now and set(range(2, now + 1)) <= set(told)


def test_what_may_change_is_said():
    page = text_of("docs/versions.md")
    for what in ("the program", "the survey file", "results", "the library"):
        assert f"\n| {what} | " in page, what
    for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "docs/licences.md", "docs/versions.md"):
        assert f"({name})" in text_of("README.md"), f"README.md does not lead to {name}"


def test_colours_and_tables_say_where_they_are_from():
    page = text_of("docs/licences.md")
    assert "PyWavelets" in page and "Okabe and Ito" in page
    assert "Okabe and Ito" in text_of("src/qc/colour.h") and "made here by formula" in text_of("src/qc/colour.h")
    assert "PyWavelets" in text_of("tools/wavelet_tables.py")
