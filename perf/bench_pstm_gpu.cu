/* SPDX-License-Identifier: BSD-3-Clause */
/* Prestack time migration on a GPU: contributions a second (pstm_case.h says of what).
 *
 *   bench_pstm_gpu
 *
 * Times are CUDA events around the launches of a batch: `sum` the kernel that sums alone, `batch` with derivative,
 * finer grid and bank. Columns of the image are compared with the plain loop in double precision, which reads the CPU's
 * bank; one that is wrong ends the bench. Medians of 15 batches.
 */
#include <algorithm>
#include <cstdio>
#include <vector>

#include "kernels/pstm/cuda.cuh"
extern "C" {
#include "kernels/pstm/cpu.h"
}
#include "perf/pstm_case.h"

enum { NX = 256, NY = 96, REPEATS = 15, CHECKED = 5 };

static void require(bool right, const char *what) {
  if (right) return;
  fprintf(stderr, "bench_pstm_gpu: wrong: %s\n", what);
  exit(1);
}

#define MUST(call) require((call) == SP_SUCCESS, #call)

static double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

/* Largest relative difference of a checked column from the plain loop. */
static double check(const pstm_case *k, const std::vector<int64_t> &sums, int shift) {
  sp_pstm_filter *filter;
  const size_t row = sp_pstm_bank_row(&k->config);
  std::vector<float> bank(row * sp_pstm_bank_rows(&k->config));
  std::vector<double> sum((size_t)CHECKED * CASE_TAU);
  double worst = 0;
  MUST(sp_pstm_filter_create(&k->config, 1, &filter));
  for (int i = 0; i < SP_PSTM_BATCH; i++) {
    sp_pstm_filter_trace(filter, 0, k->samples + (size_t)i * CASE_SAMPLES);
    sp_pstm_filter_bank(filter, 0, bank.data());
    for (uint32_t c = 0; c < CHECKED; c++) {
      const uint32_t column = (NX * NY - 1) / (CHECKED - 1) * c;
      case_plain(k, &k->traces[i], 25.0 * (column % NX), 25.0 * (column / NX), bank.data(), row, &sum[c * CASE_TAU]);
    }
  }
  sp_pstm_filter_destroy(filter);
  for (uint32_t c = 0; c < CHECKED; c++) {
    const size_t column = (NX * NY - 1) / (CHECKED - 1) * c;
    double error = 0, norm = 0;
    for (size_t i = 0; i < CASE_TAU; i++) {
      error += pow(ldexp((double)sums[column * CASE_TAU + i], -shift) - sum[c * CASE_TAU + i], 2);
      norm += sum[c * CASE_TAU + i] * sum[c * CASE_TAU + i];
    }
    require(norm > 0, "a column without a contribution");
    worst = std::max(worst, sqrt(error / norm));
  }
  return worst;
}

typedef struct device_case {
  pstm_cuda_sum sum;
  pstm_cuda_filter filter;
  float *samples, *bank;
  cudaStream_t stream;
} device_case;

template <typename T> static T *upload(const T *from, size_t n) {
  T *to;
  MUST(SP_CUDA(cudaMalloc((void **)&to, n * sizeof(T))));
  MUST(SP_CUDA(cudaMemcpy(to, from, n * sizeof(T), cudaMemcpyHostToDevice)));
  return to;
}

/* Points and traces as sp_pstm_gpu_create and _add make them, to launch the two parts apart. */
static void set_up(const pstm_case *k, const sp_pstm_sums *scale, device_case *d) {
  const bool eta = false;
  const size_t n = (size_t)NX * NY * CASE_TAU, padded = (CASE_TAU + 15) / 16 * 16;
  std::vector<float> rows(3 * padded);
  std::vector<sp_pstm_position> positions(SP_PSTM_BATCH);
  const sp_pstm_model model = {k->velocity, NULL, NULL, 0};
  *d = device_case();
  sp_pstm_terms_set(&k->config, eta, &d->sum.terms);
  sp_pstm_points p = {};
  p.rows = 1;
  p.padded = padded;
  p.quarter = rows.data();
  p.slowness_2 = rows.data() + padded;
  p.factor = rows.data() + 2 * padded;
  sp_pstm_points_set(&k->config, &model, &d->sum.terms, &p);
  p.quarter = upload(p.quarter, padded);
  p.slowness_2 = upload(p.slowness_2, padded);
  p.factor = upload(p.factor, padded);
  d->sum.points = p;
  for (int i = 0; i < SP_PSTM_BATCH; i++) sp_pstm_position_set(&k->config, &k->traces[i], &positions[i]);
  d->sum.positions = upload(positions.data(), positions.size());
  d->sum.bank_row = sp_pstm_bank_row(&k->config);
  d->sum.bank_floats = d->sum.bank_row * sp_pstm_bank_rows(&k->config);
  d->sum.n_traces = SP_PSTM_BATCH;
  d->sum.n_tau = CASE_TAU;
  d->sum.n[0] = NX, d->sum.n[1] = NY;
  d->sum.step[0] = d->sum.step[1] = 25;
  d->sum.unit = ldexp(1, scale->shift);
  d->sum.limit = scale->limit;
  MUST(SP_CUDA(cudaStreamCreate(&d->stream)));
  MUST(pstm_cuda_filter_create(&k->config, d->stream, &d->filter));
  d->samples = upload(k->samples, (size_t)SP_PSTM_BATCH * CASE_SAMPLES);
  MUST(SP_CUDA(cudaMalloc((void **)&d->bank, SP_PSTM_BATCH * d->sum.bank_floats * sizeof(float))));
  MUST(SP_CUDA(cudaMalloc((void **)&d->sum.sum, n * sizeof(int64_t))));
  MUST(SP_CUDA(cudaMalloc((void **)&d->sum.hits, n * sizeof(uint32_t))));
  MUST(SP_CUDA(cudaMalloc((void **)&d->sum.overflows, 8)));
  MUST(SP_CUDA(cudaMemset(d->sum.sum, 0, n * sizeof(int64_t))));
  MUST(SP_CUDA(cudaMemset(d->sum.hits, 0, n * sizeof(uint32_t))));
  MUST(SP_CUDA(cudaMemset(d->sum.overflows, 0, 8)));
  d->sum.bank = d->bank;
}

static void release(device_case *d) {
  void *const blocks[] = {d->sum.points.quarter,
                          d->sum.points.slowness_2,
                          d->sum.points.factor,
                          (void *)d->sum.positions,
                          d->samples,
                          d->bank,
                          d->sum.sum,
                          d->sum.hits,
                          d->sum.overflows};
  for (void *block : blocks) cudaFree(block);
  pstm_cuda_filter_destroy(&d->filter);
  cudaStreamDestroy(d->stream);
}

static void measure(const pstm_case *k, const char *name, double need, double stretch, bool checked) {
  const size_t n = (size_t)NX * NY * CASE_TAU;
  const double contributions = (double)case_contributions(k);
  std::vector<int64_t> sums(n);
  std::vector<uint32_t> hits(n);
  std::vector<double> whole, sum_only;
  unsigned long long overflows;
  sp_pstm_sums scale = {};
  device_case d;
  cudaEvent_t from, middle, to;
  sp_pstm_sums_scale(&k->config, 1000 * SP_PSTM_BATCH, 1e4, 625, 1800, 4, &scale);
  set_up(k, &scale, &d);
  for (cudaEvent_t *e : {&from, &middle, &to}) MUST(SP_CUDA(cudaEventCreate(e)));
  for (int i = 0; i <= REPEATS; i++) {
    MUST(SP_CUDA(cudaEventRecord(from, d.stream)));
    MUST(pstm_cuda_filter_apply(&d.filter, d.samples, SP_PSTM_BATCH, d.bank, d.stream));
    MUST(SP_CUDA(cudaEventRecord(middle, d.stream)));
    MUST(pstm_cuda_sum_launch(&d.sum, d.stream));
    MUST(SP_CUDA(cudaEventRecord(to, d.stream)));
    MUST(SP_CUDA(cudaEventSynchronize(to)));
    float all, second;
    MUST(SP_CUDA(cudaEventElapsedTime(&all, from, to)));
    MUST(SP_CUDA(cudaEventElapsedTime(&second, middle, to)));
    if (i > 0) {
      whole.push_back(all);
      sum_only.push_back(second);
      continue;
    }
    MUST(SP_CUDA(cudaMemcpy(sums.data(), d.sum.sum, n * sizeof(int64_t), cudaMemcpyDeviceToHost)));
    MUST(SP_CUDA(cudaMemcpy(hits.data(), d.sum.hits, n * sizeof(uint32_t), cudaMemcpyDeviceToHost)));
    MUST(SP_CUDA(cudaMemcpy(&overflows, d.sum.overflows, sizeof overflows, cudaMemcpyDeviceToHost)));
  }
  require(overflows == 0, "a sum beyond its limit");
  double counted = 0;
  for (uint32_t h : hits) counted += h;
  printf("%-28s sum %7.1f Gcontributions/s, batch %7.1f; %.2f G in %.2f ms, of these hits %.0f %%", name,
         1e-6 * contributions / median(sum_only), 1e-6 * contributions / median(whole), 1e-9 * contributions,
         median(sum_only), 100 * counted / contributions);
  if (need > 0) printf("; must %.0f, stretch %.0f", need, stretch);
  if (checked) {
    const double worst = check(k, sums, scale.shift);
    printf("; difference from the plain loop %.1e", worst);
    require(worst < 1e-4, "the image");
  }
  printf("\n");
  for (cudaEvent_t e : {from, middle, to}) cudaEventDestroy(e);
  release(&d);
}

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    printf("bench_pstm_gpu: no GPU\n");
    return 0;
  }
  cudaDeviceProp device;
  MUST(SP_CUDA(cudaGetDeviceProperties(&device, 0)));
  printf("%s\n", device.name);
  pstm_case *k = new pstm_case;
  case_set_up(k, NX, NY);
  measure(k, "anti-alias, tapers, weights", 300, 450, true);
  k->config.antialias = false;
  measure(k, "without anti-alias", 450, 0, false);
  k->config.antialias = true;
  k->config.max_dip = 90;
  measure(k, "no limit on dip", 0, 0, false);
  free(k->samples);
  delete k;
  return 0;
}
