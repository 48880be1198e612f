/* How far the traces of one survey are from those of another.
 *
 * Traces are matched by number: its place in the file, or, for the output of a sorted job, what /sort_map says, which
 * is its place in the input of that job. Two outputs of sorted jobs are matched by their maps, unless one of them is
 * the other's input. Sums are made by unit of traces and added in the order of units, so that the figures do not depend
 * on the number of ranks.
 */
#ifndef SEISPROC_CLI_COMPARISON_H
#define SEISPROC_CLI_COMPARISON_H

#include <stdint.h>

#include "seisproc/survey_file.h"
#include "src/cli/ranks.h"

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

typedef struct sp_sums {
  double reference, difference; /* of squares */
} sp_sums;

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
} sp_comparison;

/* Opens both surveys (paths[0] is the reference; paths are borrowed) and the dataset of that name in both. The
 * comparison is all zero but for `ranks`; the caller closes it, also after an error. Collective. Errors: SP_ERR_INPUT,
 * one line, for what cannot be compared. */
sp_status sp_comparison_open(sp_comparison *c, const char *const paths[2], const char *dataset);

/* Compares all traces; on success rank 0 has what all ranks found. Collective. */
sp_status sp_comparison_run(sp_comparison *c);

/* Collective. */
void sp_comparison_close(sp_comparison *c);

#endif
