/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans of transforms of any length 2^a 3^b 5^c. */
#include "kernels/fk_denoise/fft_plan.h"

#include <math.h>

#include "seisproc/memory.h"

/* The largest of the radices that goes into n. */
static uint32_t next_radix(uint32_t n) {
  static const uint32_t radices[] = {8, 5, 4, 3, 2};
  for (size_t i = 0; i < sizeof radices / sizeof *radices; i++) {
    if (n % radices[i] == 0) return radices[i];
  }
  return 0;
}

static size_t set_passes(sp_fkd_fft *fft) {
  size_t numbers = 0;
  for (uint32_t left = fft->n, radix; left > 1 && (radix = next_radix(left));) {
    sp_fkd_fft_pass *pass = &fft->pass[fft->n_passes++];
    pass->radix = radix;
    pass->stride = fft->n / left;
    left /= radix;
    pass->groups = left;
    numbers += 2 * (size_t)left * (radix - 1);
  }
  return numbers;
}

static float *set_twiddles(sp_fkd_fft_pass *pass, float *at) {
  pass->twiddles = at;
  for (uint32_t p = 0; p < pass->groups; p++) {
    for (uint32_t j = 1; j < pass->radix; j++) {
      const double phase = 2 * M_PI * p * j / ((double)pass->groups * pass->radix);
      *at++ = (float)cos(phase);
      *at++ = (float)sin(phase);
    }
  }
  return at;
}

sp_status sp_fkd_fft_plan(uint32_t n, sp_fkd_fft *fft, float **twiddles, size_t *n_twiddles) {
  *fft = (sp_fkd_fft){.n = n};
  const size_t numbers = set_passes(fft);
  void *block;
  SP_TRY(sp_alloc(numbers * sizeof(float), "tables of fk_denoise", &block));
  if (n_twiddles) *n_twiddles = numbers;
  float *at = *twiddles = block;
  for (uint32_t i = 0; i < fft->n_passes; i++) at = set_twiddles(&fft->pass[i], at);
  return SP_SUCCESS;
}
