#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Rules that hold across the sources and that no compiler checks. Prints one line a finding, exits 1 when there is one.

    tools/lint.py [FOLDER]     the tree to look at; the one it stands in unless told
"""

import os
import re
import sys
from pathlib import Path

# Who may use whom. A module is a folder; a header in include/seisproc belongs to the module whose folder has the
# source of its name, or to the one of its name, or to the one named in HEADER_OWNER.
MODULE_USES = {
    "src/base": "",
    "src/index": "src/base",
    "kernels": "src/base",
    "src/job": "src/base src/index kernels",
    "src/dist": "src/base src/index src/job",
    "src/pack": "src/base",
    "src/store": "src/base src/index src/job src/dist src/pack",
    "src/segy": "src/base src/index src/job src/dist src/store",
    "src/device": "src/base src/index src/job kernels",
    "src/flow": "src/base src/index src/job kernels src/dist src/store src/device src/pack",
    "src/synth": "src/base src/index",
    "src/run": "src/base src/index src/job kernels src/dist src/store src/device src/flow",
    "src/qc": "src/base src/index kernels src/dist src/store",
    "src/cli": "src/base src/index src/job kernels src/dist src/store src/segy src/device src/flow src/run src/synth src/qc src/pack",
}
HEADER_OWNER = {
    "choices.h": "src/job",
    "crc32c.h": "src/base",
    "deal.h": "src/index",
    "engine.h": "src/flow",
    "export.h": "src/segy",
    "figures.h": "src/index",
    "gather_index.h": "src/index",
    "import.h": "src/segy",
    "launch.h": "src/dist",
    "segy.h": "src/segy",
    "pack.h": "src/store",
    "share.h": "src/base",
    "survey_file.h": "src/store",
    "synth.h": "src/synth",
    "trace_sort.h": "src/index",
}

# Foreign headers, and the only places that may include them.
FOREIGN = [
    (r"hdf5(_hl)?\.h|H5\w+\.h", "src/store/ src/segy/"),
    (r"segyio/.*", "tests/"),
    (r"mpi\.h", "src/dist/ src/store/ src/segy/ src/flow/ src/run/ src/qc/ src/cli/ src/main.c"),
    (r"pmix.*\.h", "src/dist/pmix.c"),
    (r"c?yaml.*\.h", "src/job/"),
    (r"fftw3\.h", "kernels/ src/qc/ src/dist/transpose.c"),
    (r"lz4(hc)?\.h", "src/pack/lz4.c"),
    (r"zstd\.h", "src/pack/zstd.c"),
    (r"zfp\.h", "src/pack/zfp.c"),
    (r"png\.h", "src/qc/png.c"),
    (r"cairo\.h", "src/qc/picture_cairo.c"),
    (r"fftw3-mpi\.h", "src/dist/"),
    (r"cuda.*\.h|cufft.*\.h|nccl\.h|nvml\.h|cub/.*", "kernels/ src/device/ src/flow/"),
]
# Public headers that show MPI's types; only who may include mpi.h may include them.
MPI_HEADERS_OWNERS = {"src/dist", "src/store", "src/segy", "src/flow", "src/run", "src/qc"}

# The log's sink, counters, what signal handlers reach, the fault switches of test builds.
MUTABLE_ALLOWED = {"src/base/log.c", "src/base/memory.c", "src/base/stop.c", "src/base/fault.c", "src/base/crash.c"}

MAX_LINE = 120
MAX_FILE_LINES = 450
MAX_FUNCTION_LINES = 60
# Longer than that as yet, and to be split.
LONG_FILES = {"tests/cuda/check_gathers.cu": 530}

findings = []


def report(path, line, text):
    findings.append(f"{path}:{line}: {text}" if line else f"{path}: {text}")


class Source:
    """A file of the tree: its path relative to the root, its lines, and for C its lines without comments and strings."""

    def __init__(self, root, path):
        self.path = path
        self.text = (root / path).read_text(errors="replace")
        self.lines = self.text.split("\n")
        self.is_c = path.endswith((".c", ".h", ".cu", ".cuh"))
        self.code = strip_comments(self.text).split("\n") if self.is_c else []

    def grep(self, pattern, lines=None):
        matcher = re.compile(pattern)
        for number, line in enumerate(self.lines if lines is None else lines, 1):
            match = matcher.search(line)
            if match:
                yield number, match


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def strip_comments(text):
    """Blanks comments and the insides of strings but those of #include lines; keeps line numbers."""
    def blank(match):
        token = match.group(0)
        if token[0] == '"':
            start = text.rfind("\n", 0, match.start()) + 1
            return token if text[start:match.start()].strip().startswith("#") else '""'
        return "' '" if token[0] == "'" else "\n" * token.count("\n")
    return TOKEN.sub(blank, text)


def source_files(root):
    """Paths of all files relative to `root`, but for what is built or hidden."""
    names = []
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith((".", "build")) and f != "__pycache__"]
        names += [os.path.relpath(os.path.join(folder, f), root) for f in files]
    return sorted(names)


def module_of(path):
    return next((m for m in MODULE_USES if path.startswith(m + "/")), None)


# --- rules ---------------------------------------------------------------------------------------------------


def owners(sources):
    """Header name -> module, for include/seisproc."""
    by_stem = {}
    for s in sources:
        if s.path.endswith(".c") and module_of(s.path):
            by_stem.setdefault(Path(s.path).stem, module_of(s.path))
    by_stem.update({Path(m).name: m for m in MODULE_USES if m.startswith("src/")})
    headers = [Path(s.path).name for s in sources if s.path.startswith("include/seisproc/")]
    return {**{h: by_stem.get(Path(h).stem) for h in headers}, **HEADER_OWNER}


def check_includes(source, owner):
    """Dependency order, and foreign headers where they belong. Tests and benches may use anything."""
    home = module_of(source.path)
    if source.path.startswith("include/seisproc/"):
        name = Path(source.path).name
        home = owner[name]
        if home is None:
            report(source.path, 0, "belongs to no module: give it a source of its name, or name it in tools/lint.py")
            return
    if home is None and source.path != "src/main.c":
        return
    for line, match in source.grep(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', source.code):
        check_include(source, line, match.group(1), home, owner)


def check_include(source, line, what, home, owner):
    for pattern, places in FOREIGN:
        if re.fullmatch(pattern, what):
            shown = source.path.startswith("include/") and pattern == r"mpi\.h" and home in MPI_HEADERS_OWNERS
            if not shown and not any(source.path.startswith(p) for p in places.split()):
                report(source.path, line, f"{what} may be included only by {places}")
            return
    target = module_of(what)
    if what.startswith("seisproc/"):
        target = owner.get(what[len("seisproc/"):])
    if target and home and target != home and target not in MODULE_USES[home].split():
        report(source.path, line, f"{home} may not use {target} ({what})")


def check_calls(source):
    if not source.path.startswith(("src/", "kernels/")):
        return
    if source.path != "src/main.c":
        for line, _ in source.grep(r"(?<![\w.>])(quick_)?exit\s*\(", source.code):
            report(source.path, line, "a library does not end the program: return a status")
    for line, match in source.grep(r"(?<![\w.>])(strcat|v?sprintf|gets|strtok)\s*\(", source.code):
        report(source.path, line, f"{match.group(1)} cannot be used safely here")


def check_one_mpi_abort(sources):
    places = [(s.path, line) for s in sources if s.path.startswith(("src/", "kernels/"))
              for line, _ in s.grep(r"\bMPI_Abort\s*\(", s.code)]
    for path, line in places[1:]:
        report(path, line, f"MPI_Abort is called in one place, and that is {places[0][0]}:{places[0][1]}")


def check_ranks(source):
    """Who is how many-th of how many is asked in one place."""
    if not source.path.startswith(("src/", "kernels/")) or source.path in ("src/dist/ranks.c", "src/dist/comm.c"):
        return
    for line, match in source.grep(r"\bMPI_Comm_(rank|size)\s*\(", source.code):
        report(source.path, line, f"MPI_Comm_{match.group(1)}: sp_ranks_of (seisproc/ranks.h) knows rank and size")


def check_opening(source, paths):
    """A source says what it is, or the header of its name does."""
    if "SPDX" not in source.lines[0] or not source.path.startswith(("src/", "kernels/", "include/")):
        return
    stem = Path(source.path).with_suffix("")
    headers = {str(stem.with_suffix(s)) for s in (".h", ".cuh")} | {f"include/seisproc/{stem.name}.h"}
    if not source.lines[1].startswith("/*") and not headers & paths - {source.path}:
        report(source.path, 2, "says what it is below the licence's line, or has a header of its name that does")


def check_clock(source):
    """Time is read in one place."""
    if not source.path.startswith(("src/", "kernels/")) or source.path == "src/base/clock.c":
        return
    for line, match in source.grep(r"(?<![\w.>])(clock_gettime|gettimeofday|time|MPI_Wtime)\s*\(", source.code):
        report(source.path, line, f"{match.group(1)}: seisproc/clock.h has the clocks")


COLLECTIVE = re.compile(r"\b(SP_AGREE(_GOTO)?|SP_ALIKE(_GOTO)?|SP_MPI_ALL|sp_agree|SP_ON_RANK_0|"
                        r"sp_ranks_(agree|broadcast|sum|least|before)|sp_calloc_together)\s*\(|"
                        r"\bMPI_(I?bcast|I?barrier|Bcast|Barrier|Reduce|Allreduce|Exscan|Gatherv?|Allgatherv?|"
                        r"Scatterv?|Alltoallv?|Comm_split(_type)?|Comm_dup|Win_allocate_shared)\s*\(")
LEAVES = re.compile(r"\bSP_TRY(_GOTO)?\s*\(|\breturn\b|\bgoto\b")
AGREEMENT_FOLDERS = ("src/run/", "src/dist/", "src/flow/", "src/store/", "src/segy/", "src/cli/", "src/qc/")


def functions(source):
    """(name, first line, last line, is static) of each function of a C file; lines are counted from 1. The layout is
    clang-format's: a function begins at the margin and ends with a brace there."""
    head, head_at = "", 0
    start = None
    for number, text in enumerate(source.code, 1):
        if start is not None:
            if text.startswith("}"):
                yield start + (number,)
                start, head = None, ""
            continue
        if re.match(r"[A-Za-z_]", text):
            head, head_at = text, number
        elif head and text.startswith(" "):
            head += " " + text.strip()
        else:
            head = ""
        name = re.search(r"\b(\w+)\s*\(", head)
        if head.endswith("{") and name and "=" not in head[:name.start()]:
            start = (name.group(1), head.startswith("static") or " static " in head, head_at)
        elif head.endswith(("{", ";", "}")):
            head = ""


def check_agreement(source):
    """No rank leaves a function between two collectives, or before the first one, by itself (include/seisproc/dist.h)."""
    if not source.path.startswith(AGREEMENT_FOLDERS) or not source.path.endswith(".c"):
        return
    for _, _, first, last in functions(source):
        lines = range(first, last + 1)
        marks = [n for n in lines if COLLECTIVE.search(source.code[n - 1])]
        for n in lines:
            text = source.code[n - 1]
            if not marks or n > marks[-1] or not LEAVES.search(text) or "alike" in source.lines[n - 1]:
                continue
            if n in marks and not re.search(r"\bSP_TRY(_GOTO)?\s*\(", text):
                continue
            report(source.path, n, "one rank may leave here, and the others wait in the collective below: SP_AGREE, "
                   "SP_ALIKE, or say that all ranks leave alike (seisproc/dist.h)")


def check_mutable_state(source):
    """Best effort: a test looks at the symbols of the library, this says so early and with a line."""
    if not source.path.startswith(("src/", "kernels/")) or source.path in MUTABLE_ALLOWED:
        return
    for line, match in source.grep(r"^(static\s+)(?!.*\bconst\b)(?!inline\b)[\w\s*]+\b\w+(\[[^\]]*\])*\s*(=|;)", source.code):
        if "(" not in match.group(0):
            report(source.path, line, "mutable state at file scope")


def check_text(source):
    for line, match in source.grep(r"\b(TODO|FIXME|XXX|HACK)\b"):
        report(source.path, line, f"{match.group(1)}: finish it, or say what is missing in docs/")
    for line, _ in source.grep(r"[ \t]+$"):
        report(source.path, line, "white space at the end of the line")
    if not source.path.endswith(("Makefile", ".mk", "debian/rules")):
        for line, _ in source.grep(r"\t"):
            report(source.path, line, "a tab")
    for line, _ in source.grep(r"(?i)\bissues? #?\d"):
        report(source.path, line, "names an issue: say what it is about")
    if not source.path.endswith((".md", ".txt", ".csv", ".json", ".1")):
        for number, text in enumerate(source.lines, 1):
            if len(text) > MAX_LINE:
                report(source.path, number, f"{len(text)} columns, at most {MAX_LINE}")


# Words that are not to come back (docs/glossary.md), and what is said instead.
WORDS = [
    (r"(?i)\bjudg(e|es|ed|ing)\b|\bverdicts?\b", "threshold, decide or check"),
    (r"(?i)\brebuil(d|ds|ding|t)\b", "resynthesise"),
    (r"(?i)\bcalm\b", "stationary"),
    (r"(?i)\bsettle[sd]?\b", "resolve"),
    (r"(?i)\bredo(es|ne|ing)?\b", "write again"),
    (r"(?i)\bdawdl(e|es|ed|ing)\b", "delay"),
    (r"(?i)\bhand-over\b", "slot wait, or what it is that happens"),
]
NAMES = [
    (r"\b(sp_)?(\w+_)?(hear|tell|say|take|must)(_\w+)?\s*\(", "parse, report, log, or a verb of its own"),
    (r"\b\w+_alone\s*\(", "independent"),
    (r"\bsp_watch(_\w+)?\b|(->|\.)watch\b", "watchdog"),
    (r"\b(sp_)?(\w+_)?hand_over(_\w+)?\s*\(", "fill a slot, or what it is that happens"),
    (r"\bsp_row_phase\b|\bphase_of_(row|page|memory)\b", "page_offset"),
    (r"(->|\.)standard\b", "default_text"),
]


def check_words(source):
    if source.path == "docs/glossary.md":
        return
    for pattern, instead in WORDS:
        for line, match in source.grep(pattern):
            report(source.path, line, f"'{match.group(0)}' is not our word: {instead} (docs/glossary.md)")
    if source.path.startswith(("src/", "kernels/", "include/", "perf/")) and source.is_c:
        for pattern, instead in NAMES:
            for line, match in source.grep(pattern, source.code):
                report(source.path, line, f"'{match.group(0)}' is not our name: {instead} (docs/glossary.md)")


def check_sizes(source):
    if not source.is_c or source.path.endswith("_tables.c"):
        return
    most = LONG_FILES.get(source.path, MAX_FILE_LINES)
    if len(source.lines) > most:
        report(source.path, 0, f"{len(source.lines)} lines, at most {most}: it holds more than one thing")
    for name, _, first, last in functions(source):
        if last - first > MAX_FUNCTION_LINES:
            report(source.path, first, f"{name} has {last - first} lines, at most {MAX_FUNCTION_LINES}")


def check_circles(sources):
    """No file calls another that, in the end, calls it. Tables of functions are no calls: they are how a file is reached
    that must not be known."""
    sources = [s for s in sources if s.path.startswith(("src/", "kernels/")) and s.path.endswith((".c", ".cu"))]
    home = {}
    for s in sources:
        home.update({name: s.path for name, is_static, _, _ in functions(s) if not is_static})
    calls = {s.path: {} for s in sources}
    for s in sources:
        for number, text in enumerate(s.code, 1):
            for name in re.findall(r"\b(\w+)\s*\(", text):
                if home.get(name, s.path) != s.path:
                    calls[s.path].setdefault(home[name], (number, name))
    for circle in circles(calls):
        for path in circle:
            for other, (number, name) in calls[path].items():
                if other in circle:
                    report(path, number, f"calls {name} of {other}, which calls back: " + " ".join(sorted(circle)))


def circles(calls):
    """The strongly connected components of more than one node."""
    def reached(start):
        seen, todo = set(), [start]
        while todo:
            for other in calls[todo.pop()]:
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return seen
    reach = {path: reached(path) for path in calls}
    found = []
    for path in sorted(calls):
        if path in reach[path] and not any(path in c for c in found):
            found.append({p for p in reach[path] if path in reach[p]})
    return found


def check_guard(source):
    if not source.path.endswith(".h") or re.search("includes this|without a guard", source.text):
        return
    if not re.search(r"^#ifndef \w+_H$\n#define \w+_H$|^#pragma once$", source.text, re.MULTILINE):
        report(source.path, 0, "no include guard, and its comment does not say that it needs none")


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    kinds = (".c", ".h", ".cu", ".cuh", ".py", ".sh", ".md", ".mk", ".sbatch", ".1", "Makefile")
    sources = [Source(root, p) for p in source_files(root) if p.endswith(kinds) and p != "tools/lint.py"]
    owner, paths = owners(sources), {s.path for s in sources}
    for source in sources:
        check_text(source)
        check_sizes(source)
        check_words(source)
        check_guard(source)
        if source.is_c:
            check_includes(source, owner)
            check_calls(source)
            check_ranks(source)
            check_clock(source)
            check_opening(source, paths)
            check_mutable_state(source)
            check_agreement(source)
    check_one_mpi_abort(sources)
    check_circles(sources)
    print("\n".join(findings) if findings else f"lint: {len(sources)} files, nothing found")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
