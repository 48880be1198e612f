/* Planning transform stockwell. Plans of FFTW are estimated, never measured: the bits must not depend on a clock. */
#include <math.h>

#include "kernels/tf/cpu_stockwell.h"
#include "kernels/tf/windows.h"
#include "seisproc/memory.h"

enum { GOOD_LENGTH = 120, LEAST_LENGTH = 24 };

void sp_tf_stockwell_destroy(sp_tf_stockwell *p) {
  if (!p) return;
  if (p->exact_forward) fftw_destroy_plan(p->exact_forward);
  if (p->backward) fftwf_destroy_plan(p->backward);
  if (p->voice) fftw_destroy_plan(p->voice);
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

/* The divisor of n that has a transform and suits the cache best; 0 where none is long enough. */
static uint32_t best_divisor(uint32_t n) {
  uint32_t best = 0;
  double distance = INFINITY;
  for (uint32_t l = 4; l <= n; l++) {
    if (n % l || !sp_tf_fft_has(l)) continue;
    const double d = fabs(log((double)l / GOOD_LENGTH));
    if (d < distance) {
      best = l;
      distance = d;
    }
  }
  return best >= LEAST_LENGTH || best == n ? best : 0;
}

/* Whether voice n begins a group: groups are of `lanes` voices, and where reduced of equal times. */
static bool begins_group(const sp_tf_stockwell *p, uint32_t n) {
  if (n == p->band.first) return true;
  const uint32_t lanes = (uint32_t)p->kernels->lanes;
  /* groups of voices 1 ... 16, 17 ... 32, voice 0 apart */
  if (p->way == STOCKWELL_REDUCED) return n == 1 || (n > 1 && (n - 1) % lanes == 0);
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
  if (p->way == STOCKWELL_SINGLY) p->n_groups = 1;
  SP_TRY(sp_calloc(p->n_groups, sizeof *p->groups, "groups of tf", &block));
  p->groups = block;
  SP_TRY(sp_calloc(p->n_groups, sizeof *p->ffts, "transforms of tf", &block));
  p->ffts = block;
  if (p->way == STOCKWELL_SINGLY) return SP_SUCCESS;
  const uint32_t length = p->n_samples / p->n_phases;
  for (uint32_t n = p->band.first, g = 0; n < band_end(p); n++) {
    g += n > p->band.first && begins_group(p, n);
    voice_group *group = &p->groups[g];
    group->voices.n_bins = voice_bins(n);
    if (group->count++ == 0) group->first = n;
    const uint32_t times = p->way == STOCKWELL_REDUCED ? sp_tf_reduced_times(n) : length;
    if (p->n_ffts == 0 || p->ffts[p->n_ffts - 1].n != times) SP_TRY(sp_tf_fft_plan(times, &p->ffts[p->n_ffts++]));
    group->voices.fft = &p->ffts[p->n_ffts - 1];
  }
  return SP_SUCCESS;
}

/* --- tables -------------------------------------------------------------------------------------------------- */

static void set_windows(sp_tf_stockwell *p, float *at) {
  const uint32_t lanes = (uint32_t)p->kernels->lanes;
  for (uint32_t n = p->band.first, g = 0, lane = 0; n < band_end(p); n++, lane++) {
    if (n > p->band.first && begins_group(p, n)) {
      at = p->groups[g].voices.counts + lanes;
      g++;
      lane = 0;
    }
    sp_tf_voices *voices = &p->groups[g].voices;
    voices->windows = at;
    voices->counts = at + (size_t)voices->n_bins * lanes;
    voices->counts[lane] = n == 0 || 2 * n == p->n_samples ? 1 : 2;
    for (uint32_t k = 0; k < voice_bins(n); k++) {
      at[(size_t)k * lanes + lane] = (float)(n ? sp_tf_voice_window(n, k) : 1);
    }
  }
}

static void set_inverse(sp_tf_stockwell *p, double factor) {
  const uint32_t n_samples = p->n_samples;
  for (uint32_t k = 0; k <= n_samples / 2; k++) {
    const sp_tf_window_sums sums = sp_tf_sum_windows(n_samples, p->band, k);
    p->inverse[k] = (float)(factor / sums.all);
    p->rest[k] = (float)(sums.outside / sums.all / n_samples);
  }
}

static void set_phases(sp_tf_stockwell *p, float *at) {
  p->cosine = at;
  p->sine = at + (size_t)p->n_phases * p->n_bins;
  for (uint32_t v = 0; v < p->n_phases; v++) {
    for (uint32_t k = 0; k < p->n_bins; k++) {
      const double phase = 2 * M_PI * (double)((uint64_t)k * v % p->n_samples) / p->n_samples;
      p->cosine[(size_t)v * p->n_bins + k] = (float)cos(phase);
      p->sine[(size_t)v * p->n_bins + k] = (float)sin(phase);
    }
  }
}

/* Times that a run of coefficients has: of a pass of group g, with smoothing. */
static uint32_t run_times(const sp_tf_stockwell *p, uint32_t g) {
  return p->way == STOCKWELL_REDUCED ? p->groups[g].voices.fft->n : p->n_samples;
}

static sp_status set_tables(sp_tf_stockwell *p, double smoothing_s, double interval_s) {
  const size_t lanes = p->kernels->lanes, stride = p->way == STOCKWELL_SINGLY ? 1 : lanes;
  size_t end = 0, windows = 0;
  for (uint32_t g = 0; p->way != STOCKWELL_SINGLY && g < p->n_groups; g++) {
    windows += ((size_t)p->groups[g].voices.n_bins + 1) * lanes;
  }
  const size_t inverse_at = sp_tf_reserve(&end, p->n_samples / 2 + 1),
               rest_at = sp_tf_reserve(&end, p->n_samples / 2 + 1);
  const size_t windows_at = sp_tf_reserve(&end, windows);
  const size_t phases_at = sp_tf_reserve(&end, 2 * (size_t)p->n_phases * p->n_bins), smoothing_at = end;
  for (uint32_t g = 0; smoothing_s > 0 && g < p->n_groups; g++) sp_tf_reserve(&end, run_times(p, g) * stride);
  void *block;
  SP_TRY(sp_calloc(end, sizeof(float), "tables of tf", &block));
  p->tables = block;
  p->inverse = p->tables + inverse_at;
  p->rest = p->tables + rest_at;
  set_inverse(p, p->way == STOCKWELL_REDUCED ? 1 : 1.0 / p->n_samples);
  if (p->way != STOCKWELL_SINGLY) set_windows(p, p->tables + windows_at);
  set_phases(p, p->tables + phases_at);
  end = smoothing_at;
  for (uint32_t g = 0; smoothing_s > 0 && g < p->n_groups; g++) {
    const uint32_t times = run_times(p, g);
    const double coefficients = smoothing_s * times / (p->n_samples * interval_s);
    sp_tf_smoothing *smoothing = &p->groups[g].smoothing;
    sp_tf_set_smoothing(smoothing, coefficients, times, stride, p->tables + sp_tf_reserve(&end, times * stride));
    const size_t line = smoothing->run + 2 * smoothing->half * stride;
    if (smoothing->half && line > p->layout.smoothing_line) p->layout.smoothing_line = line;
  }
  return SP_SUCCESS;
}

/* --- work ---------------------------------------------------------------------------------------------------- */

static sp_status plan_transforms(sp_tf_stockwell *p) {
  void *block;
  SP_TRY(sp_calloc(p->work_floats, sizeof(float), "planning tf", &block));
  float *work = block, *time = work + p->time_at, *re = work + p->re_at, *im = work + p->im_at;
  const fftwf_iodim n = {(int)p->n_samples, 1, 1};
  p->backward = fftwf_plan_guru_split_dft_c2r(1, &n, 0, NULL, re, im, time, FFTW_ESTIMATE);
  double *exact = (double *)(work + p->exact_at);
  const fftw_iodim exact_n = {(int)p->n_samples, 1, 1};
  p->exact_forward = fftw_plan_guru_split_dft_r2c(1, &exact_n, 0, NULL, exact, exact + p->exact_row,
                                                  exact + 2 * p->exact_row, FFTW_ESTIMATE);
  bool planned = p->backward && p->exact_forward;
  if (p->way == STOCKWELL_SINGLY) {
    const size_t row = sp_tf_padded(p->n_samples);
    double *in = (double *)(work + p->buffers_at), *out = in + 2 * row;
    p->voice = fftw_plan_guru_split_dft(1, &exact_n, 0, NULL, in + row, in, out + row, out, FFTW_ESTIMATE);
    planned = planned && p->voice;
  }
  sp_free(block);
  return planned ? SP_SUCCESS : SP_RAISE(SP_ERR_INTERNAL, "tf: no plan for traces of %u samples", p->n_samples);
}

static void set_work(sp_tf_stockwell *p, uint32_t half_aperture) {
  const size_t lanes = p->kernels->lanes, rows = SP_TF_STOCKWELL_BLOCK;
  size_t end = 0, longest = 0;
  for (uint32_t i = 0; i < p->n_ffts; i++) longest = p->ffts[i].n > longest ? p->ffts[i].n : longest;
  const bool all_phases = p->layout.smoothing_line && p->way == STOCKWELL_PHASES;
  p->layout.coefficients = p->way == STOCKWELL_SINGLY || all_phases ? p->n_samples : longest;
  if (p->way != STOCKWELL_SINGLY) p->layout.coefficients *= lanes;
  p->layout.real = p->way != STOCKWELL_REDUCED;
  p->layout.half_aperture = half_aperture;
  p->layout.strip = SP_TF_MAX_STRIP / 2;
  p->sum_length = (uint32_t)sp_tf_padded(p->way == STOCKWELL_REDUCED ? longest : p->n_samples);
  p->spectra_at = sp_tf_reserve(&end, (rows + 2 * half_aperture) * 2 * p->n_bins);
  p->levels_at = sp_tf_reserve(&end, 2 * (rows + 2 * half_aperture));
  p->sums_at = sp_tf_reserve(&end, rows * 2 * p->sum_length);
  p->modulated_at = sp_tf_reserve(&end, 2 * p->n_bins);
  p->buffers_at =
      sp_tf_reserve(&end, p->way == STOCKWELL_SINGLY ? 8 * sp_tf_padded(p->n_samples) : 4 * longest * lanes);
  p->window_at = sp_tf_reserve(&end, p->n_bins);
  p->time_at = sp_tf_reserve(&end, p->n_samples);
  p->re_at = sp_tf_reserve(&end, p->n_samples / 2 + 1);
  p->im_at = sp_tf_reserve(&end, p->n_samples / 2 + 1);
  p->exact_row = sp_tf_padded(p->n_samples);
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
  const uint32_t n = geometry->n_samples, divisor = best_divisor(n);
  p->kernels = kernels;
  p->n_samples = n;
  p->way = params->sampling == SP_TF_REDUCED ? STOCKWELL_REDUCED : divisor ? STOCKWELL_PHASES : STOCKWELL_SINGLY;
  p->n_phases = p->way == STOCKWELL_PHASES ? n / divisor : 1;
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
