# SPDX-License-Identifier: BSD-3-Clause
"""The filter of one cube through build/tests/flow/tool_cube."""

from collections import namedtuple

import numpy as np

import harness

Filtered = namedtuple("Filtered", "out state")


def filter_cube(tmp_path, traces, cell, shape, dt, dx, dy, ranks=1, threads=1, slab=7, azimuths=(90, 0), **params):
    """Traces [trace][sample] on cells ix * ny + iy of a grid of this shape (nx, ny)."""
    traces = np.ascontiguousarray(traces, np.float32)
    n, n_samples = traces.shape
    name = tmp_path / f"cube-{ranks}-{threads}"
    with open(f"{name}.in", "wb") as f:
        f.write(f"{n}\n".encode() + np.asarray(cell, np.uint32).tobytes() + traces.tobytes())
    words = [f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in params.items()]
    done = harness.run([harness.BUILD / "tests" / "flow" / "tool_cube", f"{name}.in", f"{name}.out", *shape, n_samples,
                        repr(float(dt)), dx, dy, *azimuths, threads, slab, *words], ranks=ranks if ranks > 1 else None)
    assert done.returncode == 0, str(done)
    data = open(f"{name}.out", "rb").read()
    out = np.frombuffer(data, np.float32, n * n_samples).reshape(n, n_samples)
    return Filtered(out, np.frombuffer(data, np.uint8, n, 4 * n * n_samples))
