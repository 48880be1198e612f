/* SPDX-License-Identifier: BSD-3-Clause */
/* See noise_floor.h. Transforms are FFTW's, in double precision, estimated and never measured. */
#include "kernels/common/noise_floor.h"

#include <fftw3.h>
#include <math.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"

enum { SAMPLES = SP_FLOOR_SAMPLES, TRACES = SP_FLOOR_TRACES, WINDOWS = SP_FLOOR_WINDOWS, BINS = SP_FLOOR_BINS };

struct sp_floor {
  uint32_t n_samples;
  fftw_plan transform[TRACES + 1]; /* of windows of so many traces */
};

typedef struct floor_work {
  double window[TRACES][SAMPLES];
  fftw_complex bins[TRACES][BINS];
  float power[BINS][WINDOWS * TRACES]; /* of all windows and wavenumbers */
} floor_work;

size_t sp_floor_work_bytes(void) {
  return sizeof(floor_work);
}

void sp_floor_destroy(sp_floor *p) {
  if (!p) return;
  for (int n = 0; n <= TRACES; n++) {
    if (p->transform[n]) fftw_destroy_plan(p->transform[n]);
  }
  sp_free(p);
}

sp_status sp_floor_plan(uint32_t n_samples, sp_floor **out) {
  void *block, *work;
  sp_status status = SP_SUCCESS;
  SP_TRY(sp_calloc(1, sizeof(sp_floor), "the plan of a noise floor", &block));
  sp_floor *p = block;
  p->n_samples = n_samples;
  SP_TRY_GOTO(fail, sp_calloc(1, sizeof(floor_work), "planning a noise floor", &work));
  floor_work *w = work;
  for (int n = SP_FLOOR_LEAST_TRACES; n <= TRACES; n++) {
    p->transform[n] = fftw_plan_dft_r2c_2d(n, SAMPLES, &w->window[0][0], &w->bins[0][0], FFTW_ESTIMATE);
    if (!p->transform[n]) status = SP_RAISE(SP_ERR_INTERNAL, "no plan for windows of %d traces", n);
  }
  sp_free(work);
  if (status != SP_SUCCESS) goto fail;
  *out = p;
  return SP_SUCCESS;
fail:
  sp_floor_destroy(p);
  return status;
}

static double taper(int i, int n) {
  return sin(M_PI * (i + 0.5) / n);
}

/* Whether more than half of the samples of a window are not zero; then it is in the work, tapered. */
static bool load_window(const sp_floor *p, const float *corner, uint32_t traces, floor_work *w) {
  uint32_t live = 0;
  for (uint32_t i = 0; i < traces; i++) {
    const double across = taper((int)i, (int)traces);
    for (uint32_t t = 0; t < SAMPLES; t++) {
      const float x = corner[(size_t)i * p->n_samples + t];
      live += x != 0;
      w->window[i][t] = across * taper((int)t, SAMPLES) * x;
    }
  }
  return 2 * live > traces * SAMPLES;
}

static void swap(float *a, float *b) {
  const float x = *a;
  *a = *b;
  *b = x;
}

/* Puts the value of that rank in its place, none larger before it and none smaller behind it. */
static void select_rank(float *x, size_t n, size_t rank) {
  size_t low = 0, high = n - 1;
  while (low < high) {
    const float pivot = x[low + (high - low) / 2];
    size_t i = low, j = high;
    for (;;) {
      while (x[i] < pivot) i++;
      while (pivot < x[j]) j--;
      if (i >= j) break;
      swap(&x[i++], &x[j--]);
    }
    if (rank <= j) {
      high = j;
    } else {
      low = j + 1;
    }
  }
}

/* Linear between the order statistics around it. */
static double quantile(float *x, size_t n, double q) {
  const double place = q * (double)(n - 1);
  const size_t rank = (size_t)place;
  select_rank(x, n, rank);
  if (rank + 1 >= n) return x[rank];
  float next = x[rank + 1];
  for (size_t i = rank + 2; i < n; i++) next = x[i] < next ? x[i] : next;
  return x[rank] + (place - (double)rank) * ((double)next - x[rank]);
}

/* Places of windows, half a window apart, numbered along time first; window i of at most WINDOWS takes one place of its
 * even part of them, a different one each time, so that it does not keep to one time. */
static size_t place_of(size_t i, size_t count, size_t places) {
  const size_t first = i * places / count, end = (i + 1) * places / count;
  return first + ((i * 40503 & 0xffff) * (end - first) >> 16);
}

/* Powers of all windows; returns how many there are of each frequency. */
static size_t collect(const sp_floor *p, const float *gather, uint32_t n_traces, floor_work *w) {
  const uint32_t traces = n_traces < TRACES ? n_traces : TRACES, step = traces / 2;
  const size_t along = (p->n_samples - SAMPLES) / (SAMPLES / 2) + 1, across = (n_traces - traces) / step + 1;
  const size_t places = along * across, count = places < WINDOWS ? places : WINDOWS;
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    const size_t place = place_of(i, count, places);
    const float *corner = gather + place / along * step * p->n_samples + place % along * (SAMPLES / 2);
    if (!load_window(p, corner, traces, w)) continue;
    fftw_execute_dft_r2c(p->transform[traces], &w->window[0][0], &w->bins[0][0]);
    for (uint32_t k = 0; k < traces; k++, n++) {
      for (int f = 0; f < BINS; f++) {
        const double *bin = (&w->bins[0][0])[k * BINS + (uint32_t)f];
        w->power[f][n] = (float)(bin[0] * bin[0] + bin[1] * bin[1]);
      }
    }
  }
  return n;
}

void sp_floor_of_gather(const sp_floor *p, const float *gather, uint32_t n_traces, void *work,
                        double power[SP_FLOOR_BINS]) {
  floor_work *w = work;
  double level[BINS], squares = SAMPLES / 2.0 * (n_traces < TRACES ? n_traces : TRACES) / 2.0;
  memset(power, 0, sizeof(double) * BINS);
  if (n_traces < SP_FLOOR_LEAST_TRACES) return;
  const size_t n = collect(p, gather, n_traces, w);
  if (n == 0) return;
  for (int f = 0; f < BINS; f++) level[f] = quantile(w->power[f], n, 0.3) / -log(0.7);
  for (int f = 0; f < BINS; f++) {
    const int first = f > 2 ? f - 2 : 0, end = f + 3 < BINS ? f + 3 : BINS;
    for (int j = first; j < end; j++) power[f] += level[j] / (end - first) / squares;
  }
}
