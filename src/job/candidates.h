/* SPDX-License-Identifier: BSD-3-Clause */
/* The words that would have been right in the place of a wrong one. */
#ifndef SEISPROC_JOB_CANDIDATES_H
#define SEISPROC_JOB_CANDIDATES_H

#include "seisproc/nearest.h"

typedef struct sp_candidates {
  sp_nearest nearest; /* .text: the wrong word, borrowed; or all zero */
  char list[768];     /* "a, b, c", cut where it is full */
} sp_candidates;

void sp_candidates_add(sp_candidates *candidates, const char *word);

/* " did you mean 'dwt'?" or "". */
const char *sp_candidates_hint(const sp_candidates *candidates, char hint[SP_NEAREST_LENGTH + 32]);

#endif
