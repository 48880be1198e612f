/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/dwt/wavelet.h"

void sp_wavelet_get(int index, sp_wavelet *out) {
  const sp_wavelet_row *row = &sp_wavelet_table[index];
  *out = (sp_wavelet){.name = row->name, .taps = row->taps, .orthogonal = row->orthogonal};
  for (int i = 0; i < row->taps; i++) {
    out->rec_lo[i] = row->rec[i];
    out->dec_lo[i] = row->dec ? row->dec[i] : row->rec[row->taps - 1 - i];
  }
  for (int i = 0; i < row->taps; i++) {
    const double sign = i & 1 ? -1.0 : 1.0;
    out->dec_hi[i] = -sign * out->rec_lo[i];
    out->rec_hi[i] = sign * out->dec_lo[i];
  }
}

int sp_wavelet_max_level(size_t n, int taps) {
  int level = 0;
  for (size_t span = n / (size_t)(taps - 1); span > 1; span /= 2) level++;
  return level;
}
