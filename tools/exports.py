#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the version script of the shared library: the functions and tables that the named headers declare.

    tools/exports.py VERSION HEADER... [-- PRIVATE...]

The node is named by the version's first two numbers, below which interfaces may change (docs/versions.md). Names behind
`--` are exported in a node of their own: what the GPU module calls in the library, and nobody else should.
"""

import re
import sys
from pathlib import Path

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
MACRO = re.compile(r"^\s*#.*(?:\\\n.*)*", re.MULTILINE)
FUNCTION = re.compile(r"^(?!static\b)[A-Za-z_][\w\s*]*?\b(sp_\w+)\s*\(", re.MULTILINE)
TABLE = re.compile(r"^extern\s[^;{]*?\b(sp_\w+)\s*(?:\[[^\]]*\])?\s*;", re.MULTILINE)


def names(header):
    """What a header declares at its margin, inline functions left out."""
    text = COMMENT.sub("", MACRO.sub("", Path(header).read_text()))
    return set(FUNCTION.findall(text)) | set(TABLE.findall(text))


def node(name, symbols, rest=""):
    return f"{name} {{\n  global:\n" + "".join(f"    {s};\n" for s in sorted(symbols)) + f"{rest}}};\n"


def main(version, *arguments):
    split = arguments.index("--") if "--" in arguments else len(arguments)
    public = set().union(*(names(h) for h in arguments[:split]))
    private = set(arguments[split + 1:]) - public
    print(node("SEISPROC_" + ".".join(version.split(".")[:2]), public, "  local:\n    *;\n"), end="")
    if private:
        print(node("SEISPROC_PRIVATE", private), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
