/* SPDX-License-Identifier: BSD-3-Clause */
/* Hints for MPI-IO as a job file gives them: "KEY=VALUE, KEY=VALUE". */
#ifndef SEISPROC_IO_HINTS_H
#define SEISPROC_IO_HINTS_H

#include <stdbool.h>

#include "seisproc/status.h"

enum { SP_HINT_SIZE = 128 };

/* The next pair of *text, which moves on behind it; false where none is left. What is missing of a pair is "". */
bool sp_io_hints_next(const char **text, char key[SP_HINT_SIZE], char value[SP_HINT_SIZE]);

/* Errors: SP_ERR_USAGE, one line: not of that form, or a hint with which a transfer that fails could not be left. */
sp_status sp_io_hints_check(const char *text);

#endif
