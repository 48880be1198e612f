/* SPDX-License-Identifier: BSD-3-Clause */
/* What a synthetic trace is summed from, each as a function that adds to a row; compiled for several instruction sets
 * with the same results, bit for bit. Private to src/synth. */
#ifndef SEISPROC_SYNTH_ROWS_H
#define SEISPROC_SYNTH_ROWS_H

#include <stdint.h>

/* What the random numbers of a key are for; second word of the counter. */
enum { SP_STREAM_NOISE = 1, SP_STREAM_SIZE = 2, SP_STREAM_MODEL = 3 };

/* A train of waves under a Hann window: at time u after its start, amplitude * sin^2(pi u / duration) *
 * cos(2 pi (u * frequency + u^2 * rate)). */
typedef struct sp_wave_train {
  float amplitude;
  float duration;  /* s */
  float frequency; /* Hz, at the start */
  float rate;      /* Hz/s, half of the growth */
} sp_wave_train;

typedef struct sp_synth_ops {
  /* Adds `deviation` times normal noise to row[n]: sample i of a trace gets the same number whatever n is. */
  void (*add_noise)(uint64_t key, uint64_t trace, float deviation, float *row, uint32_t n);
  /* Adds a wave train to row[n], the first sample of which is u_0 seconds after the train's start. */
  void (*add_train)(const sp_wave_train *train, float u_0, float interval_s, float *row, uint32_t n);
  /* Adds amplitude * wavelet[n] to row[n]. */
  void (*add_wavelet)(float amplitude, const float *wavelet, float *row, uint32_t n);
} sp_synth_ops;

extern const sp_synth_ops sp_synth_ops_portable, sp_synth_ops_avx2, sp_synth_ops_avx512;

/* The fastest of these for this processor. */
const sp_synth_ops *sp_synth_ops_select(void);

#endif
