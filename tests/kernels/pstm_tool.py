# SPDX-License-Identifier: BSD-3-Clause
"""The migration kernels from Python, through build/tests/kernels/tool_pstm."""

from collections import namedtuple

import numpy as np

from running_tool import Refused, RunningTool  # noqa: F401 (tests take the first from here)

Migrated = namedtuple("Migrated", "image hits sums shift overflows absent isa")
WEIGHTS = ("true", "gained", "none")
BATCH = 64


class Migration(RunningTool):
    """One running tool_pstm."""

    def __init__(self, isa=None):
        super().__init__("tool_pstm", isa)

    def run(self, data, dt, source, receiver, area, grid, velocity, eta=None, far=None, start=0.0, weights="true",
            order=None, **options):
        """Migrates traces data[n][n_samples]. grid: a dict of ox oy azimuth dx dy nx ny tau0 dtau ntau; velocity (and
        eta, far): a number, [ntau] or [columns][ntau]. Returns arrays [columns][ntau]."""
        data = np.ascontiguousarray(data, np.float32)
        n, samples = data.shape
        traces = np.empty((n, 6))
        traces[:, 0:2], traces[:, 2:4], traces[:, 4], traces[:, 5] = source, receiver, start, area
        rows = 1 if np.ndim(velocity) < 2 else len(velocity)
        model = [np.broadcast_to(np.asarray(v, np.float32), (rows, grid["ntau"])) for v in (velocity, eta, far)
                 if v is not None]
        batches = (n + BATCH - 1) // BATCH
        order = np.arange(batches) if order is None else order
        words = dict(grid, samples=samples, dt=repr(float(dt)), traces=n, rows=rows, eta=int(eta is not None),
                     weights=WEIGHTS.index(weights), **options)
        words = {k: (int(v) if isinstance(v, (bool, np.bool_)) else v) for k, v in words.items()}
        line = "".join(f" {k}={float(v)!r}" for k, v in words.items()) + "\n"
        request = [line.encode(), traces.tobytes(), data.tobytes()] + [m.tobytes() for m in model]
        request.append(np.asarray(order, np.uint32).tobytes())
        reply = self.ask(b"".join(request))
        shape = (int(options.get("tile_nx", grid["nx"])) * int(options.get("tile_ny", grid["ny"])), grid["ntau"])
        arrays = [np.frombuffer(self.read(int(np.prod(shape)) * np.dtype(t).itemsize), t).reshape(shape)
                  for t in (np.int64, np.uint32, np.float32)]
        return Migrated(arrays[2], arrays[1], arrays[0], int(reply[1]), int(reply[2]), int(reply[3]), reply[4])


def line_grid(nx, dx, tau0, dtau, ntau, ox=0.0, oy=0.0, azimuth=90.0, ny=1, dy=None):
    return dict(ox=ox, oy=oy, azimuth=azimuth, dx=dx, dy=dy or dx, nx=nx, ny=ny, tau0=tau0, dtau=dtau, ntau=ntau)


def grid_points(grid):
    """Positions [columns][2] of the grid's points, x east and y north."""
    a = np.radians(grid["azimuth"])
    ex, ey = np.array([np.sin(a), np.cos(a)]), np.array([-np.cos(a), np.sin(a)])
    ix, iy = np.meshgrid(np.arange(grid["nx"]), np.arange(grid["ny"]))
    return (np.array([grid["ox"], grid["oy"]]) + ix.reshape(-1, 1) * grid["dx"] * ex
            + iy.reshape(-1, 1) * grid["dy"] * ey)


def grid_times(grid):
    return grid["tau0"] + grid["dtau"] * np.arange(grid["ntau"])
