# SPDX-License-Identifier: BSD-3-Clause
"""The figures of a bench in Python, as perf/bench.h has them for those in C: lines of a table, or one JSON object."""

import json


def figure(name, value, unit, reference, ratio):
    """`ratio` is that of the value to the reference, which `reference` names."""
    return {"name": name, "value": value, "unit": unit, "reference": reference, "ratio": ratio}


def show(name, found, as_json, **settings):
    """All figures of the bench `name`; `settings` are what it ran with, for the JSON."""
    if as_json:
        print(json.dumps({"name": name, **settings, "figures": found}, indent=2))
        return
    for f in found:
        print(f"{f['name']:<56} {f['value']:>10.4g} {f['unit']:<8} {f['ratio']:>8.3f} of {f['reference']}", flush=True)
