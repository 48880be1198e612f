# SPDX-License-Identifier: BSD-3-Clause
"""Survey files made with h5py, for tests that need particular ones."""

import h5py
import numpy as np

DEFAULT_UUID = "00000000-0000-4000-8000-000000000001"


def text(value):
    return np.bytes_(value)


def write_survey(path, traces, first_trace=None, key=None, headers=None, content="input", uuid=DEFAULT_UUID,
                 interval_us=2000.0, history="made by a test", extra=None, attributes=None):
    """Writes a survey as docs/format.md describes it. `extra`: other datasets by path."""
    traces = np.asarray(traces, "<f4")
    first_trace = np.asarray([0, len(traces)] if first_trace is None else first_trace, "<u8")
    key = np.arange(1, len(first_trace)) if key is None else np.asarray(key)
    with h5py.File(path, "w") as f:
        for name, value in {"format": text("seisproc"), "format_version": 1, "n_traces": len(traces),
                            "n_samples": traces.shape[1], "sample_interval_us": interval_us, "uuid": text(uuid),
                            "created_by": text("a test"), "history": text(history), **(attributes or {})}.items():
            f.attrs[name] = value
        f["traces"] = traces
        f["traces"].attrs["content"] = text(content)
        f["gathers/first_trace"] = first_trace
        f["gathers/key"] = key.astype("<i8")
        f["gathers/key"].attrs["name"] = text("cdp")
        f.create_group("headers")
        for name, values in (headers or {}).items():
            f["headers/" + name] = values
        for name, values in (extra or {}).items():
            f[name] = values
    return path
