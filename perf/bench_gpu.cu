/* SPDX-License-Identifier: BSD-3-Clause */
/* The GPU kernels on gathers of 3000 x 1600, from device memory to device memory (CUDA events, median) and from pinned
 * to pinned host memory through the engine (wall clock), against copies measured in the same run.
 *
 *   bench_gpu [WORD]    only the cases whose text contains WORD
 *
 * Prints a table of comma-separated values. Every case's output is checked against the CPU's on a smaller gather.
 */
#include <algorithm>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vector>

#include "kernels/common/cuda_check.h"
#include "kernels/cuda_processor.h"
extern "C" {
#include "seisproc/engine.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
}

enum { TRACES = 3000, SAMPLES = 1600, BATCH = 2, BUFFERS = 4, REPEATS = 25, CHECKED = 200 };
enum { SLAB = 8, SLABS_IN_FLIGHT = 2, SLABS = 6 };
static const size_t GATHER_BYTES = (size_t)TRACES * SAMPLES * sizeof(float);
static const double INTERVAL = 0.002;

static const char *const cases[] = {
    "mute",
    "dwt wavelet=db4 level=6 transform=dwt threshold=soft k=3.0 noise_level=finest",
    "dwt wavelet=db4 level=6 aperture=7 transform=dwt threshold=soft k=3.0 noise_level=finest",
    "dwt wavelet=db4 level=6 aperture=31 transform=dwt threshold=soft k=3.0 noise_level=finest",
    "dwt wavelet=db20 level=5 transform=dwt threshold=soft k=3.0 noise_level=finest",
    "dwt wavelet=bior4.4 level=6 transform=dwt threshold=soft k=3.0 noise_level=finest",
    "dwt wavelet=db4 transform=swt level=5 threshold=soft k=3.0 noise_level=finest",
    "dwt wavelet=db4 transform=swt level=5 aperture=7 threshold=soft k=3.0 noise_level=finest",
    "dwt wavelet=db4 transform=wpt level=5 threshold=soft k=3.0 noise_level=finest",
    "dwt",
    "dwt noise_level=fk",
    "dwt k=3 noise_level=finest",
    "fk vmax=1500",
    "fk vmax=1500 direction=positive",
    "fk vmax=1500 agc=200",
    "fk_denoise",
    "fk_denoise window=48",
    "tf transform=stft fmin=5 fmax=100 aperture=7",
    "tf transform=stft fmin=5 fmax=100 aperture=7 mode=scaled",
    "tf transform=stockwell sampling=full fmin=5 fmax=100 aperture=7",
    "tf transform=stockwell sampling=reduced fmin=5 fmax=100 aperture=7",
};

#define MUST(call)                                                                                                     \
  do {                                                                                                                 \
    if ((call) != SP_SUCCESS) {                                                                                        \
      fprintf(stderr, "bench_gpu: %s failed\n", #call);                                                                \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)
#define CUDA(call) MUST(SP_CUDA(call))

static double now() {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double median(std::vector<double> &values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

static void fill(float *x, size_t n) {
  uint64_t state = 1;
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (int k = 0; k < 2; k++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sum += (double)(state >> 11) * 0x1p-53 - 0.5;
    }
    x[i] = (float)(3 * sin(0.02 * (double)(i % SAMPLES)) + sum);
  }
}

/* A chain of one step from text; false where this build has no such processor or parameter. */
static bool parse(const char *text, sp_chain_step *step) {
  char copy[256], why[256], *rest = NULL;
  snprintf(copy, sizeof copy, "%s", text);
  char *word = strtok_r(copy, " ", &rest);
  step->processor = sp_processor_find(word);
  if (!step->processor) return false;
  void *params = calloc(1, step->processor->params_size);
  sp_processor_example(step->processor, params);
  while ((word = strtok_r(NULL, " ", &rest))) {
    char *value = strchr(word, '=');
    *value++ = '\0';
    const sp_param *param = sp_param_find(step->processor->params, word);
    if (!param || sp_param_parse(param, value, params, why, sizeof why)) return false;
  }
  step->params = params;
  return true;
}

/* --- device to device -------------------------------------------------------------------------------------------- */

typedef struct device_gathers {
  float *in[BUFFERS], *out[BUFFERS];
  uint32_t *first_trace, *gather, *reason;
  double *offset;
  const double **headers;
} device_gathers;

template <typename T> static T *upload(const std::vector<T> &values) {
  T *to;
  CUDA(cudaMalloc(&to, values.size() * sizeof(T)));
  CUDA(cudaMemcpy(to, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
  return to;
}

static device_gathers make_device_gathers(const float *samples) {
  device_gathers d;
  for (int i = 0; i < BUFFERS; i++) {
    CUDA(cudaMalloc(&d.in[i], BATCH * GATHER_BYTES));
    CUDA(cudaMalloc(&d.out[i], BATCH * GATHER_BYTES));
    CUDA(cudaMemset(d.out[i], 0xff, BATCH * GATHER_BYTES));
    CUDA(cudaMemcpy(d.in[i], samples, BATCH * GATHER_BYTES, cudaMemcpyHostToDevice));
  }
  std::vector<uint32_t> first_trace(BATCH + 1), gather(BATCH * TRACES), reason(BATCH);
  std::vector<double> offset(BATCH * TRACES);
  for (uint32_t t = 0; t < BATCH * TRACES; t++) gather[t] = t / TRACES, offset[t] = 2.0 * (t % TRACES);
  for (uint32_t g = 0; g <= BATCH; g++) first_trace[g] = g * TRACES;
  d.first_trace = upload(first_trace);
  d.gather = upload(gather);
  d.reason = upload(reason);
  d.offset = upload(offset);
  /* offset and delay; of fk_denoise sx ... gy */
  const double *zeros = upload(std::vector<double>(BATCH * TRACES, 0.0));
  d.headers = upload(std::vector<const double *>{d.offset, zeros, zeros, zeros});
  return d;
}

/* ms a gather; negative: no kernel. */
static double device_time(const sp_chain_step *step, const device_gathers *d) {
  const sp_cuda_ops *ops = sp_cuda_processor_at(sp_processor_position(step->processor));
  sp_cuda_geometry geometry = {};
  geometry.n_samples = SAMPLES;
  geometry.max_traces = BATCH * TRACES;
  geometry.max_gathers = BATCH;
  geometry.sample_interval_s = INTERVAL;
  sp_cuda_plan *plan;
  if (!ops || ops->plan(step->params, &geometry, &plan) != SP_SUCCESS) return -1;
  cudaEvent_t begin, end;
  CUDA(cudaEventCreate(&begin));
  CUDA(cudaEventCreate(&end));
  std::vector<double> times;
  for (int i = -3; i < REPEATS; i++) {
    sp_cuda_batch batch = {};
    const int b = (i + BUFFERS) % BUFFERS;
    batch.in = d->in[b], batch.out = d->out[b];
    batch.n_traces = BATCH * TRACES, batch.n_gathers = BATCH;
    batch.first_trace = d->first_trace, batch.gather = d->gather, batch.headers = d->headers, batch.reason = d->reason;
    float ms = 0;
    CUDA(cudaEventRecord(begin, 0));
    MUST(ops->apply(plan, &batch, 0));
    CUDA(cudaEventRecord(end, 0));
    CUDA(cudaEventSynchronize(end));
    CUDA(cudaEventElapsedTime(&ms, begin, end));
    if (i >= 0) times.push_back(ms / BATCH);
    if (i == 2 && ms > 200) break; /* long enough to be told from few */
  }
  ops->destroy(plan);
  return median(times);
}

/* --- copies ------------------------------------------------------------------------------------------------------ */

static double copy_rate(const device_gathers *d, const float *in, float *out, bool to, bool from) {
  cudaStream_t a, b;
  CUDA(cudaStreamCreate(&a));
  CUDA(cudaStreamCreate(&b));
  std::vector<double> times;
  for (int i = 0; i < 8; i++) {
    const double start = now();
    for (int k = 0; k < 4; k++) {
      if (to) CUDA(cudaMemcpyAsync(d->in[k], in, BATCH * GATHER_BYTES, cudaMemcpyHostToDevice, a));
      if (from) CUDA(cudaMemcpyAsync(out, d->out[k], BATCH * GATHER_BYTES, cudaMemcpyDeviceToHost, b));
    }
    CUDA(cudaDeviceSynchronize());
    times.push_back(now() - start);
  }
  return 4.0 * BATCH * (double)GATHER_BYTES / median(times) * 1e-9;
}

static double device_copy_rate(const device_gathers *d) {
  std::vector<double> times;
  for (int i = 0; i < 8; i++) {
    CUDA(cudaDeviceSynchronize());
    const double start = now();
    for (int k = 0; k < 4 * BUFFERS; k++) {
      CUDA(cudaMemcpyAsync(d->out[k % BUFFERS], d->in[k % BUFFERS], BATCH * GATHER_BYTES, cudaMemcpyDeviceToDevice));
    }
    CUDA(cudaDeviceSynchronize());
    times.push_back(now() - start);
  }
  return 2 * 4.0 * BUFFERS * BATCH * (double)GATHER_BYTES / median(times) * 1e-9;
}

/* --- pinned to pinned -------------------------------------------------------------------------------------------- */

static sp_engine *make_engine(sp_engine_kind kind, const sp_chain_step *step, uint32_t gather, uint32_t n_gathers) {
  sp_engine_config config = {};
  config.chain = step;
  config.n_steps = 1;
  config.mode = SP_MODE_PROCESSED;
  config.n_samples = SAMPLES;
  config.sample_interval_s = INTERVAL;
  config.max_traces = gather * n_gathers;
  config.max_gather = gather;
  config.max_gathers = n_gathers;
  config.n_threads = 4;
  config.n_slabs = SLABS_IN_FLIGHT;
  config.device = kind == SP_ENGINE_CUDA ? 0 : -1;
  sp_engine *engine;
  MUST(sp_engine_create(kind, &config, &engine));
  return engine;
}

static sp_slab make_slab(float *in, float *out, const uint32_t *first_trace, uint32_t n_gathers,
                         const double *const *headers, sp_gather_result *results) {
  sp_slab slab = {};
  slab.n_gathers = n_gathers;
  slab.n_traces = first_trace[n_gathers];
  slab.first_trace = first_trace;
  slab.in = in;
  slab.headers = headers;
  slab.traces = out;
  slab.results = results;
  return slab;
}

/* ms a gather, wall clock, and the share of it in which the GPU computed. */
static double engine_time(const sp_chain_step *step, float *in, float *out, bool slow, double *busy) {
  std::vector<uint32_t> first_trace;
  std::vector<double> offset(SLAB * TRACES), delay(SLAB * TRACES, 0.0);
  for (uint32_t t = 0; t < SLAB * TRACES; t++) offset[t] = 2.0 * (t % TRACES);
  const double *headers[] = {offset.data(), delay.data(), delay.data(), delay.data()};
  sp_gather_result results[SLABS_IN_FLIGHT][SLAB];
  const uint32_t n = slow ? SLAB / 2 : SLAB;
  const int n_slabs = slow ? 3 : SLABS;
  for (uint32_t g = 0; g <= n; g++) first_trace.push_back(g * TRACES);
  sp_engine *engine = make_engine(SP_ENGINE_CUDA, step, TRACES, n);
  if (strcmp(sp_engine_name(engine), "cuda")) exit(1);
  sp_slab slabs[SLABS_IN_FLIGHT], *done;
  for (int i = 0; i < SLABS_IN_FLIGHT; i++) {
    const size_t at = (size_t)i * SLAB * TRACES * SAMPLES;
    slabs[i] = make_slab(in + at, out + at, first_trace.data(), n, headers, results[i]);
  }
  MUST(sp_engine_submit(engine, &slabs[0])); /* warms up */
  MUST(sp_engine_wait(engine, &done));
  const double before = sp_engine_busy_seconds(engine), start = now();
  for (int i = 0; i < n_slabs; i++) {
    if (i >= SLABS_IN_FLIGHT) MUST(sp_engine_wait(engine, &done));
    MUST(sp_engine_submit(engine, &slabs[i % SLABS_IN_FLIGHT]));
  }
  for (int i = 0; i < SLABS_IN_FLIGHT; i++) MUST(sp_engine_wait(engine, &done));
  const double seconds = now() - start;
  *busy = (sp_engine_busy_seconds(engine) - before) / seconds;
  sp_engine_destroy(engine);
  return 1e3 * seconds / (n_slabs * (double)n);
}

/* Largest relative L2 distance of a trace from the CPU's. */
static double check(const sp_chain_step *step, const float *samples) {
  const size_t n = (size_t)CHECKED * SAMPLES;
  std::vector<float> in(samples, samples + n), out[2] = {std::vector<float>(n), std::vector<float>(n)};
  std::vector<double> offset(CHECKED), delay(CHECKED, 0.0);
  for (uint32_t t = 0; t < CHECKED; t++) offset[t] = 2.0 * t;
  const double *headers[] = {offset.data(), delay.data(), delay.data(), delay.data()};
  const uint32_t first_trace[] = {0, CHECKED};
  sp_gather_result result;
  for (int k = 0; k < 2; k++) {
    std::copy(samples, samples + n, in.begin());
    sp_engine *engine = make_engine(k ? SP_ENGINE_CUDA : SP_ENGINE_CPU, step, CHECKED, 1);
    sp_slab slab = make_slab(in.data(), out[k].data(), first_trace, 1, headers, &result), *done;
    MUST(sp_engine_submit(engine, &slab));
    MUST(sp_engine_wait(engine, &done));
    sp_engine_destroy(engine);
  }
  double worst = 0;
  for (int t = 0; t < CHECKED; t++) {
    double difference = 0, norm = 0;
    for (int i = t * SAMPLES; i < (t + 1) * SAMPLES; i++) {
      difference += pow((double)out[0][i] - out[1][i], 2);
      norm += pow(out[0][i], 2);
    }
    const double d = difference == 0 ? 0 : sqrt(difference / norm);
    worst = d <= worst ? worst : d;
  }
  return worst;
}

int main(int argc, char **argv) {
  char why[256];
  if (sp_gpu_count(why, sizeof why) == 0) {
    printf("no GPU: %s\n", why);
    return 77;
  }
  struct cudaDeviceProp properties;
  CUDA(cudaGetDeviceProperties(&properties, 0));
  const size_t host = (size_t)SLABS_IN_FLIGHT * SLAB * GATHER_BYTES;
  float *in, *out;
  CUDA(cudaHostAlloc((void **)&in, host, cudaHostAllocDefault));
  CUDA(cudaHostAlloc((void **)&out, host, cudaHostAllocDefault));
  fill(in, GATHER_BYTES / sizeof(float));
  for (size_t at = GATHER_BYTES; at < host; at += GATHER_BYTES) memcpy((char *)in + at, in, GATHER_BYTES);
  const device_gathers d = make_device_gathers(in);
  printf("# %s, %d SMs; copies in GB/s: device %.0f (read + written), to device %.1f, from device %.1f, both at once "
         "%.1f each way\n",
         properties.name, properties.multiProcessorCount, device_copy_rate(&d), copy_rate(&d, in, out, true, false),
         copy_rate(&d, in, out, false, true), copy_rate(&d, in, out, true, true));
  printf("# ms a gather of %d x %d\ncase,device_ms,pinned_ms,gpu_busy,distance_from_cpu\n", TRACES, SAMPLES);
  for (const char *text : cases) {
    sp_chain_step step = {};
    if ((argc > 1 && !strstr(text, argv[1])) || !parse(text, &step)) continue;
    const double device_ms = device_time(&step, &d);
    if (device_ms < 0) continue;
    double busy;
    const double pinned_ms = engine_time(&step, in, out, device_ms > 5, &busy);
    printf("%s,%.4f,%.4f,%.3f,%.2g\n", text, device_ms, pinned_ms, busy, check(&step, in));
    fflush(stdout);
  }
  return 0;
}
