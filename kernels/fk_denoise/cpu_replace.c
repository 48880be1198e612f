/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes into a further pass: what the last one made of dead traces, bad samples and outliers. */
#include <math.h>
#include <string.h>

#include "kernels/fk_denoise/cpu.h"

enum { BUCKETS = 65536 };

/* Residuals of the live traces. */
typedef struct residuals {
  const sp_fkd_box *box;
  uint32_t n_live;
} residuals;

static uint32_t residual_bits(const sp_fkd_box *box, size_t at) {
  const float r = fabsf(box->work.in[at] - box->work.out[at]);
  uint32_t bits;
  memcpy(&bits, &r, sizeof bits);
  return bits;
}

/* Counts the residuals by their upper 16 bits, or those with these upper bits by the lower ones; returns how many. */
static size_t count(const residuals *r, const uint32_t *upper) {
  const sp_fkd_work *w = &r->box->work;
  size_t n = 0;
  memset(w->histogram, 0, BUCKETS * sizeof *w->histogram);
  for (size_t t = 0; t < r->box->layout.t.n; t++) {
    for (uint32_t k = 0; k < r->n_live; k++) {
      const uint32_t bits = residual_bits(r->box, t * r->box->layout.plane + w->live_at[k]);
      if (bits > 0x7f800000u || (upper && bits >> 16 != *upper)) continue; /* no number: already known to be bad */
      w->histogram[upper ? bits & 0xffff : bits >> 16]++;
      n++;
    }
  }
  return n;
}

/* The bucket that holds rank *rank, which becomes the rank within it. */
static uint32_t find_bucket(const uint32_t *histogram, size_t *rank) {
  uint32_t bucket = 0;
  while (*rank >= histogram[bucket]) *rank -= histogram[bucket++];
  return bucket;
}

static float value_of_rank(const residuals *r, size_t rank) {
  count(r, NULL);
  const uint32_t upper = find_bucket(r->box->work.histogram, &rank);
  count(r, &upper);
  const uint32_t bits = upper << 16 | find_bucket(r->box->work.histogram, &rank);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static double median(const residuals *r) {
  const size_t n = count(r, NULL);
  if (n == 0) return INFINITY;
  const double upper = value_of_rank(r, n / 2);
  return n % 2 ? upper : 0.5 * (upper + (double)value_of_rank(r, n / 2 - 1));
}

static uint32_t find_live(const sp_fkd_box *box) {
  const sp_fkd_layout *l = &box->layout;
  uint32_t n = 0;
  for (uint32_t i = 0; i < l->i.n; i++) {
    for (uint32_t j = 0; j < l->j.n; j++) {
      if (box->rows[(size_t)i * l->j.n + j]) box->work.live_at[n++] = i * l->line + sp_fkd_place(l, l->j.before + j);
    }
  }
  return n;
}

void sp_fkd_replace_bad(const sp_fkd_box *box, bool outliers) {
  const sp_fkd_layout *l = &box->layout;
  const residuals r = {box, find_live(box)};
  const float limit = outliers ? (float)sp_fkd_outlier(median(&r)) : INFINITY;
  const float *y = box->work.out;
  float *x = box->work.in;
  for (size_t i = 0; i < l->t.n * l->plane; i++) {
    if (!(fabsf(x[i] - y[i]) <= limit)) x[i] = y[i];
  }
  sp_fkd_continue(l, x);
}
