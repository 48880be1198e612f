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

/* Windows of voices n and -n at bin k. */
static double both_windows(uint32_t n, uint32_t k, uint32_t n_samples) {
  if (n == 0) return k == 0;
  const double window = sp_tf_voice_window(n, k);
  if (2 * n == n_samples) return window;
  /* the circular distance to bin -n */
  const uint32_t far = k + n, distance = far < n_samples - far ? far : n_samples - far;
  return window + sp_tf_voice_window(n, (double)n + distance);
}

sp_tf_window_sums sp_tf_sum_windows(uint32_t n_samples, sp_tf_band band, uint32_t k) {
  sp_tf_window_sums sums = {0, 0};
  for (uint32_t n = 0; n <= n_samples / 2; n++) {
    const double windows = both_windows(n, k, n_samples);
    sums.all += windows;
    if (n < band.first || n >= band.first + band.count) sums.outside += windows;
  }
  return sums;
}
