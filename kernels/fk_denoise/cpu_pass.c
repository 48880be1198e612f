/* SPDX-License-Identifier: BSD-3-Clause */
/* One pass over a box: the noise level of each slab and frequency, then the windows. */
#include <math.h>
#include <string.h>

#include "kernels/fk_denoise/cpu.h"

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
      *noise = n ? kernels->quantile(box, w->powers + f * w->values_room, n, &guess[f]) / SP_FKD_QUANTILE_OF_UNIT : NAN;
    }
  }
}

/* work.level of every slab. */
static void smooth(const sp_fkd_box *box) {
  const uint32_t n_f = box->layout.t.window / 2 + 1, n_slabs = box->layout.t.count;
  for (uint32_t slab = 0; slab < n_slabs; slab++) {
    double medians[SP_FKD_MAX_WINDOW / 2 + 1];
    for (uint32_t f = 0; f < n_f; f++) medians[f] = sp_fkd_median_of_slabs(box->work.noise, n_slabs, n_f, slab, f);
    for (uint32_t f = 0; f < n_f; f++) box->work.level[(size_t)slab * n_f + f] = sp_fkd_level(medians, n_f, f);
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
