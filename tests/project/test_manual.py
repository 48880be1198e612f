# SPDX-License-Identifier: BSD-3-Clause
"""Every command that the manual shows in a block is run, here or by a test that is named, or has a reason why not."""

import os
import re
import shutil

import h5py
import pytest

import harness

PAGES = ["README.md", "CONTRIBUTING.md", "python/README.md",
         *sorted(f"docs/{p.name}" for p in (harness.ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Pages whose commands a test of their own runs, and looks at what comes of them.
ELSEWHERE = {
    "docs/exchange.md": ("project/test_exchange.py", "test_blocks_of_the_page"),
    "docs/first-hour.md": ("project/test_docs.py", "test_every_command_of_the_first_hour_runs"),
    "docs/migration.md": ("flow/test_image.py", "test_worked_example_of_the_page"),
    "docs/slurm.md": ("slurm/test_slurm_page.py", "test_what_the_page_types"),
}
# The README's session; what else it types is below.
SESSION = ("project/test_docs.py", "test_the_session_of_the_readme_is_what_the_program_says")

# Commands that this test does not run, and why; each begins so.
NOT_HERE = {
    "make demo": "test_demo.py runs it",
    "make check": "it is what runs this test",
    "make compdb": "it writes into the source tree",
    "make lint": "test_lint.py runs the one; `make format-check` wants clang-format 14, which nothing here installs",
    "srun ": "wants four nodes; tests/slurm starts ranks with srun on the two that it makes",
}


def blocks(page):
    """(language, text) of each fenced block."""
    return FENCE.findall((harness.ROOT / page).read_text())


def typed(page):
    """Commands of the blocks in `sh` (lines as they stand) and `console` (lines after `$ `), without comments."""
    found = []
    for language, text in blocks(page):
        lines = text.replace("\\\n", " ").splitlines()
        if language == "console":
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        if language in ("console", "sh"):
            found += [line for line in lines if line.partition("#")[0].strip()]
    return found


def why_not(command):
    return next((reason for start, reason in NOT_HERE.items() if command.startswith(start)), None)


def in_session(command):
    """Of the README: what its own test runs, which takes the section as a whole."""
    text = (harness.ROOT / "README.md").read_text()
    section = text[text.index("\n## A session\n"):]
    return f"\n$ {command}\n" in section[:section.index("\n## ", 1)]


def to_run(page):
    if page in ELSEWHERE:
        return []
    commands = [c for c in typed(page) if not why_not(c)]
    return [c for c in commands if not in_session(c)] if page == "README.md" else commands


def test_the_manual_is_looked_at():
    count = {page: len(typed(page)) for page in PAGES}
    assert sum(count.values()) > 50 and count["docs/first-hour.md"] > 20, count


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page):
    """A block without a language would be shown and never run."""
    known = {"sh", "console", "text", "yaml", "c", "cuda", "python", "cmake", "matlab", "octave"}
    for language, text in blocks(page):
        first = text.splitlines()[0]
        assert language in known, f"{page}: the block that begins with '{first}' has the language '{language}'"
        if language == "text":
            hidden = re.search(r"^(\$ |(seisproc|sbatch|make) (?!.*\[OPTION\])[a-z])", text, re.MULTILINE)
            assert not hidden, f"{page}: commands in a block of text: {hidden.group(0)}"


@pytest.mark.parametrize("named", [*ELSEWHERE.values(), SESSION])
def test_tests_that_are_named_exist(named):
    file, name = named
    assert re.search(rf"^def {name}\(", (harness.ROOT / "tests" / file).read_text(), re.MULTILINE), named


def test_each_reason_is_needed():
    commands = [c for page in PAGES for c in typed(page)]
    for start in NOT_HERE:
        assert any(c.startswith(start) for c in commands), f"no page has `{start}`"


# --- what a page takes for granted ---------------------------------------------------------------------------


def in_h5(folder, seisproc):
    seisproc("synth", "in.h5", "--gathers=4", "--traces=30", "--samples=300", "--quiet", cwd=folder)


def run_job(folder, seisproc, output, chain, source="in.h5"):
    (folder / "job.yaml").write_text(f"input: {source}\noutput: {output}\nmode: both\nchain: [{chain}]\n")
    seisproc("run", "--quiet", "job.yaml", cwd=folder)


def outputs(folder, seisproc):
    """Gathers by fldr from 828 to 841, processed with three values of k, and a small image."""
    seisproc("synth", "in.h5", "--gathers=14", "--traces=12", "--samples=1100", "--quiet", cwd=folder)
    with h5py.File(folder / "in.h5", "r+") as f:
        shift = 828 - f["gathers/key"][0]
        f["gathers/key"][:] += shift
        f["headers/fldr"][:] += shift.astype("i4")
    for k in (2, 3, 4):
        run_job(folder, seisproc, f"k{k}.h5", f"{{dwt: {{k: {k}}}}}")
    for end in (".h5", ".h5.runs"):
        shutil.copy(folder / f"k3{end}", folder / f"OUT{end}")
    seisproc("synth", "line.h5", "--diffractors", "--gathers=100", "--traces=20", "--samples=300", "--interval-ms=4",
             "--spread=0", "--quiet", cwd=folder)
    job = ("input: line.h5\noutput: IMAGE.h5\nchain: [{pstm: {velocity: 2000, origin: [500125, 4000900], dx: 25, "
           "nx: 14, dy: 25, ny: 9, geometry: 3d, offsets: [200, 600], aperture: 600, spacing: [25, 50], max_dip: 45, "
           "ntau: 300}}]\n")
    (folder / "image.yaml").write_text(job)
    seisproc("run", "--quiet", "image.yaml", cwd=folder)


def installed(folder, seisproc):
    """What the page on the library needs: its program, the library where pkg-config finds it, a survey."""
    result = harness.run(["make", "-s", "-C", harness.ROOT, f"BUILD={harness.BUILD}", "install",
                          f"PREFIX={folder / 'usr'}"], timeout=110)
    assert result.returncode == 0, str(result)
    program = next(text for language, text in blocks("docs/library.md") if language == "c")
    (folder / "denoise.c").write_text(program)
    seisproc("synth", "survey.h5", "--gathers=3", "--traces=20", "--samples=256", "--quiet", cwd=folder)


def filtered_shots(folder, seisproc):
    """Of 24 shots, the twelfth with the number of the page."""
    seisproc("synth", "in.h5", "--gathers=24", "--traces=30", "--samples=300", "--quiet", cwd=folder)
    with h5py.File(folder / "in.h5", "r+") as f:
        shift = 12 - f["gathers/key"][11]
        f["gathers/key"][:] += shift
        f["headers/fldr"][:] += shift.astype("i4")
    run_job(folder, seisproc, "shot-filtered.h5", "{fk: {vmax: 1500, irregular: ignore}}")


SCENES = {"docs/packing.md": in_h5, "docs/qc.md": outputs, "docs/library.md": installed,
          "docs/velocities.md": filtered_shots}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("page", [page for page in PAGES if to_run(page)])
def test_commands_of_the_page_run(page, tmp_path, seisproc):
    """In one folder, in the order of the page."""
    SCENES[page](tmp_path, seisproc)
    for command in to_run(page):
        result = harness.run(["bash", "-euc", command], cwd=tmp_path, timeout=120, tmp=tmp_path, env={
            "PATH": f"{harness.BUILD}:{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": "", "SLURM_CONF": "/no/such/file",
            "PKG_CONFIG_PATH": f"{tmp_path}/usr/lib/pkgconfig:{os.environ.get('PKG_CONFIG_PATH', '')}"})
        assert result.returncode == 0, f"{page}: {result}"
    for name in re.findall(r"-o (\S+)", "\n".join(to_run(page))):
        assert (tmp_path / name).stat().st_size > 0, f"{page}: {name}"
