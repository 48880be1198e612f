/* SPDX-License-Identifier: BSD-3-Clause */
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

/* Checks coordinates that a processor makes distances of: each of the n columns is a length, and all are of one unit.
 * Feet, and a unit that the file does not tell, are noted once: lengths and velocities of the job are in the same unit
 * or, where `converts` says that the processor brings feet to metres, in metres. Columns that are not there pass. */
sp_status sp_length_units_check(const sp_survey_shape *shape, const char *const *columns, size_t n,
                                const char *processor, bool converts, char *why, size_t why_size);

/* Metres of an international foot (1959). */
#define SP_METRES_A_FOOT 0.3048

#endif
