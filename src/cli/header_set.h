/* SPDX-License-Identifier: BSD-3-Clause */
/* Columns that `seisproc header` computes: what each is set to, from which columns, in which unit. */
#ifndef SEISPROC_CLI_HEADER_SET_H
#define SEISPROC_CLI_HEADER_SET_H

#include "seisproc/expression.h"
#include "seisproc/header_column.h"

enum { SP_MAX_SETS = 16, SP_SET_NAMES = 32, SP_UNIT_SIZE = 32 };

/* Where the values of a name in an expression come from. */
typedef struct sp_set_source {
  sp_header_column *column; /* NULL: an earlier set of the same command */
  int set;
  char name[SP_NAME_LENGTH + 1];
} sp_set_source;

typedef struct sp_header_set {
  char name[SP_NAME_LENGTH + 1];
  const char *text; /* the expression, borrowed */
  sp_expression *expression;
  size_t n_sources;
  sp_set_source source[SP_SET_NAMES];
  bool exists, was_scaled;
  sp_type old_type, type; /* type: once the values are known */
  char unit[SP_UNIT_SIZE];
  bool may_be_whole; /* the column holds int32 where all values are whole numbers */
  /* of the values */
  double least, most;
  bool whole, sources_are_zero;
  uint64_t bad; /* the first trace without a finite value; UINT64_MAX: none */
} sp_header_set;

/* Parses "NAME = EXPRESSION". Logs nothing: on failure writes into `why` and returns SP_ERR_USAGE. `text` must stay. */
sp_status sp_header_set_parse(const char *text, char *why, size_t why_size, sp_header_set *out);

/* Looks at the survey: which columns sets[k] is computed from, whether it may be set, and its unit, which is `unit`
 * where that is not NULL. Sets before it count as columns. Errors: SP_ERR_USAGE, one line. */
sp_status sp_header_set_resolve(sp_survey *survey, const char *path, sp_header_set *sets, int k, const char *unit);

void sp_header_set_clear(sp_header_set *set);

/* Computes all sets of one process for all traces and leaves the values, as doubles, set after set for each block of
 * traces, in `fd`; fills in what their values are. */
sp_status sp_header_compute(sp_survey *survey, sp_header_set *sets, int n, int fd);

/* Writes them to the columns of the survey file at `path`, makes and replaces columns, adds to the history. */
sp_status sp_header_write(const char *path, sp_header_set *sets, int n, int fd);

#endif
