/* SPDX-License-Identifier: BSD-3-Clause */
/* Which gathers of a survey: what a job says as `gathers`, and commands are told by --gathers. Pure data, no I/O.
 *
 *   all                 every one
 *   first:10            the first ten
 *   every:100           numbers 0, 100, 200, ...
 *   0:50                numbers 0 to 49
 *   fldr=100-120,140    by key: one of its numbers; both ends of a range are in it
 *   where: CONDITION    those with a trace for which a condition over header columns holds (expression.h)
 *
 * Gathers are taken whole and stay in their order.
 */
#ifndef SEISPROC_SELECTION_H
#define SEISPROC_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "seisproc/gather_index.h"

enum { SP_SELECTION_COLUMNS = 32 }; /* that a condition names, at most */

typedef struct sp_selection_rule sp_selection_rule;

/* Parses text. Logs nothing: on failure writes into `why` what was found and what is allowed, and returns SP_ERR_USAGE
 * (SP_ERR_MEMORY is logged). The caller owns *out. */
sp_status sp_selection_parse(const char *text, char *why, size_t why_size, sp_selection_rule **out);

/* Takes NULL. */
void sp_selection_rule_destroy(sp_selection_rule *rule);

/* Whether it takes every gather of any survey. */
bool sp_selection_is_all(const sp_selection_rule *rule);

/* Columns that its condition needs: how many, and the i-th; they belong to the rule. */
size_t sp_selection_n_columns(const sp_selection_rule *rule);
const char *sp_selection_column(const sp_selection_rule *rule, size_t i);

/* Reads values of the i-th column for traces first ... first + n - 1. */
typedef sp_status (*sp_selection_reader)(void *context, size_t i, sp_global first, sp_local n, double *values);

/* Gathers of a survey, as a survey of their own. */
typedef struct sp_selection {
  sp_global n_gathers, n_traces;
  sp_global step;          /* every step-th trace of each gather, its first one with them */
  sp_global *gather;       /* [n_gathers], ascending: number in the survey; owned */
  sp_global *source_trace; /* [n_gathers]: the first trace there; owned */
  sp_global *first_trace;  /* [n_gathers + 1]: the first trace here; owned */
} sp_selection;

/* Which gathers of a survey the rule takes. `index` must have keys; `where` names the survey in the error line; `read`
 * is called where there are columns. The caller owns *out. Errors: SP_ERR_USAGE, one line, for a name that is not of
 * the key and for a rule that takes none, with what there is; whatever `read` returns. */
sp_status sp_selection_make(const sp_selection_rule *rule, const char *where, const sp_gather_index *index,
                            sp_selection_reader read, void *context, sp_selection **out);

/* Those gathers [n] (ascending, each below the survey's number). The caller owns *out. */
sp_status sp_selection_of(const sp_gather_index *index, const sp_global *gathers, sp_global n, sp_selection **out);

/* Makes `inner`, a selection of the survey that `outer` is, one of the survey that `outer` selects from. */
void sp_selection_compose(const sp_selection *outer, sp_selection *inner);

/* Leaves every step-th trace of each gather. Nothing can be selected from the selection after that. */
void sp_selection_thin(sp_selection *selection, sp_global step);

/* Takes NULL. */
void sp_selection_destroy(sp_selection *selection);

/* Traces that follow each other both here and in the survey. */
typedef struct sp_selection_run {
  sp_global source; /* the first one there */
  sp_local n;
} sp_selection_run;

/* The longest such run from trace `first` on, at most n traces, which must exist. Logarithmic in the gathers, then
 * linear in those it crosses. */
sp_selection_run sp_selection_traces(const sp_selection *selection, sp_global first, sp_local n);

/* The same for gathers. */
sp_selection_run sp_selection_gathers(const sp_selection *selection, sp_global first, sp_local n);

#endif
