/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps between the traces of a gather, and its parts. */
#include <stdio.h>
#include <string.h>

#include "kernels/fk/fk.h"

static double step_between(const sp_fk_params *p, const double *const *headers, uint32_t i) {
  const double dx = headers[0][i + 1] - headers[0][i];
  if (p->along == SP_FK_ALONG_OFFSET) return dx;
  return hypot(dx, headers[1][i + 1] - headers[1][i]);
}

static void swap(double *a, double *b) {
  const double t = *a;
  *a = *b;
  *b = t;
}

/* Puts the k-th smallest of n numbers at place k, none larger before it. */
static void select_smallest(double *v, uint32_t n, uint32_t k) {
  uint32_t first = 0, end = n;
  while (end - first > 1) {
    swap(&v[first + (end - first) / 2], &v[end - 1]);
    const double pivot = v[end - 1];
    uint32_t less = first, equal;
    for (uint32_t i = first; i < end - 1; i++) {
      if (v[i] < pivot) swap(&v[less++], &v[i]);
    }
    equal = less;
    for (uint32_t i = less; i < end; i++) {
      if (v[i] == pivot) swap(&v[equal++], &v[i]);
    }
    if (k >= less && k < equal) return;
    if (k < less) {
      end = less;
    } else {
      first = equal;
    }
  }
}

/* Of an even number the mean of the middle two. */
static double median(double *v, uint32_t n) {
  select_smallest(v, n, n / 2);
  if (n % 2) return v[n / 2];
  double below = v[0];
  for (uint32_t i = 1; i < n / 2; i++) below = v[i] > below ? v[i] : below;
  return 0.5 * (below + v[n / 2]);
}

sp_reason sp_fk_spacing(const sp_fk_params *p, const double *const *headers, uint32_t first, uint32_t count,
                        double *work, double *spacing) {
  if (!isnan(p->spacing)) {
    *spacing = p->spacing;
    return SP_REASON_OK;
  }
  const uint32_t n = count - 1;
  for (uint32_t i = 0; i < n; i++) {
    work[i] = step_between(p, headers, first + i);
    if (!isfinite(work[i])) return SP_REASON_GEOMETRY;
  }
  const double step = median(work, n), allowed = fabs(step) * p->spacing_tolerance / 100;
  if (step == 0) return SP_REASON_GEOMETRY;
  uint32_t other = 0;
  for (uint32_t i = 0; i < n; i++) other += fabs(work[i] - step) > allowed;
  if (p->irregular == SP_FK_REFUSE && (uint64_t)other * 10 > n) return SP_REASON_GEOMETRY;
  *spacing = fabs(step);
  return SP_REASON_OK;
}

uint32_t sp_fk_part_end(const sp_fk_params *p, const double *const *headers, uint32_t first, uint32_t n_traces) {
  const size_t column = sp_fk_position_columns(p);
  for (uint32_t i = first + 1; i < n_traces; i++) {
    for (uint32_t k = 0; k < p->split.n; k++) {
      const double *values = headers[column + k];
      if (memcmp(&values[i], &values[i - 1], sizeof *values) && values[i] != values[i - 1]) return i;
    }
  }
  return n_traces;
}

/* The spacing of the first part and its traces by the headers; NAN where they tell of none. */
static double spacing_by_headers(const sp_fk_params *p, const double *const *headers, uint32_t n_traces, double *work,
                                 uint32_t *n) {
  sp_fk_params by_headers = *p;
  double found;
  by_headers.spacing = NAN;
  by_headers.irregular = SP_FK_REFUSE;
  *n = n_traces;
  if (!headers) return NAN;
  *n = sp_fk_part_end(&by_headers, headers, 0, n_traces);
  const bool told =
      *n >= SP_FK_LEAST_TRACES && sp_fk_spacing(&by_headers, headers, 0, *n, work, &found) == SP_REASON_OK;
  return told ? found : NAN;
}

void sp_fk_look(const void *params, const double *const *headers, uint32_t n_traces, uint32_t n_samples, double dt,
                double *work, char *note, size_t size) {
  const sp_fk_params *p = params;
  static const char *const named[] = {"offset", "gx and gy", "sx and sy"};
  uint32_t n;
  sp_fk_filter filter;
  const double found = spacing_by_headers(p, headers, n_traces, work, &n);
  const bool given = !isnan(p->spacing);
  const double taken = given ? p->spacing : found;
  sp_fk_filter_of(p, n_samples, dt, &filter);
  const double removed = sp_fk_mean_removed(&filter, n, 1, taken, 1);
  *note = '\0';
  if (given && sp_fk_is_odd_step(taken)) {
    snprintf(note, size, "fk: spacing: traces are %g apart: is that right?", taken);
  } else if (given && !sp_fk_is_same_step(taken, found)) {
    snprintf(note, size,
             "fk: spacing: %g is given, headers (%s) say %.4g from trace to trace: velocities are taken %.3g times as "
             "large as by these",
             taken, named[p->along], found, taken / found);
  } else if (sp_fk_is_odd_step(taken)) {
    snprintf(note, size, "fk: traces are %.4g apart by %s: is its unit, and the scalar of coordinates, right?", taken,
             named[p->along]);
  } else if (taken > 0 && sp_fk_is_all_or_nothing(removed)) {
    snprintf(note, size, "fk: removes %.3g %% of the bins: %s", 100 * removed,
             removed < 0.5 ? "next to nothing" : "next to everything");
  }
}
