/* SPDX-License-Identifier: BSD-3-Clause */
/* Planning transform stockwell. Plans of FFTW are estimated, never measured: the bits must not depend on a clock. */
#include <math.h>

#include "kernels/tf/cpu_stockwell.h"
#include "kernels/tf/windows.h"
#include "seisproc/memory.h"

enum { GOOD_LENGTH = 160 };

void sp_tf_stockwell_destroy(sp_tf_stockwell *p) {
  if (!p) return;
  if (p->exact_forward) fftw_destroy_plan(p->exact_forward);
  if (p->backward) fftwf_destroy_plan(p->backward);
  for (uint32_t i = 0; p->ffts && i < p->n_ffts; i++) sp_tf_fft_destroy(&p->ffts[i]);
  sp_free(p->ffts);
  sp_free(p->groups);
  sp_free(p->tables);
  sp_free(p);
}

size_t sp_tf_stockwell_work(const sp_tf_stockwell *p) {
  return p->work_floats;
}

/* --- lengths and groups -------------------------------------------------------------------------------------- */

/* The divisor of n, which is 2^a 3^b 5^c, that has a transform and suits the cache best. */
static uint32_t best_divisor(uint32_t n) {
  uint32_t best = n;
  double distance = INFINITY;
  for (uint32_t l = 4; l <= n; l++) {
    if (n % l || !sp_tf_fft_has(l)) continue;
    const double d = fabs(log((double)l / GOOD_LENGTH));
    if (d < distance) {
      best = l;
      distance = d;
    }
  }
  return best;
}

/* Whether voice n begins a group: groups are of `lanes` voices, and where reduced of equal times. */
static bool begins_group(const sp_tf_stockwell *p, uint32_t n) {
  if (n == p->band.first) return true;
  const uint32_t lanes = (uint32_t)p->kernels->lanes;
  /* groups of voices 1 ... 16, 17 ... 32, voice 0 apart */
  if (p->reduced) return n == 1 || (n > 1 && (n - 1) % lanes == 0);
  return (n - p->band.first) % lanes == 0;
}

static uint32_t band_end(const sp_tf_stockwell *p) {
  return p->band.first + p->band.count;
}

/* Bins, from 0, on which voice n is not zero. */
static uint32_t voice_bins(uint32_t n) {
  return n ? 2 * n : 1;
}

static sp_status set_groups(sp_tf_stockwell *p) {
  void *block;
  for (uint32_t n = p->band.first; n < band_end(p); n++) p->n_groups += begins_group(p, n);
  SP_TRY(sp_calloc(p->n_groups, sizeof *p->groups, "groups of tf", &block));
  p->groups = block;
  SP_TRY(sp_calloc(p->n_groups, sizeof *p->ffts, "transforms of tf", &block));
  p->ffts = block;
  const uint32_t length = p->length / p->n_phases;
  for (uint32_t n = p->band.first, g = 0; n < band_end(p); n++) {
    g += n > p->band.first && begins_group(p, n);
    voice_group *group = &p->groups[g];
    group->voices.n_bins = voice_bins(n);
    if (group->count++ == 0) group->first = n;
    const uint32_t times = p->reduced ? sp_tf_reduced_times(n) : length;
    if (p->n_ffts == 0 || p->ffts[p->n_ffts - 1].n != times) SP_TRY(sp_tf_fft_plan(times, &p->ffts[p->n_ffts++]));
    group->voices.fft = &p->ffts[p->n_ffts - 1];
  }
  return SP_SUCCESS;
}

/* --- tables -------------------------------------------------------------------------------------------------- */

/* Floats of the tables of one group: windows, and the same for synthesis. */
static size_t window_floats(const sp_tf_stockwell *p, uint32_t g) {
  return 2 * p->kernels->lanes * sp_tf_padded(p->groups[g].voices.n_bins);
}

static void set_windows_of(const sp_tf_stockwell *p, voice_group *group, float *at) {
  const size_t lanes = p->kernels->lanes, row = sp_tf_padded(group->voices.n_bins);
  group->voices.windows = at;
  group->voices.synthesis = at + lanes * row;
  group->voices.synthesis_row = row;
  for (uint32_t lane = 0; lane < group->count; lane++) {
    const uint32_t n = group->first + lane;
    const double count = n == 0 || 2 * n == p->length ? 1 : 2, times = (double)p->n_phases * group->voices.fft->n;
    for (uint32_t k = 0; k < voice_bins(n); k++) {
      const double window = n ? sp_tf_voice_window(n, k) : 1;
      at[k * lanes + lane] = (float)window;
      group->voices.synthesis[lane * row + k] = (float)(count / times * window);
    }
  }
}

static void set_windows(sp_tf_stockwell *p, float *at) {
  for (uint32_t g = 0; g < p->n_groups; g++) {
    set_windows_of(p, &p->groups[g], at);
    at += window_floats(p, g);
  }
}

static void set_inverse(sp_tf_stockwell *p) {
  for (uint32_t k = 0; k <= p->length / 2; k++) {
    const sp_tf_inverse inverse = sp_tf_stockwell_inverse(p->length, p->band, k);
    p->inverse[k] = (float)inverse.factor;
    p->rest[k] = (float)(inverse.rest / p->length);
  }
}

static void set_phases(sp_tf_stockwell *p, float *at) {
  p->cosine = at;
  p->sine = at + (size_t)p->n_phases * p->n_bins;
  for (uint32_t v = 0; v < p->n_phases; v++) {
    for (uint32_t k = 0; k < p->n_bins; k++) {
      const double phase = 2 * M_PI * (double)((uint64_t)k * v % p->length) / p->length;
      p->cosine[(size_t)v * p->n_bins + k] = (float)cos(phase);
      p->sine[(size_t)v * p->n_bins + k] = (float)sin(phase);
    }
  }
}

/* Times that a run of coefficients has: of a pass of group g, with smoothing. */
static uint32_t run_times(const sp_tf_stockwell *p, uint32_t g) {
  return p->reduced ? p->groups[g].voices.fft->n : p->length;
}

static sp_status set_tables(sp_tf_stockwell *p, double smoothing_s, double interval_s) {
  const size_t lanes = p->kernels->lanes, bins = p->length / 2 + 1;
  size_t end = 0, windows = 0;
  for (uint32_t g = 0; g < p->n_groups; g++) windows += window_floats(p, g);
  const size_t inverse_at = sp_tf_reserve(&end, bins), rest_at = sp_tf_reserve(&end, bins);
  const size_t windows_at = sp_tf_reserve(&end, windows);
  const size_t phases_at = sp_tf_reserve(&end, 2 * (size_t)p->n_phases * p->n_bins), smoothing_at = end;
  for (uint32_t g = 0; smoothing_s > 0 && g < p->n_groups; g++) sp_tf_reserve(&end, run_times(p, g) * lanes);
  void *block;
  SP_TRY(sp_calloc(end, sizeof(float), "tables of tf", &block));
  p->tables = block;
  p->inverse = p->tables + inverse_at;
  p->rest = p->tables + rest_at;
  set_inverse(p);
  set_windows(p, p->tables + windows_at);
  set_phases(p, p->tables + phases_at);
  end = smoothing_at;
  for (uint32_t g = 0; smoothing_s > 0 && g < p->n_groups; g++) {
    const uint32_t times = run_times(p, g);
    const double coefficients = smoothing_s * times / (p->length * interval_s);
    sp_tf_smoothing *smoothing = &p->groups[g].smoothing;
    sp_tf_set_smoothing(smoothing, coefficients, times, lanes, p->tables + sp_tf_reserve(&end, times * lanes));
    const size_t line = smoothing->run + 2 * smoothing->half * lanes;
    if (smoothing->half && line > p->layout.smoothing_line) p->layout.smoothing_line = line;
  }
  return SP_SUCCESS;
}

/* --- work ---------------------------------------------------------------------------------------------------- */

static sp_status plan_transforms(sp_tf_stockwell *p) {
  void *block;
  SP_TRY(sp_calloc(p->work_floats, sizeof(float), "planning tf", &block));
  float *work = block, *time = work + p->time_at, *re = work + p->re_at, *im = work + p->im_at;
  const fftwf_iodim n = {(int)p->length, 1, 1};
  p->backward = fftwf_plan_guru_split_dft_c2r(1, &n, 0, NULL, re, im, time, FFTW_ESTIMATE);
  double *exact = (double *)(work + p->exact_at);
  const fftw_iodim exact_n = {(int)p->length, 1, 1};
  p->exact_forward = fftw_plan_guru_split_dft_r2c(1, &exact_n, 0, NULL, exact, exact + p->exact_row,
                                                  exact + 2 * p->exact_row, FFTW_ESTIMATE);
  const bool planned = p->backward && p->exact_forward;
  sp_free(block);
  if (planned) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INTERNAL,
                  "tf: the FFT library has no plan for %u samples: one in place of FFTW may lack real transforms with "
                  "split parts, without which there is no stockwell",
                  p->length);
}

static void set_work(sp_tf_stockwell *p, uint32_t half_aperture) {
  const size_t lanes = p->kernels->lanes, rows = SP_TF_STOCKWELL_BLOCK;
  size_t end = 0, longest = 0;
  for (uint32_t i = 0; i < p->n_ffts; i++) longest = p->ffts[i].n > longest ? p->ffts[i].n : longest;
  p->layout.coefficients = (p->layout.smoothing_line && !p->reduced ? p->length : longest) * lanes;
  p->layout.half_aperture = half_aperture;
  p->layout.strip = SP_TF_MAX_STRIP / 2;
  p->spectra_at = sp_tf_reserve(&end, (rows + 2 * half_aperture) * 2 * p->n_bins);
  p->levels_at = sp_tf_reserve(&end, 2 * (rows + 2 * half_aperture));
  p->sums_at = sp_tf_reserve(&end, rows * 2 * p->n_bins);
  p->modulated_at = sp_tf_reserve(&end, 2 * p->n_bins);
  p->buffers_at = sp_tf_reserve(&end, sp_tf_voices_buffers(longest, lanes));
  p->time_at = sp_tf_reserve(&end, p->length);
  p->re_at = sp_tf_reserve(&end, p->length / 2 + 1);
  p->im_at = sp_tf_reserve(&end, p->length / 2 + 1);
  p->exact_row = sp_tf_padded(p->length);
  p->exact_at = sp_tf_reserve(&end, 6 * p->exact_row);
  p->stream_at = sp_tf_reserve(&end, sp_tf_stream_floats(&p->layout));
  p->work_floats = end;
}

sp_status sp_tf_stockwell_plan(const sp_tf_params *params, const sp_geometry *geometry, const sp_tf_kernels *kernels,
                               sp_tf_stockwell **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(sp_tf_stockwell), "the plan of tf", &block));
  sp_tf_stockwell *p = block;
  const double dt = geometry->sample_interval_s;
  const uint32_t n = sp_tf_stockwell_length(geometry->n_samples);
  p->kernels = kernels;
  p->n_samples = geometry->n_samples;
  p->length = n;
  p->reduced = params->sampling == SP_TF_REDUCED;
  p->n_phases = p->reduced ? 1 : n / best_divisor(n);
  p->band = sp_tf_select(params, 1 / (n * dt), n / 2 + 1);
  p->rule = sp_tf_make_rule(params);
  p->n_bins = (uint32_t)sp_tf_padded(voice_bins(band_end(p) - 1));
  sp_status status;
  SP_TRY_GOTO(fail, set_groups(p));
  SP_TRY_GOTO(fail, set_tables(p, params->time_smoothing * 1e-3, dt));
  set_work(p, (uint32_t)params->aperture / 2);
  SP_TRY_GOTO(fail, plan_transforms(p));
  *out = p;
  return SP_SUCCESS;
fail:
  sp_tf_stockwell_destroy(p);
  return status;
}
