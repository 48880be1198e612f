# SPDX-License-Identifier: BSD-3-Clause
"""The CPU kernels from Python, through build/tests/kernels/tool_apply."""

from collections import namedtuple

import numpy as np

from running_tool import Refused, RunningTool  # noqa: F401 (tests take the first from here)

Applied = namedtuple("Applied", "reason out locality block_traces isa")

OK, TOO_SHORT, GEOMETRY = 0, 4, 5
LOCAL_TRACE, LOCAL_BLOCK, LOCAL_GATHER = 0, 1, 2


class Kernels(RunningTool):
    """One running tool_apply."""

    def __init__(self, isa=None):
        super().__init__("tool_apply", isa)

    def apply(self, processor, gather, headers=(), interval=0.002, threads=1, block=0, in_place=False, **params):
        """Processes a gather [n_traces][n_samples]. `headers` are arrays in the order that the processor declares."""
        gather = np.ascontiguousarray(gather, np.float32)
        n_traces, n_samples = gather.shape
        words = [processor, n_traces, n_samples, repr(float(interval)), threads, block, int(in_place), len(headers)]
        words += [f"{key}={str(value).lower()}" for key, value in params.items()]
        request = [(" ".join(str(w) for w in words) + "\n").encode(), gather.tobytes()]
        request += [np.ascontiguousarray(h, np.float64).tobytes() for h in headers]
        reason, _, locality, _, block_traces, _, isa = self.ask(b"".join(request))[1:]
        out = np.frombuffer(self.read(gather.nbytes), np.float32).reshape(gather.shape)
        return Applied(int(reason), out, int(locality), int(block_traces), isa)


def worst_distance(got, expected):
    """The largest relative L2 distance of a trace from its reference; of a trace that is zero there, its norm."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    norm = np.linalg.norm(expected, axis=-1)
    return float(np.max(np.linalg.norm(got - expected, axis=-1) / np.where(norm > 0, norm, 1)))
