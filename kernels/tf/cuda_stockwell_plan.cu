/* SPDX-License-Identifier: BSD-3-Clause */
/* Planning transform stockwell on the GPU: groups of voices, the tables of the inverse, chunks and device memory. */
#include "kernels/tf/cuda_stockwell.cuh"
extern "C" {
#include "seisproc/memory.h"
}

enum { OWN_CHUNK = 8192, MAX_CHUNK = 1024, LEAST_CHUNK = 8, FULL_VOICES = 8, REDUCED_VOICES = 16 };

/* Bins of the voices of a group that pass through the processor: many, so that the device is never idle for long. */
static const size_t PASS_BINS = 1 << 15;

/* Samples of the traces that are transformed at a time, and traces at most. */
static const uint32_t BATCH_SAMPLES = 1 << 21, MAX_BATCH = 1024;

/* Bytes of a chunk; and what is too much for the least one. */
static const size_t CHUNK_BYTES = (size_t)1 << 30, TOO_MANY_BYTES = (size_t)1 << 34;

/* --- groups of voices ------------------------------------------------------------------------------------------- */

static uint32_t times_of(const tf_stockwell *p, uint32_t n) {
  return p->reduced ? sp_tf_reduced_times(n) : p->length;
}

/* Whether voice n begins another group. */
static bool begins_group(const tf_stockwell *p, const tf_voice_group *group, uint32_t n) {
  if (!group) return true;
  if (p->passed) return tf_voice_place(group->first, n + 1) > PASS_BINS;
  return group->count == p->most_voices || group->times != times_of(p, n);
}

static sp_status set_groups(tf_stockwell *p) {
  void *block;
  SP_TRY(sp_calloc(p->band.count, sizeof *p->groups, "groups of tf", &block));
  p->groups = (tf_voice_group *)block;
  SP_TRY(sp_calloc(p->band.count, sizeof *p->lengths, "lengths of tf", &block));
  p->lengths = (uint32_t *)block;
  tf_voice_group *group = NULL;
  for (uint32_t n = p->band.first; n < p->band.first + p->band.count; n++) {
    const uint32_t times = times_of(p, n);
    if (p->n_transforms == 0 || p->lengths[p->n_transforms - 1] != times) p->lengths[p->n_transforms++] = times;
    if (begins_group(p, group, n)) {
      group = &p->groups[p->n_groups++];
      group->first = n;
      group->times = times;
      group->transform = p->n_transforms - 1;
    }
    group->count++;
    const size_t bins = tf_voice_place(group->first, n + 1);
    if (bins > p->most_bins) p->most_bins = bins;
    if (times > p->longest) p->longest = times;
  }
  return SP_SUCCESS;
}

/* --- tables ----------------------------------------------------------------------------------------------------- */

static sp_status upload(const tf_stockwell *p, size_t place, const float *table) {
  return SP_CUDA(cudaMemcpy(p->arena.memory + place, table, p->n_bins * sizeof(float), cudaMemcpyHostToDevice));
}

static sp_status fill_tables(const tf_stockwell *p) {
  void *block;
  SP_TRY(sp_alloc(2 * (size_t)p->n_bins * sizeof(float), "tables of tf", &block));
  float *inverse = (float *)block, *rest = inverse + p->n_bins;
  for (uint32_t k = 0; k < p->n_bins; k++) {
    const sp_tf_inverse of_bin = sp_tf_stockwell_inverse(p->length, p->band, k);
    inverse[k] = (float)of_bin.factor;
    rest[k] = (float)of_bin.rest;
  }
  sp_status status = upload(p, p->inverse_at, inverse);
  if (status == SP_SUCCESS) status = upload(p, p->rest_at, rest);
  sp_free(block);
  return status;
}

/* --- plan ------------------------------------------------------------------------------------------------------- */

/* Bytes of a coefficient where cuFFT makes it. */
static size_t staged_bytes(const tf_stockwell *p) {
  return p->own ? 0 : sizeof(float2);
}

/* Bytes of a coefficient where it is thresholded; 0 where that is the same place. */
static size_t stored_bytes(const tf_stockwell *p) {
  if (p->half) return sizeof(__half2);
  return p->own ? sizeof(float2) : 0;
}

/* Bytes of a changed coefficient that is to be taken back; 0 where it goes where cuFFT made it. */
static size_t changed_bytes(const tf_stockwell *p) {
  return p->own || !p->half ? sizeof(float2) : 0;
}

/* Bytes a row of what there is one of for each voice of a group. */
static size_t voice_bytes(const tf_stockwell *p) {
  if (p->passed) return p->most_bins * sizeof(float2);
  const size_t gains = p->smoothing_s > 0 ? sizeof(float2) : 0;
  return p->longest * (staged_bytes(p) + stored_bytes(p) + changed_bytes(p) + gains) * p->most_voices;
}

static sp_status set_chunk(tf_stockwell *p, uint32_t max_traces) {
  const uint32_t around = p->aperture - 1, limit = p->own ? OWN_CHUNK : MAX_CHUNK;
  const size_t rows = CHUNK_BYTES / voice_bytes(p);
  p->chunk_traces = rows < LEAST_CHUNK + around ? LEAST_CHUNK : (uint32_t)(rows - around);
  if (p->chunk_traces > limit) p->chunk_traces = limit;
  if (p->own && p->chunk_traces > max_traces) p->chunk_traces = max_traces;
  p->n_rows = p->chunk_traces + around;
  return p->n_rows * voice_bytes(p) > TOO_MANY_BYTES ? SP_ERR_USAGE : SP_SUCCESS;
}

static void lay_out(tf_stockwell *p, size_t work_bytes) {
  const size_t rows = p->n_rows, coefficients = p->passed ? 0 : rows * p->longest * p->most_voices;
  tf_arena *a = &p->arena;
  a->bytes = 0;
  p->open_capacity = tf_open_capacity(coefficients);
  p->open_count_at = tf_reserve(a, sizeof(uint32_t));
  p->open_at = tf_reserve(a, p->open_capacity * sizeof(uint2));
  p->rows_at = tf_reserve(a, rows * sizeof(tf_row));
  p->spectra_at = tf_reserve(a, rows * p->length * sizeof(float2));
  p->sums_at = tf_reserve(a, rows * p->length * sizeof(float2));
  p->voices_at = tf_reserve(a, coefficients * staged_bytes(p));
  p->coefficients_at = stored_bytes(p) ? tf_reserve(a, coefficients * stored_bytes(p)) : p->voices_at;
  p->changed_at = changed_bytes(p) ? tf_reserve(a, coefficients * changed_bytes(p)) : p->voices_at;
  p->passed_at = tf_reserve(a, p->passed ? rows * p->most_bins * sizeof(float2) : 0);
  p->gains_at = tf_reserve(a, p->smoothing_s > 0 ? coefficients * sizeof(float2) : 0);
  p->traces_at = tf_reserve(a, (size_t)p->trace_batch * p->length * sizeof(double2));
  p->inverse_at = tf_reserve(a, p->n_bins * sizeof(float));
  p->rest_at = tf_reserve(a, p->n_bins * sizeof(float));
  p->work_at = tf_reserve(a, work_bytes);
}

static size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

static sp_status make_transforms(tf_stockwell *p, size_t *work_bytes) {
  void *block;
  SP_TRY(tf_fft_make(p->length, CUFFT_Z2Z, p->trace_batch, &p->of_traces));
  *work_bytes = p->of_traces.work_bytes;
  if (p->passed) SP_TRY(tf_pass_prepare(p->length));
  if (p->own) return SP_SUCCESS;
  SP_TRY(sp_calloc(p->n_transforms, sizeof *p->transforms, "transforms of tf", &block));
  p->transforms = (tf_fft *)block;
  for (uint32_t i = 0; i < p->n_transforms; i++) {
    SP_TRY(tf_fft_make(p->lengths[i], CUFFT_C2C, p->most_voices * p->n_rows, &p->transforms[i]));
    *work_bytes = larger(*work_bytes, p->transforms[i].work_bytes);
  }
  return SP_SUCCESS;
}

static size_t estimate_work(const tf_stockwell *p) {
  size_t bytes = tf_fft_estimate(p->length, CUFFT_Z2Z, p->trace_batch);
  for (uint32_t i = 0; !p->own && i < p->n_transforms; i++) {
    bytes = larger(bytes, tf_fft_estimate(p->lengths[i], CUFFT_C2C, p->most_voices * p->n_rows));
  }
  return bytes;
}

static sp_status allocate(tf_stockwell *p) {
  size_t work_bytes;
  SP_TRY(make_transforms(p, &work_bytes));
  lay_out(p, work_bytes);
  SP_TRY(SP_CUDA(cudaMalloc((void **)&p->arena.memory, p->arena.bytes)));
  /* what no one has written is transformed too */
  SP_TRY(SP_CUDA(cudaMemset(p->arena.memory, 0, p->arena.bytes)));
  void *work = p->arena.memory + p->work_at;
  SP_TRY(TF_CUFFT(cufftSetWorkArea(p->of_traces.handle, work)));
  for (uint32_t i = 0; !p->own && i < p->n_transforms; i++) {
    SP_TRY(TF_CUFFT(cufftSetWorkArea(p->transforms[i].handle, work)));
  }
  return fill_tables(p);
}

static void describe(const sp_tf_params *params, const sp_cuda_geometry *geometry, tf_stockwell *p) {
  p->n_samples = geometry->n_samples;
  p->length = sp_tf_stockwell_length(p->n_samples);
  p->interval_s = geometry->sample_interval_s;
  p->aperture = (uint32_t)params->aperture;
  p->n_bins = p->length / 2 + 1;
  p->reduced = params->sampling == SP_TF_REDUCED;
  p->most_voices = p->reduced ? (uint32_t)REDUCED_VOICES : (uint32_t)FULL_VOICES;
  p->own = !p->reduced && tf_voices_has(p->length);
  p->trace_batch = BATCH_SAMPLES / p->length < MAX_BATCH ? BATCH_SAMPLES / p->length + 1 : MAX_BATCH;
  p->half = geometry->precision == SP_PRECISION_MIXED;
  p->band = sp_tf_select(params, 1 / (p->length * p->interval_s), p->n_bins);
  p->rule = sp_tf_make_rule(params);
  p->exact.stockwell = true;
  p->exact.n_samples = p->n_samples;
  p->exact.length = p->length;
  p->smoothing_s = params->time_smoothing * 1e-3;
  p->passed = p->own && !p->half && p->smoothing_s == 0 && tf_pass_has(p->length, p->aperture, params->mode);
}

sp_status tf_stockwell_plan(const sp_tf_params *params, const sp_cuda_geometry *geometry, bool dry, size_t *bytes,
                            tf_stockwell **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(tf_stockwell), "the plan of tf", &block));
  tf_stockwell *p = (tf_stockwell *)block;
  sp_status status;
  describe(params, geometry, p);
  SP_TRY_GOTO(done, set_groups(p));
  SP_TRY_GOTO(done, set_chunk(p, geometry->max_traces));
  if (dry) {
    lay_out(p, estimate_work(p));
    *bytes = p->arena.bytes;
  } else {
    SP_TRY_GOTO(done, allocate(p));
    *bytes = p->arena.bytes;
    *out = p;
    p = NULL;
  }
done:
  tf_stockwell_destroy(p);
  return status;
}

void tf_stockwell_destroy(tf_stockwell *p) {
  if (!p) return;
  for (uint32_t i = 0; p->transforms && i < p->n_transforms; i++) tf_fft_destroy(&p->transforms[i]);
  tf_fft_destroy(&p->of_traces);
  cudaFree(p->arena.memory);
  sp_free(p->transforms);
  sp_free(p->lengths);
  sp_free(p->groups);
  sp_free(p);
}
