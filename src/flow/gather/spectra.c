/* SPDX-License-Identifier: BSD-3-Clause */
/* Spectra from sampled windows. Invariant: which windows, and in which order they are added, depends on the gather's
 * number of traces and samples alone, so that the bits do. */
#include "src/flow/gather/spectra.h"

#include <math.h>
#include <string.h>

#include "seisproc/memory.h"

#define FFT_INLINE static inline __attribute__((always_inline, unused))
enum { LANES = 4, WINDOW = 128, BATCH = 2 * LANES, MOST_WINDOWS = 64, TRACES_A_BATCH = 128 };
typedef float fft_value __attribute__((vector_size(LANES * sizeof(float))));
typedef struct fft_complex {
  fft_value re, im;
} fft_complex;
#include "kernels/common/fft_small.h"

struct sp_gather_spectra {
  uint32_t n_samples, length; /* of a trace; of a window */
  double norm;                /* 128 times the sum of squares of the taper */
  float taper[WINDOW];
  float turn[WINDOW][2]; /* cos, sin of 2 pi i / 128 */
  float *input;          /* [windows of the slab][length] */
};

/* --- which windows ------------------------------------------------------------------------------------------------ */

/* Eight, for each further 128 traces as many, up to 64; not more than there are traces. */
static uint32_t count_windows(sp_local n_traces) {
  const uint32_t n = (n_traces + TRACES_A_BATCH - 1) / TRACES_A_BATCH * BATCH;
  const uint32_t most = n < MOST_WINDOWS ? n : MOST_WINDOWS;
  return n_traces < most ? n_traces : most;
}

typedef struct place {
  sp_local trace; /* of the gather, as it is written */
  uint32_t start; /* sample */
} place;

/* Traces evenly; times by multiples of the golden ratio, which do not keep step with them. */
static place place_of(const sp_gather_spectra *s, sp_local n_traces, uint32_t window, uint32_t n_windows) {
  const uint64_t part = (window * 40503u + 0x8000u) & 0xffffu;
  return (place){(sp_local)((2 * (uint64_t)window + 1) * n_traces / (2 * n_windows)),
                 (uint32_t)(part * (s->n_samples - s->length + 1) >> 16)};
}

/* --- making ------------------------------------------------------------------------------------------------------- */

sp_status sp_gather_spectra_create(sp_local max_traces, sp_local max_gathers, uint32_t n_samples,
                                   sp_gather_spectra **out) {
  sp_gather_spectra *s;
  SP_TRY(sp_calloc(1, sizeof *s, "spectra of gathers", &s));
  s->n_samples = n_samples;
  s->length = n_samples < WINDOW ? n_samples : WINDOW;
  for (uint32_t i = 0; i < s->length; i++) {
    const double root = sin(M_PI * (i + 0.5) / s->length), taper = root * root;
    s->taper[i] = (float)taper;
    s->norm += WINDOW * taper * taper;
  }
  for (int i = 0; i < WINDOW; i++) {
    s->turn[i][0] = (float)cos(2 * M_PI * i / WINDOW);
    s->turn[i][1] = (float)sin(2 * M_PI * i / WINDOW);
  }
  const uint64_t by_gather = (uint64_t)max_gathers * MOST_WINDOWS,
                 most = by_gather < max_traces ? by_gather : max_traces;
  const sp_status status = sp_calloc(most * s->length + 1, sizeof(float), "spectra of gathers", &s->input);
  if (status == SP_SUCCESS) {
    *out = s;
  } else {
    sp_gather_spectra_destroy(s);
  }
  return status;
}

void sp_gather_spectra_destroy(sp_gather_spectra *s) {
  if (!s) return;
  sp_free(s->input);
  sp_free(s);
}

void sp_gather_spectra_keep_input(sp_gather_spectra *s, const sp_slab *slab) {
  float *to = s->input;
  for (sp_local g = 0; g < slab->n_gathers; g++) {
    const sp_local first = slab->first_trace[g], n_traces = slab->first_trace[g + 1] - first;
    const uint32_t n_windows = count_windows(n_traces);
    for (uint32_t i = 0; i < n_windows; i++, to += s->length) {
      const place at = place_of(s, n_traces, i, n_windows);
      const sp_local row = first + (slab->order ? slab->order[first + at.trace] : at.trace);
      memcpy(to, slab->in + (size_t)row * s->n_samples + at.start, s->length * sizeof *to);
    }
  }
}

/* --- transforms --------------------------------------------------------------------------------------------------- */

/* 128 = 8 x 16: x[16 i + j] over i, turned by exp(-2 pi i j k / 128), then over j; coefficient k + 8 m. */
static void transform(const sp_gather_spectra *s, fft_complex x[WINDOW]) {
  fft_complex y[8][16];
  for (int j = 0; j < 16; j++) {
    fft_complex z[8];
    for (int i = 0; i < 8; i++) z[i] = x[16 * i + j];
    fft8(z);
    for (int k = 0; k < 8; k++) y[k][j] = fft_turn(z[k], s->turn[j * k][0], s->turn[j * k][1]);
  }
  for (int k = 0; k < 8; k++) {
    fft16(y[k]);
    for (int m = 0; m < 16; m++) x[k + 8 * m] = y[k][m];
  }
}

/* Adds |X[k]|^2 of up to BATCH windows, times scale^2. Two real windows are one complex: of those the mean of the
 * squares at k and at -k is half the sum of both. */
static void add_batch(const sp_gather_spectra *s, const float *windows, uint32_t n, float scale,
                      double power[SP_SPECTRUM_LEVELS]) {
  fft_complex x[WINDOW];
  memset(x, 0, sizeof x);
  for (uint32_t i = 0; i < n; i++) {
    const float *window = windows + (size_t)i * s->length;
    for (uint32_t t = 0; t < s->length; t++) {
      const float value = scale * window[t] * s->taper[t];
      if (i & 1) {
        x[t].im[i / 2] = value;
      } else {
        x[t].re[i / 2] = value;
      }
    }
  }
  transform(s, x);
  for (int k = 0; k < SP_SPECTRUM_LEVELS; k++) {
    const fft_complex a = x[k], b = x[(WINDOW - k) % WINDOW];
    const fft_value sum = a.re * a.re + a.im * a.im + b.re * b.re + b.im * b.im;
    for (int lane = 0; lane < LANES; lane++) power[k] += 0.5 * (double)sum[lane];
  }
}

/* A power of two that brings the largest of n samples to between 1/2 and 1; 0 where all are zero. */
static float scale_for(const float *x, size_t n, int *exponent) {
  float largest = 0;
  for (size_t i = 0; i < n; i++) largest = fmaxf(largest, fabsf(x[i]));
  frexpf(largest, exponent);
  if (*exponent < -120) *exponent = -120;
  return largest > 0 ? ldexpf(1, -*exponent) : 0;
}

/* The spectrum of n windows. */
static void find_spectrum(const sp_gather_spectra *s, const float *windows, uint32_t n, float *peak,
                          sp_spectrum_levels *levels) {
  double power[SP_SPECTRUM_LEVELS] = {0};
  int exponent;
  const float scale = scale_for(windows, (size_t)n * s->length, &exponent);
  for (uint32_t i = 0; i < n && scale > 0; i += BATCH) {
    add_batch(s, windows + (size_t)i * s->length, n - i < BATCH ? n - i : BATCH, scale, power);
  }
  for (int k = 0; k < SP_SPECTRUM_LEVELS; k++) {
    power[k] = ldexp(sqrt((k ? 2 : 1) * power[k] / ((double)n * s->norm)), exponent);
  }
  sp_spectrum_encode(power, peak, levels);
}

/* --- a gather ----------------------------------------------------------------------------------------------------- */

static bool is_finite(const float *x, uint32_t n) {
  float sum = 0;
  for (uint32_t i = 0; i < n; i++) sum += 0 * x[i];
  return sum == 0;
}

/* The noise of a window, whose input is at hand. */
static void find_noise(const sp_gather_spectra *s, sp_mode mode, const sp_slab *slab, size_t at, const float *input,
                       float *noise) {
  const float *from = mode == SP_MODE_BOTH ? slab->noise + at : slab->traces + at;
  for (uint32_t t = 0; t < s->length; t++) noise[t] = mode == SP_MODE_PROCESSED ? input[t] - from[t] : from[t];
}

static void measure_gather(const sp_gather_spectra *s, sp_mode mode, const sp_slab *slab, sp_local g, float *input) {
  float noise[MOST_WINDOWS * WINDOW];
  sp_gather_result *result = &slab->results[g];
  const sp_local first = slab->first_trace[g], n_traces = slab->first_trace[g + 1] - first;
  const uint32_t n_windows = count_windows(n_traces);
  uint32_t n = 0;
  for (uint32_t i = 0; i < n_windows; i++) {
    const place at = place_of(s, n_traces, i, n_windows);
    float *from = input + (size_t)i * s->length, *to = input + (size_t)n * s->length, *rest = noise + n * s->length;
    memmove(to, from, s->length * sizeof *to);
    find_noise(s, mode, slab, (size_t)(first + at.trace) * s->n_samples + at.start, to, rest);
    n += is_finite(to, s->length) && is_finite(rest, s->length);
  }
  if (n == 0) return;
  find_spectrum(s, input, n, &result->spectrum_in_peak, &result->spectrum_in);
  find_spectrum(s, noise, n, &result->spectrum_noise_peak, &result->spectrum_noise);
}

void sp_gather_spectra_measure(sp_gather_spectra *s, sp_mode mode, const sp_slab *slab) {
  float *input = s->input;
  for (sp_local g = 0; g < slab->n_gathers; g++) {
    if (slab->results[g].measured) measure_gather(s, mode, slab, g, input);
    input += (size_t)count_windows(slab->first_trace[g + 1] - slab->first_trace[g]) * s->length;
  }
}

/* --- as a figure -------------------------------------------------------------------------------------------------- */

enum { FULL = 255, STEPS_A_DECADE = 40 }; /* of amplitude: half a decibel each */

void sp_spectrum_encode(const double amplitude[SP_SPECTRUM_LEVELS], float *peak, sp_spectrum_levels *levels) {
  double largest = 0;
  for (int k = 0; k < SP_SPECTRUM_LEVELS; k++) largest = fmax(largest, amplitude[k]);
  *peak = (float)largest;
  for (int k = 0; k < SP_SPECTRUM_LEVELS; k++) {
    const double below = amplitude[k] > 0 ? STEPS_A_DECADE * log10((double)*peak / amplitude[k]) : FULL;
    levels->level[k] = (uint8_t)(below < FULL ? FULL - (int)floor(fmax(below, 0) + 0.5) : 0);
  }
}

void sp_spectrum_decode(float peak, const sp_spectrum_levels *levels, float amplitude[SP_SPECTRUM_LEVELS]) {
  for (int k = 0; k < SP_SPECTRUM_LEVELS; k++) {
    const double below = (FULL - levels->level[k]) / (double)STEPS_A_DECADE;
    amplitude[k] = levels->level[k] ? (float)((double)peak * pow(10, -below)) : 0;
  }
}
