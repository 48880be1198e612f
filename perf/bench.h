/* SPDX-License-Identifier: BSD-3-Clause */
/* What the benches share: giving up, medians, and the table or JSON object that they print. */
#ifndef SEISPROC_PERF_BENCH_H
#define SEISPROC_PERF_BENCH_H
#include <stdio.h>
#include <stdlib.h>

#include "seisproc/dist.h"
#include "seisproc/json.h"

enum { BENCH_MAX_REPEAT = 999 };

static inline void require(sp_status status) {
  if (status != SP_SUCCESS) sp_comm_abort(status);
}

/* Ends the bench where what it times is not right. */
static inline void require_right(bool right, const char *what) {
  if (!right) require(SP_RAISE(SP_ERR_INTERNAL, "what was timed is wrong: %s", what));
}

static inline int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Median of n > 0 values, which come back sorted. */
static inline double median(double *values, int n) {
  qsort(values, (size_t)n, sizeof *values, by_value);
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/* Uniform in [0, 1), the same everywhere. */
static inline double random_unit(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (double)(*state >> 11) * 0x1p-53;
}

/* The figures of a bench: lines of a table, or one JSON object with all of them. */
typedef struct figures {
  bool as_json;
  sp_json json;
} figures;

static inline figures figures_begin(const char *name, bool as_json) {
  figures f = {as_json, sp_json_begin(stdout)};
  if (as_json) {
    sp_json_open(&f.json, NULL, '{');
    sp_json_text(&f.json, "name", name);
    sp_json_open(&f.json, "figures", '[');
  }
  return f;
}

/* `ratio` is that of the value to the reference, which `reference` names. */
static inline void figure(figures *f, const char *name, double value, const char *unit, const char *reference,
                          double ratio) {
  if (!f->as_json) {
    printf("%-48s %10.4g %-8s %8.3f of %s\n", name, value, unit, ratio, reference);
    fflush(stdout); /* also where it is a pipe: a bench takes its time */
    return;
  }
  sp_json_open(&f->json, NULL, '{');
  sp_json_text(&f->json, "name", name);
  sp_json_real(&f->json, "value", value);
  sp_json_text(&f->json, "unit", unit);
  sp_json_text(&f->json, "reference", reference);
  sp_json_real(&f->json, "ratio", ratio);
  sp_json_close(&f->json, '}');
}

static inline void figures_end(figures *f) {
  if (!f->as_json) return;
  sp_json_close(&f->json, ']');
  sp_json_close(&f->json, '}');
}

#endif
