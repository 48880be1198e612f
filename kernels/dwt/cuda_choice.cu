/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/dwt/cuda_choice.h"

#include <string.h>

#include "kernels/common/cuda_check.h"
#include "kernels/common/cuda_noise_floor.h"
extern "C" {
#include "kernels/dwt/response.h"
#include "kernels/dwt/sure.h"
#include "seisproc/memory.h"
}

enum { RISK_GROUPS = (SP_SURE_BINS + SP_SURE_OCTAVE - 1) / SP_SURE_OCTAVE };
enum { FLOORS_AT_ONCE = 64, LEVEL_THREADS = SP_SURE_MOST_TRACES, MAX_DETAILS = SP_DWT_MAX_LEVEL };

/* --- plan -------------------------------------------------------------------------------------------------------- */

static bool wants_floor(const sp_dwt_params *p, const dwt_shape *s) {
  const bool asked = p->noise_level == SP_DWT_FK || p->noise_level == SP_DWT_LEVEL_AUTO;
  return asked && p->transform != SP_DWT_WPT && p->aperture == 1 && s->n_samples >= SP_FLOOR_SAMPLES;
}

static size_t count_bytes(const dwt_shape *s, uint32_t n_gathers) {
  return (size_t)n_gathers * (s->n_bands - 1) * SP_SURE_BINS * sizeof(uint32_t);
}

static size_t weight_bytes(const dwt_shape *s) {
  return s->levels * SP_FLOOR_BINS * sizeof(double);
}

static const size_t RISK_BYTES = (size_t)SP_SURE_BINS * SP_SURE_CANDIDATES * sizeof(double);

size_t dwt_chooser_bytes(const sp_dwt_params *params, const dwt_shape *shape, const sp_cuda_geometry *geometry) {
  const size_t n = geometry->max_gathers;
  size_t bytes = n * sizeof(dwt_choice);
  if (wants_floor(params, shape)) {
    bytes += weight_bytes(shape) + n * SP_FLOOR_BINS * sizeof(double) + sp_cuda_floor_work_bytes(FLOORS_AT_ONCE);
    bytes += geometry->max_traces * sizeof(double);
  }
  return sp_dwt_is_auto(params) ? bytes + RISK_BYTES + count_bytes(shape, geometry->max_gathers) : bytes;
}

static sp_status upload(const void *from, size_t bytes, double **to) {
  SP_TRY(SP_CUDA(cudaMalloc(to, bytes)));
  return SP_CUDA(cudaMemcpy(*to, from, bytes, cudaMemcpyHostToDevice));
}

static sp_status plan_floor(const sp_dwt_params *params, const dwt_shape *shape, const sp_cuda_geometry *geometry,
                            dwt_chooser *c) {
  double weights[MAX_DETAILS][SP_FLOOR_BINS];
  sp_dwt_responses(params->wavelet, shape->levels, weights);
  SP_TRY(upload(weights, weight_bytes(shape), &c->weights));
  SP_TRY(SP_CUDA(cudaMalloc(&c->power, geometry->max_gathers * SP_FLOOR_BINS * sizeof(double))));
  SP_TRY(SP_CUDA(cudaMalloc(&c->floor_work, sp_cuda_floor_work_bytes(FLOORS_AT_ONCE))));
  return SP_CUDA(cudaMalloc(&c->levels, geometry->max_traces * sizeof(double)));
}

static sp_status plan_risk(const sp_dwt_params *params, const dwt_shape *shape, const sp_cuda_geometry *geometry,
                           dwt_chooser *c) {
  void *block;
  SP_TRY(sp_alloc(RISK_BYTES, "the risks of dwt", &block));
  double *risks = (double *)block;
  for (int bin = 0; bin < SP_SURE_BINS; bin++) {
    for (int i = 0; i < SP_SURE_CANDIDATES; i++) {
      risks[bin * SP_SURE_CANDIDATES + i] = sp_sure_risk(bin, params->threshold, sp_sure_k(i));
    }
  }
  const sp_status status = upload(risks, RISK_BYTES, &c->risks);
  sp_free(risks);
  SP_TRY(status);
  return SP_CUDA(cudaMalloc(&c->counts, count_bytes(shape, geometry->max_gathers)));
}

sp_status dwt_chooser_plan(const sp_dwt_params *params, const dwt_shape *shape, const sp_cuda_geometry *geometry,
                           dwt_chooser *c) {
  memset(c, 0, sizeof *c);
  c->max_gathers = geometry->max_gathers;
  c->floor = wants_floor(params, shape);
  c->by_level = params->noise_level == SP_DWT_FK;
  c->by_risk = sp_dwt_is_auto(params);
  SP_TRY(SP_CUDA(cudaMalloc(&c->choices, geometry->max_gathers * sizeof(dwt_choice))));
  if (c->floor) SP_TRY(plan_floor(params, shape, geometry, c));
  return c->by_risk ? plan_risk(params, shape, geometry, c) : SP_SUCCESS;
}

void dwt_chooser_destroy(dwt_chooser *c) {
  cudaFree(c->weights);
  cudaFree(c->risks);
  cudaFree(c->power);
  cudaFree(c->floor_work);
  cudaFree(c->levels);
  cudaFree(c->counts);
  cudaFree(c->choices);
}

/* --- levels ------------------------------------------------------------------------------------------------------ */

sp_status dwt_choose_floor(const dwt_chooser *c, const dwt_shape *s, const sp_cuda_batch *batch, cudaStream_t stream) {
  for (uint32_t first = 0; first < batch->n_gathers; first += FLOORS_AT_ONCE) {
    const uint32_t left = batch->n_gathers - first, n = left < FLOORS_AT_ONCE ? left : FLOORS_AT_ONCE;
    double *power = c->power + (size_t)first * SP_FLOOR_BINS;
    SP_TRY(sp_cuda_floor_of_gathers(batch, s->n_samples, first, n, c->floor_work, power, stream));
  }
  return SP_SUCCESS;
}

struct median_of_levels {
  float4 values[SP_SURE_MOST_TRACES / 4]; /* infinite where a level is not above 0 */
  uint32_t n;                             /* those above 0 */
  float low, high;
};

/* The median of the levels above 0 of the traces that are looked at, 0 where there are none; the same for all threads.
 * Each finds the rank of its own. */
__device__ static double typical_level(const double *levels, uint32_t n_traces, median_of_levels &m) {
  const uint32_t step = sp_sure_trace_step(n_traces), n = (n_traces + step - 1) / step, i = threadIdx.x;
  const float own = i < n ? (float)levels[(size_t)i * step] : 0;
  if (i == 0) m.n = 0, m.low = m.high = 0;
  ((float *)m.values)[i] = own > 0 ? own : INFINITY;
  __syncthreads();
  if (own > 0) atomicAdd(&m.n, 1u);
  uint32_t rank = 0;
#pragma unroll 4
  for (uint32_t k = 0; k < (n + 3) / 4; k++) {
    const float4 v = m.values[k];
    rank += (v.x < own) + (v.y < own) + (v.z < own) + (v.w < own);
    rank += (v.x == own && 4 * k < i) + (v.y == own && 4 * k + 1 < i) + (v.z == own && 4 * k + 2 < i) +
            (v.w == own && 4 * k + 3 < i);
  }
  __syncthreads();
  if (own > 0 && rank == m.n / 2) m.high = own;
  if (own > 0 && rank == (m.n & 1 ? m.n / 2 : m.n / 2 - 1)) m.low = own;
  __syncthreads();
  return m.n & 1 ? (double)m.high : 0.5 * ((double)m.low + (double)m.high);
}

/* A block a gather. */
__global__ static void set_levels(const dwt_chooser c, const __grid_constant__ dwt_shape s, const sp_cuda_batch batch) {
  __shared__ median_of_levels median;
  const uint32_t g = blockIdx.x, first = batch.first_trace[g], n_traces = batch.first_trace[g + 1] - first;
  const bool floor = c.floor && n_traces >= SP_FLOOR_LEAST_TRACES;
  const double *power = c.power + (size_t)g * SP_FLOOR_BINS;
  double typical = 0;
  if (floor && !c.by_level) typical = typical_level(c.levels + first, n_traces, median);
  dwt_choice *choice = &c.choices[g];
  if (threadIdx.x == 0) {
    choice->by_level = floor && c.by_level;
    choice->ratio = floor && !c.by_level ? sp_dwt_noise_ratio(sp_dwt_sigma_of(c.weights, power), typical) : 1;
  }
  if (threadIdx.x < (unsigned)s.levels && floor && c.by_level) {
    choice->sigma[threadIdx.x + 1] = sp_dwt_sigma_of(c.weights + threadIdx.x * SP_FLOOR_BINS, power);
  }
  if (threadIdx.x < DWT_SLOTS) choice->k[threadIdx.x] = s.k;
}

sp_status dwt_choose_levels(const dwt_chooser *c, const dwt_shape *s, const sp_cuda_batch *batch, cudaStream_t stream) {
  set_levels<<<batch->n_gathers, LEVEL_THREADS, 0, stream>>>(*c, *s, *batch);
  return SP_CUDA_LAUNCHED("levels of dwt");
}

/* --- k ----------------------------------------------------------------------------------------------------------- */

/* A block a detail of a gather, a thread a candidate and a group of bins. */
__global__ static void choose_k(const dwt_chooser c, int n_details, int first_band) {
  __shared__ double groups[RISK_GROUPS][SP_SURE_CANDIDATES], risks[SP_SURE_CANDIDATES];
  __shared__ uint64_t totals[RISK_GROUPS];
  const uint32_t detail = blockIdx.x, g = blockIdx.y, i = threadIdx.x, group = threadIdx.y;
  const uint32_t *counts = c.counts + ((size_t)g * n_details + detail) * SP_SURE_BINS;
  const uint32_t first = group * SP_SURE_OCTAVE, end = min(first + SP_SURE_OCTAVE, (uint32_t)SP_SURE_BINS);
  double sum = 0;
  uint64_t total = 0;
#pragma unroll 8
  for (uint32_t bin = first; bin < end; bin++) {
    sum = __dadd_rn(sum, __dmul_rn(counts[bin], c.risks[bin * SP_SURE_CANDIDATES + i]));
    total += counts[bin];
  }
  groups[group][i] = sum;
  if (i == 0) totals[group] = total;
  __syncthreads();
  if (group == 0) {
    sum = 0;
    for (int k = 0; k < RISK_GROUPS; k++) sum = __dadd_rn(sum, groups[k][i]);
    risks[i] = sum;
  }
  __syncthreads();
  if (i > 0 || group > 0) return;
  double least = INFINITY;
  for (int k = 0; k < RISK_GROUPS; k++) total += k > 0 ? totals[k] : 0;
  const bool by_level = c.choices[g].by_level;
  const int step = sp_sure_step(by_level);
  for (int k = 0; k < SP_SURE_CANDIDATES; k += step) least = fmin(least, risks[k]);
  int best = total > 0 ? SP_SURE_CANDIDATES - step : 0;
  while (risks[best] > sp_sure_limit(least, total, by_level)) best -= step;
  c.choices[g].k[first_band + detail] = sp_sure_k(best);
}

sp_status dwt_choose_k(const dwt_chooser *c, const dwt_shape *s, const sp_cuda_batch *batch, cudaStream_t stream) {
  const int n_details = s->n_bands - 1;
  const int first_band = s->approximation == 1 ? 2 : 1;
  const uint32_t most = 32768; /* the grid's y is short */
  for (uint32_t g = 0; g < batch->n_gathers; g += most) {
    const uint32_t n = batch->n_gathers - g < most ? batch->n_gathers - g : most;
    dwt_chooser part = *c;
    part.counts += (size_t)g * n_details * SP_SURE_BINS;
    part.choices += g;
    choose_k<<<dim3((unsigned)n_details, n), dim3(SP_SURE_CANDIDATES, RISK_GROUPS), 0, stream>>>(part, n_details,
                                                                                                 first_band);
  }
  return SP_CUDA_LAUNCHED("k of dwt");
}
