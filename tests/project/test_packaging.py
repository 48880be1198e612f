# SPDX-License-Identifier: BSD-3-Clause
"""The archive holds what is committed, and every list of libraries names what tools/packages.txt does."""

import ast
import hashlib
import re
import shutil
import subprocess
import tarfile

import pytest

import harness

PACKAGING = harness.ROOT / "packaging"
VERSION = (harness.ROOT / "VERSION").read_text().strip()
SERIES = VERSION.rsplit(".", 1)[0]


ROWS = [line.split() for line in (harness.ROOT / "tools/packages.txt").read_text().splitlines()
        if line and line[0] != "#"]
# What is done without where it cannot be had is in packages all the same.
NEEDED = [row for row in ROWS if row[0] in ("build", "build?")]


def needed(column):
    """What the build takes, by apt (3), dnf (4) or spack (5)."""
    names = {row[column - 1] for row in NEEDED}
    assert len(names) > 8
    return names


def libraries():
    """The libraries among it, by their names for Spack."""
    tools = ("gcc", "gmake", "pkgconf", "python")
    return {row[4].partition("+")[0] for row in NEEDED} - set(tools)


@pytest.mark.skipif(not (harness.ROOT / ".git").exists(), reason="this is a copy without its repository")
def test_the_archive_holds_what_is_committed():
    result = harness.run(["make", "-s", "-C", harness.ROOT, f"BUILD={harness.BUILD}", "dist"], timeout=60)
    assert result.returncode == 0, str(result)
    path = harness.BUILD / f"seisproc-{VERSION}.tar.gz"
    assert result.stdout.split() == [hashlib.sha256(path.read_bytes()).hexdigest(), path.name]
    tracked = subprocess.run(["git", "ls-tree", "-r", "--name-only", "HEAD"], cwd=harness.ROOT, capture_output=True,
                             text=True, check=True).stdout.splitlines()
    with tarfile.open(path) as archive:
        names = [m.name for m in archive.getmembers() if not m.isdir()]
    assert sorted(names) == sorted(f"seisproc-{VERSION}/{name}" for name in tracked)


def test_debian_names_this_version_and_what_is_needed():
    control = (PACKAGING / "debian/control").read_text()
    assert f"Package: libseisproc{SERIES}\n" in control
    assert (PACKAGING / f"debian/libseisproc{SERIES}.install").is_file()
    build = re.search(r"^Build-Depends: (.*?)\n\S", control, re.MULTILINE | re.DOTALL).group(1)
    named = {item.split()[0] for item in build.split(",")}
    always_there = {"gcc", "make", "libc6-dev"}  # build-essential
    assert named - {"debhelper-compat"} == needed(3) - always_there - {"openmpi-bin"}
    assert "openmpi-bin" in control
    development = control[control.index("Package: libseisproc-dev"):]
    assert {n for n in named if n.endswith("-dev")} <= set(re.findall(r"[\w-]+", development))


def test_spack_names_this_version_and_what_is_needed():
    tree = ast.parse((PACKAGING / "spack/package.py").read_text())
    calls = [(n.func.id, n.args[0].value) for n in ast.walk(tree)
             if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.args
             and isinstance(n.args[0], ast.Constant)]
    assert ("version", VERSION) in calls
    named = {re.match(r"[\w-]+", text).group() for what, text in calls if what == "depends_on"}
    wanted = {re.match(r"[\w-]+", name).group() for name in needed(5)}
    assert named - {"c", "mpi", "pkgconf"} == wanted - {"gcc", "openmpi", "pkgconf"}


def test_easybuild_names_this_version():
    path, = (PACKAGING / "easybuild").glob("*.eb")
    recipe = {"SOURCE_TAR_GZ": "%(name)s-%(version)s.tar.gz"}
    exec(path.read_text(), recipe)  # an easyconfig is Python
    toolchain = recipe["toolchain"]
    assert path.name == f"{recipe['name']}-{recipe['version']}-{toolchain['name']}-{toolchain['version']}.eb"
    assert recipe["version"] == VERSION
    named = {name.lower() for name, _ in recipe["dependencies"] + recipe["builddependencies"]}
    of_the_toolchain = {"openmpi", "fftw"}
    assert named - {"pkgconf", "python"} == libraries() - of_the_toolchain


def test_containers_install_what_is_needed():
    script = PACKAGING / "container/install.sh"
    assert harness.run(["sh", "-n", script]).returncode == 0
    text = script.read_text()
    build = re.search(r'build\) packages="\$packages (.*?)"', text, re.DOTALL).group(1).split()
    assert set(build) == needed(3)
    run = re.search(r'run\) packages="\$packages (.*?)"', text, re.DOTALL).group(1).split()
    for name in {n for n in needed(3) if re.match("lib.*-dev$", n)} - {"libc6-dev", "libfftw3-dev"}:
        stem = name.removesuffix("-dev").removesuffix("2")
        assert any(n.startswith(stem) for n in run), f"{run} has no library of {name}"
    assert {"libfftw3-single3", "libfftw3-double3"} <= set(run)
    assert harness.run(["sh", script, "nothing"]).returncode == 1
    docker = (PACKAGING / "container/Dockerfile").read_text()
    for source in re.findall(r"^COPY (?!--from)(\S+) ", docker, re.MULTILINE):
        assert (harness.ROOT / source).exists(), source
    for name in re.findall(r"/src/(\S+\.sh)", (PACKAGING / "container/seisproc.def").read_text()):
        assert (harness.ROOT / name).is_file(), name


def test_the_prefix_for_machines_without_packages_has_what_is_needed(tmp_path):
    """deps-prefix.sh asks apt for all of it but compilers and what draws single PNGs."""
    asked = tmp_path / "asked"
    for name, script in (("apt-cache", 'echo "$2 | 1 | x"'), ("apt-get", f'echo "$@" >>{asked}; exit 1')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    harness.run([harness.ROOT / "tools/deps-prefix.sh", tmp_path / "prefix"],
                env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    words = asked.read_text().splitlines()[0].split()
    wanted = needed(3) - {"gcc", "make", "pkg-config", "libc6-dev", "libcairo2-dev"}
    assert set(words[words.index("install") + 1:]) == wanted


def test_the_build_looks_for_what_is_listed():
    """tools/config.mk knows every library of the list, by its name for pkg-config or its header; and no other."""
    text = (harness.ROOT / "tools/config.mk").read_text()
    by_package = {name for names in re.findall(r"call first_pkg,([\w.+ -]+)\)", text) for name in names.split()}
    by_header = set(re.findall(r"call has_header,([\w.-]+)\)", text)) | set(re.findall(r"#include <([\w.-]+)>'", text))
    listed = {name for row in NEEDED if row[1].startswith("pc:") for name in row[1][3:].split(",")}
    hdf5 = {"hdf5-openmpi", "hdf5-mpi", "hdf5-mpich", "hdf5"}
    codecs = {"liblz4", "libzstd"}  # listed by their headers
    assert by_package - hdf5 - codecs - {"libpng"} == listed - {"libpng"}
    headers = {row[1][4:] for row in NEEDED if row[1].startswith("hdr:")} - {"stdlib.h"}
    assert by_header - {"pmix.h", "segyio/segy.h"} == headers


def test_the_licence_of_each_library_is_told():
    """Names as there and as in the list of packages, both without what sets them apart."""
    table = (harness.ROOT / "docs/licences.md").read_text()
    rows = " ".join(re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)).lower().replace(" ", "")
    told = {"zstd": "zstandard"}
    for name in libraries():
        assert told.get(name, name) in rows, f"docs/licences.md has no {name}"


def test_pages_that_list_libraries_list_all():
    readme = (harness.ROOT / "README.md").read_text()
    loaded = re.search(r"`spack load ([^`]*)`", readme).group(1).split()
    assert {name.partition("+")[0] for name in loaded} == libraries() - {"cairo"}
    static = re.search(r"pkg-config --libs ([^)]*)\) (-l[^`]*)`", (harness.ROOT / "docs/library.md").read_text())
    linked = static.group(1).split() + static.group(2).split()
    for row in NEEDED:
        if row[1].startswith("pc:"):
            assert set(row[1][3:].split(",")) & set(linked), row
    assert {"hdf5-openmpi", "liblz4", "libzstd", "-lzfp", "-lfftw3f_mpi"} <= set(linked)


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("dpkg-buildpackage") or not shutil.which("dh"), reason="there is no debhelper")
@pytest.mark.skipif(not (harness.ROOT / ".git").exists(), reason="this is a copy without its repository")
@pytest.mark.timeout(1500)
def test_debian_packages_build():
    """With lintian's judgement, where that is there."""
    result = harness.run(["make", "-C", harness.ROOT, f"BUILD={harness.BUILD}", "deb"], timeout=1400)
    assert result.returncode == 0, str(result)
    names = {p.name.split("_")[0] for p in (harness.BUILD / "deb").glob("*.deb")}
    assert {"seisproc", f"libseisproc{SERIES}", "libseisproc-dev"} <= names
