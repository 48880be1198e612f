# SPDX-License-Identifier: BSD-3-Clause
"""`make install` gives a program that runs, libraries that others link with, and their documents."""

import os
import re
import shutil
import subprocess

import h5py
import numpy as np
import pytest

import harness
from cli.surveys import write_survey

VERSION = (harness.ROOT / "VERSION").read_text().strip()
SERIES = VERSION.rsplit(".", 1)[0]
LIBRARY_PAGE = (harness.ROOT / "docs/library.md").read_text()


def make(*arguments):
    result = harness.run(["make", "-s", "-C", harness.ROOT, f"BUILD={harness.BUILD}", *arguments], timeout=110)
    assert result.returncode == 0, str(result)


@pytest.fixture(scope="module")
def prefix(run_dir):
    make("install", f"PREFIX={run_dir / 'usr'}")
    return run_dir / "usr"


def block(language):
    """The first block of that language in docs/library.md."""
    return re.search(rf"^```{language}\n(.*?)^```", LIBRARY_PAGE, re.MULTILINE | re.DOTALL).group(1)


def test_what_is_installed(prefix):
    for path in ("bin/seisproc", "lib/libseisproc.a", f"lib/libseisproc.so.{VERSION}", "lib/pkgconfig/seisproc.pc",
                 "lib/cmake/seisproc/seisproc-config.cmake", "include/seisproc/processor.h",
                 "share/man/man1/seisproc.1", "share/doc/seisproc/job-file.md",
                 "share/bash-completion/completions/seisproc", "share/zsh/site-functions/_seisproc",
                 "share/fish/vendor_completions.d/seisproc.fish"):
        assert (prefix / path).is_file(), path
    assert (prefix / "lib/libseisproc.so").resolve().name == f"libseisproc.so.{VERSION}"
    result = harness.run([prefix / "bin/seisproc", "--version"], timeout=20)
    assert result.stdout == f"seisproc {VERSION}\n", str(result)


def test_each_installed_header_stands_alone(prefix, tmp_path):
    """In C11 and in C++, with the project's warnings, before anything else was included."""
    headers = sorted((prefix / "include/seisproc").glob("*.h"))
    assert len(headers) > 10
    assert "dist.h" not in [h.name for h in headers]  # of the program's own
    lines = [f"#include <seisproc/{h.name}>\n" for h in headers]
    for compiler, suffix in ((["cc", "-std=c11", "-Wstrict-prototypes"], "c"), (["c++", "-std=c++11"], "cc")):
        for header, line in zip(headers, lines):
            (tmp_path / f"{header.stem}.{suffix}").write_text(line)
        sources = [tmp_path / f"{h.stem}.{suffix}" for h in headers]
        result = harness.run([*compiler, "-fsyntax-only", "-DSP_WITHOUT_MPI", "-Wall", "-Wextra", "-Werror",
                              f"-I{prefix}/include", *sources], timeout=100)
        assert result.returncode == 0, str(result)


def test_cpp_links_with_the_library(prefix, tmp_path):
    includes = "".join(f"#include <seisproc/{h.name}>\n" for h in (prefix / "include/seisproc").glob("*.h"))
    (tmp_path / "p.cc").write_text(
        f"#define SP_WITHOUT_MPI\n{includes}#include <cstdio>\n"
        "int main() {\n  sp_array_chain_destroy(nullptr);\n  std::printf(\"%s %s\", sp_version(), "
        "sp_processor_at(0)->name);\n  return !sp_job_params[0].key;\n}\n")
    result = harness.run(["c++", "p.cc", "-o", "p", f"-I{prefix}/include", f"-L{prefix}/lib", "-lseisproc",
                          f"-Wl,-rpath,{prefix}/lib"], timeout=60, cwd=tmp_path)
    assert result.returncode == 0, str(result)
    result = harness.run([tmp_path / "p"], timeout=20)
    assert (result.returncode, result.stdout) == (0, f"{VERSION} mute"), str(result)


def test_the_shared_library_exports_what_public_headers_declare(prefix):
    library = prefix / "lib/libseisproc.so"
    dynamic = subprocess.run(["objdump", "-p", library], capture_output=True, text=True, check=True).stdout
    assert f"SONAME               libseisproc.so.{SERIES}\n" in dynamic
    table = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", library], capture_output=True,
                           text=True, check=True).stdout
    exported = {line.split()[2] for line in table.splitlines() if line.split()[1] in "TDBR"}
    versions = {name.split("@@")[1] for name in exported}
    assert versions <= {f"SEISPROC_{SERIES}", "SEISPROC_PRIVATE"} and versions, versions
    public = {name.split("@@")[0] for name in exported if name.endswith(f"@@SEISPROC_{SERIES}")}
    words = set()
    for header in (prefix / "include/seisproc").glob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
        words |= set(re.findall(r"\bsp_\w+", text))
    assert public <= words, public - words
    static = subprocess.run(["nm", "-g", "--defined-only", prefix / "lib/libseisproc.a"], capture_output=True,
                            text=True, check=True).stdout
    defined = {line.split()[2] for line in static.splitlines() if len(line.split()) == 3}
    assert words & defined == public
    assert not re.search(r"\bTEXTREL\b", dynamic)


def pkg_config(prefix, *arguments):
    env = dict(os.environ, PKG_CONFIG_PATH=f"{prefix}/lib/pkgconfig:{os.environ.get('PKG_CONFIG_PATH', '')}")
    return subprocess.run(["pkg-config", *arguments, "seisproc"], env=env, capture_output=True, text=True,
                          check=True).stdout


def check_denoise(prefix, program, folder):
    """Runs the page's program and compares with the same chain in a job."""
    synth = "synth --quiet --gathers 3 --traces 20 --samples 256 in.h5"
    result = harness.run([prefix / "bin/seisproc", *synth.split()], timeout=60, cwd=folder)
    assert result.returncode == 0, str(result)
    source = (folder / "in.h5").read_bytes()
    result = harness.run([program, "in.h5", "in.h5"], timeout=60, cwd=folder)
    assert result.returncode == 1 and "in.h5: is the survey that is read" in result.stderr, str(result)
    assert (folder / "in.h5").read_bytes() == source
    result = harness.run([program, "in.h5", "out.h5"], timeout=60, cwd=folder)
    assert result.stdout == f"out.h5: denoised by libseisproc {VERSION}\n", str(result)
    chain = re.search(r'chain_text\[\] = "(.*)";', LIBRARY_PAGE).group(1).replace("\\n", "\n")
    (folder / "job.yaml").write_text(f"input: in.h5\noutput: job.h5\nengine: cpu\n{chain}")
    result = harness.run([prefix / "bin/seisproc", "run", "-q", "job.yaml"], timeout=100, cwd=folder)
    assert result.returncode == 0, str(result)
    with (h5py.File(folder / "out.h5") as ours, h5py.File(folder / "job.h5") as job,
          h5py.File(folder / "in.h5") as source):
        assert (ours["traces"][:] == job["traces"][:]).all()
        assert (ours["traces"][:] != source["traces"][:]).any()
        assert sorted(ours["headers"]) == sorted(source["headers"])
        for name in source["headers"]:
            assert (ours["headers"][name][:] == source["headers"][name][:]).all(), name
        assert ours.attrs["input_uuid"] == source.attrs["uuid"] != ours.attrs["uuid"]


def test_the_example_of_the_page_builds_and_gives_what_a_job_gives(prefix, tmp_path):
    (tmp_path / "denoise.c").write_text(block("c"))
    command = block("sh").splitlines()[0]
    env = dict(os.environ, PKG_CONFIG_PATH=f"{prefix}/lib/pkgconfig:{os.environ.get('PKG_CONFIG_PATH', '')}")
    result = harness.run(["bash", "-euc", command], timeout=60, cwd=tmp_path, env=env)
    assert result.returncode == 0, str(result)
    needed = subprocess.run(["objdump", "-p", tmp_path / "denoise"], capture_output=True, text=True, check=True).stdout
    assert "libmpi" not in needed and f"libseisproc.so.{SERIES}" in needed
    check_denoise(prefix, tmp_path / "denoise", tmp_path)


def test_pkg_config_hides_what_only_a_static_link_needs(prefix):
    assert "-lmpi" not in pkg_config(prefix, "--libs") and "-lseisproc" in pkg_config(prefix, "--libs")
    private = (prefix / "lib/pkgconfig/seisproc.pc").read_text()
    assert re.search(r"^Requires\.private: .*hdf5", private, re.MULTILINE)
    assert re.search(r"^Libs\.private: .*-ldl", private, re.MULTILINE)
    linked = pkg_config(prefix, "--static", "--libs").split()
    library = subprocess.run(["objdump", "-p", prefix / "lib/libseisproc.so"], capture_output=True, text=True,
                             check=True).stdout
    needed = set(re.findall(r"NEEDED +lib([\w+-]+)\.so", library)) - {"c", "ld-linux-x86-64"}
    assert {"mpi", "fftw3f"} <= needed
    for name in needed:  # what one link takes, the other is told
        stem = re.sub(r"_openmpi(?=_|$)|-0$", "", name)
        assert any(word.startswith(f"-l{stem}") for word in linked), f"{name} is not in {linked}"


def test_the_static_library_links(prefix, tmp_path):
    (tmp_path / "denoise.c").write_text(block("c"))
    static = (prefix / "lib/pkgconfig/seisproc.pc").read_text()
    packages = re.search(r"^Requires\.private: (.*)$", static, re.MULTILINE).group(1).split()
    private = re.search(r"^Libs\.private: (.*)$", static, re.MULTILINE).group(1).split()
    shared = subprocess.run(["pkg-config", "--libs", *packages], capture_output=True, text=True, check=True).stdout
    result = harness.run(["cc", "denoise.c", "-o", "denoise", f"-I{prefix}/include", f"{prefix}/lib/libseisproc.a",
                          *shared.split(), *private], timeout=60, cwd=tmp_path)
    assert result.returncode == 0, str(result)
    assert harness.run([tmp_path / "denoise"], timeout=20).returncode == 1  # its usage


@pytest.mark.skipif(not shutil.which("dpkg"), reason="the page has the names of Debian")
def test_the_static_link_of_the_page(prefix, tmp_path):
    (tmp_path / "denoise.c").write_text(block("c"))
    command = re.search(r"`(cc denoise\.c -l:libseisproc\.a [^`]*)`", LIBRARY_PAGE).group(1)
    # other names of the same library, as other releases have them
    command = command.replace("ompi-c", "$(pkg-config --exists ompi-c && echo ompi-c || echo ompi)")
    env = {"CPATH": prefix / "include", "LIBRARY_PATH": prefix / "lib"}
    result = harness.run(["bash", "-euc", command], timeout=60, cwd=tmp_path, env=env)
    assert result.returncode == 0, str(result)
    assert harness.run([tmp_path / "a.out"], timeout=20).returncode == 1  # its usage


@pytest.mark.skipif(not shutil.which("cmake"), reason="there is no cmake")
def test_cmake_finds_it(prefix, tmp_path):
    (tmp_path / "denoise.c").write_text(block("c"))
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(denoise C)\n"
        + block("cmake").replace("seisproc REQUIRED", f"seisproc {SERIES} REQUIRED")
        + "add_executable(alone denoise.c)\ntarget_link_libraries(alone seisproc::static)\n")
    for command in (["cmake", "-B", "b", f"-DCMAKE_PREFIX_PATH={prefix}"], ["cmake", "--build", "b"]):
        result = harness.run(command, timeout=100, cwd=tmp_path)
        assert result.returncode == 0, str(result)
    for program, needs in (("denoise", True), ("alone", False)):
        assert harness.run([tmp_path / "b" / program], timeout=20).returncode == 1  # its usage: the library was found
        dynamic = subprocess.run(["objdump", "-p", tmp_path / "b" / program], capture_output=True, text=True,
                                 check=True).stdout
        assert ("libseisproc.so" in dynamic) == needs, dynamic


def test_env_sh_puts_it_into_a_shell(prefix):
    command = f". {prefix}/share/seisproc/env.sh; command -v seisproc; man -w seisproc 2>/dev/null || echo no man; " \
              "pkg-config --modversion seisproc; echo $LD_LIBRARY_PATH"
    bare = {name: None for name in ("MANPATH", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "CMAKE_PREFIX_PATH")}
    lines = harness.run(["sh", "-euc", command], env=bare).stdout.splitlines()
    assert lines[0] == f"{prefix}/bin/seisproc" and lines[2:] == [VERSION, f"{prefix}/lib"], lines
    assert lines[1] in ("no man", f"{prefix}/share/man/man1/seisproc.1"), lines


TCL = """
proc module-whatis {text} {}
proc conflict {name} {}
proc prepend-path {name value} {puts "$name $value"}
source [lindex $argv 0]
ModulesHelp
"""


@pytest.mark.skipif(not shutil.which("tclsh"), reason="there is no tclsh")
def test_the_modulefile_is_tcl(prefix, tmp_path):
    (tmp_path / "t.tcl").write_text(TCL)
    module = prefix / "share/seisproc/modulefiles/seisproc" / VERSION
    result = harness.run(["tclsh", tmp_path / "t.tcl", module])
    assert result.returncode == 0, str(result)
    assert module.read_text().startswith("#%Module")
    paths = dict(line.split() for line in result.stdout.splitlines())
    assert paths["PATH"] == f"{prefix}/bin" and paths["LD_LIBRARY_PATH"] == f"{prefix}/lib", paths
    assert VERSION in result.stderr


def grid_of_traces(path):
    """12 x 12 midpoints 25 m apart, a trace each."""
    ix, iy = (v.ravel() for v in np.meshgrid(np.arange(12), np.arange(12), indexing="ij"))
    headers = {"iline": ix.astype("i4"), "xline": iy.astype("i4"), "cdpx": 25.0 * ix, "cdpy": 25.0 * iy}
    return write_survey(path, np.random.default_rng(1).standard_normal((144, 64)), headers=headers)


def test_a_build_without_fftw3_mpi_links_without_it_and_refuses_cubes(prefix, tmp_path):
    """FFTW_MPI=no: its one object, in place of the other, and no -lfftw3f_mpi."""
    changed = tmp_path / "obj/src/dist/transpose.o"
    result = harness.run(["make", "-s", "-C", harness.ROOT, f"BUILD={tmp_path}", "FFTW_MPI=no", changed], timeout=100)
    assert result.returncode == 0, str(result)
    libraries = [w for w in pkg_config(prefix, "--static", "--libs").split() if w not in ("-lfftw3f_mpi", "-lseisproc")]
    result = harness.run(["cc", "-rdynamic", harness.BUILD / "obj/src/main.o", changed, prefix / "lib/libseisproc.a",
                          "-o", tmp_path / "seisproc", "-Wl,-z,muldefs", *libraries], timeout=60)
    assert result.returncode == 0, str(result)
    grid_of_traces(tmp_path / "in.h5")
    for step, code in (("dwt: {k: 3}", 0), ("fkk: {vmax: 2500}", 1)):
        (tmp_path / "job.yaml").write_text(f"input: in.h5\noutput: out.h5\nchain: [{{{step}}}]\n")
        result = harness.run([tmp_path / "seisproc", "run", "-q", "--restart", "job.yaml"], timeout=60, cwd=tmp_path)
        assert result.returncode == code, str(result)
    assert "built without it (FFTW_MPI=no)" in result.stderr, str(result)


def test_destdir_stands_before_prefix_in_paths_only(tmp_path):
    make("install", "PREFIX=/opt/seisproc", f"DESTDIR={tmp_path}")
    assert (tmp_path / "opt/seisproc/bin/seisproc").is_file()
    assert "prefix=/opt/seisproc\n" in (tmp_path / "opt/seisproc/lib/pkgconfig/seisproc.pc").read_text()


def test_flags_of_a_site_stand_before_those_of_the_project(tmp_path):
    """On make's command line as in the environment: EasyBuild and distributions give them either way."""
    flags = {"CFLAGS": "-DA_SITE", "CPPFLAGS": "-DB_SITE", "LDFLAGS": "-LC_SITE", "LDLIBS": "-lD_SITE"}
    ask = ["make", "-n", "-C", harness.ROOT, f"BUILD={tmp_path}", "NVCC=", f"{tmp_path}/seisproc"]
    given = [f"{name}={value}" for name, value in flags.items()]
    for result in (harness.run([*ask, *given], timeout=60), harness.run(ask, timeout=60, env=flags)):
        assert result.returncode == 0, str(result)
        compiled = next(line for line in result.stdout.splitlines() if line.endswith("src/qc/colour.c"))
        linked = next(line for line in result.stdout.splitlines() if f"-o {tmp_path}/seisproc" in line)
        for flag in ("-DA_SITE", "-DB_SITE", "-std=c11", "-fPIC", "-Iinclude", "libpng"):
            assert flag in compiled, compiled
        for flag in ("-LC_SITE", "-lD_SITE", "-pthread", "-lhdf5", "-lm "):
            assert flag in linked + " ", linked


def test_sources_that_are_bound_to_a_processor_say_so(tmp_path):
    """Binaries run on any processor of their architecture: sets of instructions are chosen when the program runs."""
    result = harness.run(["make", "-n", "-C", harness.ROOT, f"BUILD={tmp_path}", "NVCC=", f"{tmp_path}/seisproc"],
                         timeout=60, env={"CFLAGS": ""})
    compiled = re.findall(r"^\S+ .* -c .*?(\S+\.c)$", result.stdout, re.MULTILINE)
    assert len(compiled) > 400, str(result)
    bound = {line.split()[-1] for line in result.stdout.splitlines() if re.search(r" -m(?!pi)\S+ .*\.c$", line)}
    assert bound == {name for name in compiled if re.search(r"_avx(2|512)\.c$", name)}
    assert "-march" not in result.stdout and "-mtune" not in result.stdout


def test_another_version_makes_the_gpu_module_anew(tmp_path):
    """Or the program would refuse the module of the version before."""
    path = tmp_path / "obj/src/flow/cuda/module.cu.o"
    path.parent.mkdir(parents=True)
    path.touch()
    ask = ["make", "-n", "-C", harness.ROOT, f"BUILD={tmp_path}", "NVCC=true", path]
    assert "module.cu" not in harness.run(ask, timeout=60).stdout.replace(str(path), "")
    assert "-c -o" in harness.run([*ask, "-W", "VERSION"], timeout=60).stdout


def test_a_library_that_came_since_makes_objects_anew():
    """What some sources alone are compiled with is among the flags whose change compiles them again; the version is a
    file that they depend on."""
    text = (harness.ROOT / "Makefile").read_text()
    own = re.findall(r": override private CPPFLAGS \+= \$\((\w+)\)", text)
    assert {"QC_CFLAGS", "PACK_CFLAGS", "PMIX_FLAGS"} <= set(own)
    watched = re.search(r"^FLAGS = ((?:.*\\\n)*.*)$", text, re.MULTILINE).group(1)
    for name in set(own) - {"VERSION_FLAG"}:
        assert f"$({name})" in watched, name
