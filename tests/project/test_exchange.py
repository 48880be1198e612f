# SPDX-License-Identifier: BSD-3-Clause
"""What docs/exchange.md and the notebook say works: their blocks are run, in their order, on a survey."""

import json
import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest

import harness
import jobs

sys.path.insert(0, str(harness.ROOT / "python"))
PAGE = (harness.ROOT / "docs/exchange.md").read_text()
NOTEBOOK = harness.ROOT / "python/segy-to-picture.ipynb"
BLOCKS = re.findall(r"^```(python|sh)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

# What of MATLAB the page uses and GNU Octave lacks: parts of arrays, and no window to draw in.
STAND_IN = """
1;
function x = look(file, path)
  x = load('-hdf5', file);
  for name = strsplit(path(2:end), '/'), x = x.(name{1}); end
end
function info = h5info(file, path)
  info.Dataspace.Size = size(look(file, path));
end
function x = h5read(file, path, start, count)
  x = look(file, path);
  if isvector(x), x = x(:); end
  if nargin < 3, return; end
  if numel(start) == 1, x = x(start:start+count-1); return; end
  count(isinf(count)) = size(x)(isinf(count));
  x = x(start(1):start(1)+count(1)-1, start(2):start(2)+count(2)-1);
end
function imagesc(varargin), end
function colormap(varargin), end
function xlabel(varargin), end
function ylabel(varargin), end
"""


@pytest.fixture(scope="module")
def environment():
    paths = {"PATH": f"{harness.BINARY.parent}:{os.environ['PATH']}", "SEISPROC": str(harness.BINARY),
             "PYTHONPATH": str(harness.ROOT / "python"), "MPLBACKEND": "Agg"}
    return {**os.environ, **harness.mpi_environment(), **paths}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exchange")
    jobs.make_survey(folder / "denoised.h5", gathers=6, traces=20, samples=100)
    return folder


def missing(text):
    """Modules that a block imports, and that are not here."""
    names = re.findall(r"^import (\w+)", text, re.MULTILINE) + (["h5netcdf"] if "h5netcdf" in text else [])
    tries = {name: subprocess.run([sys.executable, "-c", f"import {name}"], cwd=harness.ROOT / "python",
                                  stderr=subprocess.DEVNULL) for name in names}
    return [name for name, tried in tries.items() if tried.returncode]


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_blocks_of_the_page(folder, environment, number):
    language, text = BLOCKS[number]
    if language == "python" and missing(text):
        pytest.skip(f"no {', '.join(missing(text))} here")
    shell = ["bash", "-e", "-c", text] if language == "sh" else [sys.executable, "-W", "error", "-c", text]
    if language == "python":
        shell[1:3] = []
    done = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("octave-cli"), reason="no GNU Octave (Debian: octave)")
@pytest.mark.parametrize("language, before", [("matlab", STAND_IN), ("octave", "")], ids=["matlab", "octave"])
def test_arrays_the_other_way_round(folder, language, before):
    text = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]
    after = "dlmwrite('gather.txt', gather, 'precision', 17); dlmwrite('offset.txt', offset(:), 'precision', 17);\n"
    (folder / "block.m").write_text(before + text + after)
    done = subprocess.run(["octave-cli", "--quiet", "--norc", "block.m"], cwd=folder, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr
    with h5py.File(folder / "denoised.h5") as f:
        a, b = f["gathers/first_trace"][1:3].astype(int)
        assert np.array_equal(np.loadtxt(folder / "gather.txt", delimiter=",").astype("f4"), f["traces"][a:b].T)
        assert np.array_equal(np.loadtxt(folder / "offset.txt"), f["headers/offset"][a:b])


def test_what_the_blocks_left(folder):
    """Samples that others read are the survey's."""
    segyio = pytest.importorskip("segyio", reason="no segyio to read files with")
    with h5py.File(folder / "denoised.h5") as f, h5py.File(folder / "again.h5") as again:
        traces, offset = f["traces"][:], f["headers/offset"][:]
        n = int(f["gathers/first_trace"][1])
        assert np.array_equal(again["traces"][:], traces) and np.array_equal(again["headers/offset"][:], offset)
    with segyio.open(folder / "denoised.sgy", ignore_geometry=True) as f:
        assert np.allclose(f.trace.raw[:], traces, rtol=1e-6)
        assert np.array_equal(f.attributes(segyio.TraceField.offset)[:], offset)
    with segyio.su.open(folder / "denoised.su", ignore_geometry=True, endian="big") as f:
        assert np.array_equal(f.trace.raw[:], traces)
    said = dict(re.findall(r'(\w+)="?([^"\s]+)"?', (folder / "gather.rsf").read_text()))
    assert (int(said["n1"]), int(said["n2"]), said["in"]) == (100, n, "./gather.bin")
    gather = np.fromfile(folder / said["in"], "<f4").reshape(n, 100)
    assert np.array_equal(gather, traces[:n])
    with h5py.File(folder / "made.h5") as f:
        assert np.array_equal(f["traces"][:], traces[:n])


def test_the_cells_of_the_notebook_run(tmp_path, environment):
    drawn = not missing("import matplotlib")
    cells = [c for c in json.loads(NOTEBOOK.read_text())["cells"] if c["cell_type"] == "code"]
    text = "\n".join("".join(c["source"]) for c in cells if drawn or "picture" not in c["metadata"].get("tags", []))
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "denoised.qc.html").is_file()
    assert not drawn or (tmp_path / "gather.png").stat().st_size > 10000


@pytest.mark.long
def test_the_notebook_runs_in_its_kernel(tmp_path, environment, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="no nbclient to run notebooks with")
    nbformat = pytest.importorskip("nbformat", reason="no nbformat to read notebooks with")
    pytest.importorskip("ipykernel", reason="no ipykernel to run notebooks with")
    pytest.importorskip("matplotlib", reason="no matplotlib to draw with")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(NOTEBOOK, 4)
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=240, startup_timeout=240, resources=where).execute()
    assert (tmp_path / "gather.png").stat().st_size > 10000
