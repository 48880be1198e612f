# SPDX-License-Identifier: BSD-3-Clause
"""The death of a rank, told through PMIx, is in the log once: rank 0 says it, or rank 1 where rank 0 is who died."""

import pytest

import harness


@pytest.mark.parametrize("listener, dead, says", [(0, 2, True), (1, 2, False), (1, 0, True)])
def test_it_is_said_once(tmp_path, listener, dead, says):
    tool = harness.BUILD / "tests/dist/tool_death"
    result = harness.run([tool, listener, dead], ranks=3, timeout=30, tmp=tmp_path)
    if result.returncode == 77:
        pytest.skip("MPI has loaded no PMIx library, or seisproc was built without its headers")
    assert not result.timed_out, str(result)
    speaker = f"seisproc[{listener}]" if listener else "seisproc"
    line = f"{speaker}: error: rank {dead} has died: it was ended by a signal"
    assert (line in result.stderr) == says, str(result)
