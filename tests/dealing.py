# SPDX-License-Identifier: BSD-3-Clause
"""How tests are dealt to processes that run side by side, where pytest-xdist is there (`pytest -n 3`, `make check`).

A file is dealt whole, since its tests share what its fixtures make; files that would be in each other's way are one
group, which one process runs from first to last. What takes longest is dealt first.
"""

try:
    from xdist.scheduler import LoadScopeScheduling
except ImportError:
    LoadScopeScheduling = object

# Tests that would be in each other's way: `make` in one build folder; names and addresses that there are once.
TOGETHER = {
    "slurm/": "make", "project/test_install.py": "make", "project/test_packaging.py": "make",
    "project/test_demo.py": "make", "project/test_adding_a_processor.py": "make",
}
# Those that take longest; the order of the others does not matter.
FIRST = ["slurm/", "run/test_supervise.py", "run/test_resume.py", "torture/", "kernels/test_tf_stockwell.py",
         "project/", "flow/test_image", "run/", "segy/"]


def group(nodeid):
    """What is dealt at once with this test. Its name is relative to tests/ or to a folder above it."""
    file = nodeid.partition("::")[0]
    return next((name for part, name in TOGETHER.items() if f"/{part}" in f"/{file}"), file)


def order(nodeid):
    """The key by which tests are sorted before they are dealt."""
    file = f"/{nodeid.partition('::')[0]}"
    return next((i for i, name in enumerate(FIRST) if f"/{name}" in file), len(FIRST))


class Dealing(LoadScopeScheduling):
    def __init__(self, config, log):
        config.option.loadscopereorder = False  # newer versions put what has most tests first
        super().__init__(config, log)

    def _split_scope(self, nodeid):
        return group(nodeid)
