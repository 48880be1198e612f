# SPDX-License-Identifier: BSD-3-Clause
"""CUDA sources that only `make check-gpu` and `make bench-gpu` build go through nvcc's front end (names, types, fields,
calls; a second or two of a core each), so that they do not stop compiling where no GPU is at hand."""

import os
import shutil
import subprocess

import pytest

import harness

SOURCES = sorted([*harness.ROOT.glob("tests/cuda/*.cu"), *harness.ROOT.glob("perf/*.cu")])


def find_nvcc():
    """As tools/cuda.mk: NVCC, which may be set to nothing, else one that is on the path or where CUDA is installed."""
    default = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    nvcc = shutil.which(os.environ.get("NVCC", default))
    if not nvcc:
        pytest.skip("no nvcc")
    return nvcc


def front_end(nvcc, source, folder):
    """Of the commands that nvcc would run, the first that preprocesses, and the one that parses what that makes."""
    env = {**os.environ, "TMPDIR": str(folder), "PATH": f"{os.path.dirname(nvcc)}:{os.environ['PATH']}"}
    planned = subprocess.run([nvcc, "-std=c++17", "-Iinclude", "-I.", "-arch=compute_90", "--dryrun", "-c", "-o",
                              folder / "none.o", source], cwd=harness.ROOT, env=env, capture_output=True, text=True)
    assert planned.returncode == 0, planned.stderr
    lines = [line.removeprefix("#$ ") for line in planned.stderr.splitlines()]
    commands = [next(line for line in lines if " -E " in line), next(line for line in lines if "cudafe++ " in line)]
    return subprocess.run(["sh", "-ec", "\n".join(commands)], cwd=harness.ROOT, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.name)
def test_front_end_takes_it(tmp_path, source):
    done = front_end(find_nvcc(), source, tmp_path)
    assert done.returncode == 0, done.stderr


def test_front_end_refuses_a_field_that_is_gone(tmp_path):
    source = tmp_path / "broken.cu"
    source.write_text('#include "seisproc/figures.h"\n__global__ void kernel(sp_gather_result *r) { r->none = 1; }\n')
    done = front_end(find_nvcc(), source, tmp_path)
    assert done.returncode != 0 and "none" in done.stderr + done.stdout, done
