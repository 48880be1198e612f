#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Prints a compilation database: tools/compdb.py COMMAND AVX2_FLAGS AVX512_FLAGS SOURCE..."""

import json
import os
import shlex
import sys


def main():
    command, avx2, avx512, *sources = sys.argv[1:]
    entries = []
    for source in sources:
        isa = avx2 if source.endswith("_avx2.c") else avx512 if source.endswith("_avx512.c") else ""
        arguments = shlex.split(command) + shlex.split(isa) + ["-c", source]
        entries.append({"directory": os.getcwd(), "file": source, "arguments": arguments})
    json.dump(entries, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
