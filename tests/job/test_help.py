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
    assert re.search(r"^velocity +number +1500 +m/s +1 to 1000000$", text, re.MULTILINE)
    assert re.search(r"^where +choice +top +- +top, bottom$", text, re.MULTILINE)
    assert "needs headers: offset" in text


def test_the_printed_step_is_one(seisproc, tmp_path):
    """What help prints as a step has every default, and an example of what must be given."""
    for name in processors(seisproc):
        step = seisproc("help", name).stdout.rstrip().splitlines()[-1]
        table = seisproc("help", name).stdout
        for key, value in re.findall(r"(\w+): ([^,{}]+)[,}]", step.split("{", 1)[1]):
            shown = rf"({re.escape(value)}|\(needed\)) "
            assert re.search(rf"^{key} +\w+ +{shown}", table, re.MULTILINE), (name, key)


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
