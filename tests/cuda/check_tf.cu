/* SPDX-License-Identifier: BSD-3-Clause */
/* The CUDA backend of the processor tf against the CPU one, and its speed.
 *
 *   check_tf                      compares all cases; a line a case, exit 1 where one differs
 *   check_tf small                a few small cases that launch every kernel, for tools that slow a program down
 *   check_tf bench [CASE]...      times cases, device to device
 *
 * Needs neither MPI nor HDF5: links the kernels and src/base. Says so and passes where there is no GPU.
 */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "kernels/common/cuda_check.h"
#include "kernels/cuda_processor.h"
extern "C" {
#include "kernels/tf/tf.h"
extern const sp_processor sp_processor_tf;
extern const sp_cuda_ops sp_tf_cuda;
}

static const double INTERVAL = 0.002;

static void need(sp_status status, const char *what) {
  if (status == SP_SUCCESS) return;
  fprintf(stderr, "%s: %s\n", what, sp_status_name(status));
  _Exit(3);
}

/* Stands in for the list of processors where this program is linked without it. */
__attribute__((weak)) const sp_cuda_ops *sp_cuda_processor_at(size_t position) {
  return &sp_tf_cuda;
}

/* --- cases ------------------------------------------------------------------------------------------------------ */

struct batch_case {
  std::string options; /* "key=value key=value" */
  uint32_t n_samples;
  std::vector<uint32_t> gathers;
  int tied;
};

static sp_tf_params parse(const std::string &options, sp_precision *precision) {
  sp_tf_params params;
  char why[SP_WHY_SIZE];
  sp_param_set_defaults(sp_processor_tf.params, &params);
  *precision = SP_PRECISION_FLOAT32;
  std::vector<char> text(options.begin(), options.end());
  text.push_back(0);
  for (char *word = strtok(text.data(), " "); word; word = strtok(NULL, " ")) {
    char *value = strchr(word, '=');
    if (!strcmp(word, "mixed")) {
      *precision = SP_PRECISION_MIXED;
      continue;
    }
    *value++ = 0;
    if (sp_param_parse(sp_param_find(sp_processor_tf.params, word), value, &params, why, sizeof why) != SP_SUCCESS) {
      fprintf(stderr, "%s\n", why);
      _Exit(3);
    }
  }
  if (sp_processor_tf.check(&params, why, sizeof why) != SP_SUCCESS) {
    fprintf(stderr, "%s\n", why);
    _Exit(3);
  }
  return params;
}

/* Dipping events in noise, bursts, weak traces, a dead one and constant ones. */
static void make_gather(uint32_t n_traces, uint32_t n, unsigned seed, int tied, float *x) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (uint32_t i = 0; i < n_traces; i++) {
    for (uint32_t t = 0; t < n; t++) {
      float v = normal(random);
      for (float start : {0.2f, 0.5f, 0.7f}) {
        const float d = t - (start * n + 1.5f * (i % 100));
        v += 8 * expf(-d * d / 49) * cosf(0.4f * d);
      }
      x[(size_t)i * n + t] = tied ? roundf(v) * (i % 3 != 0) : v;
    }
    if (i % 3 == 1) {
      for (uint32_t t = random() % n, m = 0; t < n && m < 60; t++, m++) x[(size_t)i * n + t] *= 30;
    }
    if (i % 5 == 3) {
      for (uint32_t t = 0; t < n; t++) x[(size_t)i * n + t] *= 0.1f;
    }
  }
  if (n_traces < 8) return;
  for (uint32_t t = 0; t < n; t++) {
    x[(size_t)(n_traces / 2) * n + t] = 0;
    x[(size_t)(n_traces / 3) * n + t] = 12.5f;
    if (tied) memcpy(x + (size_t)(n_traces - 4) * n, x + (size_t)(n_traces - 3) * n, n * sizeof(float));
  }
}

/* --- both backends ---------------------------------------------------------------------------------------------- */

static uint32_t run_cpu(const sp_tf_params &params, uint32_t n, uint32_t n_traces, const float *in, float *out) {
  const int threads = (int)std::max(1u, std::min(16u, std::thread::hardware_concurrency()));
  const sp_geometry geometry = {n, n_traces, INTERVAL, threads};
  sp_plan *plan;
  need(sp_tf_cpu.plan(&params, &geometry, &plan), "plan on the CPU");
  std::vector<std::thread> team;
  std::vector<uint32_t> reasons(threads);
  const uint32_t each = (n_traces + threads - 1) / threads;
  for (int i = 0; i < threads; i++) {
    team.emplace_back([=, &reasons] {
      const uint32_t first = std::min(n_traces, i * each), end = std::min(n_traces, first + each);
      sp_block block = {};
      block.in = in;
      block.out = out;
      block.n_traces = n_traces;
      block.first = first;
      block.count = end - first;
      if (end > first) reasons[i] = sp_tf_cpu.apply(plan, i, &block);
    });
  }
  for (auto &member : team) member.join();
  sp_tf_cpu.destroy(plan);
  return *std::max_element(reasons.begin(), reasons.end());
}

template <class T> static T *to_device(const std::vector<T> &values) {
  T *at;
  need(SP_CUDA(cudaMalloc((void **)&at, std::max<size_t>(1, values.size()) * sizeof(T))), "memory");
  need(SP_CUDA(cudaMemcpy(at, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice)), "copy");
  return at;
}

struct gpu_run {
  std::vector<float> out;
  std::vector<uint32_t> reason;
};

/* Gathers first ... end - 1 in a batch of a plan for max_traces. */
static gpu_run run_gpu(const batch_case &c, const std::vector<float> &all, size_t first, size_t end,
                       uint32_t max_traces) {
  sp_precision precision;
  const sp_tf_params params = parse(c.options, &precision);
  std::vector<uint32_t> starts = {0}, gather;
  size_t skipped = 0;
  for (size_t g = 0; g < first; g++) skipped += c.gathers[g];
  for (size_t g = first; g < end; g++) {
    gather.insert(gather.end(), c.gathers[g], (uint32_t)(g - first));
    starts.push_back(starts.back() + c.gathers[g]);
  }
  const uint32_t n_traces = starts.back(), n_gathers = (uint32_t)(end - first);
  const size_t samples = (size_t)n_traces * c.n_samples;
  const sp_cuda_geometry geometry = {c.n_samples, max_traces, (uint32_t)c.gathers.size(), INTERVAL, precision};
  gpu_run run;
  run.reason.assign(n_gathers, 0);
  std::vector<float> in(all.begin() + skipped * c.n_samples, all.begin() + skipped * c.n_samples + samples);
  run.out.assign(samples, NAN);
  sp_cuda_plan *plan;
  need(sp_tf_cuda.plan(&params, &geometry, &plan), "plan on the GPU");
  float *d_in = to_device(in), *d_out = to_device(run.out);
  uint32_t *d_starts = to_device(starts), *d_gather = to_device(gather), *d_reason = to_device(run.reason);
  const sp_cuda_batch batch = {d_in, d_out, n_traces, n_gathers, d_starts, d_gather, NULL, d_reason};
  need(sp_tf_cuda.apply(plan, &batch, 0), "apply");
  need(SP_CUDA(cudaDeviceSynchronize()), "run");
  need(SP_CUDA(cudaMemcpy(run.out.data(), d_out, samples * sizeof(float), cudaMemcpyDeviceToHost)), "copy");
  need(SP_CUDA(cudaMemcpy(run.reason.data(), d_reason, n_gathers * sizeof(uint32_t), cudaMemcpyDeviceToHost)), "copy");
  sp_tf_cuda.destroy(plan);
  for (void *block : {(void *)d_in, (void *)d_out, (void *)d_starts, (void *)d_gather, (void *)d_reason}) {
    need(SP_CUDA(cudaFree(block)), "free");
  }
  return run;
}

/* --- check ------------------------------------------------------------------------------------------------------ */

static double distance(const float *got, const float *expected, uint32_t n) {
  double difference = 0, norm = 0;
  for (uint32_t t = 0; t < n; t++) {
    const double d = (double)got[t] - expected[t];
    difference += d * d;
    norm += (double)expected[t] * expected[t];
  }
  const double worst = sqrt(difference) / (norm > 0 ? sqrt(norm) : 1);
  return std::isnan(worst) ? INFINITY : worst;
}

static bool check(const batch_case &c) {
  sp_precision precision;
  const sp_tf_params params = parse(c.options, &precision);
  size_t traces = 0;
  for (uint32_t n : c.gathers) traces += n;
  std::vector<float> in(traces * c.n_samples), expected(in.size());
  std::vector<uint32_t> reasons;
  size_t at = 0;
  for (size_t g = 0; g < c.gathers.size(); at += (size_t)c.gathers[g++] * c.n_samples) {
    make_gather(c.gathers[g], c.n_samples, (unsigned)g + 1, c.tied, in.data() + at);
    reasons.push_back(run_cpu(params, c.n_samples, c.gathers[g], in.data() + at, expected.data() + at));
  }
  const gpu_run got = run_gpu(c, in, 0, c.gathers.size(), (uint32_t)traces);
  const gpu_run again = run_gpu(c, in, 0, c.gathers.size(), (uint32_t)traces + 100);
  bool fine = got.reason == reasons;
  bool same = !memcmp(got.out.data(), again.out.data(), got.out.size() * sizeof(float));
  at = 0;
  for (size_t g = 0; g < c.gathers.size(); at += (size_t)c.gathers[g++] * c.n_samples) {
    const gpu_run alone = run_gpu(c, in, g, g + 1, c.gathers[g]);
    same = same && !memcmp(alone.out.data(), got.out.data() + at, alone.out.size() * sizeof(float));
    if (reasons[g] != SP_REASON_OK)
      std::copy(got.out.begin() + at, got.out.begin() + at + alone.out.size(), expected.begin() + at);
  }
  double worst = 0, energy = 0, off = 0, changed = 0;
  unsigned beyond = 0;
  for (size_t i = 0; i < traces; i++) {
    const double d = distance(got.out.data() + i * c.n_samples, expected.data() + i * c.n_samples, c.n_samples);
    worst = std::max(worst, d);
    beyond += d > 1e-5;
  }
  for (size_t i = 0; i < in.size(); i++) {
    energy += (double)expected[i] * expected[i];
    off += pow((double)got.out[i] - expected[i], 2);
    changed += pow((double)in[i] - expected[i], 2);
  }
  fine = fine && same && (precision == SP_PRECISION_MIXED ? sqrt(off / energy) < 2e-3 : beyond == 0);
  printf("%-4s worst %.1e beyond %u whole %.1e changed %.1e %s n=%u %s%s\n", fine ? "ok" : "BAD", worst, beyond,
         sqrt(off / energy), sqrt(changed / energy), same ? "same-bits" : "OTHER-BITS", c.n_samples, c.options.c_str(),
         c.tied ? " (ties)" : "");
  fflush(stdout);
  return fine;
}

static std::vector<batch_case> all_cases() {
  std::vector<batch_case> cases;
  const std::vector<uint32_t> gathers = {40, 1, 2, 5, 23, 7, 64}, few = {30, 3, 17};
  const char *modes[] = {"adaptive", "hard", "scaled", "soft", "garrote"};
  for (uint32_t n : {1600u, 1601u, 777u, 64u}) {
    for (const char *mode : modes) {
      const std::string m = std::string("k=1.7 mode=") + mode;
      for (const char *aperture : {"3", "5", "7", "9", "11", "13", "31"}) {
        cases.push_back({m + " aperture=" + aperture, n, gathers, 0});
      }
      cases.push_back({m + " fmin=5 fmax=100", n, gathers, 0});
      cases.push_back({m + " time_smoothing=200", n, few, 0});
      cases.push_back({m + " hop=16 fmin=20", n, few, 0});
      cases.push_back({m + " low_amp_factor=0.8", n, few, 0});
      cases.push_back({std::string("k=1.37 mode=") + mode, n, few, 1});
    }
    for (const char *options : {"window=32 hop=16", "window=62 hop=31", "window=4 hop=2", "window=48 hop=16 fmax=90",
                                "window=60 hop=15 time_smoothing=300", "fmin=31.2 fmax=31.3", "fmin=250", "k=0",
                                "aperture=1", "window=64 hop=1", "k=1000"}) {
      cases.push_back({options, n, few, 0});
    }
    cases.push_back({"k=1.7 mixed", n, gathers, 0});
    cases.push_back({"k=1.7 mixed fmin=5 fmax=100 time_smoothing=100", n, gathers, 0});
  }
  cases.push_back({"k=1.7 window=256", 1600, few, 0});
  cases.push_back({"k=1.7 window=1602", 1600, few, 0});
  cases.push_back({"k=1.7 window=1600 hop=400", 1601, few, 0});
  cases.push_back({"k=1.7", 16384, few, 0});
  cases.push_back({"k=1.7 fmin=5 fmax=100", 1600, {5000, 3}, 0});
  for (uint32_t n : {1600u, 1601u, 777u, 64u, 8u, 1000u}) {
    const std::string s = "transform=stockwell k=1.7";
    for (const char *mode : modes) cases.push_back({s + " mode=" + mode, n, few, 0});
    for (const char *aperture : {"3", "5", "9", "13", "31"}) {
      cases.push_back({s + " fmax=60 aperture=" + aperture, n, gathers, 0});
    }
    for (const char *options :
         {" time_smoothing=200 fmax=60", " sampling=reduced", " sampling=reduced mode=hard fmax=60",
          " sampling=reduced time_smoothing=100 fmax=60"}) {
      cases.push_back({s + options, n, few, 0});
    }
    cases.push_back({s + " mixed fmax=100", n, few, 0});
    cases.push_back({s + " low_amp_factor=0.8", n, gathers, 0});
    cases.push_back({s + " sampling=reduced mixed fmax=100", n, few, 0});
  }
  cases.push_back({"transform=stockwell k=1.7 fmax=60", 1600, few, 1});
  cases.push_back({"transform=stockwell k=1.7 fmin=5 fmax=20", 1600, {1500, 3}, 0});
  cases.push_back({"transform=stockwell k=1.7 fmin=5 fmax=8", 16384, {9}, 0});
  cases.push_back({"transform=stockwell k=1.7 fmin=5 fmax=8", 16381, {9}, 0});
  cases.push_back({"transform=stockwell k=1.7 sampling=reduced fmin=5 fmax=8", 16381, {9}, 0});
  return cases;
}

/* Every kernel and both kinds of coefficients, in as few launches as can be. */
static std::vector<batch_case> small_cases() {
  const std::vector<uint32_t> gathers = {12, 3};
  std::vector<batch_case> cases;
  for (const char *precision : {"", " mixed"}) {
    for (const char *options :
         {"k=1.7 mode=hard", "k=1.7 time_smoothing=50 aperture=13 fmin=20", "k=1.7 window=32 hop=8 mode=soft"}) {
      cases.push_back({std::string(options) + precision, 200, gathers, 0});
    }
    for (uint32_t n : {1000u, 96u, 77u}) {
      for (const char *options : {" mode=hard fmin=0.4 fmax=20", " fmax=40", " time_smoothing=50 fmax=20 aperture=13",
                                  " sampling=reduced fmax=40", " sampling=reduced time_smoothing=50 fmax=40"}) {
        cases.push_back({std::string("transform=stockwell k=1.7") + options + precision, n, gathers, 0});
      }
    }
  }
  return cases;
}

/* --- bench ------------------------------------------------------------------------------------------------------ */

static void bench(const std::string &options, uint32_t gathers, int runs) {
  const uint32_t n = 1600, each = 3000, n_traces = gathers * each, sets = gathers > 1 ? 3 : 8;
  const size_t samples = (size_t)n_traces * n;
  sp_precision precision;
  const sp_tf_params params = parse(options, &precision);
  const sp_cuda_geometry geometry = {n, n_traces, gathers, INTERVAL, precision};
  std::vector<float> host((size_t)each * n);
  make_gather(each, n, 1, 0, host.data());
  std::vector<uint32_t> starts = {0}, gather;
  for (uint32_t g = 0; g < gathers; g++) {
    gather.insert(gather.end(), each, g);
    starts.push_back(starts.back() + each);
  }
  std::vector<float *> in(sets), out(sets);
  for (uint32_t i = 0; i < sets; i++) {
    need(SP_CUDA(cudaMalloc((void **)&in[i], samples * sizeof(float))), "memory");
    need(SP_CUDA(cudaMalloc((void **)&out[i], samples * sizeof(float))), "memory");
    for (uint32_t g = 0; g < gathers; g++) {
      need(SP_CUDA(cudaMemcpy(in[i] + g * host.size(), host.data(), host.size() * 4, cudaMemcpyHostToDevice)), "copy");
    }
  }
  uint32_t *d_starts = to_device(starts), *d_gather = to_device(gather);
  uint32_t *d_reason = to_device(std::vector<uint32_t>(gathers, 0));
  sp_cuda_plan *plan;
  need(sp_tf_cuda.plan(&params, &geometry, &plan), "plan");
  std::vector<cudaEvent_t> events(runs + 1);
  for (auto &event : events) need(SP_CUDA(cudaEventCreate(&event)), "event");
  for (int i = -3; i < runs; i++) {
    if (i == 0) need(SP_CUDA(cudaEventRecord(events[0])), "event");
    const uint32_t set = (uint32_t)(i + 3) % sets;
    const sp_cuda_batch batch = {in[set], out[set], n_traces, gathers, d_starts, d_gather, NULL, d_reason};
    need(sp_tf_cuda.apply(plan, &batch, 0), "apply");
    if (i >= 0) need(SP_CUDA(cudaEventRecord(events[i + 1])), "event");
  }
  need(SP_CUDA(cudaDeviceSynchronize()), "run");
  std::vector<float> ms(runs);
  for (int i = 0; i < runs; i++) cudaEventElapsedTime(&ms[i], events[i], events[i + 1]);
  std::sort(ms.begin(), ms.end());
  printf("bench %-60s gathers a batch %u: median %.4f ms a gather, least %.4f, device bytes %.1f MB\n", options.c_str(),
         gathers, ms[runs / 2] / gathers, ms[0] / gathers, sp_tf_cuda.device_bytes(&params, &geometry) / 1e6);
  fflush(stdout);
  sp_tf_cuda.destroy(plan);
  for (uint32_t i = 0; i < sets; i++) cudaFree(in[i]), cudaFree(out[i]);
  for (auto &event : events) cudaEventDestroy(event);
}

int main(int argc, char **argv) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    printf("skipped: no GPU\n");
    return 0;
  }
  if (argc > 1 && !strcmp(argv[1], "bench")) {
    for (int i = 2; i < argc; i++) {
      const bool slow = strstr(argv[i], "stockwell") != NULL;
      bench(argv[i], 1, slow ? 20 : 200);
      bench(argv[i], 4, slow ? 10 : 50);
    }
    return 0;
  }
  int bad = 0, n = 0;
  if (argc > 1 && !strcmp(argv[1], "small")) {
    for (const batch_case &c : small_cases()) bad += !check(c);
    printf("%d bad\n", bad);
    return bad != 0;
  }
  for (const batch_case &c : all_cases()) {
    const bool stockwell = c.options.find("stockwell") != std::string::npos;
    if (argc > 1 && stockwell != !strcmp(argv[1], "stockwell")) continue;
    if (argc > 2 && n++ % atoi(argv[2])) continue;
    bad += !check(c);
  }
  printf("%d bad\n", bad);
  return bad != 0;
}
