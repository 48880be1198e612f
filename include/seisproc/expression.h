/* SPDX-License-Identifier: BSD-3-Clause */
/* Small expressions over named numbers, such as trace headers: "offset < 2000 and cdp > 600",
 * "sqrt((sx - gx)^2 + (sy - gy)^2)". They compute; no code is run.
 *
 * From the weakest to the strongest: `or`, `and`, `not`, comparisons (= or ==, != or <>, <, <=, >, >=; not chained), +
 * and -, * and /, unary -, ^ (to the right). Functions: abs, sqrt, exp, log, sin, cos, tan, atan2, hypot, floor, ceil,
 * round, min, max; angles in radians; pi. All values are doubles.
 *
 * A condition is a comparison (1 where it holds, else 0; with NaN it does not), or conditions joined by and, or, not. A
 * number is none: `offset` alone is refused where one is needed, `offset != 0` is what it may have meant.
 */
#ifndef SEISPROC_EXPRESSION_H
#define SEISPROC_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "seisproc/status.h"

typedef struct sp_expression sp_expression;

/* Parses text. Logs nothing: on failure writes into `why` what was found where and what is allowed, and returns
 * SP_ERR_USAGE (SP_ERR_MEMORY is logged). The caller owns *out. */
sp_status sp_expression_parse(const char *text, char *why, size_t why_size, sp_expression **out);

/* The same; what is no condition is refused. */
sp_status sp_condition_parse(const char *text, char *why, size_t why_size, sp_expression **out);

/* Number of different names in it, and the i-th of them in the order of their first use; they belong to the
 * expression. */
size_t sp_expression_n_names(const sp_expression *expression);
const char *sp_expression_name(const sp_expression *expression, size_t i);

/* Its value where name i has values[i]. Allocates nothing; any number of threads at once. */
double sp_expression_value(const sp_expression *expression, const double *values);

/* Whether a condition holds. */
bool sp_condition_holds(const sp_expression *expression, const double *values);

/* Takes NULL. */
void sp_expression_destroy(sp_expression *expression);

#endif
