# SPDX-License-Identifier: BSD-3-Clause
"""The CPU kernels from Python, through build/tests/kernels/tool_apply."""

import os
import subprocess
from collections import namedtuple

import numpy as np

import harness

Applied = namedtuple("Applied", "reason out locality block_traces isa")

OK, TOO_SHORT, GEOMETRY = 0, 4, 5
LOCAL_TRACE, LOCAL_BLOCK, LOCAL_GATHER = 0, 1, 2


class Refused(Exception):
    pass


class Kernels:
    """One running tool_apply. `isa` forces an instruction set (portable, avx2, avx512)."""

    def __init__(self, isa=None):
        env = dict(os.environ)
        env.pop("SEISPROC_ISA", None)
        if isa:
            env["SEISPROC_ISA"] = isa
        program = harness.BUILD / "tests" / "kernels" / "tool_apply"
        self.tool = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)

    def close(self):
        self.tool.stdin.close()
        self.tool.wait(timeout=20)
        self.tool.stdout.close()

    def apply(self, processor, gather, headers=(), interval=0.002, threads=1, block=0, in_place=False, **params):
        """Processes a gather [n_traces][n_samples]. `headers` are arrays in the order that the processor declares."""
        gather = np.ascontiguousarray(gather, np.float32)
        n_traces, n_samples = gather.shape
        words = [processor, n_traces, n_samples, repr(float(interval)), threads, block, int(in_place), len(headers)]
        words += [f"{key}={str(value).lower()}" for key, value in params.items()]
        request = [(" ".join(str(w) for w in words) + "\n").encode(), gather.tobytes()]
        request += [np.ascontiguousarray(h, np.float64).tobytes() for h in headers]
        self.tool.stdin.write(b"".join(request))
        self.tool.stdin.flush()
        reply = self.tool.stdout.readline().decode().split(None, 1)
        if not reply or reply[0] == "refused":
            raise Refused(reply[1].strip() if reply else "tool_apply has died")
        reason, _, locality, _, block_traces, _, isa = reply[1].split()
        out = np.frombuffer(self.tool.stdout.read(gather.nbytes), np.float32).reshape(gather.shape)
        return Applied(int(reason), out, int(locality), int(block_traces), isa)


def worst_distance(got, expected):
    """The largest relative L2 distance of a trace from its reference; of a trace that is zero there, its norm."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    norm = np.linalg.norm(expected, axis=-1)
    return float(np.max(np.linalg.norm(got - expected, axis=-1) / np.where(norm > 0, norm, 1)))
