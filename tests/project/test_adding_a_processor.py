# SPDX-License-Identifier: BSD-3-Clause
"""docs/adding-a-processor.md, followed to the letter in a copy of the tree: builds, computes, is tested and timed."""

import os
import re
import shutil
import subprocess
import sys

import pytest

import harness

PAGE = harness.ROOT / "docs/adding-a-processor.md"
SECTION = re.compile(r"^## \d+\. [^`\n]*`([\w/.]+)`$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
SNIPPET = re.compile(r"^```(c|cuda|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets():
    """What the page says of each file: its text, or the line to add."""
    return {path: SNIPPET.search(body).group(2) for path, body in SECTION.findall(PAGE.read_text())}


def add_line(path, line, before):
    text = path.read_text()
    at = text.rindex(before) if before else len(text)
    path.write_text(text[:at] + line + text[at:])


def follow(tree):
    """Does what the page says, without the GPU."""
    for path, text in snippets().items():
        target = tree / path
        if path == "kernels/processor_list.h":
            add_line(target, text.replace("CUDA", "NONE"), "")
        elif path == "perf/kernel_list.h":
            add_line(target, text, "};")
        elif not path.endswith(".cu"):
            assert not target.exists(), f"{path} is there already"
            target.parent.mkdir(exist_ok=True)
            target.write_text(text)


def make(tree, *arguments):
    command = ["make", "-s", f"BUILD={harness.BUILD.name}", "NVCC=", *arguments]
    result = harness.run(command, timeout=240, cwd=tree)
    assert result.returncode == 0, str(result)
    assert "warning" not in result.stderr, str(result)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The sources, and what is built of them, as old as they are: only what the page touches is compiled."""
    root = tmp_path_factory.mktemp("tree") / "seisproc"
    for name in ("kernels", "src", "include", "perf", "tests", "tools"):
        shutil.copytree(harness.ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "VERSION"):
        shutil.copy2(harness.ROOT / name, root / name)
    shutil.copytree(harness.BUILD / "obj", root / harness.BUILD.name / "obj",
                    ignore=shutil.ignore_patterns("*.cu.o"))
    shutil.copy2(harness.BUILD / "flags", root / harness.BUILD.name / "flags")
    follow(root)
    make(root, *(f"{harness.BUILD.name}/{name}" for name in ("seisproc", "tests/kernels/tool_apply", "bench/kernels")))
    return root


def test_every_step_has_its_snippet():
    assert list(snippets()) == [
        "kernels/clip/clip.h", "kernels/clip/declare.c", "kernels/clip/cpu.c", "kernels/clip/cuda.cu",
        "kernels/processor_list.h", "tests/kernels/test_clip.py", "perf/kernel_list.h"]


def test_it_is_explained_and_its_own_test_passes(tree):
    env = {**os.environ, "SEISPROC_BUILD": str(tree / harness.BUILD.name)}
    told = harness.run([tree / harness.BUILD.name / "seisproc", "help", "clip"], timeout=20)
    assert told.returncode == 0 and "the limit over the root mean square" in told.stdout, str(told)
    tested = harness.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "kernels/test_clip.py"],
                         timeout=60, cwd=tree / "tests", env=env)
    assert tested.returncode == 0 and "5 passed" in tested.stdout, str(tested)


def test_a_job_runs_it(tree, tmp_path):
    program = tree / harness.BUILD.name / "seisproc"
    (tmp_path / "job.yaml").write_text("input: in.h5\noutput: out.h5\nchain:\n  - clip: {k: 2}\n")
    for command in (["synth", "in.h5", "-g3", "-t8", "-n200", "-q"], ["run", "job.yaml", "-q"], ["verify", "out.h5"]):
        result = harness.run([program, *command], timeout=60, cwd=tmp_path)
        assert result.returncode == 0, str(result)


def test_the_bench_compares_and_times_it(tree):
    result = harness.run([tree / harness.BUILD.name / "bench/kernels", "clip", "--json", "--seconds=0.05"],
                         timeout=120, cwd=tree)
    assert result.returncode == 0, str(result)
    assert re.search(r'"(kernel|name)": ?"clip"', result.stdout) and '"reference_ms"' in result.stdout, result.stdout


def test_the_sources_of_the_page_keep_the_rules(tree):
    result = harness.run([sys.executable, harness.ROOT / "tools/lint.py", tree], timeout=60)
    assert result.returncode == 0, str(result)


def test_no_other_list_names_processors(tree):
    """Tests that go through all processors take the new one, as it is."""
    tests = [f"{harness.BUILD.name}/tests/{name}" for name in ("job/test_fingerprint", "flow/test_engine_processors")]
    make(tree, *tests)
    for test in tests:
        result = harness.run([tree / test], timeout=120, cwd=tree)
        assert result.returncode == 0, str(result)


@pytest.mark.long
def test_its_gpu_part_compiles(tree, tmp_path):
    """And the CUDA module finds it by the line of the list, with the second word that the page gives it."""
    nvcc = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    if not os.access(nvcc, os.X_OK):
        pytest.skip("no nvcc")
    (tree / "kernels/clip/cuda.cu").write_text(snippets()["kernels/clip/cuda.cu"])
    processors = tmp_path / "kernels/processor_list.h"
    processors.parent.mkdir()
    processors.write_text((tree / "kernels/processor_list.h").read_text().replace("(clip, NONE)", "(clip, CUDA)"))
    symbols = {}
    for source in ("kernels/clip/cuda.cu", "kernels/cuda_processor.cu"):
        made = tmp_path / "part.o"
        result = harness.run([nvcc, "-std=c++17", "-arch=sm_90", f"-I{tmp_path}", "-Iinclude", "-I.", "-Xcompiler",
                              "-fPIC,-Wall", "-c", "-o", made, source], timeout=200, cwd=tree)
        assert result.returncode == 0 and "warning" not in result.stderr, str(result)
        listed = subprocess.run(["nm", made], capture_output=True, text=True, check=True).stdout
        symbols[source] = re.findall(r"(\w) sp_clip_cuda$", listed, re.MULTILINE)
    assert symbols == {"kernels/clip/cuda.cu": ["D"], "kernels/cuda_processor.cu": ["U"]}
