/* SPDX-License-Identifier: BSD-3-Clause */
/* The velocity filter of a gather on the GPU: spectra of all traces, filtered across the traces of each part. */
#include <string.h>

#include "kernels/common/cuda_check.h"
#include "kernels/fk/cuda.cuh"
extern "C" {
#include "kernels/common/good_length.h"
#include "seisproc/memory.h"
}

typedef struct fk_plan {
  sp_cuda_plan base;
  sp_fk_params params;
  fk_task task;     /* but for the batch */
  uint32_t longest; /* line, padded */
  cuda_ffts time, lines;
  float *weights;
} fk_plan;

/* --- sizes ------------------------------------------------------------------------------------------------------- */

static uint32_t longest_line(const sp_fk_filter *f, const sp_cuda_geometry *g) {
  const uint32_t largest = g->max_gather ? g->max_gather : g->max_traces;
  return sp_fk_padded_length(largest > SP_FK_LEAST_TRACES ? largest : SP_FK_LEAST_TRACES, f->pad, false);
}

/* All lengths that a part may be padded to; returns how many, and writes them where `lengths` is not NULL. */
static uint32_t line_lengths(uint32_t longest, uint32_t *lengths) {
  uint32_t n = 0;
  for (uint32_t m = SP_FK_LEAST_TRACES; m <= longest; m = sp_good_length(m + 1, false), n++) {
    if (lengths) lengths[n] = m;
  }
  return n;
}

static void time_lengths(const sp_fk_time_axis *t, uint32_t lengths[2]) {
  lengths[0] = t->padded / 2;
  lengths[1] = t->padded;
}

static uint32_t spectrum_stride(const sp_fk_time_axis *t) {
  return (t->n_bins + 3) / 4 * 4;
}

/* Takes n bytes, or counts them. */
static sp_status allocate(size_t bytes, bool dry, size_t *total, void *out) {
  void *block = NULL;
  *total += bytes;
  if (dry) return SP_SUCCESS;
  SP_TRY(SP_CUDA(cudaMalloc(&block, bytes)));
  memcpy(out, &block, sizeof block);
  return SP_SUCCESS;
}

/* What grows with a batch. */
static sp_status allocate_rows(const sp_cuda_geometry *g, bool dry, size_t *total, fk_task *k) {
  const size_t n = g->max_traces;
  SP_TRY(allocate(n * k->stride * sizeof(fft_complex), dry, total, &k->spectra));
  if (k->time.gain) SP_TRY(allocate(n * k->time.n_samples * sizeof(float), dry, total, &k->gain));
  SP_TRY(allocate(n * sizeof(uint32_t), dry, total, &k->dead));
  SP_TRY(allocate(n * sizeof(fk_part), dry, total, &k->parts));
  SP_TRY(allocate(n * sizeof(uint32_t), dry, total, &k->part_of));
  return allocate(sizeof(uint32_t), dry, total, &k->n_parts);
}

static void set_axes(const sp_fk_params *params, const sp_cuda_geometry *g, fk_task *k) {
  sp_fk_filter_of(params, g->n_samples, g->sample_interval_s, &k->filter);
  k->time = sp_fk_filter_time_axis(&k->filter);
  k->stride = spectrum_stride(&k->time);
}

static bool has_kernel(const fk_task *k, const sp_cuda_geometry *g) {
  return k->filter.fill == 0 && k->time.n_bins > 0 && k->time.padded <= fk_most_samples() &&
         longest_line(&k->filter, g) <= fk_most_traces();
}

static sp_status list_lines(uint32_t longest, uint32_t **lengths, uint32_t *n) {
  void *block;
  *n = line_lengths(longest, NULL);
  SP_TRY(sp_alloc(*n * sizeof(uint32_t), "lengths of fk", &block));
  *lengths = (uint32_t *)block;
  line_lengths(longest, *lengths);
  return SP_SUCCESS;
}

static size_t device_bytes(const void *params, const sp_cuda_geometry *geometry) {
  fk_task k = {};
  size_t bytes = 0;
  uint32_t *lengths, n, time[2];
  set_axes((const sp_fk_params *)params, geometry, &k);
  if (!has_kernel(&k, geometry)) return 0;
  allocate_rows(geometry, true, &bytes, &k);
  time_lengths(&k.time, time);
  bytes += cuda_ffts_bytes(time, 2) + k.time.reach * sizeof(float);
  if (list_lines(longest_line(&k.filter, geometry), &lengths, &n) != SP_SUCCESS) return bytes;
  bytes += cuda_ffts_bytes(lengths, n);
  sp_free(lengths);
  return bytes;
}

/* --- plan -------------------------------------------------------------------------------------------------------- */

static void destroy(sp_cuda_plan *base) {
  fk_plan *p = (fk_plan *)base;
  if (!p) return;
  cuda_ffts_destroy(&p->time);
  cuda_ffts_destroy(&p->lines);
  cudaFree(p->weights);
  cudaFree(p->task.spectra);
  cudaFree(p->task.gain);
  cudaFree(p->task.dead);
  cudaFree(p->task.parts);
  cudaFree(p->task.part_of);
  cudaFree(p->task.n_parts);
  sp_free(p);
}

static sp_status plan_transforms(fk_plan *p) {
  fk_task *k = &p->task;
  uint32_t *lengths, n, time[2];
  time_lengths(&k->time, time);
  SP_TRY(cuda_ffts_create(time, 2, FK_TIME_RADIX, &p->time));
  SP_TRY(list_lines(p->longest, &lengths, &n));
  const sp_status status = cuda_ffts_create(lengths, n, FK_LINE_RADIX, &p->lines);
  sp_free(lengths);
  SP_TRY(status);
  k->half = p->time.fft;
  k->whole = p->time.fft + 1;
  k->lines = p->lines.fft;
  k->n_lines = n;
  SP_TRY(fk_prepare_traces(k));
  return fk_prepare_lines(p->longest);
}

static sp_status plan_weights(fk_plan *p) {
  void *block;
  const uint32_t reach = p->task.time.reach;
  SP_TRY(sp_alloc(reach * sizeof(float), "weights of fk", &block));
  float *weights = (float *)block;
  for (uint32_t j = 0; j < reach; j++) weights[j] = sp_fk_edge_weight(j, reach);
  sp_status status = SP_CUDA(cudaMalloc(&p->weights, (reach + 1) * sizeof(float)));
  if (status == SP_SUCCESS) {
    status = SP_CUDA(cudaMemcpy(p->weights, weights, reach * sizeof(float), cudaMemcpyHostToDevice));
  }
  sp_free(block);
  p->task.weights = p->weights;
  return status;
}

static sp_status plan_parts(fk_plan *p, const sp_cuda_geometry *geometry) {
  size_t bytes = 0;
  p->longest = longest_line(&p->task.filter, geometry);
  SP_TRY(plan_transforms(p));
  SP_TRY(plan_weights(p));
  return allocate_rows(geometry, false, &bytes, &p->task);
}

extern "C" const sp_cuda_ops sp_fk_cuda;

static sp_status plan(const void *params, const sp_cuda_geometry *geometry, sp_cuda_plan **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(fk_plan), "the plan of fk", &block));
  fk_plan *p = (fk_plan *)block;
  p->base.ops = &sp_fk_cuda;
  p->base.takes_dead = true;
  p->params = *(const sp_fk_params *)params;
  set_axes(&p->params, geometry, &p->task);
  const sp_status status = has_kernel(&p->task, geometry) ? plan_parts(p, geometry) : SP_ERR_USAGE;
  if (status != SP_SUCCESS) {
    destroy(&p->base);
    return status;
  }
  *out = &p->base;
  return SP_SUCCESS;
}

/* --- apply ------------------------------------------------------------------------------------------------------- */

static sp_status apply(sp_cuda_plan *base, const sp_cuda_batch *batch, cudaStream_t stream) {
  const fk_plan *p = (const fk_plan *)base;
  const sp_cuda_places *places = batch->places;
  fk_task k = p->task;
  if (batch->n_traces == 0) return SP_SUCCESS;
  k.in = batch->in;
  k.out = batch->out;
  k.n_rows = batch->n_traces;
  k.n_traces = places ? places->n_traces : batch->n_traces;
  k.n_gathers = places ? places->n_gathers : batch->n_gathers;
  k.first_trace = places ? places->first_trace : batch->first_trace;
  k.headers = places ? places->headers : batch->headers;
  k.row = places ? places->row : NULL;
  k.trace = places ? places->trace : NULL;
  k.reason = batch->reason;
  SP_TRY(fk_launch_parts(&k, &p->params, stream));
  SP_TRY(fk_launch_forward(&k, stream));
  if (k.n_gathers > 0) SP_TRY(fk_launch_lines(&k, p->longest, p->params.split.n > 0, stream));
  return fk_launch_back(&k, stream);
}

extern "C" const sp_cuda_ops sp_fk_cuda = {device_bytes, plan, apply, destroy};
