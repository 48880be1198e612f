/* SPDX-License-Identifier: BSD-3-Clause */
/* How far the traces of one survey are from those of another.
 *
 * Traces are matched by number: its place in the file, or, for the output of a sorted job, what /sort_map says, which
 * is its place in the input of that job. Two outputs of sorted jobs are matched by their maps, unless one of them is
 * the other's input. Sums are made by unit of traces and added in the order of units, so that the figures do not depend
 * on the number of ranks.
 */
#ifndef SEISPROC_CLI_COMPARISON_H
#define SEISPROC_CLI_COMPARISON_H

#include <stdbool.h>
#include <stdint.h>

#include "seisproc/ranks.h"
#include "seisproc/survey_file.h"

/* One of the two surveys: 0 is the reference. */
typedef struct sp_side {
  const char *path;
  sp_survey *survey;
  sp_dataset *traces, *sort_map; /* sort_map: NULL where traces are numbered by place */
  float *rows;                   /* of one unit */
  uint64_t *numbers;             /* of the traces of the unit (side 1) or of its gathers (side 0) */
} sp_side;

/* Where two traces differ. */
typedef struct sp_difference {
  double amount;   /* |a - b|; 0: nowhere */
  uint64_t trace;  /* place in the reference */
  uint64_t sample; /* in the trace */
} sp_difference;

/* What a rank found; plain data, so that MPI can send it. */
typedef struct sp_findings {
  sp_difference largest;
  uint64_t first_different; /* place in the reference; UINT64_MAX: none */
  uint64_t n_different;     /* traces that are not the same, bit for bit */
  uint64_t n_not_finite;    /* samples left out of the figures: NaN or infinite in either survey, but not the same */
} sp_findings;

/* Sums over the traces of a unit: of squares of the reference a, of a - b and of b, and of (a - b) b. All but the
 * first four are of whole gathers within the unit. */
typedef struct sp_sums {
  double reference, difference, compared, cross;
  double n_shares, shares;  /* gathers with samples that are not 0, and the sum of their shares of removed energy */
  double least, most;       /* of those shares; where n_shares is 0 without meaning */
  double least_at, most_at; /* gather */
} sp_sums;

/* What the energy of the difference is to that of the reference, by gather. */
typedef struct sp_removal {
  double total;                /* share of all energy; NAN where the reference is all zero */
  double least, mean, most;    /* of gathers; NAN where none has energy */
  sp_global least_at, most_at; /* gather */
  double correlation;          /* of a - b with b; NAN where one of them is all zero */
} sp_removal;

typedef struct sp_comparison {
  sp_ranks ranks;
  sp_side sides[2];
  sp_gather_index *index; /* of the reference, with keys */
  sp_local unit_traces;
  uint32_t n_samples;
  uint64_t *inverse; /* place in the gathers of a unit by number, where the reference has a map */
  sp_global *places; /* in the reference, of each trace of the unit */
  sp_sums *sums;     /* [n_units] */
  size_t n_units;
  sp_findings found;
  bool derived; /* one of the two is the output of a job whose input was the other */
} sp_comparison;

/* Opens both surveys (paths[0] is the reference; paths are borrowed) and the dataset of that name in both, of them the
 * gathers that are asked for (selection.h; NULL: all); of an output and its input, those of the output. The comparison
 * is all zero but for `ranks`; the caller closes it, also after an error. Collective. Errors: SP_ERR_INPUT, one line,
 * for what cannot be compared. */
sp_status sp_comparison_open(sp_comparison *c, const char *const paths[2], const char *dataset, const char *gathers);

/* Compares all traces; on success rank 0 has what all ranks found. Collective. */
sp_status sp_comparison_run(sp_comparison *c);

/* Traces that are compared at once: whole gathers, or a part of one that is larger than a unit. */
typedef struct sp_comparison_unit {
  sp_global first;
  sp_local n;
  sp_range gathers; /* that hold them */
} sp_comparison_unit;

/* The unit that starts at trace `first`, which exists. */
sp_comparison_unit sp_comparison_unit_from(const sp_comparison *c, sp_global first);

/* Adds the sums of units up, in their order. Rank 0, after sp_comparison_run. */
sp_sums sp_comparison_total(const sp_comparison *c);
sp_removal sp_comparison_removal(const sp_comparison *c);

/* Whether the two surveys differ in what is not samples: sample intervals, gather keys, delay recording times. Rank 0.
 */
typedef struct sp_contrast {
  bool intervals, keys, delays;
} sp_contrast;

sp_status sp_comparison_contrast(const sp_comparison *c, sp_contrast *out);

void sp_comparison_close(sp_comparison *c);

#endif
