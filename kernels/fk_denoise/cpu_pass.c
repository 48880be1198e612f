/* SPDX-License-Identifier: BSD-3-Clause */
/* One pass over a box: the noise level of each slab and frequency, then the windows. */
#include <math.h>
#include <string.h>

#include "kernels/fk_denoise/cpu.h"

enum { SMOOTH = 2 }; /* slabs and frequencies on either side */

/* Noise power of every slab; NAN where none of its windows is live. */
static void measure(const sp_fkd_kernels *kernels, const sp_fkd_box *box) {
  const sp_fkd_layout *l = &box->layout;
  const sp_fkd_work *w = &box->work;
  const uint32_t n_f = l->t.window / 2 + 1;
  float guess[SP_FKD_MAX_WINDOW / 2 + 1] = {0};
  for (uint32_t slab = 0; slab < l->t.count; slab++) {
    const size_t n = kernels->powers(box, slab);
    for (uint32_t f = 0; f < n_f; f++) {
      double *noise = &w->noise[(size_t)slab * n_f + f];
      *noise =
          n ? kernels->quantile(box, w->powers + f * w->values_room, n, &guess[f]) / -log1p(-SP_FKD_QUANTILE) : NAN;
    }
  }
}

static void sort(double *x, uint32_t n) {
  for (uint32_t i = 1; i < n; i++) {
    for (uint32_t k = i; k > 0 && x[k - 1] > x[k]; k--) {
      const double swap = x[k];
      x[k] = x[k - 1];
      x[k - 1] = swap;
    }
  }
}

/* The median over the slabs around one; 0 where none of them has a live window. */
static double median_of_slabs(const sp_fkd_box *box, uint32_t slab, uint32_t f) {
  const uint32_t n_f = box->layout.t.window / 2 + 1, count = box->layout.t.count;
  double values[2 * SMOOTH + 1];
  uint32_t n = 0;
  for (uint32_t s = slab < SMOOTH ? 0 : slab - SMOOTH; s <= slab + SMOOTH && s < count; s++) {
    const double noise = box->work.noise[(size_t)s * n_f + f];
    if (!isnan(noise)) values[n++] = noise;
  }
  if (n == 0) return 0;
  sort(values, n);
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/* work.level of every slab. */
static void smooth(const sp_fkd_box *box) {
  const uint32_t n_f = box->layout.t.window / 2 + 1;
  for (uint32_t slab = 0; slab < box->layout.t.count; slab++) {
    double medians[SP_FKD_MAX_WINDOW / 2 + 1];
    for (uint32_t f = 0; f < n_f; f++) medians[f] = median_of_slabs(box, slab, f);
    for (uint32_t f = 0; f < n_f; f++) {
      double sum = 0;
      uint32_t n = 0;
      for (uint32_t g = f < SMOOTH ? 0 : f - SMOOTH; g <= f + SMOOTH && g < n_f; g++, n++) sum += medians[g];
      box->work.level[(size_t)slab * n_f + f] = sum / n;
    }
  }
}

void sp_fkd_pass(const sp_fkd_kernels *kernels, const sp_fkd_box *box) {
  const sp_fkd_layout *l = &box->layout;
  const sp_fkd_work *w = &box->work;
  const uint32_t n_f = l->t.window / 2 + 1;
  measure(kernels, box);
  smooth(box);
  memset(w->out, 0, l->t.n * l->plane * sizeof *w->out);
  for (uint32_t slab = 0; slab < l->t.count; slab++) {
    for (uint32_t f = 0; f < n_f; f++) {
      const double level = w->level[(size_t)slab * n_f + f];
      w->high[f] = (float)(box->high2 * level);
      w->low[f] = (float)(box->low2 * level);
    }
    kernels->filter(box, slab);
  }
}
