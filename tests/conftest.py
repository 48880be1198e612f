# SPDX-License-Identifier: BSD-3-Clause
"""How the tests run: fixtures for the Python tests, and compiled C programs as test items.

A C test tests/<area>/test_x.c is built to build/tests/<area>/test_x and passes when that exits 0. Comments in
its source say how it is run:

    /* ranks: 1 3 4 7 */   under mpirun, once with each of these numbers of ranks; without it, plain
    /* timeout: 90 */      seconds it may take, each time (60 unless told)
    /* may warn */         warnings and errors in its log are part of the test; else they fail it
    /* needs data */       reads real data under $SEISPROC_DATA; skipped where that is absent

A C test that exits 77 is skipped; its last line on standard output says why.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest

import dealing
import harness
import jobs

WARNING = re.compile(r"^seisproc(\[\d+\])?: (warning|error):.*$", re.MULTILINE)
SKIPPED = 77


def find_data():
    """The folder of real surveys, or None."""
    named = os.environ.get("SEISPROC_DATA")
    folder = Path(named) if named else harness.ROOT.parent / "shared" / "data"
    return folder.resolve() if folder.is_dir() else None


DATA = find_data()
NO_DATA = "no real data: neither $SEISPROC_DATA nor ../shared/data is there"


# --- fixtures ------------------------------------------------------------------------------------------------


def pytest_configure(config):
    """All temporary folders of a run lie in one of its own, removed at its end. Its name is short: MPI puts sockets
    below it."""
    if hasattr(config, "workerinput"):  # one of several processes, with a folder in that of the run
        named = Path(config.option.basetemp)
        config.option.basetemp = str(named.with_name(config.workerinput["workerid"]))
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="sp-")
        config.add_cleanup(lambda: shutil.rmtree(config.option.basetemp, ignore_errors=True))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return dealing.Dealing(config, log)


def pytest_collection_modifyitems(config, items):
    for item in items:
        if not isinstance(item, ProgramRun):  # whose limits are multiplied already
            told = item.get_closest_marker("timeout")
            seconds = told.args[0] if told else float(config.getini("timeout"))
            item.add_marker(pytest.mark.timeout(seconds * harness.TIME_SCALE), append=False)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: dealing.order(item.nodeid))


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory):
    """A folder for this run."""
    return tmp_path_factory.getbasetemp()


@pytest.fixture
def tmp_path(run_dir):
    """An empty folder for one test, removed when it ends: surveys are large."""
    path = Path(tempfile.mkdtemp(prefix="t", dir=run_dir))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def data_dir():
    """The folder of real surveys; the test is skipped where there is none."""
    if DATA is None:
        pytest.skip(NO_DATA)
    return DATA


@pytest.fixture(scope="session")
def segyio():
    """Another reader of SEG-Y, as an oracle. Debian 13 has no package of it."""
    return pytest.importorskip("segyio", reason="no segyio to compare with")


@pytest.fixture(scope="session")
def seisproc(run_dir):
    """Runs the program: seisproc("info", path, ranks=3, timeout=60, check=0) -> harness.Finished.

    `ranks` starts it under mpirun; None, the default, starts it plain. `check` is the exit code that is
    expected; None takes any. A run that exceeds `timeout` fails the test. `env` and `cwd` as in harness.run.
    """
    if not harness.BINARY.exists():
        pytest.fail(f"{harness.BINARY} is not built", pytrace=False)

    def call(*arguments, ranks=None, timeout=60, check=0, env=None, cwd=None, stdin=None):
        result = harness.run([harness.BINARY, *arguments], ranks, timeout, env, cwd, run_dir, stdin)
        if result.timed_out or (check is not None and result.returncode != check):
            pytest.fail(f"expected exit {check}\n{result}", pytrace=False)
        return result

    return call


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """The survey of tests that interrupt jobs; a module that needs another one has its own."""
    return jobs.make_survey(tmp_path_factory.mktemp("survey") / "in.h5")


@pytest.fixture(scope="module")
def expected(tmp_path_factory, survey):
    """The hash of an output that was made of it without interruption."""
    job = jobs.Job(tmp_path_factory.mktemp("reference"), survey)
    job.run("--set=engine=cpu", ranks=3)
    return jobs.sha(job.output)


# --- compiled tests as items ---------------------------------------------------------------------------------


def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".c" and file_path.name.startswith("test_"):
        return CompiledTest.from_parent(parent, path=file_path)
    return None


class CompiledTest(pytest.File):
    def collect(self):
        source = self.path.read_text()
        timeout = re.search(r"/\* timeout: (\d+) \*/", source)
        ranks = re.search(r"/\* ranks: ([\d ]+) \*/", source)
        options = {
            "timeout": int(timeout.group(1)) if timeout else 60,
            "may_warn": "/* may warn */" in source,
            "needs_data": "/* needs data */" in source,
        }
        if not ranks:
            yield ProgramRun.from_parent(self, name=self.path.stem, ranks=None, **options)
            return
        for n in ranks.group(1).split():
            yield ProgramRun.from_parent(self, name=f"{self.path.stem}[{n} ranks]", ranks=int(n), **options)


class ProgramRun(pytest.Item):
    def __init__(self, *, ranks, timeout, may_warn, needs_data, **kwargs):
        super().__init__(**kwargs)
        self.ranks, self.limit, self.may_warn, self.needs_data = ranks, timeout, may_warn, needs_data
        # The runner's own limit, behind ours, in case killing the program hangs too.
        self.add_marker(pytest.mark.compiled)
        self.add_marker(pytest.mark.timeout(timeout * harness.TIME_SCALE + 60))

    def runtest(self):
        if self.needs_data and DATA is None:
            pytest.skip(NO_DATA)
        program = harness.BUILD / "tests" / self.path.parent.name / self.path.stem
        if not program.exists():
            raise ProgramFailed(f"{program} is not built")
        folder = tempfile.mkdtemp(prefix="sp-")
        env = {"SEISPROC_DATA": DATA, "SEISPROC_BUILD": harness.BUILD, "SEISPROC_TEST_TMP": folder}
        if self.ranks is None and "ASAN_OPTIONS" in os.environ:
            # Complete stacks, which the suppressions of MPI's leaks need, make each allocation slow.
            env["ASAN_OPTIONS"] = os.environ["ASAN_OPTIONS"] + ":fast_unwind_on_malloc=1"
        try:
            result = harness.run([program], self.ranks, self.limit, env, harness.ROOT, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.check(result)

    def check(self, result):
        if result.timed_out:
            raise ProgramFailed(f"no end in {self.limit} s\n{result}")
        if result.returncode == SKIPPED:
            lines = result.stdout.strip().splitlines()
            pytest.skip(lines[-1] if lines else "the program does not say why")
        if result.returncode != 0:
            raise ProgramFailed(str(result))
        warned = WARNING.search(result.stderr)
        if warned and not self.may_warn:
            raise ProgramFailed(f"unexpected in the log: {warned.group(0)}\n{result}")

    def repr_failure(self, excinfo, style=None):
        if excinfo.errisinstance(ProgramFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, self.name


class ProgramFailed(Exception):
    pass


# --- the closing line ----------------------------------------------------------------------------------------


def pytest_unconfigure(config):
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.collectonly:
        return
    count = {kind: len(reporter.stats.get(kind, [])) for kind in ("passed", "failed", "error", "skipped")}
    reporter.write_line(
        f"{count['passed']} passed, {count['failed'] + count['error']} failed, {count['skipped']} skipped")
