/* How many levels the transforms of `dwt` have. */
#include "kernels/dwt/dwt.h"

int sp_dwt_levels(const sp_dwt_params *p, size_t n_samples) {
  sp_wavelet wavelet;
  sp_wavelet_get(p->wavelet, &wavelet);
  const int most = sp_wavelet_max_level(n_samples, wavelet.taps);
  if (p->level == SP_PARAM_AUTO) return most < SP_DWT_AUTO_LEVEL ? most : SP_DWT_AUTO_LEVEL;
  return p->level <= most ? p->level : 0;
}
