/* SPDX-License-Identifier: BSD-3-Clause */
/* How many levels the transforms of `dwt` have. */
#include <math.h>

#include "kernels/dwt/dwt.h"

int sp_dwt_levels(const sp_dwt_params *p, size_t n_samples) {
  sp_wavelet wavelet;
  sp_wavelet_get(p->wavelet, &wavelet);
  const int most = sp_wavelet_max_level(n_samples, wavelet.taps);
  if (p->level == SP_PARAM_AUTO) return most < SP_DWT_AUTO_LEVEL ? most : SP_DWT_AUTO_LEVEL;
  return p->level <= most ? p->level : 0;
}

bool sp_dwt_is_auto(const sp_dwt_params *p) {
  return isnan(p->k) && p->aperture == 1;
}

double sp_dwt_k(const sp_dwt_params *p) {
  return isnan(p->k) ? 1 : p->k;
}

bool sp_dwt_needs_gather(const sp_dwt_params *p) {
  const bool by_floor = p->noise_level == SP_DWT_FK || p->noise_level == SP_DWT_LEVEL_AUTO;
  return sp_dwt_is_auto(p) || (by_floor && p->transform != SP_DWT_WPT && p->aperture == 1);
}
