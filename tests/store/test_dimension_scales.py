# SPDX-License-Identifier: BSD-3-Clause
"""Datasets of surveys have named dimensions, and a time axis: as h5py, xarray and netCDF4 see them."""

import h5py
import numpy as np
import pytest

import jobs

DELAY = 40
FKK = "input: {input}\noutput: {output}\nmode: both\nengine: cpu\nchain: [fkk: {{vmax: 1500, cubes: [offset]}}]\n"
PSTM = """\
input: {input}
output: {output}
engine: cpu
chain:
  - pstm: {{velocity: 2000, origin: [500125, 4000900], dx: 25, nx: 9, dy: 50, geometry: 3d, offsets: [200, 600],
           stack: true, aperture: 600, spacing: [25, 50], tau0: 100, ntau: 50}}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory, seisproc):
    """An import that starts late, a window of it, the output of a job, another order, edited headers, and so on."""
    folder = tmp_path_factory.mktemp("files")
    jobs.make_survey(folder / "synth.h5", gathers=6, traces=300, samples=200)
    with h5py.File(folder / "synth.h5", "r+") as f:
        f["headers"].create_dataset("delrt", data=np.full(f["traces"].shape[0], DELAY, "i4"))
    seisproc("export", folder / "synth.h5", folder / "in.sgy", "--quiet")
    seisproc("import", folder / "in.sgy", folder / "in.h5", "--gather=fldr", "--quiet")
    seisproc("window", folder / "in.h5", folder / "window.h5", "--time=60-200", "--gathers=first:3")
    job = jobs.Job(folder, folder / "in.h5")
    job.run("--set=engine=cpu", ranks=3)
    seisproc("regroup", folder / "in.h5", folder / "cdp.h5", "--gather=cdp", "--sort=offset", "--quiet")
    seisproc("header", folder / "in.h5", "-o", folder / "late.h5", "--set=delrt = delrt + 60", "--set=mine = cdp / 2")
    seisproc("pack", folder / "in.h5", folder / "packed.h5", "--codec=zstd", "--quiet")
    seisproc("unpack", folder / "packed.h5", folder / "unpacked.h5", "--quiet")
    return {"import": (folder / "in.h5", DELAY), "window": (folder / "window.h5", 60), "job": (job.output, DELAY),
            "regroup": (folder / "cdp.h5", DELAY), "header": (folder / "late.h5", DELAY + 60),
            "pack": (folder / "packed.h5", DELAY), "unpack": (folder / "unpacked.h5", DELAY),
            **{kind: (path, start) for kind, path, start in make_images(folder, seisproc)}}


def make_images(folder, seisproc):
    """An image, and its stack, which begin late."""
    seisproc("synth", folder / "known.h5", "--diffractors", "--gathers=20", "--traces=40", "--samples=160",
             "--interval-ms=4", "--spread=0", "--quiet")
    job = jobs.Job(folder, folder / "known.h5", PSTM, name="image")
    job.run(ranks=3)
    filtered = jobs.Job(folder, write_cube(folder / "cube.h5"), FKK, name="filtered")
    filtered.run(ranks=3)
    return [("image", job.output, 100), ("stack", folder / "image-stack.h5", 100), ("cube", filtered.output, DELAY)]


def write_cube(path):
    """As a script makes one, without names: 6 x 5 places, two offsets each."""
    il, xl, offset = (v.ravel() for v in np.meshgrid(np.arange(6), np.arange(5), [100, 300], indexing="ij"))
    with h5py.File(path, "w") as f:
        f.attrs.update(format="seisproc", format_version=1, sample_interval_us=2000.0)
        f["traces"] = np.random.default_rng(5).standard_normal((60, 40)).astype("f4")
        f["gathers/first_trace"] = np.arange(0, 61, 2, "u8")
        f["gathers/key"] = np.arange(30)
        columns = {"iline": il, "xline": xl, "offset": offset, "cdpx": 25 * il, "cdpy": 20 * xl,
                   "delrt": np.full(60, DELAY)}
        for name, values in columns.items():
            f[f"headers/{name}"] = values.astype("i4")
    return path


KINDS = ["import", "window", "job", "regroup", "header", "pack", "unpack", "image", "stack", "cube"]


def names(file, dataset):
    """Dimensions by the place of their scales."""
    return [next(iter(d.values())).name.lstrip("/") for d in dataset.dims]


@pytest.mark.parametrize("kind", KINDS)
def test_every_dataset_has_names(files, kind):
    path, start = files[kind]
    with h5py.File(path) as f:
        assert names(f, f["traces"]) == ["trace", "time"]
        assert names(f, f["gathers/first_trace"]) == ["gather_edge"] and names(f, f["gathers/key"]) == ["gather"]
        seen = []
        f.visititems(lambda name, item: seen.append(item) if isinstance(item, h5py.Dataset) else None)
        for item in seen:
            if "REFERENCE_LIST" not in item.attrs and "NAME" not in item.attrs and 0 not in item.shape:
                assert all(len(d) == 1 for d in item.dims), item.name
                assert [d[0].shape[0] for d in item.dims] == list(item.shape)
        assert f["time"].attrs["units"] == b"ms"
        assert np.allclose(f["time"][:], start + 1e-3 * f.attrs["sample_interval_us"] * np.arange(f["traces"].shape[1]))
        assert f["traces"].attrs["coordinates"].decode().split()[-1] == "offset"
        assert np.array_equal(f["offset"][:], f["headers/offset"][:])
        assert isinstance(f.get("offset", getlink=True), h5py.SoftLink)


def test_delays_that_differ_leave_times_from_the_first_sample(tmp_path, files, seisproc):
    seisproc("header", files["import"][0], "-o", tmp_path / "out.h5", "--set=delrt = delrt + 2 * (fldr > 2)")
    with h5py.File(tmp_path / "out.h5") as f:
        assert f["time"][0] == 0 and f["time"][1] == 2


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
@pytest.mark.parametrize("kind", KINDS)
def test_xarray_shows_named_axes(files, kind, engine):
    xarray = pytest.importorskip("xarray", reason="no xarray to open files with")
    pytest.importorskip("h5netcdf" if engine == "h5netcdf" else "netCDF4", reason=f"no {engine} to open files with")
    path, start = files[kind]
    with xarray.open_dataset(path, engine=engine) as data, h5py.File(path) as f:
        assert data.traces.dims == ("trace", "time")
        assert float(data.time[0]) == start and data.time.attrs["units"] == "ms"
        near = data.traces.sel(time=float(data.time[10]))
        assert near.dims == ("trace",)
        if kind != "pack":  # for the samples of which HDF5 needs its plugin
            assert np.array_equal(data.traces.isel(trace=3).values, f["traces"][3])
            assert np.array_equal(near.values, f["traces"][:, 10])
        assert "offset" in data.coords and np.array_equal(data.offset.values, f["headers/offset"][:])
    with xarray.open_dataset(path, engine=engine, group="headers") as headers:
        assert headers.offset.dims == ("trace",)
