/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/tf/windows.h"

/* --- stft ------------------------------------------------------------------------------------------------------ */

void sp_tf_stft_norm(uint32_t window, uint32_t hop, uint32_t frames, uint32_t n_samples, float *norm) {
  for (uint32_t t = 0; t < n_samples; t++) {
    const uint32_t in_frames = t + window / 2;
    const uint32_t last = in_frames / hop < frames ? in_frames / hop : frames - 1;
    double squares = 0;
    for (uint32_t f = in_frames < window ? 0 : (in_frames - window) / hop + 1; f <= last; f++) {
      const double w = sp_tf_hann(in_frames - f * hop, window);
      squares += w * w;
    }
    norm[t] = (float)(1 / squares);
  }
}

void sp_tf_stft_of_ones(uint32_t window, uint32_t hop, uint32_t n_samples, uint32_t f, uint32_t k, double *re,
                        double *im) {
  const uint32_t n = window, end = n_samples + n / 2, start = f * hop;
  const uint32_t from = start < n / 2 ? n / 2 - start : 0, to = end < start + n ? end - start : n;
  *re = k == 0 ? 1 : k == 1 ? -0.5 : 0;
  *im = 0;
  if (from == 0 && to == n) return;
  *re = 0;
  for (uint32_t i = from; i < to; i++) {
    const double w = sp_tf_hann(i, n) / (0.5 * n), phase = 2 * M_PI * (double)(i * (uint64_t)k % n) / n;
    *re += w * cos(phase);
    *im -= w * sin(phase);
  }
}

/* --- stockwell ------------------------------------------------------------------------------------------------- */

enum { REDUCED_STEP = 16 };

double sp_tf_voice_window(uint32_t n, double k) {
  const double m = (k - n) / n;
  return exp(-2 * M_PI * M_PI * m * m);
}

bool sp_tf_is_smooth(uint32_t n) {
  static const uint32_t primes[] = {2, 3, 5};
  for (int i = 0; i < 3; i++) {
    while (n % primes[i] == 0) n /= primes[i];
  }
  return n == 1;
}

uint32_t sp_tf_smooth_length(uint32_t least) {
  uint32_t n = (least + 3) / 4 * 4;
  while (!sp_tf_is_smooth(n)) n += 4;
  return n;
}

uint32_t sp_tf_reduced_times(uint32_t n) {
  const uint32_t top = (n + REDUCED_STEP - 1) / REDUCED_STEP * REDUCED_STEP;
  return sp_tf_smooth_length(2 * (top ? top : REDUCED_STEP));
}

uint32_t sp_tf_stockwell_length(uint32_t n) {
  return sp_tf_is_smooth(n) ? n : sp_tf_smooth_length(n);
}

/* Squares of the windows of voices n and -n at bin k. */
static double both_squares(uint32_t n, uint32_t k, uint32_t length) {
  if (n == 0) return k == 0;
  const double window = sp_tf_voice_window(n, k);
  if (2 * n == length) return window * window;
  /* the circular distance to bin -n */
  const uint32_t far = k + n, distance = far < length - far ? far : length - far;
  const double other = sp_tf_voice_window(n, (double)n + distance);
  return window * window + other * other;
}

sp_tf_inverse sp_tf_stockwell_inverse(uint32_t length, sp_tf_band band, uint32_t k) {
  if (k < band.first || k >= band.first + band.count) return (sp_tf_inverse){0, 1};
  double all = 0, outside = 0;
  for (uint32_t n = 0; n <= length / 2; n++) {
    const double squares = both_squares(n, k, length);
    all += squares;
    if (n < band.first || n >= band.first + band.count) outside += squares;
  }
  return (sp_tf_inverse){1 / all, outside / all};
}
