# SPDX-License-Identifier: BSD-3-Clause
"""A program of build/tests/kernels that computes what it is asked for, one request after the other."""

import os
import subprocess

import harness


class Refused(Exception):
    pass


class RunningTool:
    """`isa` forces an instruction set (portable, avx2, avx512)."""

    def __init__(self, name, isa=None):
        env = dict(os.environ)
        env.pop("SEISPROC_ISA", None)
        if isa:
            env["SEISPROC_ISA"] = isa
        self.name = name
        self.process = subprocess.Popen([harness.BUILD / "tests" / "kernels" / name], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env=env)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()

    def ask(self, request):
        """Sends bytes; returns the words of the first line of the answer."""
        self.process.stdin.write(request)
        self.process.stdin.flush()
        reply = self.process.stdout.readline().decode().split()
        if not reply or reply[0] == "refused":
            raise Refused(" ".join(reply[1:]) if reply else f"{self.name} has died")
        return reply

    def read(self, n):
        """The next n bytes of the answer."""
        return self.process.stdout.read(n)
