# SPDX-License-Identifier: BSD-3-Clause
"""seisproc help: every processor and key is told about."""

import re


def processors(seisproc):
    overview = seisproc("help").stdout
    part = overview.split("Processors", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^  (\w+)  ", part, re.MULTILINE)


def test_overview(seisproc):
    text = seisproc("help").stdout
    assert {"mute", "dwt"} <= set(processors(seisproc))
    for word in ("run", "help", "input", "chain", "commit_interval"):
        assert re.search(rf"\b{word}\b", text), word


def test_each_processor(seisproc):
    for name in processors(seisproc):
        result = seisproc("help", name)
        assert result.stdout.startswith(f"{name}: ") and result.stderr == ""
        assert f"- {name}: {{" in result.stdout
        assert all(len(line) <= 110 for line in result.stdout.splitlines() if not line.startswith("  - "))
    text = seisproc("help", "mute").stdout
    assert "\nneeds headers: offset (with the defaults)\nuses headers where there are: delrt\n" in text
    assert re.search(r"^velocity +number +1500 +length/s +1 to 1000000$", text, re.MULTILINE)
    assert re.search(r"^where +choice +top +- +top, bottom, inner$", text, re.MULTILINE)


def test_the_printed_step_is_one(seisproc, tmp_path):
    """What help prints as a step has each key once, with its default or an example of what may be given."""
    for name in processors(seisproc):
        text = seisproc("help", name).stdout
        table, step = text.rstrip().rsplit("\n", 1)
        defaults = dict(re.findall(r"^(\w+) +(?:path or number|\w+) +(\([^)]*\)|\[[^]]*\]|\S+) ", table, re.MULTILINE))
        pairs = re.findall(r"(\w+): (\[[^]]*\]|[^,{}]+)[,}]", step.split("{", 1)[1])
        assert len(pairs) == len(dict(pairs)), name
        known = [key for key, value in pairs if defaults.get(key) == value]
        assert set(dict(pairs)) <= set(defaults), (name, set(dict(pairs)) - set(defaults))
        assert len(pairs) - len(known) <= 3, (name, pairs, known)


def test_job(seisproc):
    text = seisproc("help", "job").stdout
    for key in ("input", "output", "chain", "sort", "mode", "on_error", "engine", "workers", "commit_interval"):
        assert re.search(rf"^{key} ", text, re.MULTILINE), key


def test_command(seisproc):
    assert "seisproc run" in seisproc("help", "run").stdout


def test_unknown(seisproc):
    result = seisproc("help", "dtw", check=1)
    assert result.stdout == ""
    assert re.fullmatch(r"seisproc: error: no processor 'dtw'; did you mean 'dwt'\? there is help on job, .*\n",
                        result.stderr)
    result = seisproc("help", "dwt", "mute", check=1)
    assert "one topic at a time" in result.stderr


def test_what_to_denoise_with(seisproc):
    """The chains that it names are of processors that there are."""
    text = seisproc("help", "denoise").stdout
    chains = re.findall(r"(\w+): \{", text)
    assert set(chains) >= {"fk_denoise", "dwt", "tf"}
    for processor in set(chains):
        assert seisproc("help", processor).returncode == 0
    table = seisproc("help", "denoise", "--markdown").stdout
    assert table.startswith("| noise | chain |") and all(f"{name}: {{" in table for name in chains)
