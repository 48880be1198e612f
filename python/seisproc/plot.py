# SPDX-License-Identifier: BSD-3-Clause
"""A gather before, after and what was taken away, at one clip (matplotlib)."""

import numpy as np

from .survey import Survey


def _open(survey):
    return (survey, False) if isinstance(survey, Survey) else (Survey(survey), True)


def _read(before, after, key):
    """The gather's traces before and after, in the order of the output."""
    a, opened_a = _open(before)
    b, opened_b = _open(after)
    try:
        place = b.index(key) if key is not None else 0
        out = b.read(place)
        if "sort_map" in b.file:
            rows = b.file["sort_map"][b.first_trace[place]:b.first_trace[place + 1]].astype(np.int64)
            if a.n_traces != b.n_traces:
                raise ValueError(f"{b.path}: is sorted and of some gathers only: draw it with `seisproc view`")
            order = np.argsort(rows, kind="stable")
            traces = np.empty_like(out.traces)
            traces[order] = a._traces[rows[order]]
        else:
            traces = a.gather(out.key).traces
        if traces.shape != out.traces.shape:
            raise ValueError(f"{b.path}: gather {out.key} has shape {out.traces.shape}, before {traces.shape}")
        return traces, out, b.key_name, b.units
    finally:
        if opened_a:
            a.close()
        if opened_b:
            b.close()


def triptych(before, after, key=None, percentile=98, header="offset", figure=None):
    """Draws one gather of two surveys, or their names: before, after, difference. Black is positive; all panels have
    one clip, the percentile of |before|, which the title tells. Returns the matplotlib Figure."""
    import matplotlib.pyplot as plt
    traces, out, key_name, units = _read(before, after, key)
    finite = np.abs(traces[np.isfinite(traces)])
    clip = float(np.percentile(finite, percentile)) if finite.size else 0.0
    clip = clip or 1.0
    figure = figure or plt.figure(figsize=(12, 6))
    axes = figure.subplots(1, 3, sharey=True)
    half = (out.times[1] - out.times[0]) / 2 if len(out.times) > 1 else 0.5
    extent = [0.5, len(traces) + 0.5, out.times[-1] + half, out.times[0] - half]
    for axis, panel, name in zip(axes, (traces, out.traces, traces - out.traces), ("before", "after", "noise")):
        image = axis.imshow(panel.T, cmap="gray_r", vmin=-clip, vmax=clip, aspect="auto", extent=extent)
        axis.set_title(name)
        axis.set_xlabel("trace")
        if header in (out.headers.dtype.names or ()):
            _add_header_axis(axis, out.headers[header], header, units.get(header))
    axes[0].set_ylabel("time (s)")
    figure.colorbar(image, ax=list(axes), label="amplitude", fraction=0.02)
    figure.suptitle(f"{key_name} {out.key}, clip {clip:.4g}")
    return figure


def _add_header_axis(axis, values, name, unit):
    ticks = np.unique(np.linspace(0, len(values) - 1, 4).round().astype(int)) if len(values) else []
    top = axis.secondary_xaxis(-0.12)
    top.set_xticks([i + 1 for i in ticks])
    top.set_xticklabels([f"{values[i]:g}" for i in ticks])
    top.set_xlabel(f"{name} ({unit})" if unit else name)
