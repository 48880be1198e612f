/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration on a GPU: memory, the two batches under way, sums. The work is in cuda_filter.cu and cuda_sum.cu. */
#include "kernels/pstm/cuda.cuh"

#include <math.h>
#include <string.h>

extern "C" {
#include "kernels/pstm/gpu.h"
#include "seisproc/memory.h"
}

enum { UNDER_WAY = 2, PAD = 16 };

/* A batch on its way to the GPU. */
typedef struct batch {
  float *samples;              /* pinned: [SP_PSTM_BATCH][n_samples] */
  sp_pstm_position *positions; /* pinned */
  float *device_samples;
  sp_pstm_position *device_positions;
  cudaEvent_t copied; /* the pinned memory may be written again */
} batch;

struct sp_pstm_gpu {
  sp_pstm_config config;
  int device;
  size_t n_sums;
  cudaStream_t stream, out; /* what is added; copies of what was set aside */
  pstm_cuda_filter filter;
  pstm_cuda_sum sum;  /* all but what a batch brings */
  int64_t *other_sum; /* set aside, or to be added to next; NULL: not needed yet */
  uint32_t *other_hits;
  const int64_t *taken_sum; /* what sp_pstm_gpu_part copies */
  const uint32_t *taken_hits;
  float *bank;
  batch batches[UNDER_WAY];
  unsigned next;
};

static size_t columns_of(const sp_pstm_tile *tile) {
  return (size_t)tile->n[0] * tile->n[1];
}

static sp_pstm_points points_shape(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model) {
  sp_pstm_points points = {};
  points.rows = model->stride ? columns_of(tile) : 1;
  points.padded = ((size_t)config->grid.n_tau + PAD - 1) / PAD * PAD;
  return points;
}

static size_t bank_bytes(const sp_pstm_config *config) {
  return SP_PSTM_BATCH * sp_pstm_bank_row(config) * sp_pstm_bank_rows(config) * sizeof(float);
}

extern "C" size_t sp_pstm_gpu_bytes(const sp_pstm_config *config, const sp_pstm_tile *tile,
                                    const sp_pstm_model *model) {
  const sp_pstm_points points = points_shape(config, tile, model);
  const size_t samples = SP_PSTM_BATCH * (size_t)config->n_samples * sizeof(float);
  return bank_bytes(config) + pstm_cuda_filter_bytes(config) + UNDER_WAY * samples +
         sp_pstm_points_bytes(&points, model->eta, config->aperture_by_tau) +
         columns_of(tile) * config->grid.n_tau * (sizeof(int64_t) + sizeof(uint32_t));
}

/* Copies `n` floats made on the host to the device; NULL stays NULL. */
static sp_status upload(float **array, size_t n) {
  if (!*array) return SP_SUCCESS;
  float *at = NULL, *host = *array;
  *array = NULL;
  sp_status status = SP_CUDA(cudaMalloc((void **)&at, n * sizeof(float)));
  if (status == SP_SUCCESS) status = SP_CUDA(cudaMemcpy(at, host, n * sizeof(float), cudaMemcpyHostToDevice));
  sp_free(host);
  *array = at;
  return status;
}

static sp_status allocate_array(float **array, size_t n) {
  return sp_alloc(n * sizeof(float), "velocities of the image", array);
}

static sp_status set_points(const sp_pstm_config *config, const sp_pstm_model *model, sp_pstm_gpu *g) {
  sp_pstm_points p = g->sum.points; /* on the host, then on the device */
  const size_t all = p.rows * p.padded;
  float **const arrays[] = {&p.quarter, &p.aperture, &p.slowness_2, &p.factor, &p.fourth, &p.far, &p.depth_2};
  const size_t sizes[] = {p.padded,
                          config->aperture_by_tau ? p.padded : 0,
                          all,
                          all,
                          model->eta ? all : 0,
                          model->eta ? all : 0,
                          model->eta ? all : 0};
  sp_status status = SP_SUCCESS;
  for (int i = 0; i < 7 && status == SP_SUCCESS; i++)
    status = sizes[i] ? allocate_array(arrays[i], sizes[i]) : SP_SUCCESS;
  if (status == SP_SUCCESS) sp_pstm_points_set(config, model, &g->sum.terms, &p);
  int i = 0;
  for (; i < 7 && status == SP_SUCCESS; i++) status = upload(arrays[i], sizes[i]);
  for (; i < 7; i++) { /* still on the host */
    sp_free(*arrays[i]);
    *arrays[i] = NULL;
  }
  g->sum.points = p;
  return status;
}

static sp_status allocate_batch(const sp_pstm_config *config, batch *b) {
  const size_t samples = SP_PSTM_BATCH * (size_t)config->n_samples * sizeof(float);
  const size_t positions = SP_PSTM_BATCH * sizeof(sp_pstm_position);
  SP_TRY(SP_CUDA(cudaHostAlloc((void **)&b->samples, samples, cudaHostAllocDefault)));
  SP_TRY(SP_CUDA(cudaHostAlloc((void **)&b->positions, positions, cudaHostAllocDefault)));
  SP_TRY(SP_CUDA(cudaMalloc((void **)&b->device_samples, samples)));
  SP_TRY(SP_CUDA(cudaMalloc((void **)&b->device_positions, positions)));
  return SP_CUDA(cudaEventCreateWithFlags(&b->copied, cudaEventDisableTiming | cudaEventBlockingSync));
}

static sp_status allocate(const sp_pstm_config *config, const sp_pstm_model *model, sp_pstm_gpu *g) {
  SP_TRY(SP_CUDA(cudaSetDevice(g->device)));
  SP_TRY(SP_CUDA(cudaStreamCreateWithFlags(&g->stream, cudaStreamNonBlocking)));
  SP_TRY(SP_CUDA(cudaStreamCreateWithFlags(&g->out, cudaStreamNonBlocking)));
  SP_TRY(SP_CUDA(cudaMalloc((void **)&g->sum.sum, g->n_sums * sizeof(int64_t))));
  SP_TRY(SP_CUDA(cudaMalloc((void **)&g->sum.hits, g->n_sums * sizeof(uint32_t))));
  SP_TRY(SP_CUDA(cudaMalloc((void **)&g->sum.overflows, sizeof *g->sum.overflows)));
  SP_TRY(SP_CUDA(cudaMalloc((void **)&g->bank, bank_bytes(config))));
  SP_TRY(SP_CUDA(cudaMemsetAsync(g->sum.sum, 0, g->n_sums * sizeof(int64_t), g->stream)));
  SP_TRY(SP_CUDA(cudaMemsetAsync(g->sum.hits, 0, g->n_sums * sizeof(uint32_t), g->stream)));
  SP_TRY(SP_CUDA(cudaMemsetAsync(g->sum.overflows, 0, sizeof *g->sum.overflows, g->stream)));
  SP_TRY(SP_CUDA(cudaMemsetAsync(g->bank, 0, bank_bytes(config), g->stream)));
  for (int i = 0; i < UNDER_WAY; i++) SP_TRY(allocate_batch(config, &g->batches[i]));
  SP_TRY(set_points(config, model, g));
  SP_TRY(pstm_cuda_filter_create(config, g->stream, &g->filter));
  return SP_CUDA(cudaStreamSynchronize(g->stream));
}

extern "C" sp_status sp_pstm_gpu_create(const sp_pstm_config *config, const sp_pstm_tile *tile,
                                        const sp_pstm_model *model, int device, sp_pstm_gpu **out) {
  SP_TRY(sp_pstm_check(config, tile));
  sp_pstm_gpu *g = NULL;
  SP_TRY(sp_calloc(1, sizeof *g, "the plan of pstm", &g));
  g->config = *config;
  g->device = device;
  g->n_sums = columns_of(tile) * config->grid.n_tau;
  sp_pstm_terms_set(config, model->eta, &g->sum.terms);
  g->sum.points = points_shape(config, tile, model);
  g->sum.bank_row = sp_pstm_bank_row(config);
  g->sum.bank_floats = g->sum.bank_row * sp_pstm_bank_rows(config);
  g->sum.n_tau = config->grid.n_tau;
  for (int i = 0; i < 2; i++) {
    g->sum.first[i] = tile->first[i];
    g->sum.n[i] = tile->n[i];
    g->sum.step[i] = config->grid.step[i];
  }
  const sp_status status = allocate(config, model, g);
  if (status != SP_SUCCESS) {
    sp_pstm_gpu_destroy(g);
    return status;
  }
  g->sum.bank = g->bank;
  g->config.aperture_by_tau = NULL; /* was borrowed */
  *out = g;
  return SP_SUCCESS;
}

extern "C" void sp_pstm_gpu_destroy(sp_pstm_gpu *g) {
  if (!g) return;
  cudaSetDevice(g->device);
  if (g->stream) cudaStreamSynchronize(g->stream);
  pstm_cuda_filter_destroy(&g->filter);
  for (batch &b : g->batches) {
    cudaFreeHost(b.samples);
    cudaFreeHost(b.positions);
    cudaFree(b.device_samples);
    cudaFree(b.device_positions);
    if (b.copied) cudaEventDestroy(b.copied);
  }
  float *const arrays[] = {
      g->sum.points.quarter, g->sum.points.aperture, g->sum.points.slowness_2, g->sum.points.factor,
      g->sum.points.fourth,  g->sum.points.far,      g->sum.points.depth_2,    g->bank};
  for (float *array : arrays) cudaFree(array);
  cudaFree(g->sum.sum);
  cudaFree(g->sum.hits);
  cudaFree(g->sum.overflows);
  cudaFree(g->other_sum);
  cudaFree(g->other_hits);
  if (g->stream) cudaStreamDestroy(g->stream);
  if (g->out) cudaStreamDestroy(g->out);
  sp_free(g);
}

extern "C" sp_status sp_pstm_gpu_add(sp_pstm_gpu *g, const sp_pstm_trace *traces, const float *samples, uint32_t n,
                                     int shift, double limit) {
  batch *b = &g->batches[g->next++ % UNDER_WAY];
  const size_t bytes = (size_t)n * g->config.n_samples * sizeof(float);
  SP_TRY(SP_CUDA(cudaSetDevice(g->device)));
  SP_TRY(SP_CUDA(cudaEventSynchronize(b->copied)));
  memcpy(b->samples, samples, bytes);
  for (uint32_t i = 0; i < n; i++) sp_pstm_position_set(&g->config, &traces[i], &b->positions[i]);
  SP_TRY(SP_CUDA(cudaMemcpyAsync(b->device_samples, b->samples, bytes, cudaMemcpyHostToDevice, g->stream)));
  SP_TRY(SP_CUDA(
      cudaMemcpyAsync(b->device_positions, b->positions, n * sizeof *b->positions, cudaMemcpyHostToDevice, g->stream)));
  SP_TRY(SP_CUDA(cudaEventRecord(b->copied, g->stream)));
  if (n == 0) return SP_SUCCESS;
  SP_TRY(pstm_cuda_filter_apply(&g->filter, b->device_samples, n, g->bank, g->stream));
  pstm_cuda_sum sum = g->sum;
  sum.positions = b->device_positions;
  sum.n_traces = n;
  sum.unit = ldexp(1, shift);
  sum.limit = limit;
  return pstm_cuda_sum_launch(&sum, g->stream);
}

/* The sums from `first` on, once all that is queued on the stream is done. */
static sp_status copy_out(const sp_pstm_gpu *g, cudaStream_t stream, const int64_t *from_sum, const uint32_t *from_hits,
                          size_t n, int64_t *sum, uint32_t *hits, uint64_t *overflows) {
  unsigned long long count = 0;
  SP_TRY(SP_CUDA(cudaSetDevice(g->device)));
  SP_TRY(SP_CUDA(cudaMemcpyAsync(sum, from_sum, n * sizeof *sum, cudaMemcpyDeviceToHost, stream)));
  SP_TRY(SP_CUDA(cudaMemcpyAsync(hits, from_hits, n * sizeof *hits, cudaMemcpyDeviceToHost, stream)));
  SP_TRY(SP_CUDA(cudaMemcpyAsync(&count, g->sum.overflows, sizeof count, cudaMemcpyDeviceToHost, stream)));
  SP_TRY(SP_CUDA(cudaStreamSynchronize(stream)));
  *overflows = count;
  return SP_SUCCESS;
}

extern "C" sp_status sp_pstm_gpu_read(sp_pstm_gpu *g, int64_t *sum, uint32_t *hits, uint64_t *overflows) {
  return copy_out(g, g->stream, g->sum.sum, g->sum.hits, g->n_sums, sum, hits, overflows);
}

extern "C" sp_status sp_pstm_gpu_part(sp_pstm_gpu *g, size_t first, size_t n, int64_t *sum, uint32_t *hits,
                                      uint64_t *overflows) {
  return copy_out(g, g->out, g->taken_sum + first, g->taken_hits + first, n, sum, hits, overflows);
}

extern "C" sp_status sp_pstm_gpu_clear(sp_pstm_gpu *g) {
  SP_TRY(SP_CUDA(cudaSetDevice(g->device)));
  SP_TRY(SP_CUDA(cudaMemsetAsync(g->sum.sum, 0, g->n_sums * sizeof(int64_t), g->stream)));
  return SP_CUDA(cudaMemsetAsync(g->sum.hits, 0, g->n_sums * sizeof(uint32_t), g->stream));
}

/* Room for other sums, if there is some. */
static sp_status make_others(sp_pstm_gpu *g) {
  if (g->other_hits) return SP_SUCCESS;
  sp_status status = SP_CUDA(cudaMalloc((void **)&g->other_sum, g->n_sums * sizeof(int64_t)));
  if (status == SP_SUCCESS) status = SP_CUDA(cudaMalloc((void **)&g->other_hits, g->n_sums * sizeof(uint32_t)));
  if (status == SP_SUCCESS) return status;
  cudaFree(g->other_sum);
  g->other_sum = NULL;
  g->other_hits = NULL;
  return status == SP_ERR_MEMORY ? SP_SUCCESS : status;
}

extern "C" sp_status sp_pstm_gpu_swap(sp_pstm_gpu *g, int64_t **sum, uint32_t **hits, bool *beside) {
  SP_TRY(SP_CUDA(cudaSetDevice(g->device)));
  SP_TRY(SP_CUDA(cudaStreamSynchronize(g->stream)));
  SP_TRY(make_others(g));
  *beside = g->other_hits != NULL;
  *sum = g->sum.sum;
  *hits = g->sum.hits;
  g->taken_sum = *sum;
  g->taken_hits = *hits;
  if (!*beside) return SP_SUCCESS;
  g->sum.sum = g->other_sum;
  g->sum.hits = g->other_hits;
  g->other_sum = *sum;
  g->other_hits = *hits;
  return sp_pstm_gpu_clear(g);
}

extern "C" const sp_pstm_gpu_ops sp_pstm_gpu_table = {sp_pstm_gpu_bytes, sp_pstm_gpu_create, sp_pstm_gpu_destroy,
                                                      sp_pstm_gpu_add,   sp_pstm_gpu_read,   sp_pstm_gpu_clear,
                                                      sp_pstm_gpu_swap,  sp_pstm_gpu_part};
