/* SPDX-License-Identifier: BSD-3-Clause */
/* The CUDA backends of gather processors that look at a whole gather, against the CPU ones, and their speed.
 *
 *   check_gathers [WORD]...         compares the cases whose text contains a WORD; exit 1 where one differs
 *   check_gathers small [WORD]...   a few small cases that launch every kernel, for tools that slow a program down
 *   check_gathers bench CASE...     times cases on gathers of 3000 x 1600, device to device; "plain CASE": without
 *                                   traces that are dead, weak or bad
 *
 * A case is a processor with parameters, a length of traces and sizes of gathers. Results must agree to 1e-5 relative
 * L2 a trace, reasons exactly, and be the same bits again, in a plan of another size, and gather by gather. Needs
 * neither MPI nor HDF5. Says so and passes where there is no GPU.
 */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <cufft.h>

#include "kernels/common/cuda_check.h"
#include "kernels/cuda_processor.h"
extern "C" {
#include "kernels/common/good_length.h"
}
#include "tests/cuda/gathers.h"

/* --- both backends ---------------------------------------------------------------------------------------------- */

struct outcome {
  std::vector<float> out;
  std::vector<uint32_t> reason;
};

static outcome run_cpu(const batch_case &c, const step &s, const survey &v) {
  outcome r;
  r.out.resize(v.in.size());
  const sp_geometry geometry = {c.n_samples, *std::max_element(c.gathers.begin(), c.gathers.end()), INTERVAL, 1};
  sp_plan *plan;
  need(s.processor->cpu->plan(s.params.data(), &geometry, &plan), "plan on the CPU");
  for (size_t g = 0; g < c.gathers.size(); g++) {
    const size_t at = (size_t)v.starts[g] * c.n_samples;
    std::vector<const double *> headers;
    for (const auto &column : v.columns) headers.push_back(column.data() + v.starts[g]);
    sp_block block = {};
    block.in = v.in.data() + at;
    block.out = r.out.data() + at;
    block.n_traces = block.count = c.gathers[g];
    block.headers = headers.data();
    r.reason.push_back(c.gathers[g] ? s.processor->cpu->apply(plan, 0, &block) : (uint32_t)SP_REASON_OK);
  }
  s.processor->cpu->destroy(plan);
  return r;
}

template <typename T> static T *to_device(const std::vector<T> &from) {
  T *to;
  need(SP_CUDA(cudaMalloc((void **)&to, from.size() * sizeof(T) + 16)), "memory");
  need(SP_CUDA(cudaMemcpy(to, from.data(), from.size() * sizeof(T), cudaMemcpyHostToDevice)), "copy");
  return to;
}

template <typename T> static std::vector<T> from_device(const T *from, size_t n) {
  std::vector<T> to(n);
  need(SP_CUDA(cudaMemcpy(to.data(), from, n * sizeof(T), cudaMemcpyDeviceToHost)), "copy");
  return to;
}

static const double **columns_to_device(const std::vector<std::vector<double>> &columns) {
  std::vector<const double *> pointers;
  for (const auto &column : columns) pointers.push_back(to_device(column));
  return to_device(pointers);
}

static bool is_dead(const float *x, uint32_t n) {
  return std::all_of(x, x + n, [](float value) { return value == 0; });
}

/* Gathers first ... end - 1 in a batch of a plan for max_traces. `arranged`: live rows only, as the engine gives them;
 * what is not live gets 0. Device memory is given back with the context. */
static outcome run_gpu(const batch_case &c, const step &s, const survey &v, size_t first, size_t end,
                       uint32_t max_traces, bool arranged) {
  const sp_cuda_ops *ops = sp_cuda_processor_at(sp_processor_position(s.processor));
  const uint32_t begin = v.starts[first], n = v.starts[end] - begin, n_gathers = (uint32_t)(end - first);
  const size_t length = c.n_samples;
  std::vector<uint32_t> trace, aside, row(n, SP_CUDA_NO_ROW), all_starts, starts, gather;
  for (uint32_t t = 0; t < n; t++) {
    const bool out = arranged && is_dead(v.in.data() + (begin + t) * length, c.n_samples);
    if (!out) row[t] = (uint32_t)trace.size();
    (out ? aside : trace).push_back(t);
  }
  const uint32_t n_live = (uint32_t)trace.size();
  trace.insert(trace.end(), aside.begin(), aside.end());
  for (size_t g = first; g <= end; g++) {
    all_starts.push_back(v.starts[g] - begin);
    starts.push_back(
        (uint32_t)(std::lower_bound(trace.begin(), trace.begin() + n_live, all_starts.back()) - trace.begin()));
  }
  if (arranged) starts.push_back(n);
  std::vector<float> in(n * length);
  std::vector<std::vector<double>> columns(v.columns.size()), all_columns(v.columns.size());
  for (uint32_t r = 0; r < n; r++) {
    std::copy_n(v.in.begin() + (begin + trace[r]) * length, length, in.begin() + r * length);
    gather.push_back(r < n_live ? v.gather[begin + trace[r]] - (uint32_t)first : n_gathers);
    for (size_t k = 0; k < columns.size(); k++) {
      columns[k].push_back(v.columns[k][begin + trace[r]]);
      all_columns[k].push_back(v.columns[k][begin + r]);
    }
  }
  sp_cuda_geometry geometry = {c.n_samples, max_traces, (uint32_t)c.gathers.size() + 1, INTERVAL};
  geometry.max_gather = *std::max_element(c.gathers.begin(), c.gathers.end());
  sp_cuda_plan *plan;
  need(ops->plan(s.params.data(), &geometry, &plan), ("plan on the GPU of " + c.text).c_str());
  float *d_in = to_device(in), *d_out = to_device(std::vector<float>(in.size(), NAN));
  uint32_t *d_reason = to_device(std::vector<uint32_t>(n_gathers + 1, 0));
  const sp_cuda_places places = {
      n, n_gathers, to_device(all_starts), columns_to_device(all_columns), to_device(row), to_device(trace)};
  const sp_cuda_batch batch = {d_in,
                               d_out,
                               n,
                               (uint32_t)starts.size() - 1,
                               to_device(starts),
                               to_device(gather),
                               columns_to_device(columns),
                               d_reason,
                               arranged && plan->takes_dead ? &places : NULL};
  need(ops->apply(plan, &batch, 0), "apply");
  need(SP_CUDA(cudaDeviceSynchronize()), "run");
  const std::vector<float> got = from_device(d_out, in.size());
  outcome r;
  r.reason = from_device(d_reason, n_gathers);
  r.out.assign(in.size(), 0);
  for (uint32_t k = 0; k < n_live; k++)
    std::copy_n(got.begin() + k * length, length, r.out.begin() + trace[k] * length);
  ops->destroy(plan);
  cudaFree(d_in);
  cudaFree(d_out);
  return r;
}

/* --- check ------------------------------------------------------------------------------------------------------ */

/* Relative L2 of a trace. Of one that is weak beside the others of its gather, or of which little is left, the rounding
 * of what it was computed with counts: it is measured by a hundredth of the energy that came in, of a trace in the
 * mean.
 */
static double distance(const float *got, const float *expected, double energy, uint32_t n) {
  double difference = 0, norm = 0;
  for (uint32_t t = 0; t < n; t++) {
    const double d = (double)got[t] - expected[t];
    difference += d * d;
    norm += (double)expected[t] * expected[t];
  }
  norm = std::max(norm, 0.01 * energy);
  const double worst = sqrt(difference) / (norm > 0 ? sqrt(norm) : 1);
  return std::isnan(worst) ? INFINITY : worst;
}

/* Where a gather has a reason its samples do not count. */
static void forget_failed(const batch_case &c, const survey &v, const std::vector<uint32_t> &reason, outcome *r) {
  for (size_t g = 0; g < reason.size(); g++) {
    if (reason[g] == SP_REASON_OK) continue;
    std::fill(r->out.begin() + (size_t)v.starts[g] * c.n_samples,
              r->out.begin() + (size_t)v.starts[g + 1] * c.n_samples, 0);
  }
}

static bool check(const batch_case &c) {
  const step s = parse(c.text);
  const survey v = make_survey(c, s);
  const size_t n_gathers = c.gathers.size(), length = c.n_samples;
  const uint32_t traces = v.starts.back();
  outcome expected = run_cpu(c, s, v), got = run_gpu(c, s, v, 0, n_gathers, traces, false);
  outcome again = run_gpu(c, s, v, 0, n_gathers, traces + 100, false);
  forget_failed(c, v, expected.reason, &expected);
  forget_failed(c, v, expected.reason, &got);
  forget_failed(c, v, expected.reason, &again);
  for (size_t g = 0; g < n_gathers; g++) {
    if (c.gathers[g] == 0) got.reason[g] = SP_REASON_OK; /* nobody asks */
  }
  bool fine = got.reason == expected.reason;
  bool same = !memcmp(got.out.data(), again.out.data(), got.out.size() * sizeof(float));
  for (size_t g = 0; g < n_gathers; g++) {
    if (c.gathers[g] == 0 || expected.reason[g] != SP_REASON_OK) continue;
    const outcome alone = run_gpu(c, s, v, g, g + 1, std::max(c.gathers[g], 1u), false);
    same = same && !memcmp(alone.out.data(), got.out.data() + v.starts[g] * length, alone.out.size() * sizeof(float));
  }
  if (s.processor == sp_processor_find("fk") || s.processor == sp_processor_find("fk_denoise")) {
    outcome arranged = run_gpu(c, s, v, 0, n_gathers, traces, true);
    forget_failed(c, v, expected.reason, &arranged);
    same = same && !memcmp(arranged.out.data(), got.out.data(), got.out.size() * sizeof(float));
  }
  std::vector<double> mean(n_gathers);
  for (size_t i = 0; i < v.in.size(); i++) {
    const size_t g = v.gather[i / length];
    mean[g] += (double)v.in[i] * v.in[i] / c.gathers[g];
  }
  double worst = 0, changed = 0, energy = 0;
  unsigned beyond = 0, bits = 0;
  for (size_t i = 0; i < traces; i++) {
    const double d =
        distance(got.out.data() + i * length, expected.out.data() + i * length, mean[v.gather[i]], c.n_samples);
    worst = std::max(worst, d);
    beyond += d > 1e-5;
    bits += !memcmp(got.out.data() + i * length, expected.out.data() + i * length, length * sizeof(float));
  }
  for (size_t i = 0; i < v.in.size(); i++) {
    changed += pow((double)v.in[i] - expected.out[i], 2);
    energy += pow((double)v.in[i], 2);
  }
  printf("%-4s worst %.1e beyond %u equal %u of %u changed %.2f %s%s n=%u %s\n", fine && same && !beyond ? "ok" : "BAD",
         worst, beyond, bits, traces, sqrt(changed / energy), same ? "same-bits" : "OTHER-BITS",
         fine ? "" : " OTHER-REASONS", c.n_samples, c.text.c_str());
  fflush(stdout);
  return fine && same && !beyond;
}

static std::vector<batch_case> dwt_cases() {
  const std::vector<uint32_t> gathers = {40, 1, 2, 3, 0, 4, 23, 12, 530, 64, 1100};
  std::vector<batch_case> cases;
  for (uint32_t n : {1600u, 1601u, 777u, 64u, 24u, 23u, 3000u}) {
    for (const char *options :
         {"", " noise_level=fk", " noise_level=finest", " threshold=soft", " k=2 threshold=hard", " transform=dwt",
          " transform=wpt", " transform=dwt noise_level=fk wavelet=bior4.4",
          " transform=wpt noise_level=finest threshold=soft", " wavelet=sym8 level=2", " k=3 noise_level=fk"}) {
      cases.push_back({std::string("dwt") + options, n, gathers});
    }
  }
  cases.push_back({"dwt", 16384, {9, 30}});
  cases.push_back({"dwt wavelet=db1 level=9", 1600, {40, 600}});
  return cases;
}

static std::vector<batch_case> fk_cases() {
  const std::vector<uint32_t> gathers = {40, 8, 7, 1, 0, 23, 9, 130, 64, 311, 55};
  std::vector<batch_case> cases;
  for (uint32_t n : {1600u, 1601u, 777u, 64u, 11u, 2u}) {
    for (const char *options :
         {"", " mode=pass", " vmin=800", " vmin=600 taper=0", " vmin=1500 aliases=2", " direction=positive",
          " direction=negative mode=pass", " edge=zero", " edge_traces=64 pad=1", " pad=0", " agc=200", " split=trid",
          " along=receivers split=cdp", " spacing=10 agc=5000 edge_traces=16 pad=0.03", " irregular=ignore"}) {
      cases.push_back({std::string("fk vmax=2000") + options, n, gathers});
    }
  }
  cases.push_back({"fk vmax=2000 f=[5,10,40,60]", 1600, gathers});
  cases.push_back({"fk vmax=2000 f=[5,10,40,60] agc=300 direction=positive", 1001, gathers});
  cases.push_back({"fk vmax=2000", 1600, {1000, 3000}});
  cases.push_back({"fk vmax=2000 f=[5,10,20,30]", 300, {5000, 14000, 1500}});
  cases.push_back({"fk vmax=2000", 16384, {50}});
  return cases;
}

static std::vector<batch_case> fk_denoise_cases() {
  const std::vector<uint32_t> gathers = {40, 1, 4, 3, 0, 23, 9, 130, 64, 311, 55};
  std::vector<batch_case> cases;
  for (uint32_t n : {1600u, 333u, 77u, 12u}) {
    for (const char *options : {"", " robust=0", " robust=1", " robust=2", " line=trid", " grid=[iline,xline]",
                                " grid=[xline,iline] robust=0", " window=192", " window=70 traces=16", " traces=5",
                                " overlap=3", " overlap=2 traces=7", " high=2.5 low=2", " fmin=10 fmax=40",
                                " window=150 grid=[iline,xline] overlap=3 robust=1", " window=500 traces=9"}) {
      cases.push_back({std::string("fk_denoise") + options, n, gathers});
    }
  }
  cases.push_back({"fk_denoise", 1600, {1000, 2100}});
  cases.push_back({"fk_denoise", 1600, {3000}, true});
  cases.push_back({"fk_denoise grid=[iline,xline]", 200, {3000}, true});
  cases.push_back({"fk_denoise grid=[iline,xline]", 1600, {1500, 2}});
  return cases;
}

static std::vector<batch_case> all_cases() {
  std::vector<batch_case> cases = dwt_cases();
  for (const batch_case &c : fk_cases()) cases.push_back(c);
  for (const batch_case &c : fk_denoise_cases()) cases.push_back(c);
  return cases;
}

static std::vector<batch_case> small_cases() {
  const std::vector<uint32_t> gathers = {14, 3, 9};
  std::vector<batch_case> cases;
  for (const char *text : {"dwt", "dwt noise_level=fk transform=dwt", "dwt transform=wpt", "fk vmax=2000 agc=100",
                           "fk vmax=2000 direction=positive split=cdp along=receivers"}) {
    cases.push_back({text, 200, gathers});
  }
  cases.push_back({"fk vmax=2000 f=[5,10,20,30]", 64, {1100, 20}});
  for (const char *text : {"fk_denoise", "fk_denoise robust=1 window=70", "fk_denoise grid=[iline,xline]"}) {
    cases.push_back({text, 90, {40, 3, 13}});
  }
  return cases;
}

/* --- bench ------------------------------------------------------------------------------------------------------ */

static float median_of(std::vector<float> &ms) {
  std::sort(ms.begin(), ms.end());
  return ms[ms.size() / 2];
}

/* cuFFT there and back of the sizes of fk: what its time is compared with. */
static void bench_cufft(uint32_t n_traces, uint32_t n_samples) {
  const int nt = (int)sp_good_length(n_samples + n_samples / 4, true),
            nx = (int)sp_good_length(n_traces + (n_traces + 3) / 4, false);
  const int n_bins = nt / 2 + 1;
  float2 *bins, *lines;
  need(SP_CUDA(cudaMalloc((void **)&bins, sizeof(float2) * n_bins * n_traces)), "memory");
  need(SP_CUDA(cudaMalloc((void **)&lines, sizeof(float2) * n_bins * nx)), "memory");
  need(SP_CUDA(cudaMemset(bins, 0, sizeof(float2) * n_bins * n_traces)), "memory");
  need(SP_CUDA(cudaMemset(lines, 0, sizeof(float2) * n_bins * nx)), "memory");
  int real[] = {2 * n_bins}, spectrum[] = {n_bins}, line[] = {nx}, n_t[] = {nt}, n_x[] = {nx};
  cufftHandle r2c, c2r, contiguous, strided;
  bool ok =
      cufftPlanMany(&r2c, 1, n_t, real, 1, 2 * n_bins, spectrum, 1, n_bins, CUFFT_R2C, (int)n_traces) == CUFFT_SUCCESS;
  ok = ok &&
       cufftPlanMany(&c2r, 1, n_t, spectrum, 1, n_bins, real, 1, 2 * n_bins, CUFFT_C2R, (int)n_traces) == CUFFT_SUCCESS;
  ok = ok && cufftPlanMany(&contiguous, 1, n_x, line, 1, nx, line, 1, nx, CUFFT_C2C, n_bins) == CUFFT_SUCCESS;
  ok = ok && cufftPlanMany(&strided, 1, n_x, line, n_bins, 1, line, n_bins, 1, CUFFT_C2C, n_bins) == CUFFT_SUCCESS;
  cudaEvent_t begin, end;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  for (int variant = 0; ok && variant < 2; variant++) {
    std::vector<float> ms;
    for (int i = -3; i < 50; i++) {
      float t;
      const cufftHandle across = variant ? strided : contiguous;
      cudaEventRecord(begin);
      cufftExecR2C(r2c, (float *)bins, bins);
      cufftExecC2C(across, lines, lines, CUFFT_FORWARD);
      cufftExecC2C(across, lines, lines, CUFFT_INVERSE);
      cufftExecC2R(c2r, bins, (float *)bins);
      cudaEventRecord(end);
      cudaEventSynchronize(end);
      cudaEventElapsedTime(&t, begin, end);
      if (i >= 0) ms.push_back(t);
    }
    printf("bench cuFFT r2c %d x %u, c2c %d x %d %s, and back: median %.4f ms\n", nt, n_traces, nx, n_bins,
           variant ? "where traces put it" : "side by side", median_of(ms));
  }
  cufftHandle there, back;
  ok = ok && cufftPlan2d(&there, nx, nt, CUFFT_R2C) == CUFFT_SUCCESS &&
       cufftPlan2d(&back, nx, nt, CUFFT_C2R) == CUFFT_SUCCESS;
  std::vector<float> ms;
  for (int i = -3; ok && i < 50; i++) {
    float t;
    cudaEventRecord(begin);
    cufftExecR2C(there, (float *)lines, lines);
    cufftExecC2R(back, lines, (float *)lines);
    cudaEventRecord(end);
    cudaEventSynchronize(end);
    cudaEventElapsedTime(&t, begin, end);
    if (i >= 0) ms.push_back(t);
  }
  if (ok) printf("bench cuFFT 2-D r2c %d x %d and back: median %.4f ms\n", nx, nt, median_of(ms));
  if (!ok) printf("cuFFT made no plan\n");
  cudaFree(bins);
  cudaFree(lines);
}

static void bench(const std::string &words, uint32_t gathers) {
  const bool plain = words.rfind("plain ", 0) == 0;
  const std::string text = plain ? words.substr(6) : words;
  const uint32_t n = 1600, each = 3000, runs = 40, sets = 3;
  const step s = parse(text);
  const sp_cuda_ops *ops = sp_cuda_processor_at(sp_processor_position(s.processor));
  const batch_case c = {text, n, std::vector<uint32_t>(gathers, each), plain};
  const survey v = make_survey(c, s);
  std::vector<float *> in, out;
  for (uint32_t i = 0; i < sets; i++) in.push_back(to_device(v.in)), out.push_back(to_device(v.in));
  uint32_t *starts = to_device(v.starts), *gather = to_device(v.gather);
  uint32_t *reason = to_device(std::vector<uint32_t>(gathers, 0));
  const double **headers = columns_to_device(v.columns);
  sp_cuda_geometry geometry = {n, gathers * each, gathers, INTERVAL};
  geometry.max_gather = each;
  sp_cuda_plan *plan;
  need(ops->plan(s.params.data(), &geometry, &plan), ("plan of " + text).c_str());
  cudaEvent_t begin, end;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  std::vector<float> ms;
  for (int i = -3; i < (int)runs; i++) {
    const uint32_t set = (uint32_t)(i + 3) % sets;
    const sp_cuda_batch batch = {in[set], out[set], gathers * each, gathers, starts, gather, headers, reason, NULL};
    float t;
    cudaEventRecord(begin);
    need(ops->apply(plan, &batch, 0), "apply");
    cudaEventRecord(end);
    cudaEventSynchronize(end);
    cudaEventElapsedTime(&t, begin, end);
    if (i >= 0) ms.push_back(t / gathers);
  }
  need(SP_CUDA(cudaDeviceSynchronize()), "run");
  const float middle = median_of(ms);
  printf("bench %-60s gathers a batch %u: median %.4f ms a gather, least %.4f, device bytes %.1f MB\n", words.c_str(),
         gathers, middle, ms[0], ops->device_bytes(s.params.data(), &geometry) / 1e6);
  fflush(stdout);
  ops->destroy(plan);
  for (uint32_t i = 0; i < sets; i++) cudaFree(in[i]), cudaFree(out[i]);
}

static bool wanted(const std::string &text, int argc, char **argv, int first) {
  if (first >= argc) return true;
  for (int i = first; i < argc; i++) {
    if (text.find(argv[i]) != std::string::npos) return true;
  }
  return false;
}

int main(int argc, char **argv) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    printf("skipped: no GPU\n");
    return 0;
  }
  if (argc > 1 && !strcmp(argv[1], "bench")) {
    for (int i = 2; i < argc; i++) {
      if (!strcmp(argv[i], "cufft")) {
        bench_cufft(3000, 1600);
      } else {
        for (uint32_t gathers : {1u, 2u}) bench(argv[i], gathers);
      }
    }
    return 0;
  }
  const bool small = argc > 1 && !strcmp(argv[1], "small");
  int bad = 0;
  for (const batch_case &c : small ? small_cases() : all_cases()) {
    if (wanted(c.text, argc, argv, small ? 2 : 1)) bad += !check(c);
  }
  printf("%d bad\n", bad);
  return bad != 0;
}
