/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/dwt/cuda_shape.h"

#include <math.h>

extern "C" {
#include "kernels/dwt/sure.h"
}

static uint32_t even(uint32_t n) {
  return (n + 1) & ~1u;
}

static void set_lengths(dwt_shape *s) {
  const uint32_t step = 1u << s->levels;
  s->length[0] = s->transform == SP_DWT_SWT ? (s->n_samples + step - 1) / step * step : s->n_samples;
  for (int j = 1; j <= s->levels; j++) {
    s->length[j] =
        s->transform == SP_DWT_SWT ? s->length[0] : (uint32_t)sp_wavelet_band_length(s->length[j - 1], s->bank.taps);
  }
}

/* As the CPU version has them: stored coefficients are the true ones times gain, and are multiplied by factor before
 * the inverse, which takes the gain out of both. */
static void set_band(dwt_shape *s, int band, int level) {
  const double gain = s->bank.gain, halves = s->transform == SP_DWT_SWT && s->bank.folded ? 2 : 1;
  s->gain[band] = (float)pow(gain, level);
  s->factor[band] = (float)pow(halves * gain * gain, -level);
}

static void set_bands(dwt_shape *s) {
  if (s->transform == SP_DWT_WPT) {
    s->n_bands = 2;
    s->approximation = 1;
    s->start[1] = 0;
    s->start[2] = s->length[s->levels];
    s->row = s->length[s->levels] << s->levels;
    set_band(s, 1, s->levels);
    set_band(s, 2, s->levels);
    return;
  }
  s->n_bands = s->levels + 1;
  s->approximation = s->n_bands;
  uint32_t at = 0;
  for (int j = 1; j <= s->n_bands; j++) {
    const int level = j <= s->levels ? j : s->levels;
    s->start[j] = at;
    at += s->length[level];
    set_band(s, j, level);
  }
  s->row = at;
}

/* swt: one buffer; the other is where the approximation lies. */
static void set_buffers(dwt_shape *s) {
  const uint32_t taps = (uint32_t)s->bank.taps;
  s->row_stride = (s->row + 31) / 32 * 32;
  if (s->transform == SP_DWT_SWT) {
    s->buffer[0] = s->length[0];
  } else {
    s->front = even(taps - 2);
    for (int j = 0; j < s->levels; j++) {
      const uint32_t nodes = s->transform == SP_DWT_WPT ? 1u << j : 1;
      s->node[j] = s->front + even(s->length[j] + taps);
      if (nodes * s->node[j] > s->buffer[j & 1]) s->buffer[j & 1] = nodes * s->node[j];
    }
  }
  const size_t buffers = (size_t)s->buffer[0] + s->buffer[1];
  s->work_floats = even(s->row) + (buffers > SP_SURE_BINS ? buffers : SP_SURE_BINS);
}

void dwt_shape_init(dwt_shape *shape, const sp_dwt_params *params, uint32_t n_samples, int levels) {
  dwt_shape s = {};
  const bool undecimated = params->transform == SP_DWT_SWT;
  sp_bank_init(&s.bank, params->wavelet, levels, undecimated, SP_ISA_PORTABLE);
  s.lattice = sp_wavelet_lattice[params->wavelet] && !(undecimated && s.bank.stages > SP_BANK_MAX_SWT_STAGES);
  s.transform = params->transform;
  s.levels = levels;
  s.threshold = params->threshold;
  s.noise_level = params->noise_level;
  s.k = sp_dwt_k(params);
  s.constant = pow(s.bank.response, levels);
  s.n_samples = n_samples;
  set_lengths(&s);
  set_bands(&s);
  set_buffers(&s);
  *shape = s;
}
