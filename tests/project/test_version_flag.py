# SPDX-License-Identifier: BSD-3-Clause
"""What make compiles anew for a new version: the sources that name it, and no others."""

import re
import subprocess

import harness


def compile_lines(tmp_path, *arguments):
    """Of a build from nothing, nothing of which is run: source -> command."""
    shown = subprocess.run(["make", "--no-print-directory", "-n", "V=1", "NVCC=", f"BUILD={tmp_path}/none", *arguments],
                           cwd=harness.ROOT, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    lines = re.sub(r"\\\n\s*", "", shown.stdout).splitlines()
    return {m[1]: line for line in lines if (m := re.search(r"-MMD .* -o \S+ (\S+\.c)\b", line))}


def test_only_sources_that_name_it_get_it(tmp_path):
    commands = compile_lines(tmp_path, f"{tmp_path}/none/seisproc", f"{tmp_path}/none/bench/kernels",
                             f"{tmp_path}/none-faults/seisproc")
    naming = {source for source in commands if "SP_VERSION" in (harness.ROOT / source).read_text()}
    assert len(commands) > 300 and "src/base/version.c" in naming and "perf/bench_kernels.c" in naming
    assert {source for source, command in commands.items() if "-DSP_VERSION=" in command} == naming


def test_they_are_made_again_for_a_new_one():
    """`make -p` lists what each object depends on."""
    shown = subprocess.run(["make", "--no-print-directory", "-npq", "NVCC=", "BUILD=none", "none/seisproc"],
                           cwd=harness.ROOT, capture_output=True, text=True).stdout
    objects = set(re.findall(r"^none/obj/(\S+)\.o:(?: .*)? VERSION(?: |$)", shown, re.M))
    sources = [p for folder in ("src", "kernels") for p in (harness.ROOT / folder).rglob("*.c")]
    naming = {str(p.relative_to(harness.ROOT)) for p in sources
              if re.search(r"\bSP_VERSION\b", p.read_text())}
    assert {f"{name}.c" for name in objects if not name.endswith(".cu")} == naming
