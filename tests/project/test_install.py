"""`make install` gives a program that runs, a library that links through pkg-config, and its documents."""

import os
import subprocess

import pytest

import harness

PROGRAM = r"""
#include <seisproc/processor.h>
#include <seisproc/survey_file.h>
#include <stdio.h>

int main(void) {
  puts(sp_processor_at(0)->name);
  char uuid[SP_UUID_LENGTH + 1];
  sp_uuid_create(uuid);
  return uuid[SP_UUID_LENGTH];
}
"""


def make(*arguments):
    result = harness.run(["make", "-s", "-C", harness.ROOT, f"BUILD={harness.BUILD}", *arguments], timeout=110)
    assert result.returncode == 0, str(result)


@pytest.fixture(scope="module")
def prefix(run_dir):
    make("install", f"PREFIX={run_dir / 'usr'}")
    return run_dir / "usr"


def test_what_is_installed(prefix):
    for path in ("bin/seisproc", "lib/libseisproc.a", "lib/pkgconfig/seisproc.pc", "include/seisproc/processor.h",
                 "share/man/man1/seisproc.1", "share/doc/seisproc/job-file.md",
                 "share/bash-completion/completions/seisproc"):
        assert (prefix / path).is_file(), path
    result = harness.run([prefix / "bin/seisproc", "--version"], timeout=20)
    version = (harness.ROOT / "VERSION").read_text().strip()
    assert result.stdout == f"seisproc {version}\n", str(result)


def test_a_program_links_against_it(prefix, tmp_path):
    (tmp_path / "p.c").write_text(PROGRAM)
    env = dict(os.environ, PKG_CONFIG_PATH=f"{prefix}/lib/pkgconfig:{os.environ.get('PKG_CONFIG_PATH', '')}")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "seisproc"], env=env, capture_output=True, text=True,
                           check=True).stdout.split()
    result = harness.run(["cc", "p.c", "-o", "p", *flags], timeout=60, cwd=tmp_path)
    assert result.returncode == 0, str(result)
    result = harness.run([tmp_path / "p"], timeout=20)
    assert (result.returncode, result.stdout) == (0, "mute\n"), str(result)


def test_destdir_stands_before_prefix_in_paths_only(tmp_path):
    make("install", "PREFIX=/opt/seisproc", f"DESTDIR={tmp_path}")
    assert (tmp_path / "opt/seisproc/bin/seisproc").is_file()
    assert "prefix=/opt/seisproc\n" in (tmp_path / "opt/seisproc/lib/pkgconfig/seisproc.pc").read_text()
