/* Lengths and velocities have the survey's unit: what a processor may assume of it. */
#ifndef SEISPROC_KERNELS_COMMON_LENGTH_UNIT_H
#define SEISPROC_KERNELS_COMMON_LENGTH_UNIT_H

#include "seisproc/processor.h"

/* Checks that a column is a length, for a processor that divides it by `parameter`, a velocity of `value` length units
 * a second (or compares it with a length, where per_second is false). Metres pass silently; feet, and a unit that the
 * file does not tell, are noted; angles and whatever else are refused: fills `why` and returns SP_ERR_USAGE. A column
 * that is not there passes. */
sp_status sp_length_unit_check(const sp_survey_shape *shape, const char *column, const char *processor,
                               const char *parameter, double value, bool per_second, char *why, size_t why_size);

#endif
