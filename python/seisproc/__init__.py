# SPDX-License-Identifier: BSD-3-Clause
"""Surveys of seisproc as arrays: read and write them, run jobs, draw gathers."""

from .job import Failed, Progress, Result, plan, run
from .plot import triptych
from .survey import Gather, Survey, SurveyError, write

open = Survey  # noqa: A001  seisproc.open("survey.h5")

__version__ = "0.1.0"
__all__ = ["Failed", "Gather", "Progress", "Result", "Survey", "SurveyError", "open", "plan", "run", "triptych",
           "write"]
