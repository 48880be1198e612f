# SPDX-License-Identifier: BSD-3-Clause
"""The sources keep the rules of tools/lint.py, and each rule catches what it is there for."""

import re
import subprocess
import sys

import pytest

import harness

LINT = harness.ROOT / "tools/lint.py"


def lint(root):
    return harness.run([sys.executable, LINT, root], timeout=120)


def test_the_sources_keep_the_rules():
    result = lint(harness.ROOT)
    assert result.returncode == 0, result.stdout


def test_the_sources_are_laid_out_as_agreed():
    result = harness.run(["make", "-s", "format-check"], timeout=120, cwd=harness.ROOT)
    if "skipped" in result.stdout:
        pytest.skip(result.stdout.strip())
    assert result.returncode == 0, str(result)


OFFENCES = {
    "src/job/a.c": ("#include <hdf5.h>\n", "hdf5.h may be included only by src/store/"),
    "src/base/b.c": ("#include <mpi.h>\n", "mpi.h may be included only by"),
    "kernels/x/c.c": ('#include "src/store/h5.h"\n', "kernels may not use src/store"),
    "src/dist/d.c": ('#include "seisproc/survey_file.h"\n', "src/dist may not use src/store"),
    "src/store/e.c": ("void f(void) { exit(1); }\n", "a library does not end the program"),
    "src/store/f.c": ("void f(void) { MPI_Abort(c, 1); }\n" * 2, "MPI_Abort is called in one place"),
    "src/index/g.c": ("static int counter = 0;\n", "mutable state at file scope"),
    "src/index/h.c": ("/* TO" "DO: later */\n", "finish it"),
    "src/index/i.c": ("int a;" + " " * 120 + "int b;\n", "columns, at most"),
    "src/index/j.c": ("int f(void) {\n" + "  g();\n" * 100 + "}\n", "f has 101 lines, at most 60"),
    "src/index/r.c": ("static int f(int a,\n             int b) {\n" + "  g();\n" * 70 + "}\n",
                      "f has 72 lines, at most 60"),
    "src/index/k.h": ("int x(void);\n", "no include guard"),
    "src/index/l.c": ("\n" * 700, "lines, at most 450"),
    "src/index/m.c": ("void f(char *s) { sprintf(s, 0); }\n", "sprintf cannot be used safely"),
    "include/seisproc/n.h": ("#ifndef N_H\n#define N_H\n#endif\n", "belongs to no module"),
    "src/run/p.c": ("sp_status f(void) {\n  SP_TRY(g());\n  SP_AGREE(c, h());\n  return 0;\n}\n",
                    "p.c:2: one rank may leave here"),
    "src/dist/q.c": ("sp_status f(void) {\n  SP_AGREE(c, h());\n  if (x) return 1;\n  SP_MPI_ALL(MPI_Bcast());\n}\n",
                     "q.c:3: one rank may leave here"),
    "src/run/s.c": ("static sp_status f(int a,\n       int b) {\n  SP_TRY(g());\n  SP_AGREE(c, h());\n  return 0;\n}\n",
                    "s.c:3: one rank may leave here"),
    "src/cli/w.c": ("sp_status f(void) {\n  SP_TRY(g());\n  return SP_ON_RANK_0(r, h());\n}\n",
                    "w.c:2: one rank may leave here"),
    "src/segy/x.c": ("sp_status f(void) {\n  if (y) return 1;\n  SP_ALIKE(sp_ranks_agree(r, h()));\n  return 0;\n}\n",
                     "x.c:2: one rank may leave here"),
    "src/index/t.c": ("/* The ver" "dict is kept. */\n", "is not our word: threshold"),
    "src/index/u.c": ("int tell" "_all(void) {\n}\n", "is not our name: parse"),
    "src/run/v.c": ("void f(void) {\n  MPI_Comm_rank(c, &r);\n}\n", "v.c:2: MPI_Comm_rank: sp_ranks_of"),
    "src/run/y.c": ("double f(void) {\n  return (double)time(NULL);\n}\n", "y.c:2: time: seisproc/clock.h"),
    "src/run/z.c": ("/* SPDX-License-Identifier: BSD-3-Clause */\nint x;\n", "z.c:2: says what it is"),
    "docs/o.md": ("See iss" "ue 12.\n", "names an issue"),
}


@pytest.mark.parametrize("path", OFFENCES)
def test_an_offence_is_found(path, tmp_path):
    text, finding = OFFENCES[path]
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    result = lint(tmp_path)
    assert result.returncode == 1 and f"{path}:" in result.stdout and finding in result.stdout, str(result)


def test_files_that_call_each_other_in_a_circle_are_found(tmp_path):
    (tmp_path / "src/index").mkdir(parents=True)
    for name, other in ("ab", "bc", "ca"):
        (tmp_path / f"src/index/{name}.c").write_text(
            f"int sp_{name}(int x,\n         int y) {{\n  return sp_{other}(x, y);\n}}\n")
    (tmp_path / "src/index/d.c").write_text(
        "const ops table = {sp_a, sp_b};\nint sp_d(void) {\n  return sp_a(1, 2);\n}\n")
    result = lint(tmp_path)
    assert result.returncode == 1 and len(result.stdout.splitlines()) == 3, str(result)
    assert "src/index/a.c:3: calls sp_b of src/index/b.c, which calls back" in result.stdout


def test_what_comments_and_strings_say_is_no_offence(tmp_path):
    (tmp_path / "src/index").mkdir(parents=True)
    (tmp_path / "src/index/a.c").write_text(
        '/* exit(1);\n#include <hdf5.h>\n*/\nstatic const char *const t = "exit(1); MPI_Abort(c, 1);";\n')
    result = lint(tmp_path)
    assert result.returncode == 0, str(result)


def test_ranks_that_agree_may_leave_together(tmp_path):
    (tmp_path / "src/run").mkdir(parents=True)
    (tmp_path / "src/run/a.c").write_text(
        "sp_status f(void) {\n  SP_AGREE(c, h());\n  SP_ALIKE(g());\n  if (x) return 0; /* alike */\n"
        "  SP_MPI_ALL(MPI_Bcast());\n  SP_TRY(h());\n  return 0;\n}\n")
    result = lint(tmp_path)
    assert result.returncode == 0, str(result)


# Objects that may change while the program runs: the sink of the log, counts of allocations, and what handlers see
# that may come at any time: the stop signal, where a crash is noted, and that PMIx has registered for deaths.
MUTABLE = {"sink", "allocations", "allocated_bytes", "stop_signal", "crash", "is_answered"}


def test_the_library_holds_no_mutable_state():
    library = harness.BUILD / "libseisproc.a"
    table = subprocess.run(["objdump", "-t", library], capture_output=True, text=True, check=True)
    found = set()
    for line in table.stdout.splitlines():
        fields = line.split()
        if len(fields) > 4 and "O" in fields[1:3] and fields[-3] in (".bss", ".data", ".tbss", ".tdata", "*COM*"):
            found.add(fields[-1])
    assert MUTABLE >= {name.split(".")[0] for name in found if not name.startswith("__")}, found
    assert "sink" in found  # the table was read


def test_no_two_objects_of_the_library_define_the_same_name():
    """The linker takes the first that it needs and is silent about the other."""
    library = harness.BUILD / "libseisproc.a"
    table = subprocess.run(["nm", "-g", "--defined-only", library], capture_output=True, text=True, check=True)
    names = [line.split()[2] for line in table.stdout.splitlines() if len(line.split()) == 3]
    assert "sp_crc32c" in names  # the table was read
    assert sorted({n for n in names if names.count(n) > 1}) == []
    assert [n for n in names if not n.startswith("sp_")] == ["MPI_File_open"]  # in the place of MPI's own


# They say in their headers what the mathematics rests on.
SHOWN = {"main", "sp_tf_margin", "sp_tf_smooth_length"}


def test_what_an_object_of_the_library_shows_is_used_elsewhere():
    """What only its own file uses is static; what nothing uses is not there. Public headers may show more."""
    library = harness.BUILD / "libseisproc.a"
    table = subprocess.run(["nm", "-A", library, harness.BUILD / "obj/src/main.o"], capture_output=True, text=True,
                           check=True)
    defined, used = set(), set()
    for line in table.stdout.splitlines():
        if len(line.split()) < 3:
            continue  # an object without symbols
        kind, name = line.split()[-2:]
        (used if kind == "U" else defined if kind in "TDRB" else set()).add(name)
    assert "sp_crc32c" in defined & used  # the table was read
    public = re.search(r"PUBLIC_HEADERS := .*?\)", (harness.ROOT / "tools/library.mk").read_text(), re.S).group(0)
    others = [harness.ROOT / "include/seisproc" / name for name in re.findall(r"\b\w+\.h\b", public)]
    for folder, pattern in (("tests", "*/*.[ch]"), ("tests", "*/*.cu"), ("perf", "*.[ch]"), ("perf", "*.cu"),
                            ("kernels", "*/*.cu"), ("src", "*/*/*.cu"), ("src", "*/*/*/*.cu")):
        others += (harness.ROOT / folder).glob(pattern)
    words = set(re.findall(r"\bsp_\w+", "\n".join(path.read_text() for path in others)))
    assert sorted(defined - used - words - SHOWN) == []
