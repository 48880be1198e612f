/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to src/segy. */
#ifndef SEISPROC_SRC_SEGY_OUTPUT_CHECK_H
#define SEISPROC_SRC_SEGY_OUTPUT_CHECK_H

#include "seisproc/status.h"

/* Whether `output` can be made out of `input`: it is another file, and part_file.h can write it. Errors: SP_ERR_USAGE.
 */
sp_status sp_output_check(const char *input, const char *output);

#endif
