/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors that gathers allow, and zfp's tolerance for them.
 *
 * HDF5's filter of zfp has one tolerance for a dataset, and it must hold for the quietest gather that goes through it.
 * A gather that is far quieter than the others is better packed losslessly: the tolerance is the one, of all gathers'
 * bounds, with which the bits add up to the least, a sample of a gather with the bound b taking about
 * log2(b / tolerance) more bits than one whose bound is the tolerance, and LOSSLESS_BITS where b is smaller than it. So
 * is one whose RMS is that of a few loud traces or samples, so that its bound would leave little of the others.
 *
 * zfp is asked for twice the bound: it takes the power of two below, and what its errors came to was at most 0.44 of
 * that on field data and on noise. Each chunk is unpacked and measured; one that does not hold is packed losslessly.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/ranks.h"
#include "src/store/pack_parts.h"

enum { LOSSLESS_BITS = 27, PIECE_BYTES = 8 << 20 };
static const double ASKED = 2;
/* RMS of a gather's median live trace: over the gather's bound, and, where the bound itself is wide, over its RMS. */
static const double LEAST_OVER_BOUND = 3, LEAST_OVER_RMS = 0.03;

typedef struct reader {
  sp_dataset *dataset;
  float *rows;
  double *squares; /* of the live traces of a gather */
  uint64_t most;
  uint32_t n_samples;
} reader;

/* --- what gathers allow ------------------------------------------------------------------------------------------ */

static bool is_dead(const float *row, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (row[i] != 0) return false;
  }
  return true;
}

/* Of a gather: RMS over all samples, sum by sum in their order, so that it does not depend on pieces; the median RMS of
 * its live traces. NAN: not finite. */
typedef struct level {
  double rms, median;
  uint64_t dead;
} level;

static int ascending(const void *a_, const void *b_) {
  const double a = *(const double *)a_, b = *(const double *)b_;
  return (a > b) - (a < b);
}

static sp_status measure_gather(const reader *r, sp_global first, sp_global end, level *out) {
  double sum = 0;
  size_t live = 0;
  SP_EACH_PIECE (piece, first, end, r->most) {
    SP_TRY(sp_dataset_read_independent(r->dataset, piece.first, (sp_local)piece.count, r->rows));
    for (uint64_t t = 0; t < piece.count; t++) {
      const float *row = r->rows + t * r->n_samples;
      double of_trace = 0;
      for (uint32_t i = 0; i < r->n_samples; i++) {
        const double square = (double)row[i] * row[i];
        sum += square;
        of_trace += square;
      }
      if (!is_dead(row, r->n_samples)) r->squares[live++] = of_trace;
    }
  }
  *out = (level){.rms = NAN, .median = NAN, .dead = end - first - live};
  if (!isfinite(sum)) return SP_SUCCESS;
  qsort(r->squares, live, sizeof *r->squares, ascending);
  out->rms = sqrt(sum / ((double)(end - first) * r->n_samples));
  out->median = live ? sqrt(r->squares[live / 2] / r->n_samples) : 0;
  return SP_SUCCESS;
}

/* What the gather allows: 0 dead; NAN none, where it is not finite or its traces as a rule are too weak beside it. */
static double bound_of(const level *l, double part) {
  const double bound = part * l->rms;
  const bool weak = l->median < LEAST_OVER_BOUND * bound && l->median < LEAST_OVER_RMS * l->rms;
  return weak ? (double)NAN : bound;
}

static sp_status measure_share(sp_survey *survey, const char *path, const sp_pack_bounds *b, sp_share share,
                               sp_activity *activity, uint64_t *mixed) {
  const sp_global *first_trace = b->index->first_trace;
  reader r = {.n_samples = sp_survey_get_info(survey)->n_samples};
  const uint64_t fits = PIECE_BYTES / (r.n_samples * sizeof(float));
  sp_status status;
  r.most = fits ? fits : 1;
  SP_TRY(sp_dataset_open(survey, path, &r.dataset));
  status = sp_alloc(r.most * r.n_samples * sizeof(float), "traces", &r.rows);
  if (status == SP_SUCCESS) status = sp_alloc((b->index->max_traces + 1) * sizeof(double), "levels", &r.squares);
  for (uint64_t g = share.first; g < share.first + share.count && status == SP_SUCCESS; g++) {
    const uint64_t n = first_trace[g + 1] - first_trace[g];
    level l = {0};
    if (n) status = measure_gather(&r, first_trace[g], first_trace[g + 1], &l);
    b->allowed[g] = bound_of(&l, b->part);
    if (activity) sp_activity_step(activity);
    *mixed += l.dead > 0 && l.dead < n;
  }
  sp_free(r.squares);
  sp_free(r.rows);
  sp_dataset_close(r.dataset);
  return status;
}

/* --- the tolerance ----------------------------------------------------------------------------------------------- */

typedef struct weighted {
  double allowed, samples;
} weighted;

static int compare_allowed(const void *a_, const void *b_) {
  const weighted *a = a_, *b = b_;
  return (a->allowed > b->allowed) - (a->allowed < b->allowed);
}

/* Goes through the candidates from the largest down, with sums over all that are not smaller. */
static double cheapest(const weighted *w, size_t n, double part) {
  const double usual_bits = fmax(1, -log2(part) - 3); /* a sample of a gather whose bound is the tolerance */
  double all = 0, inside = 0, logs = 0, least = INFINITY, tolerance = 0;
  for (size_t i = 0; i < n; i++) all += w[i].samples;
  for (size_t i = n; i-- > 0;) {
    inside += w[i].samples;
    logs += w[i].samples * log2(w[i].allowed);
    if (i > 0 && w[i - 1].allowed == w[i].allowed) continue;
    const double bits = (all - inside) * LOSSLESS_BITS + inside * (usual_bits - log2(w[i].allowed)) + logs;
    if (bits >= least) continue;
    least = bits;
    tolerance = w[i].allowed;
  }
  return tolerance;
}

static sp_status choose_tolerance(sp_pack_bounds *b, uint64_t mixed) {
  const uint64_t n_gathers = b->index->n_gathers;
  weighted *w;
  size_t n = 0;
  SP_TRY(sp_calloc(n_gathers + 1, sizeof *w, "bounds of gathers", &w));
  for (uint64_t g = 0; g < n_gathers; g++) {
    if (!(b->allowed[g] > 0)) continue; /* dead, or not finite */
    w[n++] = (weighted){b->allowed[g], (double)(b->index->first_trace[g + 1] - b->index->first_trace[g])};
  }
  qsort(w, n, sizeof *w, compare_allowed);
  b->tolerance = ASKED * cheapest(w, n, b->part);
  /* blocks of several traces do not leave dead ones among live ones dead */
  b->zfp_dims = 4 * mixed > n_gathers ? 1 : 2;
  sp_free(w);
  return SP_SUCCESS;
}

/* --- the parts --------------------------------------------------------------------------------------------------- */

static sp_status create(const sp_gather_index *index, double part, sp_pack_bounds **out) {
  sp_pack_bounds *b;
  SP_TRY(sp_calloc(1, sizeof *b, "bounds of gathers", &b));
  b->index = index;
  b->part = part;
  const sp_status status = sp_calloc(index->n_gathers + 1, sizeof *b->allowed, "bounds of gathers", &b->allowed);
  if (status == SP_SUCCESS) {
    *out = b;
  } else {
    sp_free(b);
  }
  return status;
}

/* Each gather was measured by one rank, and is 0 on the others. */
static sp_status share_bounds(const sp_ranks *ranks, sp_pack_bounds *b, uint64_t *mixed) {
  if (ranks->comm == MPI_COMM_NULL) return SP_SUCCESS; /* alike */
  SP_EACH_PIECE (p, 0, b->index->n_gathers, 1 << 24) {
    SP_MPI_ALL(
        MPI_Allreduce(MPI_IN_PLACE, b->allowed + p.first, sp_mpi_count(p.count), MPI_DOUBLE, MPI_SUM, ranks->comm));
  }
  return sp_ranks_sum(ranks, mixed, 1);
}

sp_status sp_pack_bounds_make(sp_survey *survey, const char *path, const sp_gather_index *index, double part,
                              sp_activity *activity, sp_pack_bounds **out) {
  sp_pack_bounds *b = NULL;
  uint64_t mixed = 0;
  const sp_ranks ranks = sp_ranks_of(survey->comm);
  sp_status status = sp_ranks_agree(&ranks, create(index, part, &b));
  if (status == SP_SUCCESS) {
    status = sp_ranks_agree(&ranks,
                            measure_share(survey, path, b, sp_ranks_share(&ranks, index->n_gathers), activity, &mixed));
  }
  if (status == SP_SUCCESS) status = share_bounds(&ranks, b, &mixed);
  if (status == SP_SUCCESS) status = choose_tolerance(b, mixed);
  if (status != SP_SUCCESS) goto fail;
  *out = b;
  return SP_SUCCESS;
fail:
  sp_pack_bounds_free(b);
  return status;
}

void sp_pack_bounds_free(sp_pack_bounds *b) {
  if (!b) return;
  sp_free(b->allowed);
  sp_free(b);
}

bool sp_pack_bounds_allow(const sp_pack_bounds *b, sp_global first, uint64_t n) {
  const sp_global last = sp_gather_index_find(b->index, first + n - 1);
  if (!(b->tolerance > 0)) return false;
  for (sp_global g = sp_gather_index_find(b->index, first); g <= last; g++) {
    if (isnan(b->allowed[g]) || (b->allowed[g] > 0 && ASKED * b->allowed[g] < b->tolerance)) return false;
  }
  return true;
}

bool sp_pack_bounds_hold(const sp_pack_bounds *b, sp_global first, uint64_t n, uint32_t n_samples, const float *rows,
                         const float *back, double *error, double *part) {
  sp_global g = sp_gather_index_find(b->index, first);
  *error = *part = 0;
  for (uint64_t t = 0; t < n; t++) {
    const float *row = rows + t * n_samples, *got = back + t * n_samples;
    double most = 0;
    bool over = false;
    while (first + t >= b->index->first_trace[g + 1]) g++;
    for (uint32_t i = 0; i < n_samples; i++) {
      const double e = fabs((double)got[i] - row[i]);
      over |= !(e <= b->allowed[g]);
      most = e > most ? e : most;
    }
    if (over || is_dead(row, n_samples) != is_dead(got, n_samples)) return false;
    if (most > *error) *error = most;
    if (most > 0 && most * b->part / b->allowed[g] > *part) *part = most * b->part / b->allowed[g];
  }
  return true;
}
