# SPDX-License-Identifier: BSD-3-Clause
import pytest

from kernel_tool import Kernels


@pytest.fixture(scope="session")
def kernels():
    """The kernels in the instruction set that this processor is best at."""
    running = Kernels()
    yield running
    running.close()
