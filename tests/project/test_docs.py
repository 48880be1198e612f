# SPDX-License-Identifier: BSD-3-Clause
"""The documents say what the program does: commands, options, parameter tables, targets, links."""

import re
import shlex
import shutil

import pytest

import harness

MADE = ["docs/job-file.md", "docs/commands.md", "docs/seisproc.1"]
README = (harness.ROOT / "README.md").read_text()
MAN = (harness.ROOT / "docs/seisproc.1").read_text().replace("\\-", "-")


def commands(seisproc):
    names = re.findall(r"^  (\w+) +\S", seisproc("--help").stdout, re.MULTILINE)
    assert "run" in names
    return names


def options(text):
    return set(re.findall(r"--[a-z][a-z-]+", text))


def test_every_command_is_described(seisproc):
    for name in commands(seisproc):
        assert f"`seisproc {name}" in README, f"README.md does not list {name}"


def test_help_man_page_completion_and_document_have_the_same_options(seisproc):
    """All are made from the tables that parse the options; what each makes of them is read apart here."""
    chunks = MAN[MAN.index(".SH COMMANDS"):MAN.index(".SH EXIT")].split("\n.SS seisproc ")[1:]
    in_man = {chunk.split()[0]: options("\n".join(re.findall(r"^\.TP\n(.*)", chunk, re.MULTILINE))) for chunk in chunks}
    page = (harness.ROOT / "docs/commands.md").read_text().split("\n## ")[1:]
    in_page = {part.split()[0]: options("\n".join(re.findall(r"^\| (`.*?`) \| ", part, re.MULTILINE))) for part in page}
    assert list(in_man) == list(in_page) == commands(seisproc)
    for name in in_man:
        told = seisproc(name, "--help").stdout
        listed = options("\n".join(re.findall(r"^ {2,6}(-.*)$", told, re.MULTILINE))) - {"--help", "--usage"}
        completed = options(seisproc("--complete", name, "--").stdout) - {"--help", "--usage"}
        assert in_man[name] == in_page[name] == completed == listed, f"seisproc {name}"


def test_tables_in_the_documents_are_current():
    result = harness.run(["tools/update-docs.sh", "--check", *MADE], cwd=harness.ROOT, env={"BINARY": harness.BINARY},
                         timeout=60)
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


def blocks(section):
    """What is typed, and what is said to it, of the blocks of a section of the README."""
    text = README[README.index(f"\n## {section}\n"):]
    text = text[:text.index("\n## ", 1)]
    for block in re.findall(r"\n```console\n(.*?)```", text, re.DOTALL):
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            typed, _, said = piece.partition("\n")
            yield typed, said.strip()


def without_times(text):
    """Numbers of a run are never the same twice."""
    return re.sub(r" +", " ", re.sub(r"\d+(\.\d+)?", "#", text)).strip()


def test_the_session_of_the_readme_is_what_the_program_says(tmp_path, data_dir):
    shutil.copy(data_dir / "viking_segy/viking_small.segy", tmp_path / "line12.sgy")
    ran = set()
    for typed, said in blocks("A session"):
        if typed.startswith("cat "):
            (tmp_path / typed.split()[1]).write_text(said + "\n")
        if not typed.startswith("seisproc "):
            continue
        result = harness.run([harness.BINARY, *shlex.split(typed)[1:]], cwd=tmp_path, timeout=60,
                             env={"CUDA_VISIBLE_DEVICES": ""})
        printed = "\n".join(part.strip("\n") for part in (result.stdout, result.stderr) if part.strip())
        exact = typed.startswith("seisproc compare") or result.returncode
        clean = str.strip if exact else without_times
        assert clean(printed) == clean(said), f"$ {typed}\n{printed}"
        ran.add(typed.split()[1])
    assert {"import", "run", "compare", "export"} <= ran


def code_of(page, language):
    """The fenced blocks of a page that name this language."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", (harness.ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return [text for named, text in fences if re.fullmatch(language, named)]


def typed_in(page):
    """Commands of a page, and what it says to save as job.yaml."""
    job, = code_of(page, "yaml")
    found = re.findall(r"^\$ (.*)", "".join(code_of(page, "console")), re.MULTILINE)
    assert len(found) > 20
    return job, found


@pytest.mark.timeout(300)
def test_every_command_of_the_first_hour_runs(tmp_path):
    """In one shell, in the order of the page; doctor may find a machine wanting."""
    job, typed = typed_in("docs/first-hour.md")
    (tmp_path / "job.yaml").write_text(job)
    for command in typed:
        result = harness.run(["bash", "-c", command], cwd=tmp_path, timeout=120, tmp=tmp_path,
                             env={"PATH": f"{harness.BUILD}:/usr/bin:/bin", "SOURCE": harness.ROOT,
                                  "CUDA_VISIBLE_DEVICES": "", "SLURM_CONF": "/no/such/file"})
        assert result.returncode == 0 or (command.startswith("seisproc doctor") and result.returncode == 1), str(result)
    for name in ("gather.png", "denoised.qc.html", "denoised.sgy", "report.json", "seisproc.prom", "out-b.h5"):
        assert (tmp_path / name).stat().st_size > 0, name


@pytest.mark.parametrize("page", sorted(p.name for p in (harness.ROOT / "docs").glob("*.md")) + ["../README.md"])
def test_commands_in_the_manual_are_spelt_as_the_program_takes_them(page):
    """Every `seisproc COMMAND --option` of a page names a command and options of it that there are."""
    table = (harness.ROOT / "docs/commands.md").read_text().split("\n## ")[1:]
    known = {part.split()[0]: options(part) | {"--help", "--version"} for part in table}
    text = (harness.ROOT / "docs" / page).read_text().replace("\\\n", " ")
    inline = re.findall(r"`((?:mpirun|srun)?[^`\n]*?seisproc [a-z][^`\n]*)`", text)
    lines = re.findall(r"^\$? ?((?:mpirun |srun |[A-Z_]+=\S+ )*[^\n]*?seisproc [a-z][^\n]*)$",
                       "".join(code_of(f"docs/{page}", "(?:sh|console|text)")).replace("\\\n", " "), re.MULTILINE)
    for command in inline + lines:
        words = re.split(r"\bseisproc (?=[a-z]+\b)", command.partition("  #")[0].partition(" -- ")[0])[-1].split()
        if words[0] not in known or command.startswith("seisproc: "):
            continue
        for option in options(" ".join(words[1:])):
            matches = [k for k in known[words[0]] if k.startswith(option)]
            assert matches, f"{page}: `{command}`: {words[0]} has no {option}"


def test_where_no_mkdocs_is_to_be_had_it_says_what_to_install(tmp_path):
    """Neither one that is too old nor, without PyPI, another."""
    old = tmp_path / "mkdocs"
    old.write_text("#!/bin/sh\necho 'mkdocs, version 1.4.2 from /usr/lib/python3 (Python 3.11)'\n")
    old.chmod(0o755)
    result = harness.run([harness.ROOT / "tools/manual.sh"], timeout=30, env={
        "BUILD": tmp_path / "b", "MKDOCS": None, "PYTHON": "false", "PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert result.returncode == 77 and "python3-venv" in result.stderr, str(result)


def test_every_page_is_in_the_menu_of_the_site():
    menu = re.findall(r"([\w-]+\.md)$", (harness.ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = {p.name for p in (harness.ROOT / "docs").glob("*.md")}
    assert pages <= set(menu) and len(menu) == len(set(menu)), pages ^ set(menu)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_manual_as_a_site():
    """In the build, where a mkdocs that was fetched stays."""
    result = harness.run([harness.ROOT / "tools/manual.sh"], timeout=500, env={"BUILD": harness.BUILD})
    if result.returncode == 77:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, str(result)
    assert (harness.BUILD / "html/first-hour.html").is_file() and "WARNING" not in result.stderr


def names_in(page):
    """What a page names in back quotes that looks like a file or folder of the tree, or a function of the program."""
    words = re.findall(r"`([^`\n]+)`", (harness.ROOT / page).read_text())
    paths = {w for w in words if re.fullmatch(r"(src|kernels|include|tests|perf|tools|docs|jobscripts)/[\w/.-]*", w)}
    return paths, {w for w in words if re.fullmatch(r"sp_\w+", w)}


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/adding-a-processor.md"])
def test_files_and_functions_that_are_named_exist(page):
    paths, names = names_in(page)
    made_by_the_reader = {p for p in paths if p.startswith("kernels/clip/")} | {"tests/kernels/test_clip.py"}
    missing = [p for p in paths - made_by_the_reader if not (harness.ROOT / p).exists()]
    sources = "\n".join(path.read_text() for folder in ("include", "src", "kernels")
                        for path in (harness.ROOT / folder).rglob("*.[ch]"))
    missing += [n for n in names if not re.search(rf"\b{n}\b", sources)]
    assert not missing, f"{page} names what is not there: {sorted(missing)}"
    if page == "docs/architecture.md":
        assert len(paths) > 30 and len(names) > 25
