# SPDX-License-Identifier: BSD-3-Clause
"""The archive holds what is committed, and recipes name what tools/packages.txt does, in this version."""

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


def needed(column):
    """What the build needs, by apt (3), dnf (4) or spack (5)."""
    rows = [line.split() for line in (harness.ROOT / "tools/packages.txt").read_text().splitlines()
            if line and line[0] != "#"]
    names = {row[column - 1] for row in rows if row[0] == "build" or row[1] == "pc:cairo"}
    assert len(names) > 8
    return names


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
    assert named == {"hdf5", "libyaml", "xxhash", "libpng", "cairo", "pkgconf", "python"}


def test_containers_install_what_is_needed():
    script = PACKAGING / "container/install.sh"
    assert harness.run(["sh", "-n", script]).returncode == 0
    text = script.read_text()
    build = re.search(r'build\) packages="\$packages (.*?)"', text, re.DOTALL).group(1).split()
    assert set(build) == needed(3)
    assert harness.run(["sh", script, "nothing"]).returncode == 1
    docker = (PACKAGING / "container/Dockerfile").read_text()
    for source in re.findall(r"^COPY (?!--from)(\S+) ", docker, re.MULTILINE):
        assert (harness.ROOT / source).exists(), source
    for name in re.findall(r"/src/(\S+\.sh)", (PACKAGING / "container/seisproc.def").read_text()):
        assert (harness.ROOT / name).is_file(), name


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
