# SPDX-License-Identifier: BSD-3-Clause
"""A survey file (docs/format.md): opened lazily, read gather by gather, and written."""

import fcntl
import operator
import os
import uuid
from typing import Dict, NamedTuple

import h5py
import numpy as np

try:
    import hdf5plugin  # noqa: F401  the filters of packed surveys
except ImportError:
    hdf5plugin = None

FORMAT_VERSION = 1
RUNNER_BYTE = 0  # of OUT.lock: locked while something is written beside OUT

# What scales a column of whole numbers where the file does not say: SEG-Y's definition.
SCALARS = {**dict.fromkeys(("sx", "sy", "gx", "gy", "cdpx", "cdpy"), "scalco"),
           **dict.fromkeys(("gelev", "selev", "sdepth", "gdel", "sdel", "swdep", "gwdep"), "scalel"),
           **dict.fromkeys(("sut", "gut", "sstat", "gstat", "tstat", "laga", "lagb", "delrt", "muts", "mute"), "scalt"),
           "sp": "scalsp"}
LEGAL_SCALARS = (1, 10, 100, 1000, 10000, 100000)


class SurveyError(ValueError):
    """A file that is no survey, or is not what docs/format.md says; one line that names it."""


class Gather(NamedTuple):
    """Traces of one gather: float32 [traces, samples], a structured array with a field a header column, in the column's
    unit, the key, and the time of each sample in seconds (after the shot where all traces have the same delay, else
    after the trace's own first sample)."""

    traces: np.ndarray
    headers: np.ndarray
    key: object
    times: np.ndarray

    def table(self):
        """The headers as a pandas.DataFrame, indexed by the place in the gather."""
        import pandas
        return pandas.DataFrame({name: self.headers[name] for name in self.headers.dtype.names or ()})


def _text(value):
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(())[()]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _factor(scalars):
    """What a SEG-Y scalar stands for: positive multiplies, negative divides; others than the standard's are 1."""
    scalars = np.asarray(scalars, np.int64)
    legal = np.isin(np.abs(scalars), LEGAL_SCALARS)
    return np.where(legal & (scalars > 0), scalars, 1).astype(float), np.where(legal & (scalars < 0), -scalars, 1.0)


class Survey:
    """An open survey: len(survey) gathers, survey[i] and survey.gather(key) read one. Also a context manager."""

    def __init__(self, path):
        self.path = os.fspath(path)
        _check_complete(self.path)
        if os.path.lexists(os.path.realpath(self.path) + ".undo"):
            raise SurveyError(f"{self.path}: its headers are being changed, or that was cut off; then `seisproc header "
                              f"{self.path}` takes it back")
        try:
            self.file = h5py.File(self.path, "r")
        except OSError as error:
            raise SurveyError(f"{self.path}: {error}") from None
        try:
            self._look()
        except BaseException:
            self.file.close()
            raise

    def _refuse(self, what):
        raise SurveyError(f"{self.path}: {what}")

    def _dataset(self, name, ndim, rows=None):
        """A dataset of the file itself: links to elsewhere are not followed."""
        found = self.file.get(name, getlink=True) if name in self.file else None
        if not isinstance(found, h5py.HardLink) or not isinstance(self.file[name], h5py.Dataset):
            self._refuse(f"has no dataset {name}")
        dataset = self.file[name]
        if dataset.ndim != ndim or (rows is not None and dataset.shape[0] != rows):
            self._refuse(f"{name} has shape {dataset.shape}, " + (f"the survey has {rows} rows" if rows is not None else
                                                                  f"allowed are {ndim} dimensions"))
        return dataset

    def _number(self, name, missing=None):
        """An attribute of the file that is one number."""
        value = np.asarray(self.file.attrs[name] if name in self.file.attrs else missing)
        if value.size != 1 or value.dtype.kind not in "iuf":
            self._refuse(f"has no number as its attribute {name}")
        return value.reshape(())[()]

    def _look(self):
        attributes = self.file.attrs
        if "format" not in attributes or _text(attributes["format"]) != "seisproc":
            self._refuse("is HDF5, but no survey of seisproc")
        if not 1 <= self._number("format_version") <= FORMAT_VERSION:
            self._refuse(f"has format_version {self._number('format_version')}, known is {FORMAT_VERSION}")
        interval = float(self._number("sample_interval_us"))
        if not 1e-6 <= interval <= 1e12:
            self._refuse(f"has samples every {interval:g} us, allowed is 1e-6 to 1e12")
        self.interval = 1e-6 * interval  # seconds
        self._traces = self._dataset("traces", 2)
        self.n_traces, self.n_samples = self._traces.shape
        if (self._number("n_traces", self.n_traces), self._number("n_samples", self.n_samples)) != self._traces.shape:
            self._refuse(f"traces has shape {self._traces.shape}, the attributes n_traces and n_samples say otherwise")
        self.first_trace = self._dataset("gathers/first_trace", 1)[:].astype(np.int64)
        first = self.first_trace
        if len(first) == 0 or first[0] != 0 or first[-1] != self.n_traces or np.any(np.diff(first) < 0):
            self._refuse(f"/gathers/first_trace does not go from 0 to {self.n_traces}")
        keys = self._dataset("gathers/key", 1, len(first) - 1)
        self.key_name = _text(keys.attrs["name"]) if "name" in keys.attrs else "key"
        self.keys = keys[:].astype(np.int64)
        if not np.array_equal(self.keys, keys[:]):
            self._refuse("gathers/key holds values that are no whole numbers")
        if "+" in self.key_name:  # two numbers, both signed
            self.keys = np.stack([self.keys >> 32, self.keys.astype(np.int32).astype(np.int64)], axis=1)
        group = self.file.get("headers")
        self.columns = sorted(name for name in group or () if isinstance(group.get(name, getlink=True), h5py.HardLink)
                              and isinstance(group[name], h5py.Dataset))
        self.units: Dict[str, str] = {name: _text(group[name].attrs["units"]) for name in self.columns
                                      if "units" in group[name].attrs}
        for name in ("uuid", "history", "created_by", "input_uuid", "job"):
            setattr(self, name, _text(attributes[name]) if name in attributes else None)
        self.content = _text(self._traces.attrs["content"]) if "content" in self._traces.attrs else None

    def __repr__(self):
        return (f"{len(self)} gathers by {self.key_name}, {self.n_traces} traces of {self.n_samples} samples at "
                f"{1e3 * self.interval:g} ms")

    def __len__(self):
        return len(self.first_trace) - 1

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()

    def column(self, name, first=0, end=None, raw=False):
        """Values of a header column for traces first ... end - 1, in its unit (float64 where it is scaled); `raw` gives
        them as the file has them."""
        if name not in self.columns:
            self._refuse(f"has no header column {name}; it has {', '.join(self.columns)}")
        dataset = self._dataset(f"headers/{name}", 1, self.n_traces)
        if dataset.dtype.kind not in "iuf":
            self._refuse(f"headers/{name} is of type {dataset.dtype}, allowed are numbers")
        end = self.n_traces if end is None else end
        values = dataset[first:end]
        if raw or values.dtype.kind == "f":
            return values
        scalar = _text(dataset.attrs["scalar"]) if "scalar" in dataset.attrs else SCALARS.get(name)
        if scalar is None or scalar not in self.columns:
            return values
        times, over = _factor(self._dataset(f"headers/{scalar}", 1, self.n_traces)[first:end])
        return values * times / over

    def _samples(self, dataset, first, end):
        if dataset.dtype.kind not in "iuf" or (dataset.dtype.kind == "f" and dataset.dtype.itemsize > 4):
            self._refuse(f"{dataset.name} is of type {dataset.dtype}, allowed is float32")
        try:
            return dataset[first:end].astype(np.float32, copy=False)
        except OSError as error:
            need = "; packed surveys need hdf5plugin (pip)" if dataset.chunks and not hdf5plugin else ""
            self._refuse(f"{dataset.name}, traces {first} to {end - 1}, cannot be read: {error}{need}")

    def headers(self, first=0, end=None):
        """All columns for traces first ... end - 1: a structured array."""
        end = self.n_traces if end is None else end
        columns = {name: self.column(name, first, end) for name in self.columns}
        out = np.empty(end - first, [(name, values.dtype) for name, values in columns.items()])
        for name, values in columns.items():
            out[name] = values
        return out

    def index(self, key):
        """Place of the gather with this key: a number, or two where the survey has two keys."""
        if self.keys.ndim == 2:
            found = np.flatnonzero((self.keys == np.asarray(key)).all(axis=1))
        else:
            found = np.flatnonzero(self.keys == key)
        if len(found) == 0:
            raise KeyError(f"{self.path}: no gather {self.key_name}={key}")
        return int(found[0])

    def gather(self, key, dataset="traces"):
        return self.read(self.index(key), dataset)

    def __getitem__(self, i):
        return self.read(i)

    def read(self, i, dataset="traces"):
        """Gather number i; `dataset` may be "noise", or "hits" of an image."""
        i = operator.index(i)
        if not -len(self) <= i < len(self):
            raise IndexError(f"{self.path}: gather {i} of {len(self)}")
        i %= len(self)
        first, end = int(self.first_trace[i]), int(self.first_trace[i + 1])
        samples = self._dataset(dataset, 2, self.n_traces)
        headers = self.headers(first, end)
        delay = headers["delrt"] if "delrt" in (headers.dtype.names or ()) else np.zeros(1)
        start = 1e-3 * float(delay[0]) if len(delay) and np.all(delay == delay[0]) else 0.0
        key = tuple(self.keys[i].tolist()) if self.keys.ndim == 2 else int(self.keys[i])
        times = start + self.interval * np.arange(self.n_samples)
        return Gather(self._samples(samples, first, end), headers, key, times)


def _check_complete(path):
    """OUT.part, and OUT.plain while it is packed or unpacked, are outputs in the making: samples are missing."""
    packing = path.endswith(".plain") and os.path.exists(path[:-len(".plain")] + ".chunks")
    if (path.endswith(".part") or packing) and os.path.exists(path):
        raise SurveyError(f"{path}: is an output in the making, of which samples are missing; the command that made it "
                          "finishes it")


def write(path, gathers, interval, key_name="fldr", units=None, history="written by a script", content="input"):
    """Writes a survey. `gathers` are Gather, or pairs (key, traces), or triples (key, traces, headers): traces
    [n, samples], headers a structured array or a dict of columns, the same columns for all. `interval` in seconds.

    They are written as they come, so a generator will do; the file has its name when it is complete. Traces are
    float32; others are refused."""
    path = os.fspath(path)
    _check_free(path)
    part = path + ".part"
    rows, columns, keys, first = [], {}, [], [0]
    try:
        with h5py.File(part, "w") as f, _Rows(part) as samples:
            for gather in gathers:
                key, traces, headers = _parts(gather)
                samples.add(traces)
                keys.append(key)
                first.append(first[-1] + len(traces))
                rows.append(len(traces))
                names = headers.dtype.names if isinstance(headers, np.ndarray) else tuple(headers)
                if columns and set(names or ()) != set(columns):
                    raise SurveyError(f"{path}: gather {key} has other header columns than the first one")
                for name in names or ():
                    values = np.asarray(headers[name])
                    if values.shape != (len(traces),):
                        raise SurveyError(f"{path}: gather {key}: {name} has shape {values.shape}, there are "
                                          f"{len(traces)} traces")
                    columns.setdefault(name, []).append(values)
                if not columns and len(keys) == 1:
                    columns = {name: [] for name in names or ()}
            _fill(f, samples, keys, first, columns, interval, key_name, units or {}, history, content)
        os.replace(part, path)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise


def _check_free(path):
    """OUT.part may be what a job has computed so far, or is being written."""
    for beside in (path + ".journal", path + ".plain"):
        if os.path.lexists(beside):
            raise SurveyError(f"{path}: a job has begun it and left {beside}; finish the job, or write another file")
    try:
        with open(path + ".lock", "rb") as lock:
            fcntl.lockf(lock, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, RUNNER_BYTE)
    except BlockingIOError:
        raise SurveyError(f"{path}: another program is writing it ({path}.lock)") from None
    except FileNotFoundError:
        pass


def _parts(gather):
    if isinstance(gather, Gather):
        return gather.key, gather.traces, gather.headers
    return gather if len(gather) == 3 else (*gather, {})


class _Rows:
    """Samples on their way: to a file beside the output, since a survey's datasets are contiguous and their size is
    known at the end only."""

    def __init__(self, part):
        self.path, self.n, self.n_samples = part + ".samples", 0, None

    def __enter__(self):
        self.stream = open(self.path, "w+b")
        os.unlink(self.path)
        return self

    def __exit__(self, *_):
        self.stream.close()

    def add(self, traces):
        traces = np.asarray(traces)
        if traces.ndim != 2 or self.n_samples not in (None, traces.shape[1]):
            raise SurveyError(f"traces of shape {traces.shape}, allowed is [traces, {self.n_samples or 'samples'}]")
        exact = traces.astype("<f4")
        if traces.dtype != exact.dtype and not np.array_equal(exact, traces, equal_nan=traces.dtype.kind == "f"):
            raise SurveyError("traces hold values that are not float32; convert them with .astype('float32')")
        self.n_samples = traces.shape[1]
        self.stream.write(exact.tobytes())
        self.n += len(exact)

    def copy_to(self, dataset):
        self.stream.seek(0)
        block = max(1, (8 << 20) // (4 * self.n_samples))
        for at in range(0, self.n, block):
            n = min(block, self.n - at)
            dataset[at:at + n] = np.frombuffer(self.stream.read(4 * n * self.n_samples), "<f4").reshape(n, -1)


def _fill(f, samples, keys, first, columns, interval, key_name, units, history, content):
    if not samples.n_samples:
        raise SurveyError("no gathers, or traces without samples")
    for name, value in {"format": "seisproc", "created_by": "seisproc, Python", "uuid": str(uuid.uuid4()),
                        "history": history}.items():
        f.attrs[name] = np.bytes_(value)
    f.attrs["format_version"], f.attrs["sample_interval_us"] = FORMAT_VERSION, 1e6 * float(interval)
    f.attrs["n_traces"], f.attrs["n_samples"] = samples.n, samples.n_samples
    traces = f.create_dataset("traces", (samples.n, samples.n_samples), "<f4")
    traces.attrs["content"] = np.bytes_(content)
    samples.copy_to(traces)
    f["gathers/first_trace"] = np.asarray(first, "<u8")
    two = len(keys) > 0 and np.ndim(keys[0]) == 1
    f["gathers/key"] = np.array([(int(k[0]) << 32) | (int(k[1]) & 0xffffffff) if two else int(k) for k in keys], "<i8")
    f["gathers/key"].attrs["name"] = np.bytes_(key_name)
    for name, parts in columns.items():
        values = np.concatenate(parts) if parts else np.empty(0)
        whole = values.dtype.kind in "iub" and (len(values) == 0 or np.abs(values.astype(np.int64)).max() < 2**31)
        # scaled values stand for themselves: no column of whole numbers that a scalar would be applied to once more
        f[f"headers/{name}"] = values.astype("<i4" if whole and name not in SCALARS else "<f8")
        if name in units:
            f[f"headers/{name}"].attrs["units"] = np.bytes_(units[name])
