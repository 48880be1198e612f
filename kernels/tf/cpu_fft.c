/* SPDX-License-Identifier: BSD-3-Clause */
/* The passes of the FFT that `tf` does itself, by radix 8, 5, 3, 4 and 2, with tables of their factors. */
#include <math.h>

#include "kernels/tf/cpu.h"
#include "kernels/tf/windows.h"
#include "seisproc/memory.h"

/* Divides n by `factor` as often as it goes. */
static uint32_t remove_factor(uint32_t *n, uint32_t factor) {
  uint32_t times = 0;
  for (; *n % factor == 0; times++) *n /= factor;
  return times;
}

bool sp_tf_fft_has(uint32_t n) {
  return n >= 4 && sp_tf_is_smooth(n);
}

/* Radices 8 and 4 for powers of two, the large ones first. At least two passes. */
static void set_radices(sp_tf_fft *fft) {
  uint32_t left = fft->n;
  uint32_t twos = remove_factor(&left, 2), fives = remove_factor(&left, 5), threes = remove_factor(&left, 3);
  sp_tf_fft_pass *pass = fft->pass;
  if (fft->n == 4 || fft->n == 8) (pass++)->radix = 2, twos--;
  for (; twos > 4 || twos == 3; twos -= 3) (pass++)->radix = 8;
  for (; fives > 0; fives--) (pass++)->radix = 5;
  for (; threes > 0; threes--) (pass++)->radix = 3;
  for (; twos > 1; twos -= 2) (pass++)->radix = 4;
  if (twos > 0) (pass++)->radix = 2;
  fft->n_passes = (uint32_t)(pass - fft->pass);
}

sp_status sp_tf_fft_plan(uint32_t n, sp_tf_fft *fft) {
  *fft = (sp_tf_fft){.n = n};
  set_radices(fft);
  size_t numbers = 0;
  uint32_t left = n;
  for (uint32_t i = 0; i < fft->n_passes; i++) {
    fft->pass[i].stride = n / left;
    left /= fft->pass[i].radix;
    fft->pass[i].groups = left;
    numbers += 2 * (size_t)left * (fft->pass[i].radix - 1);
  }
  void *block;
  SP_TRY(sp_alloc(numbers * sizeof(float), "tables of tf", &block));
  float *at = fft->twiddles = block;
  for (uint32_t i = 0; i < fft->n_passes; i++) {
    sp_tf_fft_pass *pass = &fft->pass[i];
    pass->twiddles = at;
    for (uint32_t p = 0; p < pass->groups; p++) {
      for (uint32_t j = 1; j < pass->radix; j++) {
        const double phase = 2 * M_PI * p * j / ((double)pass->groups * pass->radix);
        *at++ = (float)cos(phase);
        *at++ = (float)sin(phase);
      }
    }
  }
  return SP_SUCCESS;
}

void sp_tf_fft_destroy(sp_tf_fft *fft) {
  sp_free(fft->twiddles);
}
