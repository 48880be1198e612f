/* SPDX-License-Identifier: BSD-3-Clause */
/* Hints for MPI-IO as a job file gives them: "KEY=VALUE, KEY=VALUE". */
#ifndef SEISPROC_IO_HINTS_H
#define SEISPROC_IO_HINTS_H

#include <stddef.h>

#include "seisproc/status.h"
#include "seisproc/survey_file.h"

/* Errors: SP_ERR_USAGE, one line: not of that form, or a hint with which a transfer that fails could not be left. */
sp_status sp_io_hints_check(const char *text);

/* What MPI-IO is told of a file, "key=value, key=value", cut off at `size`. MPI need not be started. */
void sp_io_hints_text(const sp_io_hints *hints, char *text, size_t size);

#endif
